"""The frozen rows that everything downstream speaks; an ``AuditRecord`` holds them all.

Numbers that do not exist are ``None`` with a status and a note, never a float. No row of data is
ever part of a result.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic import Field

if TYPE_CHECKING:
    import pandas as pd

Count = Annotated[int, Field(ge=0)]
Above0 = Annotated[float, Field(gt=0)]
"""Ranges that a stored record must keep; the schema of ``audit.json`` states them."""
ClassName = Annotated[str, Field(alias="class")]
"""The column ``class``, which Python reserves as a word and holds as ``class_``."""

ALL = "(all)"
NOT_RECORDED = "(not recorded)"
REST = "rest"
RANGE = "range"
HIGHEST = "highest"
SAMPLING = "(sampling)"
POOLED = "(pooled)"
MACRO = "(macro)"
CROSS = "*"
RESERVED = frozenset({ALL, NOT_RECORDED, REST, RANGE, HIGHEST, SAMPLING, POOLED})
"""Words a level of an attribute may not be, because the tables use them."""


class Status(StrEnum):
    """What a number is worth."""

    OK = "ok"
    INSUFFICIENT = "insufficient"
    UNDEFINED = "undefined"
    NOT_APPLICABLE = "not_applicable"


class Outcome(StrEnum):
    """What the evidence says of one check on one group."""

    WITHIN = "within"
    BREACH = "breach"
    INDETERMINATE = "indeterminate"
    UNDEFINED = "undefined"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"


class Effect(StrEnum):
    """What an outcome does to the disposition."""

    NOTE = "note"
    EXPLAIN = "explain"
    WARN = "warn"
    BLOCK_ON_BREACH = "block_on_breach"
    BLOCK_UNLESS_WITHIN = "block_unless_within"

    @property
    def blocks(self) -> bool:
        """Whether this effect can hold the system back."""
        return self in (Effect.BLOCK_ON_BREACH, Effect.BLOCK_UNLESS_WITHIN)

    @property
    def warns(self) -> bool:
        """Whether it is more than something to look at: it warns, or blocks."""
        return self is Effect.WARN or self.blocks


class Disposition(StrEnum):
    """What the audit as a whole allows; a named person decides."""

    READY_FOR_DECISION = "ready_for_decision"
    NOT_READY = "not_ready"
    REJECT = "reject"
    TERMINATE = "terminate"
    NONE = "none"


class CutBasis(StrEnum):
    """How it is known at which score the decisions are cut."""

    DECLARED = "declared"
    INFERRED = "inferred"
    NOT_A_CUT = "not_a_cut"
    UNKNOWN = "unknown"


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
class EqualNeed:
    """Who is selected at equal need: group minus rest, in one band of need or ``(pooled)``.

    ``banding`` is ``bands``, or ``doubled`` for twice as many, which show how much the pooled gap
    hangs on their width. ``gate_lower`` and ``gate_upper`` are one-sided bounds as for a verdict,
    and ``shown`` is ``within`` where they are inside ``limit``, for ``(pooled)`` with every band of
    enough people. A check on ``selection_at_equal_need`` judges at the policy's own levels.
    ``off_support`` is the share of the group in bands with nobody of the rest, ``rest_off_support``
    the reverse. ``homogeneity`` is a chi-square of equal gaps in all bands of enough people.
    ``unreliability`` is the gap that the declared reliability of need would leave between groups
    selected by true need alone, and ``corrected`` the gap without it.
    """

    attribute: str
    group: str
    banding: str
    band: str
    against: str
    estimate: float | None
    lower: float | None
    upper: float | None
    n: Count
    rest_n: Count
    rate: float | None
    rest_rate: float | None
    between: float | None
    off_support: float | None
    rest_off_support: float | None
    gate_lower: float | None
    gate_upper: float | None
    limit: float | None
    shown: str
    homogeneity: float | None
    homogeneity_df: int | None
    homogeneity_p: float | None
    unreliability: float | None
    corrected: float | None
    corrected_lower: float | None
    corrected_upper: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class NeedDepth:
    """How deep the need is that is left without: one measure of a group and of its rest.

    ``measure`` is ``missed_need``, the share of people in need who are not selected;
    ``unserved_share``, the share of all need that people not selected have; ``mean_need_missed``,
    the mean need of people in need (of everybody, where it is not said who is) who are not
    selected; ``mean_need_selected`` or ``mean_need_not_selected``, the mean need of everybody with
    the same decision; ``mean_need_at_score``, the mean need at equal scores, standardised to those
    that both sides have. ``gap`` is group minus rest. Intervals are two-sided at 95 %.
    """

    measure: str
    attribute: str
    group: str
    against: str
    n: Count
    estimate: float | None
    lower: float | None
    upper: float | None
    rest_n: Count
    rest: float | None
    gap: float | None
    gap_lower: float | None
    gap_upper: float | None
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class NeedRank:
    """Who comes first by score when one of two people has more need: group minus rest.

    ``own_first`` is how often a person of the group with more need has the higher score than one of
    the rest with less, ``rest_first`` the reverse, ties one half; ``estimate`` is their difference.
    ``comparison`` is ``in_need``, where more need is to be in need; or ``bands``, where it is a
    higher band, over the pairs of bands in which both sides have people: ``common`` is their share
    of all pairs of people with unequal need. ``n`` and ``rest_n`` count the people in them.
    """

    comparison: str
    attribute: str
    group: str
    against: str
    estimate: float | None
    lower: float | None
    upper: float | None
    own_first: float | None
    rest_first: float | None
    common: float | None
    n: Count
    rest_n: Count
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
class ClassMeasurement:
    """One rate on one group, of one class against all others, or ``(macro)`` over the classes.

    Recall is ``true_positive_rate``: of people recorded as the class, the share decided as it.
    ``(macro)`` is the unweighted mean of the rates of all classes, and undefined where one of them
    is. ``n`` counts the people in the denominator, for ``(macro)`` those of all classes together.
    """

    class_: ClassName
    metric: str
    attribute: str
    group: str
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
class ClassDisparity:
    """How far a rate of one class lies from that of the rest: group minus ``against``.

    ``lower`` and ``upper`` are a two-sided 95 % interval. No verdict rests on it.
    """

    class_: ClassName
    metric: str
    attribute: str
    group: str
    against: str
    difference: float | None
    lower: float | None
    upper: float | None
    n: Count
    status: Status
    note: str = ""
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """Of a group's people recorded as one class, how many were decided as another or the same.

    ``n`` of ``actual_n`` people; ``share`` is weighted where people are.
    """

    attribute: str
    group: str
    actual: str
    decided: str
    n: Count
    share: float | None
    actual_n: Count
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


@dataclass(frozen=True, slots=True)
class Budget:
    """What a number of places, given to the highest scores of everybody, would mean for a group.

    Everybody above ``cut`` has a place, and the share ``at_cut`` of those at it, or in the bin
    below it. Who they are is drawn: numbers are what is expected of the draw, and ``..._lower`` and
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


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement of the policy held against the evidence on one group.

    ``lower`` and ``upper`` are the one-sided bounds that judge, at ``level_lower`` and
    ``level_upper``: not the 95 % interval of the disparity. ``unknown`` counts the people of no
    recorded group who are in these bounds in the worst way, where the check was judged with them.
    ``declared_share`` is the most of them that the plan declares to be of the group, where only
    that puts the gap within its limit.
    """

    requirement: str
    check: str
    attribute: str
    group: str
    outcome: Outcome
    estimate: float | None
    lower: float | None
    upper: float | None
    level_lower: float | None
    level_upper: float | None
    limit: Above0
    effect: Effect
    worse_off: str
    note: str
    metric: str
    statistic: str
    against: str
    n: Count
    detectable: float | None
    effective_n: float | None = None
    unknown: int | None = None
    declared_share: float | None = None


@dataclass(frozen=True, slots=True)
class UnknownBound:
    """How low and how high a gap could be if the people of no recorded group were known.

    ``unknown`` counts them in the metric's denominator. Each of them may be of the group or of its
    rest, of the group no more than the plan declares (``declared_shares``); the two ends are
    reached by one group at a time. ``could_change`` says that the outcome hangs on them: the gap
    could lie on the other side of the limit, or an answer was withheld for them. No sampling
    uncertainty is in ``lowest`` and ``highest``.
    """

    metric: str
    attribute: str
    group: str
    against: str
    estimate: float | None
    lowest: float | None
    highest: float | None
    unknown: Count
    check: str
    limit: Above0
    outcome: Outcome
    could_change: bool
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredShare:
    """The largest share that a group can be of the people not recorded, as the plan declares it.

    ``unknown`` counts those people, in all metrics together. The gaps of the group are bounded
    under it, those of other groups and of crossings are not.
    """

    attribute: str
    group: str
    at_most: Annotated[float, Field(ge=0, le=1)]
    unknown: Count
    reason: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How often the gate that was applied would say what, if the gap of a group were known.

    ``rate`` is that of everybody; the group alone has another one, so many limits away: 0, half,
    1, 1.5, 2 or 3. Of the two directions the one with more errors is told (``breach_0`` to
    ``breach_1``, ``within_1``), or the one that is found less often (the others); ``None`` where
    no such rate exists, and for an all-clear that hangs on people of no recorded group. ``n``
    counts the people in the group's denominator.
    """

    requirement: str
    check: str
    attribute: str
    group: str
    n: Count
    rate: float | None
    breach_0: float | None
    breach_half: float | None
    breach_1: float | None
    breach_1_5: float | None
    breach_2: float | None
    breach_3: float | None
    within_0: float | None
    within_half: float | None
    within_1: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelError:
    """How few recorded outcomes would have to be wrong for a gap to cross its limit.

    ``error`` is ``any``: whichever labels do most; or ``unrelated``: labels of the other outcome
    that were recorded as this one whatever was decided, in the group or in its rest. ``labels`` of
    the ``labels_of`` recorded for the group and its rest are then wrong: the fewest that put a gap
    within its limit beyond it, or bring one beyond it to that limit or past it. It is about the
    estimate, not about its bounds.
    """

    metric: str
    attribute: str
    group: str
    against: str
    error: str
    estimate: float | None
    limit: Above0
    labels: float | None
    labels_of: Count
    share: float | None
    check: str
    outcome: Outcome
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows left out, why, and of what.

    That is ``all`` metrics, ``error_metrics``, ``score_metrics``, the comparison with the
    ``baseline``, or that at equal ``need``.
    """

    reason: str
    scope: str
    attribute: str
    group: str
    rows: Count


@dataclass(frozen=True, slots=True)
class Finding:
    """A check beyond its limit whose effect is more than a note; the report puts it in words."""

    requirement: str
    check: str
    attribute: str
    group: str
    effect: Effect
    worse_off: str


@dataclass(frozen=True, slots=True)
class Attribution:
    """What one input adds to the model's output for one group, on average, in ``unit``.

    ``mean`` is signed, ``mean_abs`` is not; the interval is of ``mean`` at 95 %; ``n`` counts
    explained rows.
    """

    attribute: str
    group: str
    feature: str
    mean_abs: float | None
    mean: float | None
    lower: float | None
    upper: float | None
    n: Count
    unit: str


@dataclass(frozen=True, slots=True)
class DisparityAttribution:
    """How much of a group's gap in mean model output runs through one input.

    Over the features, ``(sampling)`` included, contributions sum to the gap over all rows.
    """

    attribute: str
    group: str
    against: str
    feature: str
    contribution: float | None
    lower: float | None
    upper: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the attributions were made, and whether they agree with the model.

    ``status`` is ``ok``, ``not_applicable`` (no model) or ``undefined`` (withheld: see note).
    ``additivity`` is the largest absolute difference, over the explained rows, between the model's
    output and base value plus attributions, in ``unit``; ``tolerance`` is what was allowed.
    """

    status: Status
    method: str
    unit: str
    rows: Count
    rows_of: int
    background: int
    additivity: float | None
    tolerance: float | None
    note: str


