"""Distributions of predicted amounts become measurements and disparities, in the label's units.

Means have Student's t, and Welch's for a difference; both are approximate where errors
are skewed and groups are small. Quantiles have distribution-free intervals from order statistics,
widened by the bins they fall in; their differences MOVER from those. Strata are left out of the
intervals, which makes them wider as a rule. Under clusters none are given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot, isnan, sqrt

from auditkit.disparity import ONE_GROUP, gap_to_rest, worse_off
from auditkit.evidence.counts import GroupTable
from auditkit.evidence.gather import Evidence
from auditkit.evidence.residuals import Residuals
from auditkit.inference.design import enough, kish_size
from auditkit.inference.scores import mean_interval, mean_variance
from auditkit.measure import number
from auditkit.metrics.distribution import ROUNDING, Distribution
from auditkit.metrics.registry import Metric, Summary, amount_metrics
from auditkit.plan import AuditPlan
from auditkit.results import ALL, NOT_RECORDED, REST, Disparity, Measurement, Status

UNDER_CLUSTERS = "intervals of amounts under clusters are not computed yet"
TRACE = 1e-6
"""A share of the standard deviation that nobody could see."""
AMONG = {
    "error": "people with a prediction and a recorded amount",
    "prediction": "people with a prediction",
    "recorded": "people with a prediction and a recorded amount",
}


def amounts_off(
    plan: AuditPlan, evidence: Evidence, floor: int
) -> tuple[tuple[Measurement, ...], tuple[Disparity, ...]]:
    """Measure and compare the errors of every group; nothing where no amount is predicted.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest number of people that is worth a conclusion.
    """
    if evidence.residuals is None:
        return (), ()
    told = Amounts(
        evidence.groups,
        evidence.residuals,
        floor,
        plan.data.cluster is not None,
        plan.data.outcome,
        f"in the units of '{plan.data.label}'",
    )
    return told.measurements(), told.disparities()


@dataclass(frozen=True)
class Estimate:
    """A summary of one distribution; NaN where there is none.

    Attributes
    ----------
    value, lower, upper : float
        With a 95 % interval; a bound is NaN where there is none.
    variance : float
        Of a mean, its estimated variance.
    error : float
        What counting in bins can have moved ``value`` by, at most.
    people : int
    effective : float
        How many people drawn alone tell as much (Kish, 1965).
    among : str
        Who they are.
    reason : str
        Why there is no value, or no interval.
    """

    value: float
    lower: float
    upper: float
    variance: float
    error: float
    people: int
    effective: float
    among: str
    reason: str = ""

    @classmethod
    def of(cls, spread: Distribution, summary: Summary, among: str, rounding: float) -> "Estimate":
        """Summarise a distribution, in which ``rounding`` can lie between two equal amounts."""
        people, total = int(spread.people.sum()), spread.total
        if not total > 0:
            reason = f"the weights of all {people} {among} are 0" if people else ""
            nan = float("nan")
            return cls(nan, nan, nan, nan, 0.0, people, 0.0, among, reason)
        effective = float(kish_size(total, spread.square.sum(), people))
        if summary.statistic == "mean":
            return _mean(spread, rounding, people, effective, among)
        if summary.statistic == "quantile":
            return _quantile(spread, summary.share, people, effective, among)
        return _root_mean_square(spread, people, effective, among)

    def worth(self, floor: int, of: str = "") -> tuple[Status, str]:
        """Say what the value is worth, and why if it is not ``ok``."""
        among = f"{self.among}{of}"
        if not self.people:
            return Status.UNDEFINED, f"no {among}"
        if isnan(self.value):
            return Status.UNDEFINED, self.reason
        return enough(self.people, self.effective, among, floor)


def _mean(
    spread: Distribution, rounding: float, people: int, effective: float, among: str
) -> Estimate:
    """Estimate a mean, with its variance linearised (Woodruff, 1971) and Student's t."""
    mean = spread.mean
    power = spread.squares_about(mean)[2]
    reason = ""
    if people < 2:
        reason = "one person shows no spread, so no interval"
    elif power <= spread.rounded(rounding):
        reason, power = "all values are the same and show no spread, so no interval", 0.0
    variance = mean_variance(power, spread.total, people)
    bounds = mean_interval(mean, variance, people)
    error = _told(spread.cut, variance * people)
    nan = float("nan")
    lower, upper = (
        (nan, nan) if reason else (float(bounds.lower) - error, float(bounds.upper) + error)
    )
    return Estimate(mean, lower, upper, variance, error, people, effective, among, reason)


