"""What was measured: a row of the table in ``auditkit/docs/statistics.md``, and how it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

EXACT = "all outcomes counted"


@dataclass(frozen=True)
class Row:
    """One promise, where it was tried and how, and what was found."""

    what: str
    grid: str
    how: str
    asked: str
    found: str
    holds: bool


@dataclass(frozen=True)
class Job:
    """A part of the simulations that runs by itself; ``full`` is its long form."""

    name: str
    run: Callable[..., Any]
    given: tuple = ()

    def __call__(self, full: bool) -> Any:
        return self.run(*self.given, full=full)


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def rate(p: float) -> str:
    """Write a true rate of a grid: ``5.5 %``."""
    return f"{round(100 * p, 2):g} %"


def listed(values: Sequence[float]) -> str:
    *first, last = [f"{v:,}" for v in values]
    return f"{', '.join(first)} and {last}" if first else last
