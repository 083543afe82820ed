"""A metric is a sentence of counting: one registered function that returns a ``Share`` of people.

A rate names what it counts and among whom; weights, intervals, floors and undefined denominators
are then written once, for all of them. The names of its parameters say what must be recorded:

``actual``    the recorded outcome is the positive one
``selected``  the decision selects
``decided``   there is a decision
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

Meaning = Literal["more_selected", "fewer_selected", "more_correct", "more_wrong", "neutral"]
"""What a higher value of a metric means for the people it is about."""


@dataclass(frozen=True, slots=True)
class Share:
    """The people ``part`` of those ``among``; without ``among``, of everybody recorded."""

    part: "Mask"
    among: "Mask | None" = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A registered metric.

    ``counts`` returns a ``Share``. A quotient has no ``counts`` but names the two rates, over
    disjoint people, whose values it divides.
    """

    name: str
    sentence: str
    higher: Meaning
    needs: tuple[str, ...]
    counts: Callable[..., Share] | None = None
    quotient: tuple[str, str] | None = None

    def masks(self, outcomes: "OutcomeCells") -> "tuple[Mask, Mask]":
        """Return which outcome cells the metric counts, and among which, each of shape (K,)."""
        if self.counts is None:
            raise TypeError(f"{self.name} is a quotient of two rates and counts nothing itself")
        share = self.counts(**{need: getattr(outcomes, need) for need in self.needs})
        recorded = outcomes.recorded(self.needs)
        among = recorded if share.among is None else share.among & recorded
        return share.part & among, among


@dataclass(frozen=True, slots=True)
class OutcomeCells:
    """What can be recorded of a row: every pair of recorded outcome and decision, or their lack.

    Each field is a mask of shape (K,) over the outcome cells.
    """

    actual: "Mask"
    selected: "Mask"
    labelled: "Mask"
    decided: "Mask"

    def recorded(self, needs: tuple[str, ...]) -> "Mask":
        """Cells in which everything that ``needs`` names is known."""
        mask = self.decided | ~self.decided
        if "actual" in needs:
            mask = mask & self.labelled
        if "selected" in needs or "actual" in needs:
            mask = mask & self.decided  # a row without a decision is in no other metric
        return mask


REGISTRY: dict[str, Metric] = {}
PARAMETERS = {"actual", "selected", "decided"}


def rate(*, higher: Meaning) -> Callable[[Callable[..., Share]], Callable[..., Share]]:
    """Register a rate under the name of its function; its first docstring line is the sentence.

    Raises
    ------
    TypeError
        A duplicate name, a missing docstring or an unknown parameter.
    """

    def register(counts: Callable[..., Share]) -> Callable[..., Share]:
        needs = tuple(inspect.signature(counts).parameters)
        if not needs or set(needs) - PARAMETERS:
            raise TypeError(f"{counts.__name__} may ask for {sorted(PARAMETERS)}, not {needs}")
        _add(Metric(counts.__name__, _sentence(counts), higher, needs, counts=counts))
        return counts

    return register


def quotient(
    *, higher: Meaning
) -> Callable[[Callable[[], tuple[str, str]]], Callable[[], tuple[str, str]]]:
    """Register the quotient of two rates with disjoint denominators; the function names them."""

    def register(pair: Callable[[], tuple[str, str]]) -> Callable[[], tuple[str, str]]:
        above, below = (REGISTRY[name] for name in pair())
        needs = tuple(dict.fromkeys((*above.needs, *below.needs)))
        _add(Metric(pair.__name__, _sentence(pair), higher, needs, quotient=pair()))
        return pair

    return register


def _add(metric: Metric) -> None:
    if metric.name in REGISTRY:
        raise TypeError(f"{metric.name} is registered twice")
    REGISTRY[metric.name] = metric


def _sentence(function: Callable[..., object]) -> str:
    doc = inspect.getdoc(function)
    if not doc:
        raise TypeError(f"{function.__name__} has no docstring to say what it measures")
    return doc.splitlines()[0]


def metrics() -> dict[str, Metric]:
    """Return every registered metric by name, in the order in which they are told."""
    import auditkit.metrics.rates  # noqa: F401  (registers them)

    return dict(REGISTRY)
