"""What is held against a policy, and how many breaches could be stated, before a rate is seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.errors import PolicyError, did_you_mean, listed
from auditkit.evidence.counts import GroupTable
from auditkit.inference.standardised import StandardisedGaps
from auditkit.measure import (
    lacking,
    number,
    tallied,
)
from auditkit.metrics.registry import metrics, rates
from auditkit.metrics.standardised import STANDARDISED
from auditkit.policy.schema import ByLevel, CheckRule, Policy, SettledCheck
from auditkit.results import (
    CROSS,
    NOT_RECORDED,
    Effect,
)

if TYPE_CHECKING:
    from auditkit.plan import AuditPlan


@dataclass(frozen=True)
class Hypotheses:
    """How many breaches could be stated, fixed from denominators before any rate is looked at.

    Blocking checks share their level among themselves; the others share theirs among all.
    """

    blocking: int
    all: int

    def level(self, alpha: float, effect: Effect) -> float:
        """One-sided level at which one breach is judged (Bonferroni)."""
        return alpha / max(1, self.blocking if effect.blocks else self.all)


def check_metrics(policy: Policy) -> None:
    """Refuse a policy that names a metric there is none of, or asks of one what it cannot do.

    Raises
    ------
    PolicyError
    """
    problems = [text for name, rule in policy.file.checks.items() if (text := _unfit(name, rule))]
    if problems:
        raise PolicyError(*problems)


def _unfit(name: str, rule: CheckRule) -> str:
    """Say why a check cannot be made; empty if it can."""
    metric, known = rule.metric, [*rates(), *STANDARDISED]
    if metric in STANDARDISED:
        effects = [Effect(e) for e in _by_level(rule.effect)]
        if blocks := next((e for e in effects if e.blocks), None):
            return (
                f"Check '{name}' has the effect '{blocks}', but how often '{metric}' would be "
                f"found beyond a limit is not computed, so it cannot hold a system back. Choose "
                f"'note', 'explain' or 'warn'."
            )
        if rule.statistic != "difference":
            return (
                f"Check '{name}' asks for a {rule.statistic}, but '{metric}' is a gap already. "
                f"Choose the statistic 'difference'."
            )
    elif metric in metrics() and metric not in known:
        return (
            f"Check '{name}' names '{metric}', which is no rate. This version holds limits against "
            f"rates and {listed([*STANDARDISED])}; '{metric}' is measured and compared, and judged "
            f"by nobody."
        )
    elif metric not in known:
        return (
            f"Check '{name}' names the rate '{metric}', which there is none of. "
            f"{did_you_mean(metric, known)}"
        )
    return ""


def _by_level(effect: Effect | ByLevel[Effect]) -> list[Effect]:
    return [effect] if isinstance(effect, Effect) else [*effect.model_dump().values()]


def on_rates(policy: Policy) -> tuple[SettledCheck, ...]:
    """List the checks whose limit is on a rate of groups, without those at equal values."""
    return tuple(check for check in policy.checks if check.metric not in STANDARDISED)


Standardised = Mapping[str, StandardisedGaps]
"""The gaps at equal values by metric, as far as the policy asks for them."""


def hypotheses(
    groups: GroupTable,
    policy: Policy,
    *,
    labelled: bool,
    standardised: Standardised | None = None,
) -> Hypotheses:
    """Count the breach hypotheses. Two groups that are each other's rest are one.

    Gaps at equal values are counted from who can be compared; no such check blocks.
    """
    counts = {True: 0, False: 0}
    for check in policy.checks:
        if check.metric in STANDARDISED:
            found = (standardised or {}).get(check.metric, StandardisedGaps())
            counts[False] += _comparable(found, groups)
            continue
        metric = metrics()[check.metric]
        if lacking(metric, groups, labelled=labelled):
            continue
        counted = tallied(groups, metric)
        for attribute in groups.attributes():
            places = [
                i
                for i, (a, _) in enumerate(groups.names)
                if a == attribute and counted.own.people[i] and counted.rest.people[i]
            ]
            recorded = [i for i in places if groups.names[i][1] != NOT_RECORDED]
            mirrored = len(groups.of(attribute)) == 2 and len(recorded) == 2
            counts[check.effect.blocks] += len(places) - mirrored
    return Hypotheses(blocking=counts[True], all=counts[True] + counts[False])


def _comparable(found: StandardisedGaps, groups: GroupTable) -> int:
    """Count the groups with people to be compared with, two that mirror each other once."""
    number = 0
    for attribute in groups.attributes():
        compared = [g.group for g in found.gaps if g.attribute == attribute and g.compared]
        recorded = sum(group != NOT_RECORDED for group in compared)
        number += len(compared) - (len(groups.of(attribute)) == 2 and recorded == 2)
    return number


def detectable_gaps(
    groups: GroupTable, policy: Policy, family: Hypotheses, *, labelled: bool
) -> dict[tuple[str, str, str], float | None]:
    """Find the gap that each gap check would find beyond its limit four times in five.

    Returns
    -------
    dict
        By metric, attribute and group; ``None`` where no gap would be found that often.
    """
    from auditkit.inference.power import detectable

    out: dict[tuple[str, str, str], float | None] = {}
    for check in on_rates(policy):
        metric = metrics()[check.metric]
        if check.statistic != "difference" or lacking(metric, groups, labelled=labelled):
            continue
        counted = tallied(groups, metric)
        level = family.level(policy.alpha, check.effect)
        found = detectable(
            counted.own.at(level)[1],
            counted.rest.at(level)[1],
            counted.rest.rate,
            check.limit,
            level,
        )
        for (attribute, group), gap in zip(groups.names, found.tolist(), strict=True):
            out[check.metric, attribute, group] = number(gap)
    return out


def only_declared(groups: GroupTable, plan: "AuditPlan") -> frozenset[tuple[str, str]]:
    """List the groups without people that only the type of their column knows.

    The same rows in a file would not know them, so nothing may hang on them. A group that the plan
    names is different: somebody asked about it, and nobody of it is in the data.
    """
    absent = {
        (attribute, group)
        for place, (attribute, group) in enumerate(groups.names)
        if attribute in plan.attributes
        and group != NOT_RECORDED
        and not groups.own[place].any()
        and not plan.attributes[attribute].speaks_of(group)
    }
    return frozenset(
        (attribute, group)
        for attribute, group in groups.names
        if absent & set(zip(attribute.split(CROSS), group.split(CROSS), strict=False))
    )
