"""What each metric says of people, in one plain sentence."""

from dataclasses import dataclass

from auditkit.metrics.registry import metrics
from auditkit.report.story.words import name, plain, spelled
from auditkit.results import AuditRecord, SystemInfo


@dataclass(frozen=True, slots=True)
class MetricWords:
    """A metric in words: a short name, among whom it counts, and what is counted of them.

    A metric without words of its own has ``explanation``, or a name only.
    """

    name: str
    among: str = ""
    event: str = ""
    explanation: str = ""

    @property
    def sentence(self) -> str:
        """What the metric says, as one sentence."""
        if self.among:
            return f"Of {self.among}, the share who {self.event}."
        return self.explanation or f"{self.name[:1].upper()}{self.name[1:]}."


YES = "people recorded as {label}"
NO = "people not recorded as {label}"
ALL_LABELLED = "people with a decision and a recorded outcome"
DECIDED = "people with a decision"
SELECTED = "people who were selected"
UNSELECTED = "people who were not selected"

# Nothing here is called missed need: a recorded outcome is at best somebody's record of need, and
# only the plan can say that it is that (NEED_WORDS).
WORDS: dict[str, tuple[str, str, str]] = {
    "selection_rate": ("selected", DECIDED, "were selected"),
    "base_rate": ("recorded outcome ({label})", ALL_LABELLED, "are recorded as {label}"),
    "false_negative_rate": ("missed recorded outcome ({label})", YES, "were not selected"),
    "true_positive_rate": ("reached recorded outcome ({label})", YES, "were selected"),
    "false_positive_rate": ("selected without recorded outcome ({label})", NO, "were selected"),
    "true_negative_rate": (
        "not selected, without recorded outcome ({label})",
        NO,
        "were not selected",
    ),
    "precision": ("recorded outcome among the selected", SELECTED, "are recorded as {label}"),
    "false_discovery_rate": (
        "no recorded outcome among the selected",
        SELECTED,
        "are not recorded as {label}",
    ),
    "negative_predictive_value": (
        "no recorded outcome among those not selected",
        UNSELECTED,
        "are not recorded as {label}",
    ),
    "false_omission_rate": (
        "recorded outcome among those not selected",
        UNSELECTED,
        "are recorded as {label}",
    ),
    "accuracy": (
        "decision agrees with the recorded outcome",
        ALL_LABELLED,
        "had a decision that agrees with the recorded outcome",
    ),
    "error_rate": (
        "decision differs from the recorded outcome",
        ALL_LABELLED,
        "had a decision that differs from the recorded outcome",
    ),
    "missing_decision_rate": ("no decision", "all people in the data", "have no decision"),
}
"""Metric id: its short name, among whom it counts, what it counts. Others are spelled out."""

SCORE_WORDS: dict[str, tuple[str, str]] = {
    "auc": (
        "ranking by score",
        "Of two people, one recorded as {label} and one not, how often the first has the higher "
        "score (a tie is half; 0.5 is a coin).",
    ),
    "mean_score": ("mean score", "The mean score of people with a decision and a score."),
    "calibration_residual": (
        "recorded outcome minus score",
        "How far the share recorded as {label} lies above the mean score of the same people; below "
        "0 the scores are too high.",
    ),
    "brier_score": (
        "squared distance of the score",
        "The mean squared distance of the score from what was recorded: 1 for {label}, else 0.",
    ),
}
"""Metric of scores: its short name, and its sentence. They are numbers, not shares of people."""

STANDARDISED_WORDS: dict[str, tuple[str, str]] = {
    "selection_at_equal_need": (
        "selected at equal need",
        "Of people with the same recorded need, the share who were selected, minus that of "
        "everyone else; over all bands of need together.",
    ),
    "calibration": (
        "recorded outcome at like scores",
        "Of people with like scores, the share recorded as {label}, minus that of everyone else; "
        "above 0, the group's scores are too low beside theirs.",
    ),
}
"""Gap at equal values: its short name, and its sentence. It is a difference of shares of people."""