@dataclass(frozen=True, slots=True)
class GroupSize:
    """How many rows a group has, how many with a decision, how many with label and decision."""

    attribute: str
    group: str
    rows: Count
    decided: Count
    labelled: Count


@dataclass(frozen=True, slots=True)
class AttributeInfo:
    """What the plan says of one protected attribute, and whether the model reads its column."""

    name: str
    ground: str
    state: str
    reference: str
    model_input: bool


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """What is audited.

    ``need`` is the column of need: the label's, where the plan says that it records need, or one of
    its own. ``in_need`` says who counts as in need there; without a label that is the recorded
    outcome. ``need_reliability`` is what the plan declares. ``baseline`` is the column of what is
    decided today, ``quota`` the number of places that a budget pays for, ``cut`` the
    score above which people are selected, where decisions follow one. Of a ``regression`` the
    decision is a predicted amount, and ``tolerance`` the error, in the label's units, beyond which
    a prediction harms.
    """

    name: str
    version: str
    stage: str
    task: str
    label: str
    positive: str
    decision: str
    selected: str
    outcome: str
    model: str
    score: str = ""
    need: str = ""
    baseline: str = ""
    seeds: tuple[str, ...] = ()
    quota: int | None = None
    cut: float | None = None
    cut_basis: CutBasis = CutBasis.UNKNOWN
    in_need: str = ""
    need_reliability: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class SamplingInfo:
    """How the rows were drawn: the columns that say so, and how many clusters and strata.

    ``control`` is not part of the drawing: it is the factor at whose values groups are compared
    too, and ``control_reason`` says why that is legitimate.
    """

    weight: str = ""
    cluster: str = ""
    strata: str = ""
    count: str = ""
    control: str = ""
    control_reason: str = ""
    clusters: int | None = None
    strata_count: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyInfo:
    """Against what it is judged; ``hypotheses`` is the number the breach level is divided by."""

    id: str
    version: str
    title: str
    source: str
    level: str
    level_reason: str
    alpha: Above0
    floor: Count
    hypotheses: Count


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement of the policy, in its words and with the standing of its numbers."""

    id: str
    title: str
    text: str
    status: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Row accounting: ``read`` = ``used`` + rows excluded from all metrics.

    ``unmatched`` rows of the data found no protected attributes in the source that keeps them
    apart; ``unmatched_protected`` rows of that source belong to no row of the data.
    """

    read: Count
    used: Count
    labelled: Count
    unmatched: Count = 0
    unmatched_protected: Count = 0


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file by name, size and digest; never its place on a machine.

    A table of a database has no digest, and no user or host is told.
    """

    role: str
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """A package that took part."""

    package: str
    version: str


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 of what the audit was made from, by content and not by file.

    ``decisions`` are the system's; ``baseline`` is of both decisions about each row, and empty
    where no baseline is declared; ``seeds`` are the same with each other training run.
    ``scores`` are counted by group and recorded outcome, and empty where there are none.
    """

    data: str
    decisions: str
    plan: str
    policy: str
    code: str
    baseline: str = ""
    seeds: tuple[str, ...] = ()
    scores: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from. ``source`` stays outside the content digest."""

    source: tuple[SourceFile, ...]
    digests: Digests
    versions: tuple[Version, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Everything an audit found: what is stored, and what every report is drawn from."""

    format: str
    date: str
    system: SystemInfo
    sampling: SamplingInfo
    policy: PolicyInfo
    requirements: tuple[Requirement, ...]
    attributes: tuple[AttributeInfo, ...]
    intersections: int
    disposition: Disposition
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    rows: Rows
    groups: tuple[GroupSize, ...]
    exclusions: tuple[Exclusion, ...]
    measurements: tuple[Measurement, ...]
    disparities: tuple[Disparity, ...]
    spreads: tuple[Spread, ...]
    stratified_disparities: tuple[StratifiedDisparity, ...]
    equal_need: tuple[EqualNeed, ...]
    need_depth: tuple[NeedDepth, ...]
    need_ranks: tuple[NeedRank, ...]
    baseline: tuple[BaselineRate, ...]
    seeds: tuple[SeedSpread, ...]
    calibration: tuple[Calibration, ...]
    brier: tuple[Brier, ...]
    class_measurements: tuple[ClassMeasurement, ...]
    class_disparities: tuple[ClassDisparity, ...]
    confusion: tuple[ConfusionCell, ...]
    own_metrics: tuple[OwnMetric, ...]
    budgets: tuple[Budget, ...]
    exposure: tuple[Exposure, ...]
    cuts: tuple[Cut, ...]
    checks: tuple[Check, ...]
    self_test: tuple[SelfTest, ...]
    unknown_bounds: tuple[UnknownBound, ...]
    declared_shares: tuple[DeclaredShare, ...]
    label_error: tuple[LabelError, ...]
    explanation: Explanation
    attributions: tuple[Attribution, ...]
    disparity_attributions: tuple[DisparityAttribution, ...]
    notes: tuple[str, ...]
    provenance: Provenance


