"""Gaps at equal values of something: what a policy can hold a limit against that is no rate.

A group and its rest are compared within bands, and the gaps of the bands are put together. Neither
side has a value of its own: only the gap has a meaning.
"""

from auditkit.metrics.registry import Metric

AT_EQUAL_NEED = "selection_at_equal_need"
CALIBRATION = "calibration"

STANDARDISED: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            AT_EQUAL_NEED,
            "Of people with the same recorded need, the share who are selected: a group's gap.",
            "more_selected",
            ("selected",),
        ),
        Metric(
            CALIBRATION,
            "At like scores, recorded outcome minus score: a group's gap; above 0, scored too low.",
            "fewer_selected",
            ("actual", "score"),
        ),
    )
}
"""By name. Where a group is scored too low, people are left out who would else be selected."""