def _told(cut: float, spread: float) -> float:
    """Tell what counting can have moved a mean by where it is more than a trace of its spread."""
    return cut if cut > TRACE * sqrt(spread) else 0.0


def _root_mean_square(spread: Distribution, people: int, effective: float, among: str) -> Estimate:
    nan, reason = float("nan"), "a description, without an interval"
    return Estimate(spread.root_mean_square, nan, nan, nan, 0.0, people, effective, among, reason)


def _quantile(
    spread: Distribution, share: float, people: int, effective: float, among: str
) -> Estimate:
    """Estimate a quantile and its order-statistic bounds, at the effective number of people.

    With weights the place of an order statistic is a share of the weight (Woodruff, 1952).
    """
    from auditkit.inference.amounts import order_statistics

    left, right = spread.at(share)
    n = max(1, int(effective))
    low, high = order_statistics(share, n)
    nan = float("nan")
    lower = spread.at(low / n)[0] if low > 0 else nan
    upper = spread.at(high / n)[1] if high <= n else nan
    reason = "too few people for a bound on either side" if isnan(lower) and isnan(upper) else ""
    if isnan(lower) != isnan(upper):
        reason = f"too few people for {'a lower' if isnan(lower) else 'an upper'} bound"
    middle = left + (right - left) / 2
    return Estimate(middle, lower, upper, nan, (right - left) / 2, people, effective, among, reason)


def _pooled(parts: Sequence[Distribution], among: str) -> Estimate:
    """Estimate the mean of several groups together, from their own sums."""
    held = [part for part in parts if part.total > 0]
    people = sum(int(part.people.sum()) for part in parts)
    total = sum(part.total for part in held)
    nan = float("nan")
    if not held:
        reason = f"the weights of all {people} {among} are 0" if people else ""
        return Estimate(nan, nan, nan, nan, 0.0, people, 0.0, among, reason)
    mean = sum(part.total * part.mean for part in held) / total
    powers = [part.squares_about(mean) for part in held]
    power, square = sum(p[2] for p in powers), sum(p[0] for p in powers)
    variance = mean_variance(power, total, people)
    effective = float(kish_size(total, square, people))
    error = _told(max(part.cut for part in held), variance * people)
    return Estimate(mean, nan, nan, variance, error, people, effective, among)


