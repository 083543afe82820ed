"""Outcomes become findings and a disposition, with its reasons."""

from collections.abc import Iterator, Sequence

from auditkit.evidence.counts import GroupTable
from auditkit.judge.family import Hypotheses
from auditkit.measure import (
    tallied,
)
from auditkit.metrics.registry import metrics
from auditkit.policy.schema import Policy
from auditkit.results import (
    Check,
    Disposition,
    Effect,
    Finding,
    Outcome,
)

POWER_FOR_SILENCE = 0.5
"""At medium risk "cannot tell" passes only if twice the limit would be found this often."""


def findings(checks: Sequence[Check]) -> tuple[Finding, ...]:
    """List the checks beyond their limit whose effect is more than a note."""
    return tuple(
        Finding(c.requirement, c.check, c.attribute, c.group, c.effect, c.worse_off)
        for c in checks
        if c.outcome is Outcome.BREACH and c.effect is not Effect.NOTE
    )


def disposition(
    checks: Sequence[Check], groups: GroupTable, policy: Policy, family: Hypotheses, stage: str
) -> tuple[Disposition, tuple[str, ...]]:
    """Say what the audit allows, and for which reasons.

    A breach opens a finding; while it has no verified mitigation the system is not ready. "Cannot
    tell" is never a pass where the risk is high.
    """
    reasons = list(_obstacles(checks, groups, policy, family))
    if stage == "explore":
        return Disposition.NONE, ("Stage is explore: no disposition is given.", *reasons)
    if reasons:
        return Disposition.NOT_READY, tuple(reasons)
    found = "Nothing that blocks was found."
    if rest := sum(c.effect.blocks and c.declared_share is not None for c in checks):
        answers = ("check is within its limit", "checks are within their limits")
        found += f" {_counted(rest, *answers)} only if what the plan declares of people not "
        found += "recorded is true."
    if warnings := sum(c.effect is Effect.WARN and c.outcome is Outcome.BREACH for c in checks):
        warning = ("check that warns is beyond its", "checks that warn are beyond their")
        found += f" {_counted(warnings, *warning)} limit."
    return Disposition.READY_FOR_DECISION, (found,)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _obstacles(
    checks: Sequence[Check], groups: GroupTable, policy: Policy, family: Hypotheses
) -> Iterator[str]:
    blocking = [c for c in checks if c.effect.blocks]
    breaches = [c for c in blocking if c.outcome is Outcome.BREACH]
    are = ("blocking check is", "blocking checks are")
    if breaches:
        yield f"{_counted(len(breaches), *are)} beyond the limit, without a mitigation yet."
    unsure = [c for c in blocking if c.outcome in (Outcome.INDETERMINATE, Outcome.UNDEFINED)]
    strict = [c for c in unsure if c.effect is Effect.BLOCK_UNLESS_WITHIN]
    if strict:
        yield f"{_counted(len(strict), *are)} without an answer in these data."
    lenient = [
        c
        for c in unsure
        if c.effect is Effect.BLOCK_ON_BREACH
        and (c.outcome is Outcome.UNDEFINED or not _would_tell(c, groups, policy, family))
    ]
    if lenient:
        told = _counted(len(lenient), "blocking check", "blocking checks")
        yield f"{told} cannot tell even a gap of twice the limit."
    missing = [c for c in checks if c.effect.warns and c.outcome is Outcome.MISSING]
    if missing:
        # what the policy asks cannot even be looked at: that is no lesser thing at a lesser risk
        told = _counted(len(missing), "check of the policy lacks", "checks of the policy lack")
        yield f"{told} what is needed: {missing[0].note}."
    answered = (Outcome.WITHIN, Outcome.BREACH)
    if not any(c.outcome in answered for c in _that_count(checks)):
        kind = "blocking check" if blocking else "check"
        yield f"No {kind} could be answered: this is no evidence that groups are treated alike."


def _that_count(checks: Sequence[Check]) -> list[Check]:
    """Choose the checks whose answers are evidence: those that block, else those that warn."""
    blocking = [c for c in checks if c.effect.blocks]
    return blocking or [c for c in checks if c.effect.warns] or list(checks)


def _would_tell(check: Check, groups: GroupTable, policy: Policy, family: Hypotheses) -> bool:
    """Whether a gap of twice the limit, in either direction, would be found often enough."""
    from auditkit.inference.power import breach_probability, joint_breach_probability

    settled = next(c for c in policy.checks if c.name == check.check)
    counted = tallied(groups, metrics()[check.metric])
    i = groups.names.index((check.attribute, check.group))
    alpha = family.level(policy.alpha, check.effect)
    n, rest_n = (float(side.take(i).at(alpha)[1][0]) for side in (counted.own, counted.rest))
    p = float(counted.rest.rate[i])
    allowed = (
        settled.limit
        if settled.statistic == "difference"
        else max((settled.limit - 1) * p, settled.gap_floor)
    )
    truths = [truth for truth in (p + 2 * allowed, p - 2 * allowed) if 0 <= truth <= 1]
    if settled.statistic == "difference":
        chances = [
            breach_probability(n, rest_n, truth, p, settled.limit, alpha) for truth in truths
        ]
    else:
        chances = [
            joint_breach_probability(n, rest_n, truth, p, settled.limit, settled.gap_floor, alpha)
            for truth in truths
        ]
    return bool(chances) and min(float(c) for c in chances) >= POWER_FOR_SILENCE
