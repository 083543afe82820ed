"""Whether a score means the same for everyone: what was recorded of people at like scores.

The bands of scores are the same for all groups. The residual, the recorded rate less the mean
score, is held group against rest within each band, and put together over the bands: groups that
merely have more people at high scores then show no gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from auditkit.disparity import ONE_GROUP
from auditkit.evidence.counts import GroupTable
from auditkit.evidence.gather import Evidence
from auditkit.evidence.scores import ScoreCounts
from auditkit.inference.design import enough, kish_size
from auditkit.inference.gates import gap_bounds
from auditkit.inference.intervals import Bounds, difference, pooled, wilson
from auditkit.inference.standardised import Bands, StandardisedGap, StandardisedGaps
from auditkit.measure import NO_LABEL, OTHER_TASK, number
from auditkit.metrics.histogram import Histogram
from auditkit.metrics.thresholds import fewest_digits
from auditkit.results import ALL, CROSS, NOT_RECORDED, POOLED, Brier, Calibration, Status
from auditkit.scores.measured import UNDER_CLUSTERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditkit.plan import AuditPlan

    Floats = NDArray[np.float64]

BANDS = 10
"""Bands of about as many people each; twice as many are looked at too."""
NO, YES = 0, 1
NO_SCORE = "no score, so what scores mean is not measured (data.score)"
NO_PROBABILITY = "scores are no probabilities (data.score_range), so no outcome can bear them out"
NOBODY = "nobody has both a score and a recorded outcome"
EVERYBODY = "everybody, so nobody to compare with"


def calibrations(
    plan: "AuditPlan", evidence: Evidence, floor: int
) -> tuple[tuple[Calibration, ...], tuple[Brier, ...]]:
    """Compare residuals at like scores, and take the Brier score of each group apart.

    Nothing where there is no score, no recorded outcome, or scores are no probabilities.

    The interval of a band's gap is Newcombe's (1998) for the recorded rates, the scores being
    given; that of the standardised gap is MOVER for a weighted sum (Zou, Huang and Zhang, 2009),
    with the weights of Mantel and Haenszel. Both are widened by what counting in bins can cost.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest number of people that is worth a conclusion.
    """
    if evidence.scores is None or _lacking(plan, evidence):
        return (), ()
    told = _told(plan, evidence.scores, evidence.groups, floor)
    return tuple(told.rows()), tuple(told.decompositions(evidence.scores.histograms))


def gaps_at_like_scores(plan: "AuditPlan", evidence: Evidence, floor: int) -> StandardisedGaps:
    """Compare residuals at like scores, for a limit to be held against.

    The bounds of a band are made from Clopper and Pearson's limits of the recorded rates, the
    scores being given. Only the whole is held against the limit, no band by itself.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest number of people that is worth a conclusion.
    """
    lacking = _lacking(plan, evidence)
    if evidence.scores is None or lacking:
        return StandardisedGaps(lacking=lacking, other=evidence.scores is None)
    told = _told(plan, evidence.scores, evidence.groups, floor)
    return StandardisedGaps(tuple(told.gaps()))


def _lacking(plan: "AuditPlan", evidence: Evidence) -> str:
    """Say what calibration needs and the data do not record; empty if they do."""
    scores = evidence.scores
    if plan.data.amounts:
        return OTHER_TASK["regression"]
    if scores is None:
        return NO_SCORE
    if not evidence.labelled:
        return NO_LABEL
    if (scores.rule.low, scores.rule.high) != (0, 1):
        return NO_PROBABILITY
    return "" if scores.histograms[0].weight[:2].any() else NOBODY


def _told(plan: "AuditPlan", scores: ScoreCounts, groups: GroupTable, floor: int) -> "Told":
    tens, twenties = (_banded(scores.histograms, bands) for bands in (BANDS, 2 * BANDS))
    return Told(groups, tens, twenties, floor, plan.data.cluster is not None)


@dataclass(frozen=True)
class Banded:
    """Sums over people with a score and a recorded outcome, by group and band.

    Attributes
    ----------
    low, high : ndarray of float, shape (B,)
        Between which the scores of a band lie.
    people : ndarray of int, shape (G, B)
    positive, weight, square, score, error : ndarray of float, shape (G, B)
        Weights of people with the positive outcome, of all, their squares, weights times scores,
        and times what counting in bins can have moved a score by.
    """

    low: "Floats"
    high: "Floats"
    people: "NDArray[np.int64]"
    positive: "Floats"
    weight: "Floats"
    square: "Floats"
    score: "Floats"
    error: "Floats"

    def of(self, places: list[int]) -> "Cells":
        """Put groups together, one row of bands."""
        return Cells(
            *(
                getattr(self, name)[places].sum(axis=0)
                for name in ("people", "positive", "weight", "square", "score", "error")
            )
        )


@dataclass(frozen=True)
class Cells:
    """The sums of one group, or of a rest, in each of B bands."""

    people: "NDArray[np.int64]"
    positive: "Floats"
    weight: "Floats"
    square: "Floats"
    score: "Floats"
    error: "Floats"

    @cached_property
    def size(self) -> "Floats":
        """How many people drawn alone tell as much (Kish, 1965), shape (B,)."""
        return kish_size(self.weight, self.square, self.people)

    @cached_property
    def rate(self) -> "Floats":
        """Share with the positive recorded outcome, shape (B,); NaN where nobody is."""
        return self._mean(self.positive)

    @cached_property
    def mean_score(self) -> "Floats":
        """Mean score, shape (B,)."""
        return self._mean(self.score)

    @cached_property
    def residual(self) -> "Floats":
        """Recorded rate less mean score, shape (B,)."""
        return self._mean(self.positive - self.score)

    @cached_property
    def unsure(self) -> "Floats":
        """What counting in bins can have moved the mean score by, shape (B,)."""
        import numpy as np

        return np.nan_to_num(self._mean(self.error))

    @cached_property
    def interval(self) -> Bounds:
        """Wilson's 95 % interval of the rate."""
        return wilson(*self.counted())

    def _mean(self, sums: "Floats") -> "Floats":
        """Divide sums by the weight of each band; NaN where nobody is."""
        import numpy as np

        found: Floats = np.divide(
            sums, self.weight, out=np.full(len(sums), np.nan), where=self.weight > 0
        )
        return found

    def counted(self) -> "tuple[Floats, Floats]":
        """Return counts and sizes as a plain sample would have them."""
        import numpy as np

        return np.nan_to_num(self.rate) * self.size, self.size

    def within(self, bands: "NDArray[np.bool_]") -> "Cells":
        """Put some bands into one."""
        return Cells(
            *(getattr(self, name)[bands].sum(keepdims=True) for name in self.__annotations__)
        )

    def whole(self) -> "Cells":
        """Put all bands into one."""
        return Cells(*(getattr(self, name).sum(keepdims=True) for name in self.__annotations__))


