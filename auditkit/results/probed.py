"""How the model behaves beyond the evaluation rows; no outcome rests on it."""

from dataclasses import dataclass

from auditkit.results.words import Count, Status


@dataclass(frozen=True, slots=True)
class Determinism:
    """Whether the model says the same of the same rows when they are asked about in another way.

    ``check`` is ``again``, ``order`` (another order of rows), ``halves`` (two batches), ``alone``
    (one row at a time) or ``threads`` (one thread against two). Of ``n`` sampled rows ``changed``
    get another decision. ``largest`` is the largest change of the model's output in ``unit``, 0
    where it is within 1e-6 of the output, which is rounding; none where the output is a decision.
    """

    check: str
    n: Count
    changed: Count | None
    largest: float | None
    unit: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """What becomes of a group's decisions when one cell of each row is altered.

    ``probe`` is ``emptied``, ``unseen`` (a text that was never there), ``above`` or ``below`` (a
    number as far beyond those sampled as they are apart). Among ``n`` rows, drawn at random from
    the group's, that have a decision and a value in the cell, ``changed`` get another decision,
    ``unanswered`` none, and on ``failed`` the model raises. ``share`` is of all three: those no
    longer decided as they were. Its Wilson interval at 95 % is of the group's rows in these data;
    weights have no part in it.
    """

    feature: str
    probe: str
    attribute: str
    group: str
    n: Count
    changed: Count
    unanswered: Count
    failed: Count
    share: float | None
    lower: float | None
    upper: float | None
    status: Status
    note: str = ""
