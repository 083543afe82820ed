"""Who is selected at equal need: each group against its rest within bands of need, and pooled.

A policy can hold a limit against it. The bounds are those of every verdict: one-sided, from Clopper
and Pearson's limits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import outcome_cells
from auditkit.evidence.gather import Evidence
from auditkit.evidence.needs import COARSE
from auditkit.inference.design import FEWEST_CLUSTERS
from auditkit.inference.gates import all_clear_level
from auditkit.inference.intervals import Bounds, clopper_pearson, mover_difference
from auditkit.inference.standardised import Bands, StandardisedGap, StandardisedGaps
from auditkit.measure import OTHER_TASK, number, tallied
from auditkit.metrics.registry import metrics
from auditkit.metrics.standardised import AT_EQUAL_NEED
from auditkit.need.totals import NeedTotals
from auditkit.plan import AuditPlan
from auditkit.policy.schema import Policy
from auditkit.results import EqualNeed, Status, StratifiedDisparity
from auditkit.stratified import Comparison, among, comparisons

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BANDS, DOUBLED = "bands", "doubled"
WITHIN, NOT_SHOWN = "within", "not shown"
OF_SELECTION = ("selection_rate", "true_positive_rate", "false_negative_rate")
"""Metrics whose difference is that of who is selected among people with the same recorded need."""
ALPHA = all_clear_level(0.05)
NO_NEED = "need has no column of its own (data.need), so nobody is compared at equal need"
NEED_IS_OUTCOME = "the recorded outcome is need: who of it is selected is held by other checks"
NOBODY = "nobody of any group has a recorded need, so nobody is compared at equal need"
TOGETHER = "people were drawn in clusters: the interval allows for bands that move together"


def selection_limit(policy: Policy) -> float | None:
    """Find the limit on selection at equal need, else the tightest on who is selected at all."""
    own = [check.limit for check in policy.checks if check.metric == AT_EQUAL_NEED]
    found = [
        check.limit
        for check in policy.checks
        if check.statistic == "difference" and check.metric in OF_SELECTION
    ]
    return min(own or found, default=None)


def equal_need(
    plan: AuditPlan,
    evidence: Evidence,
    totals: NeedTotals | None,
    floor: int,
    limit: float | None,
) -> tuple[EqualNeed, ...]:
    """Compare who is selected within bands of need; nothing where need has no column of its own.

    The pooled difference is Mantel and Haenszel's (1959), its interval MOVER's, as at equal values
    of a control. Attributes are compared, their crossings are not.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    totals : NeedTotals or None
        Sums of need, where it is a number.
    floor : int
        Smallest denominator that is worth a conclusion.
    limit : float or None
        What the policy allows between a group and its rest.
    """
    bands, counts = evidence.needs, evidence.counts
    if bands is None or counts.needs is None:
        return ()
    leftover = _leftovers(plan, evidence, totals)
    kinds = [(BANDS, bands.coarse, bands.pairs)]
    if len(bands.coarse) < len(bands.names):
        kinds.append((DOUBLED, bands.names, tuple(range(len(bands.names)))))
    rows: list[EqualNeed] = []
    for banding, names, places in kinds:
        for comparison in _compared(plan, evidence, floor, places):
            named = (comparison.attribute, comparison.group)
            described = AtEqualNeed(comparison, banding, names, limit, leftover.get(named))
            rows += described.rows()
    return tuple(rows)


def gaps_at_equal_need(plan: AuditPlan, evidence: Evidence, floor: int) -> StandardisedGaps:
    """Compare who is selected within bands of need, for a limit to be held against.

    Bands in which both sides have ``floor`` people are required to be within by themselves.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    bands = evidence.needs
    if plan.data.amounts:
        return StandardisedGaps(lacking=OTHER_TASK["regression"])
    if plan.data.need is not None and plan.data.need_apart is None:
        return StandardisedGaps(lacking=NEED_IS_OUTCOME, other=True)
    if bands is None or evidence.counts.needs is None:
        return StandardisedGaps(lacking=NO_NEED)
    found = tuple(
        AtEqualNeed(comparison, BANDS, bands.coarse, None, None).gap()
        for comparison in _compared(plan, evidence, floor, bands.pairs)
    )
    return StandardisedGaps(found, NOBODY)


def _compared(
    plan: AuditPlan, evidence: Evidence, floor: int, places: Sequence[int]
) -> Iterator[Comparison]:
    """Set each group against its rest in each band; ``places`` is that of each fine band."""
    counts = evidence.counts
    assert counts.needs is not None  # noqa: S101
    tables = [
        among(counts, evidence.groups, _held(counts.needs, places, k), crossed=1)
        for k in range(max(places) + 1)
    ]
    rate = metrics()["selection_rate"]
    everybody = tallied(evidence.groups, rate)
    for comparison in comparisons(
        counts.attributes,
        among(counts, evidence.groups, counts.needs >= 0, crossed=1),
        tables,
        rate,
        floor,
        what="need",
        together=plan.data.cluster is not None,
    ):
        place = evidence.groups.names.index((comparison.attribute, comparison.group))
        yield comparison.drawn_as(everybody.own.take(place), everybody.rest.take(place))


