"""Need at the same score: is a group in deeper need than others whom the system scores alike.

Obermeyer, Powers, Vogeli and Mullainathan (2019, Science 366:447-453) asked this of a health
programme: at the same score, one group was sicker.
"""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from auditkit.evidence.counts import outcome_cells, tabulate
from auditkit.evidence.gather import Evidence
from auditkit.inference.design import enough, kish_size, standardised_size
from auditkit.measure import number
from auditkit.metrics.histogram import Histogram
from auditkit.need.depth import CLUSTERED
from auditkit.need.totals import NeedTotals
from auditkit.plan import AuditPlan
from auditkit.results import NOT_RECORDED, REST, NeedDepth, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AT_SCORE = "mean_need_at_score"
SCORE_BANDS = 10
Z95 = 1.959963984540054
MEANS_OF_BANDS = "people are taken at the mean need of their group in their band of need"
NO_SPREAD = "no spread of need at the same score can be told: no interval"


@dataclass(frozen=True)
class Side:
    """Sums over the people of one side in each band of scores, arrays of shape (K,).

    ``n`` people, ``w`` and ``w2`` weights and their squares, ``v`` and ``v2`` need and its square,
    each times the weight.
    """

    n: "Floats"
    w: "Floats"
    w2: "Floats"
    v: "Floats"
    v2: "Floats"

    def plus(self, other: "Side") -> "Side":
        """Add the people of another side."""
        names = ("n", "w", "w2", "v", "v2")
        return Side(*(getattr(self, k) + getattr(other, k) for k in names))


def mean_need_at_score(
    plan: AuditPlan, evidence: Evidence, totals: NeedTotals | None, floor: int
) -> tuple[NeedDepth, ...]:
    """Compare mean need in bands of equal score, pooled by Mantel and Haenszel's weights.

    Nothing without scores, or where need is no number. The interval is normal, from the spread of
    need within bands of either side.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    totals : NeedTotals or None
    floor : int
        Fewest people of a side that are worth a conclusion.
    """
    if evidence.scores_by_need is None or evidence.needs is None or totals is None:
        return ()
    groups = tabulate(evidence.counts, 1)
    moments = _moments(evidence, NeedTotals(groups, totals.sums))
    histograms = evidence.scores_by_need.histograms
    edges = _edges(histograms[0])
    rows: list[NeedDepth] = []
    for attribute in groups.attributes():
        recorded = groups.of(attribute)
        if len(recorded) < 2:
            continue
        sides = {i: _side(histograms[i], moments[i], edges) for i in recorded}
        for i in recorded:
            if groups.names[i][1] == NOT_RECORDED:
                continue
            # added up, not taken from everybody: what rounding leaves there would pass for people
            rest = reduce(Side.plus, (sides[k] for k in recorded if k != i))
            rows.append(_row(plan, evidence, groups.names[i], sides[i], rest, floor))
    return tuple(rows)


def _moments(evidence: Evidence, totals: NeedTotals) -> "list[Floats]":
    """Give mean need and mean square need of each group in each fine band, shape (2, F)."""
    import numpy as np

    assert evidence.needs is not None  # noqa: S101
    assert evidence.counts.needs is not None  # noqa: S101
    fine, decided = len(evidence.needs.names), outcome_cells().decided
    out = np.zeros((len(totals.groups.names), 2, fine))
    for k in range(fine):
        own, _ = totals.parts(decided, evidence.counts.needs == k)
        for i, part in enumerate(own):
            if part.w > 0:
                out[i, :, k] = part.v / part.w, part.v2 / part.w
    return list(out)


def _edges(everybody: Histogram) -> "Floats":
    """Cut the scores of everybody into bands of about as many people; shape (K - 1,)."""
    import numpy as np

    people = everybody.people.sum(axis=0)
    before = (people.cumsum() - people / 2) / max(int(people.sum()), 1)
    band = np.floor(before * SCORE_BANDS)
    starts = np.flatnonzero(np.diff(band) > 0) + 1
    edges: Floats = everybody.left[starts]
    return edges


def _side(histogram: Histogram, moments: "Floats", edges: "Floats") -> Side:
    """Add up the people with a recorded need by band of score."""
    import numpy as np

    band = np.searchsorted(edges, histogram.left, side="right")
    size = moments.shape[1]  # behind the bands are people whose need is not recorded

    def summed(table: "NDArray[np.generic]") -> "Floats":
        values = np.asarray(table, dtype=np.float64)[:size]
        out = np.zeros((size, len(edges) + 1))
        for need in range(size):
            np.add.at(out[need], band, values[need])
        return out

    n, w, w2 = (summed(t) for t in (histogram.people, histogram.weight, histogram.square))
    return Side(n.sum(axis=0), w.sum(axis=0), w2.sum(axis=0), moments[0] @ w, moments[1] @ w)


def _row(
    plan: AuditPlan,
    evidence: Evidence,
    name: tuple[str, str],
    own: Side,
    rest: Side,
    floor: int,
) -> NeedDepth:
    n, rest_n = int(own.n.sum()), int(rest.n.sum())
    shared = (own.w > 0) & (rest.w > 0)
    if not shared.any():
        return NeedDepth(
            AT_SCORE, *name, REST, n, None, None, None, rest_n, None, None, None, None,
            Status.UNDEFINED, "at no score are there people of the group and of the rest",
        )  # fmt: skip
    a, b = own.w[shared], rest.w[shared]
    share = a * b / (a + b)
    share = share / share.sum()
    of_own, of_rest = (float(share @ (side.v[shared] / side.w[shared])) for side in (own, rest))
    variance = sum(_variance(side, shared, share) for side in (own, rest))
    gap, half = of_own - of_rest, Z95 * variance**0.5
    clustered = plan.data.cluster is not None
    tells, fewest = min(
        (standardised_size(share, kish_size(*sums)), int(sums[2].sum()))
        for sums in ((side.w[shared], side.w2[shared], side.n[shared]) for side in (own, rest))
    )
    status, few = enough(fewest, tells, "people at scores of both sides", floor)
    notes = [few] if few else []
    off = 1 - float(a.sum()) / float(own.w.sum())
    if off > 1e-9:
        notes.append(f"{off:.1%} of the group have scores of nobody of the rest")
    assert evidence.needs is not None  # noqa: S101
    if not evidence.needs.levels:
        notes.append(MEANS_OF_BANDS)
    if clustered:
        notes.append(CLUSTERED)
    elif not half > 0:
        notes.append(NO_SPREAD)
    known = half > 0 and not clustered
    ends = (number(gap - half), number(gap + half)) if known else (None, None)
    return NeedDepth(
        AT_SCORE, *name, REST, n, number(of_own), None, None, rest_n, number(of_rest), number(gap),
        *ends, status, "; ".join(notes),
    )  # fmt: skip


def _variance(side: Side, shared: "NDArray[np.bool_]", share: "Floats") -> float:
    """Variance of a standardised mean, from one spread of need within all bands of a side."""
    import numpy as np

    w, v, v2 = side.w[shared], side.v[shared], side.v2[shared]
    within = np.maximum(v2 - v**2 / w, 0.0)
    freedom = max(float(side.n[shared].sum()) - int(shared.sum()), 1.0)
    grown = float(side.n[shared].sum()) / freedom
    spread = float(within.sum() / w.sum()) * grown
    return float((share**2 * side.w2[shared] / w**2).sum() * spread)