WITH_BOTH = "people with a prediction and a recorded amount"
AMOUNT_SHARES: dict[str, tuple[str, str, str]] = {
    "error_beyond_tolerance": (
        "prediction wrong by more than {tolerance}",
        WITH_BOTH,
        "have a prediction wrong by more than {tolerance}",
    ),
    "underestimated_beyond_tolerance": (
        "prediction more than {tolerance} too low",
        WITH_BOTH,
        "have a prediction more than {tolerance} too low",
    ),
    "overestimated_beyond_tolerance": (
        "prediction more than {tolerance} too high",
        WITH_BOTH,
        "have a prediction more than {tolerance} too high",
    ),
    "missing_decision_rate": ("no prediction", "all people in the data", "have no prediction"),
}
"""What to call a share of people where an amount is predicted."""

AMOUNT_WORDS: dict[str, tuple[str, str]] = {
    "mean_error": ("mean error", "The mean of predicted minus recorded, {units}."),
    "mean_absolute_error": (
        "mean size of the error",
        "How far predictions are off on average, in either direction, {units}.",
    ),
    "root_mean_squared_error": (
        "root mean squared error",
        "Like the mean size of the error, but large errors count for more, {units}.",
    ),
    "error_quantile_10": (
        "error of the lowest tenth",
        "A tenth of errors are at most this, {units}.",
    ),
    "error_median": ("median error", "Half of errors are at most this, {units}."),
    "error_quantile_90": (
        "error of the highest tenth",
        "Nine tenths of errors are at most this, {units}.",
    ),
    "absolute_error_median": (
        "median size of the error",
        "Half of predictions are off by at most this much, {units}.",
    ),
    "absolute_error_quantile_90": (
        "size of error of nine tenths",
        "Nine tenths of predictions are off by at most this much, {units}.",
    ),
    "mean_prediction": ("mean prediction", "The mean prediction, {units}."),
    "mean_label": (
        "mean recorded amount",
        "The mean recorded amount of people with a prediction, {units}.",
    ),
}
"""Metric of predicted amounts: its short name, and its sentence."""

REGRESSION, MULTICLASS = "regression", "multiclass"


def made(system: SystemInfo) -> str:
    """Name what the system makes of a person: a decision, or a prediction."""
    return "prediction" if system.task == REGRESSION else "decision"


def units(system: SystemInfo) -> str:
    """Say in which units amounts are."""
    return f"in the units of {name(system.label)}"


def unit(system: SystemInfo, told: str) -> str:
    """Name the unit of a model's output: amounts have that of the label."""
    return f"units of {name(system.label)}" if told == "amount" else plain(told)


BURDEN_NAMES = {
    "selection_rate": "selected (a burden)",
    "false_positive_rate": "burdened without recorded outcome ({label})",
    "true_positive_rate": "burdened with recorded outcome ({label})",
    "false_negative_rate": "recorded outcome not selected ({label})",
}
"""What to call a metric where being selected is a burden."""


IN_NEED = "people in need ({label})"
NOT_IN_NEED = "people not in need ({label} is not recorded of them)"
NEED_WORDS: dict[str, tuple[str, str, str]] = {
    "base_rate": ("in need ({label})", ALL_LABELLED, "are in need ({label})"),
    "false_negative_rate": ("missed need ({label})", IN_NEED, "were not selected"),
    "true_positive_rate": ("reached need ({label})", IN_NEED, "were selected"),
    "false_positive_rate": ("selected without need", NOT_IN_NEED, "were selected"),
    "true_negative_rate": ("not selected, not in need", NOT_IN_NEED, "were not selected"),
    "precision": ("in need among the selected", SELECTED, "are in need ({label})"),
    "false_discovery_rate": ("not in need among the selected", SELECTED, "are not in need"),
    "negative_predictive_value": (
        "not in need among those not selected",
        UNSELECTED,
        "are not in need",
    ),
    "false_omission_rate": (
        "in need among those not selected",
        UNSELECTED,
        "are in need ({label})",
    ),
}
"""What to call a metric where the plan says that the recorded outcome is need."""