def _banded(histograms: tuple[Histogram, ...], bands: int) -> Banded:
    """Cut the scores of everybody into bands of about as many people, and sum every group."""
    import numpy as np

    everybody = histograms[0]
    share = everybody.weight[:2].sum(axis=0).cumsum()
    ends = np.unique(np.searchsorted(share, share[-1] * np.arange(1, bands + 1) / bands))
    ends = np.minimum(ends, len(share) - 1)
    last = np.unique(everybody.left[ends])
    first = everybody.left[np.r_[0, np.searchsorted(everybody.left, last[:-1]) + 1]]
    sums = np.stack([_sums(histogram, last) for histogram in histograms])
    low, high = _around(first, everybody.right[ends[: len(last)]])
    return Banded(low, high, sums[:, 0].astype(np.int64), *(sums[:, k] for k in range(1, 6)))


def _around(first: "Floats", last: "Floats") -> "tuple[Floats, Floats]":
    """Find ends of few digits around bands: their first and last scores may be of one person."""
    import numpy as np

    before, after = np.r_[-np.inf, last[:-1]], np.r_[first[1:], np.inf]
    low = [a if b >= a else 0.0 - fewest_digits(-a, -b) for a, b in zip(first, before, strict=True)]
    high = [a if b <= a else fewest_digits(a, b) for a, b in zip(last, after, strict=True)]
    return np.array(low), np.array(high)


def _sums(histogram: Histogram, last: "Floats") -> "Floats":
    """Sum one group over bands that end with the values ``last``, shape (6, B)."""
    import numpy as np

    band = np.searchsorted(last, histogram.left)
    weight = histogram.weight[:2].sum(axis=0)
    each = (
        histogram.people[:2].sum(axis=0),
        histogram.weight[YES],
        weight,
        histogram.square[:2].sum(axis=0),
        weight * histogram.middle,
        weight * (histogram.right - histogram.left) / 2,
    )
    return np.stack([np.bincount(band, one, minlength=len(last))[: len(last)] for one in each])


