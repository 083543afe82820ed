"""Evidence becomes the explanation section of a record: what the model relies on, by group."""

from dataclasses import dataclass, replace

from auditkit.errors import ModelError
from auditkit.evidence.gather import Evidence
from auditkit.evidence.scoring import Progress
from auditkit.explain.associated import associated, told_as_one
from auditkit.explain.attributions import BACKGROUND_RULE, background
from auditkit.explain.budget import explain_enough
from auditkit.explain.groups import Precision, by_group, disparities
from auditkit.explain.quality import checked
from auditkit.explain.ranks import with_ranks
from auditkit.plan import AuditPlan
from auditkit.results import (
    Attribution,
    DisparityAttribution,
    Explanation,
    ExplanationQuality,
    Status,
)

FAILS = "withheld: the model fails on some of the rows that it has decided before among others"


@dataclass(frozen=True)
class Explained:
    """How attributions were made, what they are and how good; nothing where there are none.

    ``alone`` are attributions and gaps of every input on its own, also of those told as one.
    """

    explanation: Explanation
    attributions: tuple[Attribution, ...] = ()
    disparities: tuple[DisparityAttribution, ...] = ()
    quality: tuple[ExplanationQuality, ...] = ()
    alone: tuple[tuple[Attribution, ...], tuple[DisparityAttribution, ...]] = ((), ())

    @property
    def by_input(
        self,
    ) -> tuple[Explanation, tuple[Attribution, ...], tuple[DisparityAttribution, ...]]:
        """The explanation, and attributions and gaps of every input on its own."""
        return (self.explanation, *self.alone)


def explained(plan: AuditPlan, evidence: Evidence, tell: Progress) -> Explained:
    """Attribute the model's output to its inputs, if there is a model and it was asked for.

    Returns
    -------
    Explained
        How it was done and how well it agrees with the model, or why there is none.
    """
    scorer, sample = evidence.scorer, evidence.sample
    if scorer is None or not plan.explain.rows:
        why = "no model was given" if scorer is None else "the plan asks for no explanation"
        return Explained(_unexplained(Status.NOT_APPLICABLE, "", why))
    if evidence.unexplained:
        return Explained(_unexplained(Status.NOT_APPLICABLE, "", evidence.unexplained))
    if sample is None or not sample.finite:
        why = "withheld: the model's output is not a finite number on every row"
        return Explained(_unexplained(Status.UNDEFINED, scorer.unit, why))
    behind = background(
        sample.rows, plan.explain.background, plan.audit.seed, weights=sample.weight
    )
    try:
        found, part, reached = explain_enough(
            scorer,
            sample,
            behind,
            most=plan.explain.rows,
            perturbation=plan.explain.perturbation,
            seed=plan.audit.seed,
            tell=tell,
        )
    except ModelError:
        return Explained(_unexplained(Status.UNDEFINED, scorer.unit, FAILS))
    explanation = Explanation(
        status=found.status,
        method=found.method,
        unit=found.unit,
        rows=len(part.rows),
        rows_of=int(sample.strata_rows.sum()),
        background=found.background,
        additivity=found.additivity,
        tolerance=found.tolerance,
        note=found.note,
        classes=scorer.explained,
    )
    if found.status is not Status.OK or reached is None:
        return Explained(explanation)
    tell("checking attributions", len(part.rows), None)
    groups = associated(part.rows)
    bars = told_as_one(found, groups)
    quality = checked(
        scorer, sample, part, found, groups, weights=sample.weight, seed=plan.audit.seed
    )
    attributions = with_ranks(by_group(bars, part), bars, part, quality.again)
    told = replace(
        explanation,
        background_rule=BACKGROUND_RULE if found.background else "",
        half_width=reached.half_width,
        half_width_aim=reached.target,
        rows_needed=rounded_up(reached.needed),
        widest=(reached.attribute, reached.group, reached.feature),
        limited_by=_limited_by(plan, explanation, reached, found.affordable),
        together=groups,
        first_inputs=quality.first,
    )
    alone = by_group(found, part), disparities(found, part)
    return Explained(told, attributions, disparities(bars, part), quality.rows, alone)


def _limited_by(
    plan: AuditPlan, explanation: Explanation, reached: Precision, affordable: int | None
) -> str:
    """Say what ended the explaining: ``precision``, ``all``, ``work``, ``cap``; or nothing."""
    if explanation.rows == explanation.rows_of:
        return "all"
    if reached.met or reached.needed is None:
        return "precision" if reached.met else ""
    return "work" if affordable is not None and affordable < plan.explain.rows else "cap"


def rounded_up(rows: int | None) -> int | None:
    """Round an estimated number of rows up to two digits: more of them would not be true."""
    if rows is None:
        return None
    unit: int = 10 ** max(0, len(str(rows)) - 2)
    return -(-rows // unit) * unit


def _unexplained(status: Status, unit: str, note: str) -> Explanation:
    return Explanation(status, "", unit, 0, 0, 0, None, None, note)
