"""The whole pipe on one screen: the data's way from rows to a record."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from auditkit import account
from auditkit import record as recording
from auditkit.baseline import set_beside
from auditkit.classes import by_class
from auditkit.disparity import compare, standardised_gaps
from auditkit.evidence.gather import Evidence, gather
from auditkit.evidence.scoring import Progress
from auditkit.explain.error_gaps import error_gaps
from auditkit.explain.explained import explained
from auditkit.explain.proxies import proxies
from auditkit.footprint import Footprint, footprint
from auditkit.inference.standardised import StandardisedGaps
from auditkit.judge.checks import judge
from auditkit.judge.family import check_metrics, detectable_gaps, hypotheses, only_declared
from auditkit.judge.outcome import disposition, findings
from auditkit.label_error import label_errors
from auditkit.measure import measure
from auditkit.metrics.standardised import AT_EQUAL_NEED, CALIBRATION
from auditkit.need.at_score import mean_need_at_score
from auditkit.need.depth import need_depth
from auditkit.need.equal import equal_need, gaps_at_equal_need, selection_limit
from auditkit.need.ranks import need_ranks
from auditkit.need.totals import need_totals
from auditkit.own_metrics import Function, own_metrics, told_of
from auditkit.plan import AuditPlan
from auditkit.policy.schema import Policy, read_policy
from auditkit.probes.interventions import interventions
from auditkit.probes.probed import probed
from auditkit.residuals import amounts_off
from auditkit.results import AuditRecord, Check, Disparity, Disposition, SelfTest, round_floats
from auditkit.scores.calibration import calibrations, gaps_at_like_scores
from auditkit.scores.exposure import exposures
from auditkit.scores.measured import scored
from auditkit.scores.sweeps import budgets, cuts
from auditkit.seeds import over_seeds
from auditkit.self_test import self_test
from auditkit.spread import spreads
from auditkit.stratified import stratify
from auditkit.unrecorded import declared_shares, unknown_bounds, with_shares


def recorded(
    plan: AuditPlan,
    data: object,
    model: object,
    progress: Progress,
    protected: object,
    own: Mapping[str, Function],
) -> tuple[AuditRecord, Footprint | None]:
    """Read and count the rows, measure, judge, and put down what was found.

    What the model costs to ask is told beside it, where the plan wants it measured.

    Raises
    ------
    PlanError, PolicyError, DataError, ModelError
        What cannot be audited, and how to mend it.
    """
    policy = read_policy(plan)
    check_metrics(policy)
    with closing(gather(plan, data, model, progress, protected)) as evidence:
        shared = replace(evidence, groups=with_shares(evidence.groups, plan))
        return _put_down(plan, policy, shared, progress, own)


def _put_down(
    plan: AuditPlan,
    policy: Policy,
    evidence: Evidence,
    progress: Progress,
    own: Mapping[str, Function],
) -> tuple[AuditRecord, Footprint | None]:
    """Measure and judge what was gathered."""
    groups, labelled, floor = evidence.groups, evidence.labelled, policy.floor
    of_user = own_metrics(own, plan, evidence, floor)  # first: it refuses functions
    verdict = _judged(plan, policy, evidence)
    checks, totals, classes = verdict.checks, need_totals(evidence), by_class(plan, evidence, floor)
    rates = measure(groups, labelled=labelled, floor=floor)
    scores, score_gaps = scored(plan, evidence, floor)
    amounts, amount_gaps = amounts_off(plan, evidence, floor)
    calibration, brier = calibrations(plan, evidence, floor)
    depth = need_depth(plan, evidence, totals, floor)
    why = explained(plan, evidence, progress)
    errors = error_gaps(plan, evidence, why.explanation.together, progress)
    standing_in = proxies(plan, evidence, why.by_input, floor, progress)
    again, probes = probed(plan, evidence, floor, progress)
    altered = interventions(plan, evidence, again, why.alone[1], floor, progress)
    found = AuditRecord(
        format=recording.FORMAT,
        date=plan.audit.date.isoformat() if plan.audit.date else "",
        system=account.system(plan, evidence),
        sampling=account.sampling(plan, evidence),
        policy=policy.info(verdict.blocking),
        requirements=policy.requirements(),
        attributes=account.attributes(plan, evidence),
        intersections=max(1, plan.depth),
        disposition=verdict.disposition,
        reasons=verdict.reasons,
        findings=findings(checks),
        rows=account.rows(evidence),
        groups=account.group_sizes(evidence),
        exclusions=evidence.exclusions,
        measurements=(*rates, *scores, *amounts),
        disparities=(*verdict.gaps, *score_gaps, *amount_gaps, *verdict.standardised),
        spreads=spreads(groups, labelled=labelled, floor=floor, seed=plan.audit.seed),
        stratified_disparities=stratify(evidence, floor),
        equal_need=equal_need(plan, evidence, totals, floor, selection_limit(policy)),
        need_depth=(*depth, *mean_need_at_score(plan, evidence, totals, floor)),
        need_ranks=need_ranks(plan, evidence, floor),
        baseline=set_beside(plan, evidence, floor),
        seeds=over_seeds(plan, evidence, floor),
        calibration=calibration,
        brier=brier,
        class_measurements=classes.measurements,
        class_disparities=classes.disparities,
        confusion=classes.confusion,
        own_metrics=of_user,
        budgets=budgets(plan, evidence, floor),
        exposure=exposures(plan, evidence, floor),
        cuts=cuts(plan, evidence, floor),
        checks=checks,
        self_test=verdict.self_test,
        unknown_bounds=unknown_bounds(groups, checks),
        declared_shares=declared_shares(groups, plan),
        label_error=label_errors(groups, checks, weighted=plan.data.weight is not None),
        explanation=account.with_background(plan, evidence, why.explanation),
        attributions=why.attributions,
        disparity_attributions=why.disparities,
        error_explanation=account.with_background(plan, evidence, errors.explanation),
        error_attributions=errors.attributions,
        proxies=standing_in,
        explanation_quality=why.quality,
        determinism=again,
        probes=probes,
        flips=altered.flips,
        responses=altered.responses,
        removals=altered.removals,
        notes=(*evidence.notes, *told_of(own)),
        provenance=account.provenance(plan, policy, evidence),
        model_file=account.model_file(evidence),
    )
    return round_floats(found), footprint(plan, evidence)


@dataclass(frozen=True)
class _Verdict:
    """The evidence held against the policy: nothing else enters a disposition."""

    gaps: tuple[Disparity, ...]
    standardised: tuple[Disparity, ...]
    checks: tuple[Check, ...]
    self_test: tuple[SelfTest, ...]
    blocking: int
    disposition: Disposition
    reasons: tuple[str, ...]


def _judged(plan: AuditPlan, policy: Policy, evidence: Evidence) -> _Verdict:
    """Compare the groups and judge the gaps."""
    groups, labelled, outcome = evidence.groups, evidence.labelled, plan.data.outcome
    standardised = _standardised(plan, evidence, policy)
    family = hypotheses(groups, policy, labelled=labelled, standardised=standardised)
    detectable = detectable_gaps(groups, policy, family, labelled=labelled)
    checks = judge(
        groups,
        policy,
        family,
        detectable,
        labelled=labelled,
        outcome=outcome,
        absent=only_declared(groups, plan),
        standardised=standardised,
    )
    return _Verdict(
        compare(groups, plan, policy.floor, detectable, labelled=labelled),
        standardised_gaps(standardised, outcome),
        checks,
        self_test(groups, policy, family, checks),
        family.blocking,
        *disposition(checks, groups, policy, family, plan.system.stage),
    )


def _standardised(
    plan: AuditPlan, evidence: Evidence, policy: Policy
) -> dict[str, StandardisedGaps]:
    """Compare at equal values what the policy holds a limit against."""
    ways = {AT_EQUAL_NEED: gaps_at_equal_need, CALIBRATION: gaps_at_like_scores}
    asked = dict.fromkeys(c.metric for c in policy.checks if c.metric in ways)
    return {metric: ways[metric](plan, evidence, policy.floor) for metric in asked}