@dataclass(frozen=True)
class Told:
    """Bands of every group, about to be told."""

    groups: GroupTable
    tens: Banded
    twenties: Banded
    floor: int
    clustered: bool

    def rows(self) -> Iterator[Calibration]:
        """State everybody and every group band by band, and standardised; no crossings."""
        for place, (attribute, group) in enumerate(self.groups.names):
            if CROSS in attribute:
                continue
            recorded = self.groups.of(attribute)
            others = [k for k in recorded if k != place]
            alone = len(recorded) < 2 and group != NOT_RECORDED
            yield from self._group(attribute, group, place, [] if alone else others)

    def gaps(self) -> Iterator[StandardisedGap]:
        """State the standardised gap of every group with the bands it is put together from."""
        for row in self.rows():
            if row.band == POOLED and row.attribute != ALL:
                place = self.groups.names.index((row.attribute, row.group))
                others = [k for k in self.groups.of(row.attribute) if k != place]
                yield StandardisedGap(
                    row.attribute,
                    row.group,
                    row.n,
                    row.gap,
                    (row.gap_lower, row.gap_upper),
                    None if row.gap is None or self.clustered else self._bands(place, others),
                    row.status,
                    row.note,
                )

    def _bands(self, place: int, others: list[int]) -> Bands:
        import numpy as np

        own, rest = self.tens.of([place]), self.tens.of(others)
        both = (own.size > 0) & (rest.size > 0)
        scores = (own.mean_score - rest.mean_score)[both]
        (x, n), (rest_x, rest_n) = own.counted(), rest.counted()

        def bounded(alpha: float) -> Bounds:
            bounds = gap_bounds(x[both], n[both], rest_x[both], rest_n[both], alpha)
            return Bounds(bounds.lower - scores, bounds.upper - scores)

        return Bands(
            (own.residual - rest.residual)[both],
            _mantel_haenszel(own, rest, both),
            bounded,
            np.zeros(int(both.sum()), dtype=bool),
            slack=float((own.unsure + rest.unsure)[both].max()),
        )

    def _group(
        self, attribute: str, group: str, place: int, others: list[int]
    ) -> Iterator[Calibration]:
        import numpy as np

        own, rest = self.tens.of([place]), self.tens.of(others)
        gap, bounds = _gaps(own, rest)
        for b, (low, high) in enumerate(zip(self.tens.low, self.tens.high, strict=True)):
            status, note = self._worth(own, rest, b, attribute, bool(others))
            yield self._row(
                attribute, group, f"{b + 1}", (low, high), own, rest, b,
                (gap[b], bounds.lower[b], bounds.upper[b]), None, status, note,
            )  # fmt: skip
        standard, doubled = (
            _standardised(banded.of([place]), banded.of(others))
            for banded in (self.tens, self.twenties)
        )
        whole, of_rest = own.whole(), rest.whole()
        status, note = self._worth(whole, of_rest, 0, attribute, bool(others))
        both = (own.weight > 0) & (rest.weight > 0)
        if status is Status.OK and both.any() and not both.all():  # the gap is theirs alone
            shared, of_both = own.within(both), rest.within(both)
            status, note = self._worth(shared, of_both, 0, attribute, bool(others))
            note = f"in bands that both have: {note}" if note else ""
        off = float(own.weight[rest.weight == 0].sum() / max(own.weight.sum(), 1e-300))
        if status is not Status.UNDEFINED and others and off > 0:
            told = f"{off:.1%} of the group are in bands with nobody of the rest"
            note = "; ".join(part for part in (note, told) if part)
            status = Status.UNDEFINED if np.isnan(standard[0]) else status
        ends = (float(self.tens.low[0]), float(self.tens.high[-1]))
        yield self._row(
            attribute, group, POOLED, ends, whole, of_rest, 0, standard, doubled[0],
            status, note,
        )  # fmt: skip

    def _worth(
        self, own: Cells, rest: Cells, b: int, attribute: str, compared: bool
    ) -> tuple[Status, str]:
        if not own.weight[b] > 0:
            return Status.UNDEFINED, "nobody of the group has such a score and a recorded outcome"
        if not compared:
            return Status.NOT_APPLICABLE, EVERYBODY if attribute == ALL else ONE_GROUP
        if not rest.weight[b] > 0:
            return Status.UNDEFINED, "nobody of the rest has such a score and a recorded outcome"
        for side, among in ((own, "people"), (rest, "people of the rest")):
            status, note = enough(int(side.people[b]), float(side.size[b]), among, self.floor)
            if status is not Status.OK:
                return status, note
        return Status.OK, ""

    def _row(
        self,
        attribute: str,
        group: str,
        band: str,
        ends: tuple[float, float],
        own: Cells,
        rest: Cells,
        b: int,
        gap: tuple[float, float, float],
        doubled: float | None,
        status: Status,
        note: str,
    ) -> Calibration:
        unsure = float(own.unsure[b] + rest.unsure[b])
        if self.clustered and status in (Status.OK, Status.INSUFFICIENT):
            note = "; ".join(part for part in (note, UNDER_CLUSTERS) if part)
        known = not self.clustered
        return Calibration(
            attribute,
            group,
            band,
            float(ends[0]),
            float(ends[1]),
            int(own.people[b]),
            number(own.mean_score[b]),
            number(own.rate[b]),
            number(own.interval.lower[b]) if known else None,
            number(own.interval.upper[b]) if known else None,
            number(own.residual[b]),
            int(rest.people[b]),
            number(rest.residual[b]),
            number(gap[0]),
            number(gap[1] - unsure) if known else None,
            number(gap[2] + unsure) if known else None,
            None if doubled is None else number(doubled),
            status,
            note,
        )

    def decompositions(self, histograms: tuple[Histogram, ...]) -> Iterator[Brier]:
        """Take the Brier score of every group apart."""
        for place, (attribute, group) in enumerate(self.groups.names):
            yield _decomposed(
                attribute, group, self.tens.of([place]), histograms[place], self.floor
            )