TABLES: dict[str, type] = {
    "measurements": Measurement,
    "disparities": Disparity,
    "spreads": Spread,
    "stratified_disparities": StratifiedDisparity,
    "equal_need": EqualNeed,
    "need_depth": NeedDepth,
    "need_ranks": NeedRank,
    "baseline": BaselineRate,
    "seeds": SeedSpread,
    "calibration": Calibration,
    "brier": Brier,
    "class_measurements": ClassMeasurement,
    "class_disparities": ClassDisparity,
    "confusion": ConfusionCell,
    "own_metrics": OwnMetric,
    "budgets": Budget,
    "exposure": Exposure,
    "cuts": Cut,
    "checks": Check,
    "self_test": SelfTest,
    "unknown_bounds": UnknownBound,
    "declared_shares": DeclaredShare,
    "label_error": LabelError,
    "exclusions": Exclusion,
    "attributions": Attribution,
    "disparity_attributions": DisparityAttribution,
    "findings": Finding,
    "groups": GroupSize,
}
"""The tables of a record: the name of the field, and the kind of its rows."""


def columns(kind: type) -> list[str]:
    """Name the columns of a table whose rows are ``kind``, in order."""
    return [told_name(field.name) for field in fields(kind)]


def told_name(field: str) -> str:
    """Name a field as tables and records do: ``class`` for ``class_``."""
    return field.removesuffix("_")


