"""Evidence becomes the tables of what an altered input changes, for whom, and by how much.

It is the model's input that is altered, not the person: what goes along with an input in life stays
as it is, so what is found is the part of an input alone, and says nothing of the world.
"""

import warnings
from dataclasses import dataclass

from auditkit.evidence.gather import Evidence
from auditkit.evidence.scoring import Progress
from auditkit.plan import AuditPlan
from auditkit.probes.flips import flips
from auditkit.probes.removals import removals, unremoved
from auditkit.probes.responses import responses
from auditkit.probes.sampled import sampled
from auditkit.results import Determinism, DisparityAttribution, Flip, Removal, Response, Status


@dataclass(frozen=True)
class Interventions:
    """What altered inputs change; all empty without a model."""

    flips: tuple[Flip, ...] = ()
    responses: tuple[Response, ...] = ()
    removals: tuple[Removal, ...] = ()


def interventions(
    plan: AuditPlan,
    evidence: Evidence,
    again: tuple[Determinism, ...],
    contributions: tuple[DisparityAttribution, ...],
    floor: int,
    tell: Progress,
) -> Interventions:
    """Ask the model about sampled rows of which one input holds something else.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    again : tuple of Determinism
        Whether the model can be asked about the sampled rows at all.
    contributions : tuple of DisparityAttribution
        Which inputs carry the gaps in the model's output, where that is known.
    floor : int
        Smallest number of rows that is worth a conclusion.
    tell : callable
        Told of every input.

    Returns
    -------
    Interventions
    """
    scorer, sample = evidence.scorer, evidence.sample
    if scorer is None:
        return Interventions()
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1):
        # encoders warn of what they do not know, which is what is asked here
        warnings.simplefilter("ignore")
        status, why = _hindrance(again)
        rows = None
        if (
            not why
            and sample is not None
            and (rows := sampled(plan, scorer, sample, floor)) is None
        ):
            status, why = Status.UNDEFINED, "the model decides none of the sampled rows"
        if rows is None:
            return Interventions(removals=unremoved(scorer.features, status, why))
        removed = removals(rows.afresh(), tell)
        ranked = list(dict.fromkeys(row.feature for row in removed))
        return Interventions(
            flips(
                rows.afresh(),
                plan.measured,
                plan.explain.stand_ins,
                _carried(contributions, removed),
                tell,
            ),
            responses(rows.afresh(), plan, ranked, tell),
            removed,
        )


def _hindrance(again: tuple[Determinism, ...]) -> tuple[Status, str]:
    """Say why the model is not asked about altered rows; empty where it is."""
    first = next((row for row in again if row.check == "again"), None)
    if first is not None and first.changed is None:
        return first.status, first.note
    return Status.OK, ""


def _carried(
    contributions: tuple[DisparityAttribution, ...], removed: tuple[Removal, ...]
) -> dict[str, dict[str, float]]:
    """Say how much of an attribute's gaps each input carries, at most over its groups.

    By its attributions, which stand on more rows; without them by what its removal does to the gap
    in mean output, or in selection rates where the output is a decision.
    """
    told = [(row, row.contribution) for row in contributions if row.contribution is not None]
    other = [(row, row.output_change if row.unit else row.gap_change) for row in removed]
    carried: dict[str, dict[str, float]] = {}
    for row, amount in told or other:
        if amount:
            of = carried.setdefault(row.attribute, {})
            of[row.feature] = max(of.get(row.feature, 0.0), abs(amount))
    return carried