def _gaps(own: Cells, rest: Cells) -> "tuple[Floats, Bounds]":
    """Residual of a group less that of its rest in each band, with the interval of the rates."""
    import numpy as np

    nobody = (own.size == 0) | (rest.size == 0)
    bounds = difference(*own.counted(), *rest.counted())
    scores = own.mean_score - rest.mean_score
    lower, upper = (
        np.where(nobody, np.nan, side - scores) for side in (bounds.lower, bounds.upper)
    )
    return own.residual - rest.residual, Bounds(lower, upper)


def _standardised(own: Cells, rest: Cells) -> tuple[float, float, float]:
    """Put the gaps of the bands together with fixed weights; NaN where no band has both."""
    import numpy as np

    gap, bounds = _gaps(own, rest)
    both = ~np.isnan(gap)
    if not both.any():
        return float("nan"), float("nan"), float("nan")
    weight = _mantel_haenszel(own, rest, both)
    estimate, found = pooled(gap[both], Bounds(bounds.lower[both], bounds.upper[both]), weight)
    return estimate, float(found.lower), float(found.upper)


def _mantel_haenszel(own: Cells, rest: Cells, both: "NDArray[np.bool_]") -> "Floats":
    """Weigh the bands that both sides are in."""
    product: Floats = (own.weight * rest.weight)[both] / (own.weight + rest.weight)[both]
    return product


def _decomposed(
    attribute: str, group: str, cells: Cells, histogram: Histogram, floor: int
) -> Brier:
    """Take a Brier score apart (Murphy, 1973), the parts corrected for their bias.

    The corrections are Ferro and Fricker's (2012): few people to a band make scores look both less
    reliable and better resolved than they are. What the bands do not carry stays ``within``.
    """
    import numpy as np

    n = int(cells.people.sum())
    total = float(cells.weight.sum())
    if not total > 0:
        return Brier(attribute, group, n, None, None, None, None, None, Status.UNDEFINED, NOBODY)
    size = float(cells.whole().size[0])
    status, note = enough(n, size, "people", floor)
    score = histogram.middle
    squares = histogram.weight[NO] * score**2 + histogram.weight[YES] * (1 - score) ** 2
    brier = float(squares.sum()) / total
    some = (cells.weight > 0) & (cells.size > 1)
    share = cells.weight / total
    rate, everyone = cells.rate, float(cells.positive.sum()) / total
    reliability = float(np.nansum(share * cells.residual**2))
    resolution = float(np.nansum(share * (rate - everyone) ** 2))
    uncertainty = everyone * (1 - everyone)
    in_bands = float((share[some] * rate[some] * (1 - rate[some]) / (cells.size[some] - 1)).sum())
    overall = uncertainty / (size - 1) if size > 1 else 0.0
    return Brier(
        attribute,
        group,
        n,
        brier,
        reliability - in_bands,
        resolution - in_bands + overall,
        uncertainty + overall,
        brier - (reliability - resolution + uncertainty),
        status,
        note,
    )
