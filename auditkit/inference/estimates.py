"""Metrics of scores of one group, or of several put together: value, interval, cost of binning.

Weighted means are linearised; an AUC counts as many people of either outcome as their weights are
worth (Kish, 1965). Strata are left out of intervals, which makes them wider as a rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.inference.design import enough, kish_size
from auditkit.inference.scores import auc_interval, mean_interval, mean_variance
from auditkit.metrics.distribution import ROUNDING
from auditkit.metrics.histogram import Histogram
from auditkit.metrics.registry import Metric
from auditkit.results import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

KNOWN = slice(0, 2)
"""Rows of a histogram whose outcome is recorded: negative, positive."""


@dataclass(frozen=True)
class Estimate:
    """A metric of scores on one group, or on its rest.

    Attributes
    ----------
    value : float
        NaN where there is none.
    lower, upper : float
        95 % interval of exact scores; NaN where there is none.
    error : float
        What counting in bins can have moved ``value`` by, at most.
    people : int
        People counted.
    smallest : int
        People in the denominator that the floor reads: of the rarer outcome for pairs.
    effective : float
        How many people drawn alone the smallest tell as much as.
    among : str
        Who the smallest are.
    reason : str
        Why there is no value, or no interval.
    """

    value: float
    lower: float
    upper: float
    error: float
    people: int
    smallest: int
    effective: float
    among: str
    reason: str = ""

    def worth(self, floor: int, of: str = "") -> tuple[Status, str]:
        """Say what the value is worth, and why if it is not ``ok``."""
        from math import isnan

        among = f"{self.among}{of}"
        if not self.people:
            return Status.UNDEFINED, f"no {among} to count"
        if isnan(self.value):
            return Status.UNDEFINED, self.reason
        status, note = enough(self.smallest, self.effective, among, floor)
        if status is Status.OK and self.reason:
            return Status.INSUFFICIENT, self.reason
        return status, note


@dataclass(frozen=True)
class Mean:
    """Sums that the mean of a value of each person, and its variance, are made of.

    Squares are summed about the mean: about 0, a spread that is small beside the values would be
    lost.

    Attributes
    ----------
    people, outcomes : int
        How many people, and how many of the two outcomes they have.
    total, mean : float
        Sum of weights, and the weighted mean; 0 where nobody has a weight.
    square : ndarray, shape (3,)
        Squared weights times the 0th, 1st and 2nd power of the distance from the mean, summed.
    largest : float
        The largest size of a value.
    error : float
        Weights times what binning can cost each person, summed.
    needs_outcome : bool
    """

    people: int
    outcomes: int
    total: float
    mean: float
    square: "Floats"
    largest: float
    error: float
    needs_outcome: bool

    @classmethod
    def of(cls, metric: Metric, histogram: Histogram) -> "Mean":
        """Sum over a histogram: everybody's, or those with a recorded outcome if one is needed."""
        import numpy as np

        assert metric.mean is not None  # noqa: S101
        labelled = "actual" in metric.needs
        rows = KNOWN if labelled else slice(None)
        beside = {"actual": np.array([[0.0], [1.0]])} if labelled else {}
        people, weight, square = (
            table[rows] for table in (histogram.people, histogram.weight, histogram.square)
        )

        def at(score: "Floats") -> "Floats":
            assert metric.mean is not None  # noqa: S101
            return np.broadcast_to(metric.mean(score=score[None], **beside), people.shape)

        value = at(histogram.middle)
        furthest = np.maximum(
            np.abs(at(histogram.left) - value), np.abs(at(histogram.right) - value)
        )
        total = float(weight.sum())
        mean = float((weight * value).sum()) / total if total > 0 else 0.0
        powers = np.stack([np.ones_like(value), value - mean, (value - mean) ** 2])
        return cls(
            int(people.sum()),
            int((people.sum(axis=1) > 0).sum()),
            total,
            mean,
            (square * powers).sum(axis=(1, 2)),
            float(np.abs(value[people > 0]).max(initial=0.0)),
            float((weight * furthest).sum()),
            labelled,
        )

    @classmethod
    def pooled(cls, parts: "Sequence[Mean]") -> "Mean":
        """Put groups together. Outcomes are of either kind if they are in any part."""
        import numpy as np

        total = sum(part.total for part in parts)
        mean = sum(part.total * part.mean for part in parts) / total if total > 0 else 0.0
        square = np.zeros(3)
        for part in parts:  # moved from the mean of the part to that of all
            off, (s0, s1, s2) = part.mean - mean, part.square
            square += [s0, s1 + off * s0, s2 + 2 * off * s1 + off**2 * s0]
        return cls(
            sum(part.people for part in parts),
            max((part.outcomes for part in parts), default=0),
            total,
            mean,
            square,
            max((part.largest for part in parts), default=0.0),
            sum(part.error for part in parts),
            parts[0].needs_outcome if parts else False,
        )

    def estimate(self) -> Estimate:
        """Estimate the mean, and its variance by linearisation (Woodruff, 1971)."""
        among = "people with a score" + (" and a recorded outcome" if self.needs_outcome else "")
        nan, total, mean = float("nan"), self.total, self.mean
        if not total > 0:
            reason = f"the weights of all {self.people} {among} are 0"
            return Estimate(nan, nan, nan, 0.0, self.people, self.people, 0.0, among, reason)
        n, spread = self.people, max(float(self.square[2]), 0.0)
        variance = mean_variance(spread, total, n)
        bounds = mean_interval(mean, variance, n)
        reason = ""
        if n < 2:
            reason = "one person shows no spread, so no interval"
        elif spread <= float(self.square[0]) * (ROUNDING * self.largest) ** 2:
            reason = "all values are the same and show no spread, so no interval"
        elif self.needs_outcome and self.outcomes < 2:
            reason = "only one outcome was recorded, so its spread is not known: no interval"
        lower, upper = (nan, nan) if reason else (float(bounds.lower), float(bounds.upper))
        effective = float(kish_size(total, self.square[0], n))
        return Estimate(mean, lower, upper, self.error / total, n, n, effective, among, reason)


