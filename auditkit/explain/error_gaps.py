"""Through which inputs a gap in the model's error comes, where an outcome is recorded.

The game is that of the output, played for the loss: what a set S of a row's own columns is worth is
the mean, over background rows, of the loss of what the model says of the row's S beside the other
columns of the background row, held against what is recorded of the row,

    v(S) = mean over b of loss(f(x_S, b), y).

Its Shapley values share out ``loss(f(x), y) - v(none)``: Lundberg et al. (2020), who explain a
model's loss to monitor it. A row's ``v(none)`` is what its recorded outcome alone does: how far it
is from what the model says of the background. Averaged over a group and over its rest, values and
``v(none)`` add up to the gap in mean loss between them.

A column can have much of the output running through it and little of the error, or the other way
round: an input that tells who is in need lowers the error, and may do so less in one group.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.gather import Evidence
from auditkit.evidence.losses import loss, predicted, unit_of_loss
from auditkit.evidence.models import Scorer
from auditkit.evidence.sample import Sample, largest_quota, quotas
from auditkit.evidence.scoring import Progress
from auditkit.explain import shapley
from auditkit.explain.associated import told_as_one
from auditkit.explain.attributions import (
    BACKGROUND_RULE,
    Attributed,
    background,
    of_double,
    without_left_overs,
)
from auditkit.explain.columns import RefusedError
from auditkit.explain.groups import SMALLEST, disparities
from auditkit.explain.trees import INTERVENTIONAL
from auditkit.plan import AuditPlan
from auditkit.results import OUTCOME, ErrorAttribution, Explanation, Status, Together

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

EVALUATIONS = 300_000
"""Model outputs that this may ask for: about a second of gradient boosting, and five where it is
told texts that a pipeline encodes. Fewer rows make intervals wider, which is seen."""
LEAST_BACKGROUND = 20
"""Background rows kept whatever the cost: what fewer of them do is not in the intervals."""
EXACT, SAMPLED = (
    "exact Shapley values of the loss over all sets of source columns",
    "Shapley values of the loss from sampled permutations, each with its reverse",
)


@dataclass(frozen=True)
class ErrorGaps:
    """How gaps in error were attributed, and what came of it; nothing where it could not be."""

    explanation: Explanation
    attributions: tuple[ErrorAttribution, ...] = ()


@dataclass(frozen=True, eq=False)
class LossGame(shapley.Game):
    """A game whose outputs are worth the loss that they are to each row.

    Attributes
    ----------
    recorded : ndarray of float64, shape (n,)
        What is recorded of the rows to explain.
    unit : str
        Which loss it is.
    """

    recorded: "NDArray[np.float64]"
    unit: str

    def worth(
        self, chunk: "NDArray[np.intp]", told: "NDArray[np.float64]"
    ) -> "NDArray[np.float64]":
        """Hold what was told against what is recorded of each row."""
        return loss(told, self.recorded[chunk, None, None], self.unit)


def error_gaps(
    plan: AuditPlan, evidence: Evidence, groups: Sequence[Together], tell: Progress
) -> ErrorGaps:
    """Attribute each group's gap in the model's error to the inputs.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    groups : sequence of Together
        Inputs that are told as one.
    tell : callable
        Told of progress.

    Returns
    -------
    ErrorGaps
        With the reason, where no outcome is recorded, or the values do not add up to the loss.
    """
    scorer, sample = evidence.scorer, evidence.sample
    if why := _hindrance(plan, evidence):
        return _none(Status.NOT_APPLICABLE, "", why)
    assert scorer is not None  # noqa: S101  (else there is a hindrance)
    unit = unit_of_loss(scorer)
    errors = sample.errors if sample is not None else None
    if sample is None or errors is None or not (sample.finite and errors.finite):
        why = "withheld: the model's output is not a finite number on every row"
        return _none(Status.UNDEFINED, unit, why)
    part, recorded = _recorded(sample)
    if len(recorded) < SMALLEST:
        why = f"withheld: an outcome is recorded of fewer than {SMALLEST} sampled rows"
        return _none(Status.UNDEFINED, unit, why)
    behind = background(
        sample.rows, plan.explain.background, plan.audit.seed, weights=sample.weight
    )
    part, recorded, many = _affordable(part, recorded, len(behind))
    try:
        found, explanation = _shared_out(
            scorer, part, recorded, behind.iloc[:many], plan.audit.seed, tell
        )
    except RefusedError as error:
        return _none(Status.UNDEFINED, unit, f"withheld: {error}")
    return ErrorGaps(explanation, _rows(told_as_one(found, groups), part))


def _shared_out(
    scorer: Scorer,
    part: Sample,
    recorded: "NDArray[np.float64]",
    behind: "pd.DataFrame",
    seed: int,
    tell: Progress,
) -> tuple[Attributed, Explanation]:
    """Play the game of the loss.

    Raises
    ------
    RefusedError
        The model fails or gives nothing on rows that are put together from two people, or says
        otherwise of the same rows.
    """
    from threadpoolctl import threadpool_limits

    unit, columns = unit_of_loss(scorer), list(scorer.features)
    rows = part.rows[columns]
    try:
        with threadpool_limits(limits=1):
            asked = partial(predicted, scorer)
            told = shapley.game(rows, behind[columns], asked)
            play = LossGame(
                told.pool, told.row_output, told.background_output, asked, recorded, unit
            )
            return _explained(play, loss(asked(rows), recorded, unit), part, seed, tell)
    except (ModelError, ValueError):  # not its message, which may quote a row
        raise RefusedError(
            "the model fails on rows that are put together from two people"
        ) from None


def _hindrance(plan: AuditPlan, evidence: Evidence) -> str:
    """Say why there is nothing to attribute; empty where there is."""
    if evidence.scorer is None:
        return "no model was given"
    if not plan.explain.rows:
        return "the plan asks for no explanation"
    if evidence.unexplained:
        return evidence.unexplained
    return "" if evidence.labelled else "no outcome is recorded, so nobody knows of an error"


def _recorded(sample: Sample) -> "tuple[Sample, NDArray[np.float64]]":
    """Keep the rows of which an outcome is recorded; their output is their loss, of all such rows.

    What is recorded parts the strata, so rows kept of a stratum stay a random sample of it.
    """
    import numpy as np

    assert sample.errors is not None  # noqa: S101
    known = ~np.isnan(sample.errors.recorded)
    has = ~np.isnan(sample.errors.strata_loss)
    part = replace(
        sample,
        rows=sample.rows[known].reset_index(drop=True),
        stratum=sample.stratum[known],
        strata_rows=np.where(has, sample.strata_rows, 0),
        strata_output=np.where(has, sample.errors.strata_loss, 0.0),
        errors=None,
    )
    return part, sample.errors.recorded[known]


def _affordable(
    part: Sample, recorded: "NDArray[np.float64]", background: int
) -> "tuple[Sample, NDArray[np.float64], int]":
    """Take fewer background rows, then fewer rows of every group, to stay within the budget."""
    n, p = part.rows.shape
    if shapley.exact_cost(n, p, background) <= EVALUATIONS:
        return part, recorded, background
    each = shapley.sampled_cost(1, p, 1)
    background = min(background, max(LEAST_BACKGROUND, EVALUATIONS // (n * each)))
    quota = quotas(part.stratum, part.contrasts)
    chosen = quota <= largest_quota(quota, EVALUATIONS // (each * background))
    rows = part.rows[chosen].reset_index(drop=True)
    part = replace(part, rows=rows, stratum=part.stratum[chosen])
    return part, recorded[chosen], background


def _explained(
    play: LossGame, whole: "NDArray[np.float64]", part: Sample, seed: int, tell: Progress
) -> tuple[Attributed, Explanation]:
    """Share the losses out, and hold the sums against those of the rows asked about as they are.

    ``whole`` is the loss on each row, shape (n,).
    """
    import numpy as np

    n, p = part.rows.shape
    short = shapley.exact_cost(n, p, play.background) <= EVALUATIONS
    progress = partial(tell, "explaining errors")
    values = shapley.exact(play, progress) if short else shapley.sampled(play, seed, progress)
    values = without_left_overs(values, whole)
    everyone = np.arange(n)
    start = play.worth(everyone, play.background_output[None, :, None]).mean(axis=1)[:, 0]
    error = float(np.abs(start + values.sum(axis=1) - whole).max())
    allowed = of_double(play.unit, whole)
    explanation = Explanation(
        status=Status.OK,
        method=EXACT if short else SAMPLED,
        unit=play.unit,
        rows=n,
        rows_of=int(part.strata_rows.sum()),
        background=play.background,
        additivity=error,
        tolerance=allowed,
        note="",
        background_rule=BACKGROUND_RULE,
    )
    if not np.isfinite(error):
        raise RefusedError("the model's output is no finite number on rows put together")
    if error > allowed:
        raise RefusedError(f"the parts are off the loss by up to {error:.3g} on a row")
    found = Attributed(
        features=(*map(str, part.rows.columns), OUTCOME),
        values=np.column_stack([values, start]),
        base=0.0,
        output=whole,
        unit=play.unit,
        method=explanation.method,
        perturbation=INTERVENTIONAL,
        background=play.background,
        additivity=error,
        tolerance=allowed,
        noise=None,
        status=Status.OK,
        note="",
    )
    return found, explanation


def _rows(found: Attributed, part: Sample) -> tuple[ErrorAttribution, ...]:
    """Lay the parts of the gaps out, with how many rows of the group they stand on."""
    n = {
        (c.attribute, c.group): int(c.members[part.stratum].sum())
        for c in part.contrasts
        if c.rest.any()
    }
    return tuple(
        ErrorAttribution(
            row.attribute, row.group, row.against, row.feature,
            row.contribution, row.lower, row.upper, row.unit, n[row.attribute, row.group],
        )
        for row in disparities(found, part)
    )  # fmt: skip


def _none(status: Status, unit: str, why: str) -> ErrorGaps:
    return ErrorGaps(Explanation(status, "", unit, 0, 0, 0, None, None, why))