def as_told(row: Any) -> dict[str, Any]:  # noqa: ANN401
    """Turn a result into plain values by the names that tables and records have."""
    return asdict(row, dict_factory=lambda pairs: {told_name(k): v for k, v in pairs})


def frame(rows: Iterable[Any], kind: type) -> "pd.DataFrame":
    """Lay rows of one kind out as a tidy table, with the same columns even when there are none.

    Returns
    -------
    pandas.DataFrame
        One row each, shape ``(len(rows), len(fields))``; ``None`` becomes a missing value.
    """
    import pandas as pd

    names = [field.name for field in fields(kind)]
    cells = [[getattr(row, name) for name in names] for row in rows]
    table = pd.DataFrame(cells, columns=columns(kind))
    for field in fields(kind):
        name = told_name(field.name)
        if field.type == "float | None" or field.type == float | None:
            table[name] = table[name].astype("float64")
        elif field.type == int | None:
            table[name] = table[name].astype("Int64")
        elif "StrEnum" in str(getattr(field.type, "__mro__", "")):
            table[name] = table[name].astype(str)
    return table


T = TypeVar("T")
NO_FLOAT = (str, int, type(None))


def round_floats(value: T, digits: int = 10) -> T:
    """Round every float inside a result to ``digits`` significant digits.

    Done once, when the record is made, so that Python, the command line, JSON and the report state
    the same number.
    """
    out: Any = value
    if isinstance(value, float):
        out = float(f"{value:.{digits}g}")
    elif isinstance(value, tuple):
        out = tuple(round_floats(item, digits) for item in value)
    elif hasattr(type(value), "__dataclass_fields__"):
        row: Any = value
        held = (getattr(row, name) for name in type(row).__dataclass_fields__)
        out = type(row)(
            *(item if isinstance(item, NO_FLOAT) else round_floats(item, digits) for item in held)
        )
    return cast("T", out)