@dataclass(frozen=True)
class Amounts:
    """The metrics of predicted amounts of all groups, about to be told.

    Attributes
    ----------
    groups : GroupTable
    residuals : Residuals
    floor : int
        Smallest number of people that is worth a conclusion.
    clustered : bool
        Whether rows were drawn in clusters.
    outcome : str
        Whether being given more is a ``benefit`` or a ``burden``.
    units : str
        In which units amounts are.
    """

    groups: GroupTable
    residuals: Residuals
    floor: int
    clustered: bool
    outcome: str
    units: str

    def measurements(self) -> tuple[Measurement, ...]:
        """Compute every metric of amounts on every group, and on everybody."""
        return tuple(row for metric in amount_metrics().values() for row in self._measured(metric))

    def disparities(self) -> tuple[Disparity, ...]:
        """Compare each group with the rest: the difference, group minus rest."""
        return tuple(
            row
            for metric in amount_metrics().values()
            if metric.compared
            for row in self._all_compared(metric)
        )

    def _spread(self, metric: Metric) -> tuple[Distribution, ...]:
        assert metric.spread is not None  # noqa: S101
        name = metric.needs[0]
        return tuple(metric.spread(**{name: one}) for one in self.residuals.spread[name])

    def _measured(self, metric: Metric) -> Iterator[Measurement]:
        assert metric.summary is not None  # noqa: S101
        among = AMONG[metric.needs[0]]
        for name, spread in zip(self.groups.names, self._spread(metric), strict=True):
            found = Estimate.of(spread, metric.summary, among, self._rounding(metric))
            status, note = found.worth(self.floor)
            yield Measurement(
                metric.name,
                *name,
                "",
                found.people,
                None,
                None,
                number(found.value),
                None if self.clustered else number(found.lower),
                None if self.clustered else number(found.upper),
                status,
                self._note(note, found.reason, found.error, status),
                None if found.effective == found.people else found.effective,
            )

    def _note(self, note: str, reason: str, error: float, status: Status) -> str:
        if status not in (Status.OK, Status.INSUFFICIENT):
            return note
        parts = [note, reason, UNDER_CLUSTERS if self.clustered else ""]
        if error:
            parts.append(f"counted in bins: at most {error:.2g} from the exact value")
        return "; ".join([*filter(None, parts), self.units])

    def _all_compared(self, metric: Metric) -> Iterator[Disparity]:
        spread = self._spread(metric)
        assert metric.summary is not None  # noqa: S101
        among = AMONG[metric.needs[0]]
        for i, (attribute, group) in enumerate(self.groups.names):
            if attribute == ALL:
                continue
            recorded = self.groups.of(attribute)
            if len(recorded) < 2 and group != NOT_RECORDED:
                yield gap_to_rest(metric, self.groups.names[i], Status.NOT_APPLICABLE, ONE_GROUP)
                continue
            own = Estimate.of(spread[i], metric.summary, among, self._rounding(metric))
            if metric.summary.statistic == "mean":
                rest = _pooled([spread[k] for k in recorded if k != i], among)
            else:
                rest = self._rest(metric, i)
            yield self._compared(metric, i, own, rest)

    def _rest(self, metric: Metric, i: int) -> Estimate:
        """Summarise the errors of everybody else."""
        assert metric.spread is not None  # noqa: S101
        assert metric.summary is not None  # noqa: S101
        name = metric.needs[0]
        rest = metric.spread(**{name: self.residuals.rest[name][i]})
        return Estimate.of(rest, metric.summary, AMONG[name], self._rounding(metric))

    def _compared(self, metric: Metric, i: int, own: Estimate, rest: Estimate) -> Disparity:
        """Compare a group with its rest: Welch's interval of means, MOVER of quantiles."""
        of_own, of_rest = own.worth(self.floor), rest.worth(self.floor, " of the rest")
        status, note = of_own if of_own[0] is not Status.OK else of_rest
        if of_rest[0] is Status.UNDEFINED:
            status, note = of_rest
        gap = number(own.value - rest.value)
        if gap is None:
            return gap_to_rest(metric, self.groups.names[i], status, note, own.people)
        if abs(gap) <= self._rounding(metric):
            gap = 0.0  # 4.9 - 4.8 in floats: nobody is worse off for it
        lower, upper, reason = self._between(metric, own, rest)
        return gap_to_rest(
            metric,
            self.groups.names[i],
            status,
            self._note(note, reason, own.error + rest.error, status),
            own.people,
            gap,
            None if self.clustered else number(lower),
            None if self.clustered else number(upper),
            worse_off(metric, self.outcome, self.groups.names[i][1], REST, gap),
            None if own.effective == own.people else own.effective,
        )

    def _rounding(self, metric: Metric) -> float:
        """Tell what the rounding of floats alone can leave between two equal amounts."""
        ends = self.residuals.ends
        name = metric.needs[0]
        of = ("prediction", "recorded") if name == "error" else (name,)
        return ROUNDING * sum(max(map(abs, ends[one])) for one in of)

    @staticmethod
    def _between(metric: Metric, own: Estimate, rest: Estimate) -> tuple[float, float, str]:
        """Bound a difference, and say why there is no bound on some side."""
        assert metric.summary is not None  # noqa: S101
        gap, nan = own.value - rest.value, float("nan")
        if metric.summary.statistic == "mean":
            from auditkit.inference.amounts import welch_interval

            if min(own.people, rest.people) < 2 or not own.variance + rest.variance > 0:
                return nan, nan, "no spread, so no interval"
            bounds = welch_interval(
                own.value, own.variance, own.people, rest.value, rest.variance, rest.people
            )
            error = own.error + rest.error
            return float(bounds.lower) - error, float(bounds.upper) + error, ""
        lower = gap - hypot(own.value - own.lower, rest.upper - rest.value)
        upper = gap + hypot(own.upper - own.value, rest.value - rest.lower)
        return lower, upper, own.reason or (rest.reason and f"of the rest: {rest.reason}")
