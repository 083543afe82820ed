"""Evidence becomes the explanation section of a record: what the model relies on, by group."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from auditkit.evidence.gather import Evidence
from auditkit.evidence.scoring import Progress
from auditkit.explain.attributions import background, explain
from auditkit.explain.groups import Precision, by_group, disparities, precision
from auditkit.plan import AuditPlan
from auditkit.results import CROSS, Attribution, DisparityAttribution, Explanation, Status

if TYPE_CHECKING:
    from auditkit.evidence.sample import Sample


def explained(
    plan: AuditPlan, evidence: Evidence, tell: Progress
) -> "tuple[Explanation, tuple[Attribution, ...], tuple[DisparityAttribution, ...]]":
    """Attribute the model's output to its inputs, if there is a model and it was asked for.

    Returns
    -------
    explanation : Explanation
        How it was done and how well it agrees with the model, or why there is none.
    attributions : tuple of Attribution
    disparity_attributions : tuple of DisparityAttribution
    """
    scorer, sample = evidence.scorer, evidence.sample
    if scorer is None or not plan.explain.rows:
        why = "no model was given" if scorer is None else "the plan asks for no explanation"
        return _unexplained(Status.NOT_APPLICABLE, "", why), (), ()
    if evidence.unexplained:
        return _unexplained(Status.NOT_APPLICABLE, "", evidence.unexplained), (), ()
    if sample is None or not sample.finite:
        why = "withheld: the model's output is not a finite number on every row"
        return _unexplained(Status.UNDEFINED, scorer.unit, why), (), ()
    behind = background(
        sample.rows, plan.explain.background, plan.audit.seed, weights=_weights(sample)
    )
    found = explain(
        scorer,
        sample.rows,
        behind,
        perturbation=plan.explain.perturbation,
        seed=plan.audit.seed,
        progress=lambda done, of: tell("explaining", done, of),
    )
    explanation = Explanation(
        status=found.status,
        method=found.method,
        unit=found.unit,
        rows=len(sample.rows),
        rows_of=int(sample.strata_rows.sum()),
        background=found.background,
        additivity=found.additivity,
        tolerance=found.tolerance,
        note=found.note,
    )
    if found.status is not Status.OK:
        return explanation, (), ()
    told = replace(explanation, note=_precision(explanation.note, precision(found, sample)))
    return told, by_group(found, sample), disparities(found, sample)


def _precision(note: str, reached: Precision) -> str:
    """Say how far explaining only a sample can move a contribution, and if that is enough."""
    if reached.half_width is None or not reached.half_width:
        return note
    verdict = "is met" if reached.met else "is not met at this cap on explained rows"
    who = f"{reached.group} ({reached.attribute})".replace(CROSS, " × ")
    said = (
        f"explaining a sample of the rows moves a contribution by at most {reached.half_width:.2g} "
        f"(95 %, for {who}); the aim of 1 % of the output's standard "
        f"deviation, {reached.target:.2g}, {verdict}"
    )
    return "; ".join(part for part in (note.rstrip("."), said) if part)


def _weights(sample: "Sample") -> Any:  # noqa: ANN401
    """How many rows each explained row stands for, shape (n,)."""
    import numpy as np

    explained = np.bincount(sample.stratum, minlength=len(sample.strata_rows))
    return (sample.strata_rows / np.maximum(explained, 1))[sample.stratum]


def _unexplained(status: Status, unit: str, note: str) -> Explanation:
    return Explanation(status, "", unit, 0, 0, 0, None, None, note)
