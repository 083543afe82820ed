"""Comparisons at like scores and at equal need, put together over bands and held against a policy.

Such a check asks for an explanation or warns; it blocks nothing. Scores and need are measured with
error of their own, which no bound here knows of (statistics.md 15, 22 and 23).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditkit.disparity import worse_off
from auditkit.inference.gates import all_clear_level, judge_gap
from auditkit.measure import number
from auditkit.metrics.registry import Metric
from auditkit.policy.schema import CALIBRATION, EQUAL_NEED, Policy, SettledCheck
from auditkit.results import ALL, REST, Check, Outcome, Status

METRICS = {
    CALIBRATION: Metric(
        CALIBRATION,
        "Share of positive recorded outcomes less the mean score, among people of like scores.",
        "fewer_selected",
        (),
    ),
    EQUAL_NEED: Metric(
        EQUAL_NEED, "Share selected, among people of equal need.", "more_selected", ()
    ),
}
"""What is pooled, and what more of it means for the people it is about."""


@dataclass(frozen=True)
class Pooled:
    """A group held against its rest in bands, and over all of them.

    Attributes
    ----------
    attribute, group : str
    people, others : int
        Of the group and of the rest in the bands.
    estimate : float or None
        Group minus rest.
    bounds : callable
        Return the lower and the upper bound at a one-sided level; NaN is none.
    each : callable
        Say whether the bounds of every band of enough people are within a limit, at a level.
    status, note
        Of the estimate; what is not ``ok`` is no all-clear.
    """

    attribute: str
    group: str
    people: int
    others: int
    estimate: float | None
    bounds: Callable[[float], tuple[float, float]]
    each: Callable[[float, float], bool]
    status: Status
    note: str


@dataclass(frozen=True)
class Unmeasured:
    """Why there is nothing to compare: it does not apply, or the evidence lacks."""

    outcome: Outcome
    note: str


def judge_pooled(
    policy: Policy, found: Mapping[str, Sequence[Pooled] | Unmeasured], outcome: str
) -> tuple[Check, ...]:
    """Hold every check on a pooled comparison against its limit.

    The error of a breach is shared by all such checks (Bonferroni), apart from those on rates.

    Parameters
    ----------
    policy : Policy
    found : mapping
        The comparisons of each metric that the policy names.
    outcome : str
        Whether being selected is a ``benefit`` or a ``burden``.
    """
    rows: list[Check] = []
    alpha = all_clear_level(policy.alpha)
    level = policy.alpha / max(1, _hypotheses(policy, found))
    for check in policy.pooled:
        pooled = found[check.metric]
        if isinstance(pooled, Unmeasured):
            none = replace(_row(check, ALL, ALL, 0), outcome=pooled.outcome, note=pooled.note)
            rows.append(none)
        else:
            rows += (_judged(check, one, alpha, level, outcome) for one in pooled)
    return tuple(rows)


def _hypotheses(policy: Policy, found: Mapping[str, Sequence[Pooled] | Unmeasured]) -> int:
    """Count the breaches that could be stated: two groups that are each other's rest are one."""
    return sum(sum(_counted(found[check.metric])) for check in policy.pooled)


def _counted(found: Sequence[Pooled] | Unmeasured) -> Iterator[int]:
    if isinstance(found, Unmeasured):
        return
    for attribute in dict.fromkeys(one.attribute for one in found):
        some = [p for p in found if p.attribute == attribute and p.people and p.others]
        yield 1 if len(some) == 2 else len(some)


def _judged(check: SettledCheck, pooled: Pooled, alpha: float, level: float, outcome: str) -> Check:
    row = _row(check, pooled.attribute, pooled.group, pooled.people)
    if pooled.status is Status.NOT_APPLICABLE:
        return replace(row, outcome=Outcome.NOT_APPLICABLE, note=pooled.note)
    if pooled.estimate is None or pooled.status is Status.UNDEFINED:
        return replace(row, outcome=Outcome.UNDEFINED, note=pooled.note)
    lower, upper = pooled.bounds(alpha)
    lower_breach, upper_breach = pooled.bounds(level)
    told = judge_gap(lower, upper, lower_breach, upper_breach, check.limit)
    note = pooled.note
    if told is Outcome.UNDEFINED:  # there is a gap, but nothing that bounds it
        told = Outcome.INDETERMINATE
    if told is Outcome.WITHIN and pooled.status is not Status.OK:
        told = Outcome.INDETERMINATE
    if told is Outcome.WITHIN and not pooled.each(check.limit, alpha):
        told = Outcome.INDETERMINATE
        note = "; ".join(filter(None, (note, "within over all bands, not shown in each of them")))
    level_lower = level_upper = 1 - alpha
    if told is not Outcome.WITHIN:  # the side that could be beyond stands at the level of a breach
        if pooled.estimate >= 0 and lower >= lower_breach:
            lower, level_lower = lower_breach, 1 - level
        if pooled.estimate < 0 and upper <= upper_breach:
            upper, level_upper = upper_breach, 1 - level
    bounded = number(lower) is not None
    return replace(
        row,
        outcome=told,
        estimate=pooled.estimate,
        lower=number(lower),
        upper=number(upper),
        level_lower=level_lower if bounded else None,
        level_upper=level_upper if bounded else None,
        worse_off=worse_off(METRICS[check.metric], outcome, pooled.group, REST, pooled.estimate),
        note=note,
    )


def _row(check: SettledCheck, attribute: str, group: str, people: int) -> Check:
    return Check(
        requirement=check.requirement,
        check=check.name,
        attribute=attribute,
        group=group,
        outcome=Outcome.UNDEFINED,
        estimate=None,
        lower=None,
        upper=None,
        level_lower=None,
        level_upper=None,
        limit=check.limit,
        effect=check.effect,
        worse_off="",
        note="",
        metric=check.metric,
        statistic=check.statistic,
        against=REST,
        n=people,
        detectable=None,
    )
