"""Every check of a policy is held against every group.

Outcomes always come from bounds, never from a point. Nothing from the explanations enters here.
"""

from auditkit.evidence.counts import UNKNOWN, YES, GroupTable
from auditkit.inference.standardised import StandardisedGaps
from auditkit.judge.equal import AtEqualValues
from auditkit.judge.family import Hypotheses, Standardised
from auditkit.judge.gate import NOBODY, Bare, Gate, alone
from auditkit.measure import (
    lacking,
    tallied,
)
from auditkit.metrics.registry import metrics
from auditkit.metrics.standardised import STANDARDISED
from auditkit.policy.schema import Policy
from auditkit.results import (
    ALL,
    NOT_RECORDED,
    Check,
    Outcome,
)


def judge(
    groups: GroupTable,
    policy: Policy,
    family: Hypotheses,
    detectable: dict[tuple[str, str, str], float | None],
    *,
    labelled: bool,
    outcome: str,
    absent: frozenset[tuple[str, str]] = frozenset(),
    standardised: Standardised | None = None,
) -> tuple[Check, ...]:
    """Hold every check of the policy against every group.

    ``outcome`` says whether being selected is a ``benefit`` or a ``burden``; ``absent`` are groups
    that nobody is in and nobody asked about. A gap at equal values that is not in ``standardised``
    is missing.
    """
    selected = groups.own.sum(axis=0).reshape(3, 3).sum(axis=0)
    constant = _constant(groups)
    rows: list[Check] = []
    for check in policy.checks:
        if check.metric in STANDARDISED:
            found = (standardised or {}).get(check.metric, StandardisedGaps())
            at_equal = AtEqualValues(check, policy, family, outcome, groups)
            rows += at_equal.judge(found, constant, absent)
            continue
        metric = metrics()[check.metric]
        bare = Bare(check)
        if reason := lacking(metric, groups, labelled=labelled):
            rows.append(bare.row(ALL, ALL, Outcome.MISSING, reason))
        elif check.metric == "missing_decision_rate" and not selected[UNKNOWN]:
            every = f"every row has a {'prediction' if groups.errors else 'decision'}"
            rows.append(bare.row(ALL, ALL, Outcome.NOT_APPLICABLE, every))
        elif constant:
            rows.append(bare.row(ALL, ALL, Outcome.UNDEFINED, constant))
        else:
            counted = tallied(groups, metric)
            gate = Gate(check, metric, policy, family, counted, outcome, groups)
            for i, (attribute, group) in enumerate(groups.names):
                if attribute == ALL:
                    continue
                if (attribute, group) in absent:
                    rows.append(bare.row(attribute, group, Outcome.NOT_APPLICABLE, NOBODY))
                    continue
                present = [k for k in groups.of(attribute) if groups.names[k] not in absent]
                if len(present) < 2 and group != NOT_RECORDED:
                    rows.append(alone(bare, groups, metric, attribute, group))
                    continue
                gap = detectable.get((check.metric, attribute, group))
                rows.append(gate.judge(i, attribute, group, gap))
    return tuple(rows)


def _constant(groups: GroupTable) -> str:
    """Say that nobody is told apart, so that no gap says anything; empty if somebody is."""
    if groups.errors is not None:
        return "every row has the same prediction" if groups.errors.one_prediction else ""
    selected = groups.own.sum(axis=0).reshape(3, 3).sum(axis=0)
    same = selected[YES] == 0 or selected[:YES].sum() == 0
    return "every row has the same decision" if same else ""
