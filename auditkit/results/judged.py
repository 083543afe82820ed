"""Checks of the policy against the evidence, what they hang on, and what they find."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from auditkit.results.words import Above0, Count, Effect, Outcome, Status


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement of the policy held against the evidence on one group.

    ``lower`` and ``upper`` are the one-sided bounds that judge, at ``level_lower`` and
    ``level_upper``: not the 95 % interval of the disparity. ``unknown`` counts the people of no
    recorded group who are in these bounds in the worst way, where the check was judged with them.
    ``declared_share`` is the most of them that the plan declares to be of the group, where only
    that puts the gap within its limit.
    """

    requirement: str
    check: str
    attribute: str
    group: str
    outcome: Outcome
    estimate: float | None
    lower: float | None
    upper: float | None
    level_lower: float | None
    level_upper: float | None
    limit: Above0
    effect: Effect
    worse_off: str
    note: str
    metric: str
    statistic: str
    against: str
    n: Count
    detectable: float | None
    effective_n: float | None = None
    unknown: int | None = None
    declared_share: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A check beyond its limit whose effect is more than a note; the report puts it in words."""

    requirement: str
    check: str
    attribute: str
    group: str
    effect: Effect
    worse_off: str


@dataclass(frozen=True, slots=True)
class UnknownBound:
    """How low and how high a gap could be if the people of no recorded group were known.

    ``unknown`` counts them in the metric's denominator. Each of them may be of the group or of its
    rest, of the group no more than the plan declares (``declared_shares``); the two ends are
    reached by one group at a time. ``could_change`` says that the outcome hangs on them: the gap
    could lie on the other side of the limit, or an answer was withheld for them. No sampling
    uncertainty is in ``lowest`` and ``highest``.
    """

    metric: str
    attribute: str
    group: str
    against: str
    estimate: float | None
    lowest: float | None
    highest: float | None
    unknown: Count
    check: str
    limit: Above0
    outcome: Outcome
    could_change: bool
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredShare:
    """The largest share that a group can be of the people not recorded, as the plan declares it.

    ``unknown`` counts those people, in all metrics together. The gaps of the group are bounded
    under it, those of other groups and of crossings are not.
    """

    attribute: str
    group: str
    at_most: Annotated[float, Field(ge=0, le=1)]
    unknown: Count
    reason: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How often the gate that was applied would say what, if the gap of a group were known.

    ``rate`` is that of everybody; the group alone has another one, so many limits away: 0, half,
    1, 1.5, 2 or 3. Of the two directions the one with more errors is told (``breach_0`` to
    ``breach_1``, ``within_1``), or the one that is found less often (the others); ``None`` where
    no such rate exists, and for an all-clear that hangs on people of no recorded group. ``n``
    counts the people in the group's denominator.
    """

    requirement: str
    check: str
    attribute: str
    group: str
    n: Count
    rate: float | None
    breach_0: float | None
    breach_half: float | None
    breach_1: float | None
    breach_1_5: float | None
    breach_2: float | None
    breach_3: float | None
    within_0: float | None
    within_half: float | None
    within_1: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelError:
    """How few recorded outcomes would have to be wrong for a gap to cross its limit.

    ``error`` is ``any``: whichever labels do most; or ``unrelated``: labels of the other outcome
    that were recorded as this one whatever was decided, in the group or in its rest. ``labels`` of
    the ``labels_of`` recorded for the group and its rest are then wrong: the fewest that put a gap
    within its limit beyond it, or bring one beyond it to that limit or past it. It is about the
    estimate, not about its bounds.
    """

    metric: str
    attribute: str
    group: str
    against: str
    error: str
    estimate: float | None
    limit: Above0
    labels: float | None
    labels_of: Count
    share: float | None
    check: str
    outcome: Outcome
    status: Status
    note: str = ""
