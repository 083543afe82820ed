"""What scores mean and do: calibration, budgets, exposure, other cuts."""

from dataclasses import dataclass

from auditkit.results.words import Count, Status


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was recorded of a group's people at like scores, beside everybody else's.

    ``band`` counts bands of scores from 1, the same for every group; ``(pooled)`` puts them
    together with fixed weights. ``residual`` is ``observed``, the share with the positive recorded
    outcome, less ``mean_score``; ``gap`` is the group's residual less the rest's: above 0, the
    scores of the group are too low beside those of the rest. ``lower`` and ``upper`` are the 95 %
    interval of ``observed``. ``doubled`` is the standardised gap over twice as many bands. No
    outcome rests on any of it.
    """

    attribute: str
    group: str
    band: str
    low: float
    high: float
    n: Count
    mean_score: float | None
    observed: float | None
    lower: float | None
    upper: float | None
    residual: float | None
    rest_n: Count
    rest_residual: float | None
    gap: float | None
    gap_lower: float | None
    gap_upper: float | None
    doubled: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Brier:
    """The Brier score of a group, taken apart: ``reliability - resolution + uncertainty + within``.

    Over bands of scores, less what few people to a band add (Ferro and Fricker, 2012), so that a
    part can lie below 0 by chance. ``within`` is what the bands do not carry.
    """

    attribute: str
    group: str
    n: Count
    brier_score: float | None
    reliability: float | None
    resolution: float | None
    uncertainty: float | None
    within: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a number of places, given to the highest scores of everybody, would mean for a group.

    Everybody above ``cut`` has a place, and the share ``at_cut`` of those at it, or next below it.
    Who they are is drawn: numbers are what is expected of the draw, and ``..._lower`` and
    ``..._upper`` the least and the most that it can give. Places, and where people are weighted
    ``selected``, are sums of weights.

    ``exclusion_error`` is the share of people with the positive recorded outcome who get no place;
    ``lower`` and ``upper`` are its 95 % interval, the cut being taken as fixed, and given for the
    ``deployed`` budget alone. ``inclusion_error`` is the share of places that go to people with the
    negative recorded outcome, among places of people with a recorded outcome. ``status`` is that of
    the exclusion error. ``n`` counts people with a decision; those ``unscored`` get no place.
    """

    places: Count
    cut: float
    attribute: str
    group: str
    selected: float
    selection_rate: float | None
    exclusion_error: float | None
    exclusion_lower: float | None
    exclusion_upper: float | None
    inclusion_error: float | None
    deployed: bool
    n: Count
    positives: Count
    status: Status
    note: str
    at_cut: float
    selected_lower: float
    selected_upper: float
    inclusion_lower: float | None
    inclusion_upper: float | None
    lower: float | None
    upper: float | None
    unscored: Count
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """How high a group stands on the list of scores, told as exposure: ``1 / log2(1 + rank)``.

    ``exposure`` is the mean of the group's people, with a 95 % interval; ``lowest`` and ``highest``
    are the least and the most that the order among equal scores can give. ``ratio`` is over the
    mean of the rest. Shares are of everybody with a score. No outcome rests on it.
    """

    attribute: str
    group: str
    n: Count
    share_of_people: float | None
    share_of_exposure: float | None
    exposure: float | None
    lower: float | None
    upper: float | None
    lowest: float | None
    highest: float | None
    rest_exposure: float | None
    ratio: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """The rates of a group if everybody with a score above ``cut`` were selected.

    Where scores were counted in bins and the cut goes through one, a rate is the middle of the
    least and the most that it can be, ``..._lower`` and ``..._upper``. ``deployed`` marks the cut
    that the decisions follow. ``n`` counts people with a decision, ``positives`` and ``negatives``
    those of either recorded outcome; people without a score are never selected.
    """

    cut: float
    attribute: str
    group: str
    selection_rate: float | None
    true_positive_rate: float | None
    false_positive_rate: float | None
    deployed: bool
    n: Count
    positives: Count
    negatives: Count
    status: Status
    note: str
    selection_lower: float | None
    selection_upper: float | None
    true_positive_lower: float | None
    true_positive_upper: float | None
    false_positive_lower: float | None
    false_positive_upper: float | None