COMPLEMENTS = {
    "true_positive_rate": "false_negative_rate",
    "true_negative_rate": "false_positive_rate",
    "false_discovery_rate": "precision",
    "negative_predictive_value": "false_omission_rate",
    "error_rate": "accuracy",
}
"""A rate that is left untold where the other is told: together they make 100 %."""


def label(system: SystemInfo) -> str:
    """Spell the recorded outcome: ``in_need = yes``."""
    if system.task == REGRESSION:
        return name(system.label)
    if not system.label:
        return "the outcome"
    if need_is_the_outcome(system) and system.in_need.startswith("above "):
        return f"{name(system.label)} {system.in_need}"
    return f"{name(system.label)} = {name(system.positive)}"


def need_is_the_outcome(system: SystemInfo) -> bool:
    """Whether the recorded outcome is need itself, so that to be missed is missed need."""
    return bool(system.need) and system.need == system.label


def words(metric: str, system: SystemInfo) -> MetricWords:
    """Put a metric in words for a system, by what selection and its recorded outcome mean.

    A metric that is not in the table is spelled out, with the registry's sentence if it has one.
    """
    if metric in AMOUNT_WORDS:
        short, sentence = (part.replace("{units}", units(system)) for part in AMOUNT_WORDS[metric])
        return MetricWords(short, explanation=sentence)
    if metric in AMOUNT_SHARES and (metric not in WORDS or system.task == REGRESSION):
        limit = "the tolerance" if system.tolerance is None else f"{system.tolerance:g}"
        return MetricWords(*(p.replace("{tolerance}", limit) for p in AMOUNT_SHARES[metric]))
    numbers = SCORE_WORDS | STANDARDISED_WORDS
    if metric in numbers:
        short, sentence = (part.replace("{label}", label(system)) for part in numbers[metric])
        return MetricWords(short, explanation=sentence)
    if metric not in WORDS:
        registered = metrics().get(metric)
        return MetricWords(spelled(metric), explanation=registered.sentence if registered else "")
    told = WORDS | NEED_WORDS if need_is_the_outcome(system) else WORDS
    short, among, event = told[metric]
    if system.outcome == "burden":
        short = BURDEN_NAMES.get(metric, short)
    said = label(system)
    return MetricWords(*(part.replace("{label}", said) for part in (short, among, event)))


def rule(system: SystemInfo) -> str:
    """Say what being selected means in the data: ``cash = yes``."""
    above = system.selected.startswith("above ")
    if system.task == REGRESSION:
        return name(system.decision) or "the model's prediction"
    decision = name(system.decision) or f"the model's {'output' if above else 'decision'}"
    if not system.selected:
        return decision
    return f"{decision} {'' if above else '= '}{name(system.selected)}"


def suits(metric: str, system: SystemInfo) -> bool:
    """Whether a metric says something where people are selected, or amounts are predicted."""
    registered = metrics().get(metric)
    return registered is None or registered.suits(system.task)


def standing(record: AuditRecord, metric: str) -> str:
    """Say whether the policy holds a limit against a gap at equal values, and what that does."""
    check = next((c for c in record.checks if c.metric == metric), None)
    if check is None:
        return "This describes; no verdict rests on it."
    return (
        f"The policy holds a limit against the gap of all bands together (check "
        f"{spelled(check.check)}, in the section Disparities); it does not hold the system back."
    )


def is_share(record: AuditRecord, metric: str) -> bool:
    """Whether a metric is a share of people, so that its differences are percentage points."""
    return (
        metric in WORDS
        or metric in AMOUNT_SHARES
        or metric in STANDARDISED_WORDS
        or any(m.metric == metric and m.numerator is not None for m in record.measurements)
    )


def primary(record: AuditRecord) -> str:
    """Choose the metric of the harm: to be missed by a benefit, or burdened without reason."""
    measured = {m.metric for m in record.measurements if m.estimate is not None}
    if record.system.task == REGRESSION:
        harm = "over" if record.system.outcome == "burden" else "under"
        wanted = f"{harm}estimated_beyond_tolerance"
        return wanted if wanted in measured else "mean_error"
    wanted = "false_positive_rate" if record.system.outcome == "burden" else "false_negative_rate"
    return wanted if wanted in measured else "selection_rate"