@dataclass(frozen=True)
class Pairs:
    """An AUC, and the weight of the pairs it is of: those of one group, or of several."""

    estimate: Estimate
    pairs: float
    classes: "NDArray[np.int64]"
    effective: "Floats"

    @classmethod
    def of(cls, metric: Metric, histograms: Sequence[Histogram]) -> "list[Pairs]":
        """Rank the pairs within each histogram; the intervals of all are found together.

        Within a bin the order is not known. Ties count one half there, which is wrong by at most
        one half of the pairs in it.
        """
        import numpy as np

        assert metric.concordance is not None  # noqa: S101
        found = []
        for histogram in histograms:
            people = histogram.people[KNOWN].sum(axis=1)
            weight, square = (t[KNOWN].sum(axis=1) for t in (histogram.weight, histogram.square))
            effective = kish_size(weight, square, people)
            pairs = float(weight.prod())
            auc, error = float("nan"), 0.0
            if pairs > 0:
                negative, positive = histogram.weight[KNOWN]
                auc = metric.concordance(positive, negative)
                error = float((positive * negative)[histogram.wide].sum() / 2 / pairs)
            found.append((auc, error, pairs, people, effective))
        sizes = np.array([effective for *_, effective in found]).reshape(-1, 2).T
        bounds = auc_interval([auc for auc, *_ in found], sizes[1], sizes[0])
        return [
            cls(_of_pairs(auc, low, high, error, people, effective), pairs, people, effective)
            for (auc, error, pairs, people, effective), low, high in zip(
                found, bounds.lower.tolist(), bounds.upper.tolist(), strict=True
            )
        ]

    @classmethod
    def pooled(cls, parts: "Sequence[Pairs]") -> "Pairs":
        """Average the AUC within groups over their pairs; groups without a pair have no part.

        The interval is MOVER for a weighted sum of independent estimates (Zou and Donner, 2008).
        """
        import numpy as np

        ranked = [part for part in parts if part.pairs > 0]
        classes = np.zeros(2, dtype=np.int64)
        for part in ranked or parts:
            classes = classes + part.classes
        if not ranked:
            nan = float("nan")
            empty = _of_pairs(nan, nan, nan, 0.0, classes, np.zeros(2))
            return cls(empty, 0.0, classes, np.zeros(2))
        effective = np.sum([part.effective for part in ranked], axis=0)
        pairs = np.array([part.pairs for part in ranked])
        share = pairs / pairs.sum()
        rows = [(e.value, e.lower, e.upper, e.error) for e in (part.estimate for part in ranked)]
        value, lower, upper, error = np.array(rows).T
        auc = float(share @ value)
        low = auc - float(np.linalg.norm(share * (value - lower)))
        high = auc + float(np.linalg.norm(share * (upper - value)))
        told = _of_pairs(auc, low, high, float(share @ error), classes, effective)
        return cls(told, float(pairs.sum()), classes, effective)


def _of_pairs(
    auc: float,
    lower: float,
    upper: float,
    error: float,
    people: "NDArray[np.int64]",
    effective: "Floats",
) -> Estimate:
    """Make the estimate of an AUC; its floor reads the rarer outcome."""
    from math import isnan

    rarer = int(effective.argmin()) if effective.any() else int(people.argmin())
    among = "people with a score and the rarer outcome"
    reason = "nobody has the other outcome, so there is no pair to rank"
    if people.all():
        reason = "the weights of one outcome are all 0, so there is no pair to rank"
    return Estimate(
        auc, lower, upper, error, int(people.sum()), int(people[rarer]), float(effective[rarer]),
        among, reason if isnan(auc) else "",
    )  # fmt: skip


Part = Mean | Pairs
"""What a metric of scores is made of on one group, ready to be put together with other groups."""


def parts_of(metric: Metric, histograms: Sequence[Histogram]) -> Sequence[Part]:
    """Look at the histograms of groups as a metric does."""
    if metric.mean:
        return [Mean.of(metric, histogram) for histogram in histograms]
    return Pairs.of(metric, histograms)


def estimate_of(part: Part) -> Estimate:
    """Return the value of a group, and how sure it is."""
    return part.estimate() if isinstance(part, Mean) else part.estimate


def pooled(metric: Metric, parts: Sequence[Part]) -> Estimate:
    """Put groups together as a metric does: their people, or the pairs within each."""
    if metric.mean:
        return Mean.pooled([part for part in parts if isinstance(part, Mean)]).estimate()
    return Pairs.pooled([part for part in parts if isinstance(part, Pairs)]).estimate