def _held(needs: "NDArray[np.int64]", places: Sequence[int], k: int) -> "NDArray[np.bool_]":
    import numpy as np

    return np.isin(needs, [fine for fine, coarse in enumerate(places) if coarse == k])


@dataclass(frozen=True)
class AtEqualNeed:
    """A group and its rest at equal need, about to be told."""

    comparison: Comparison
    banding: str
    names: tuple[str, ...]
    limit: float | None
    leftover: float | None

    def rows(self) -> Iterator[EqualNeed]:
        """State the gap in each band, and pooled."""
        *levels, total = self.comparison.rows(self.names)
        gates = [_gate(self.comparison, k, ALPHA) for k in range(len(levels))]
        enough = [k for k, row in enumerate(levels) if row.status is Status.OK]
        shown = [self._shown(gate, [True]) if k in enough else "" for k, gate in enumerate(gates)]
        for row, gate, told in zip(levels, gates, shown, strict=True):
            status, note = row.status, row.note
            if row.estimate is None and status is not Status.UNDEFINED:
                status, note = Status.UNDEFINED, "nobody of the rest has this need"
            yield self._row(row, gate, told, note, status)
        yield self._pooled(total, enough, [shown[k] == WITHIN for k in enough])

    def gap(self) -> StandardisedGap:
        """State the pooled gap with the bands that a limit is held against."""
        *levels, total = self.rows()
        enough = [k for k, row in enumerate(levels) if row.status is Status.OK]
        some = self._shared() and total.status is not Status.UNDEFINED
        return StandardisedGap(
            total.attribute,
            total.group,
            total.n,
            total.estimate,
            (total.lower, total.upper),
            self._bands(enough) if some else None,
            total.status,
            total.note,
        )

    def _bands(self, enough: list[int]) -> Bands:
        """Bound the bands that both sides are in; those of enough people are required."""
        import numpy as np

        comparison, shared = self.comparison, self._shared()

        def bounded(alpha: float) -> Bounds:
            ends = np.array([_gate(comparison, k, alpha) for k in shared])
            return Bounds(ends[:, 0], ends[:, 1])

        return Bands(
            np.array([comparison.gap(k) for k in shared]),
            comparison.weight(shared),
            bounded,
            np.isin(shared, enough),
            comparison.together,
        )

    def _shared(self) -> list[int]:
        """Place the bands that the group and its rest are both in."""
        return [k for k, (n1, n2) in enumerate(self.comparison.sizes) if n1 > 0 and n2 > 0]

    def _shown(self, gate: tuple[float, float], bands: Sequence[bool]) -> str:
        """Say whether bounds, and every band of enough people, are within the limit."""
        if self.limit is None:
            return ""
        inside = -self.limit <= gate[0] and gate[1] <= self.limit
        return WITHIN if inside and bands and all(bands) else NOT_SHOWN

    def _pooled(
        self,
        total: StratifiedDisparity,
        enough: list[int],
        within: Sequence[bool],
    ) -> EqualNeed:
        import numpy as np

        c = self.comparison
        if total.status is Status.UNDEFINED or not self._shared():
            return self._row(total, (np.nan, np.nan), "", total.note)
        pair = self._bands(enough).whole(ALPHA)
        status = total.status
        note = [total.note] if total.note else []
        if not enough and status is Status.OK:
            status = Status.INSUFFICIENT
            note.append(f"no band of need has {c.floor} people of the group and of the rest")
        clusters = min(float(side.df[0]) for side in c.raw[:2]) + 1
        if clusters < FEWEST_CLUSTERS and status is Status.OK:
            status = Status.INSUFFICIENT
            note.append(f"people of {clusters:.0f} clusters, at least {FEWEST_CLUSTERS} wanted")
        if len(self.names) == 1:
            note.append("everybody has the same recorded need, so this is the raw gap")
        elif self.banding == BANDS and len(self.names) < COARSE:
            note.append(f"need has {len(self.names)} levels: each is a band")
        if c.together:
            note.append(TOGETHER)
        told = self._shown(pair, within) if status is Status.OK else ""
        return self._row(
            total, pair, told, "; ".join(note), status, self._support(), self._homogeneity(enough)
        )

    def _support(self) -> tuple[float | None, float | None]:
        """Return the share of the group, and of the rest, in bands without the other."""
        sizes = self.comparison.sizes
        out = []
        for k in (0, 1):
            whole = sum(n[k] for n in sizes)
            alone = sum(n[k] for n in sizes if not n[1 - k] > 0)
            out.append(alone / whole if whole > 0 else None)
        return out[0], out[1]

    def _homogeneity(self, enough: list[int]) -> tuple[float, int, float] | None:
        """Test equal gaps on the scale of differences (Cochran, 1954), in bands of enough people.

        Weights are inverse variances of rates with half a person added to either count, so that no
        band is taken for certain. Nothing where bands are not independent.
        """
        import numpy as np
        from scipy.stats import chi2

        if len(enough) < 2 or self.comparison.together:
            return None
        gaps, variances = [], []
        for own, rest, _ in (self.comparison.within[k] for k in enough):
            gaps.append(float(own.rate[0] - rest.rate[0]))
            variances.append(sum(_variance(s.rate[0], s.effective[0]) for s in (own, rest)))
        d, w = np.array(gaps), 1 / np.array(variances)
        q = float(w @ (d - w @ d / w.sum()) ** 2)
        return q, len(enough) - 1, float(chi2.sf(q, len(enough) - 1))

    def _row(
        self,
        row: StratifiedDisparity,
        gate: tuple[float, float],
        shown: str,
        note: str,
        status: Status | None = None,
        support: tuple[float | None, float | None] = (None, None),
        homogeneity: tuple[float, int, float] | None = None,
    ) -> EqualNeed:
        pooled = support != (None, None)
        left = self.leftover if pooled else None

        def without(value: float | None) -> float | None:
            return None if left is None or value is None else value - left

        q, df, p = homogeneity or (None, None, None)
        return EqualNeed(
            attribute=row.attribute,
            group=row.group,
            banding=self.banding,
            band=row.stratum,
            against=row.against,
            estimate=row.estimate,
            lower=row.lower,
            upper=row.upper,
            n=row.n,
            rest_n=row.rest_n,
            rate=row.rate,
            rest_rate=row.rest_rate,
            between=row.between,
            off_support=support[0],
            rest_off_support=support[1],
            gate_lower=number(gate[0]),
            gate_upper=number(gate[1]),
            limit=self.limit,
            shown=shown,
            homogeneity=q,
            homogeneity_df=df,
            homogeneity_p=p,
            unreliability=left,
            corrected=without(row.estimate),
            corrected_lower=without(row.lower),
            corrected_upper=without(row.upper),
            status=status or row.status,
            note=note,
        )


