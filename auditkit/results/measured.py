"""Rates and amounts of groups, and how far they lie apart, from others or from another run."""

from dataclasses import dataclass

from auditkit.results.words import Count, Status


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric on one group.

    ``n`` counts the people in the metric's denominator; numerator and denominator are sums of
    weights where people are weighted. ``effective_n`` is the size of the simple random sample that
    would tell as much, where that is not ``n``: people are weighted or were drawn together.
    """

    metric: str
    attribute: str
    group: str
    stratum: str
    n: Count
    numerator: float | int | None
    denominator: float | int | None
    estimate: float | None
    lower: float | None
    upper: float | None
    status: Status
    note: str = ""
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class Disparity:
    """How far a group lies from what it is held against: group minus, or over, ``against``.

    ``lower`` and ``upper`` are a two-sided 95 % interval, except against the range, where the note
    says what they are. ``n`` counts the people in the group's denominator; ``detectable`` is the
    difference that the policy's gate would have found beyond its limit four times in five.
    """

    metric: str
    attribute: str
    group: str
    against: str
    statistic: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: Count
    detectable: float | None
    worse_off: str
    status: Status
    note: str = ""
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the rates of an attribute's groups lie apart, and how far by chance alone.

    ``range`` is the highest less the lowest rate, ``expected_range`` what it would be on average if
    all groups had one rate. ``spread`` is the standard deviation of the groups' rates less what
    sampling adds to it. ``p_adjusted`` holds the share of false findings over all ``comparisons``
    of the scan at its level (Benjamini and Yekutieli, 2001). No outcome rests on it.
    """

    metric: str
    attribute: str
    groups: Count
    n: Count
    highest: str
    lowest: str
    range: float | None
    expected_range: float | None
    spread: float | None
    p_value: float | None
    p_adjusted: float | None
    comparisons: Count
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class StratifiedDisparity:
    """How far a group lies from its rest at one value of the control, or ``(pooled)`` over them.

    ``between`` is what the raw difference has beyond the pooled one. The rates of ``(pooled)`` are
    the raw ones.
    """

    metric: str
    attribute: str
    group: str
    stratum: str
    against: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: Count
    rest_n: int
    rate: float | None
    rest_rate: float | None
    between: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class BaselineRate:
    """One rate of the system beside that of the baseline, on people whom both decided about.

    ``estimate`` is the system's, ``baseline`` that of what is decided today, each with a two-sided
    95 % interval. ``change`` is the system's minus the baseline's on the same people, with a paired
    interval. ``gap`` and ``baseline_gap`` are group minus rest. ``status`` is of ``change``, and
    ``not_applicable`` where the decision says who is counted, so that the two rates are among
    different people, ``n`` of them and ``baseline_n``. No outcome rests on any of it.
    """

    metric: str
    attribute: str
    group: str
    n: Count
    estimate: float | None
    lower: float | None
    upper: float | None
    baseline: float | None
    baseline_lower: float | None
    baseline_upper: float | None
    change: float | None
    change_lower: float | None
    change_upper: float | None
    gap: float | None
    baseline_gap: float | None
    status: Status
    note: str = ""
    baseline_n: Count = 0


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """One rate over several training runs of the same system: how far it hangs on the run.

    ``estimate`` and ``gap`` (group minus rest) are those of the audited run, among ``n`` people;
    the lowest and highest are over all ``runs``, the audited one with them, each other one among
    the people about whom it decided too. ``changed`` is the share of people in the rate's
    denominator about whom another run decides otherwise, on average over the other runs; there is
    none where the decision says who is in the denominator. No outcome rests on any of it.
    """

    metric: str
    attribute: str
    group: str
    runs: Count
    n: Count
    estimate: float | None
    lowest: float | None
    highest: float | None
    gap: float | None
    gap_lowest: float | None
    gap_highest: float | None
    changed: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A metric that the user gave as a function, on one group or as group minus rest.

    ``against`` is empty for the value of the group, and ``rest`` for the difference. The interval
    is the middle 95 % of Dirichlet draws of the cells. No verdict rests on it.
    """

    metric: str
    attribute: str
    group: str
    against: str
    n: Count
    estimate: float | None
    lower: float | None
    upper: float | None
    status: Status
    note: str = ""