def _variance(rate: float, n: float) -> float:
    p = (rate * n + 0.5) / (n + 1)
    return float(p * (1 - p) / n)


def _gate(comparison: Comparison, k: int, alpha: float) -> tuple[float, float]:
    """Bound the gap in a band on either side, as for a verdict; NaN over nobody."""
    own, rest, rho = comparison.within[k]
    limits = [clopper_pearson(*side.at(alpha), alpha) for side in (own, rest)]
    found = mover_difference(own.rate, limits[0], rest.rate, limits[1], rho)
    return float(found.lower[0]), float(found.upper[0])


def unreliability_gap(reliability: float, slope: float, difference: float) -> float:
    """Gap at equal recorded need that error of measurement alone leaves (regression dilution).

    True need is normal in each group with its own mean, recorded need is true need and independent
    error, and the chance to be selected rises with true need along one line, whatever the group.
    Then people at equal recorded need differ in true need by ``(1 - reliability)`` of the
    difference in mean need (Kelley, 1927), and are selected accordingly.

    Parameters
    ----------
    reliability : float
        Share of the spread of recorded need within groups that is of true need.
    slope : float
        Rise of the chance to be selected with one unit of true need.
    difference : float
        Mean need of the group minus that of its rest.

    Examples
    --------
    >>> round(unreliability_gap(0.7, 0.36, 1.0), 4)  # groups one standard deviation apart
    0.108
    """
    return (1 - reliability) * slope * difference


def _leftovers(
    plan: AuditPlan, evidence: Evidence, totals: NeedTotals | None
) -> dict[tuple[str, str], float]:
    """Find the gap of each group that the declared reliability of need would leave.

    The slope on true need is that on recorded need within group and rest, over the reliability.
    """
    reliability = plan.data.need_reliability
    if reliability is None or totals is None or evidence.counts.needs is None:
        return {}
    cells, known = outcome_cells(), evidence.counts.needs >= 0
    everybody = totals.parts(cells.decided, known)
    selected = totals.parts(cells.selected, known)
    out = {}
    for i, name in enumerate(evidence.groups.names):
        sides = [(everybody[k][i], selected[k][i]) for k in (0, 1)]
        spread = sum(a.v2 - a.w * a.mean**2 for a, _ in sides if a.w > 0)
        together = sum(s.v - s.w * a.mean for a, s in sides if a.w > 0)
        if all(a.w > 0 for a, _ in sides) and spread > 0:
            difference = sides[0][0].mean - sides[1][0].mean
            out[name] = unreliability_gap(reliability, together / spread / reliability, difference)
    return out
