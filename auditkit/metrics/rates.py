"""Every rate of the confusion matrix, each the sentence of the textbook."""

from typing import TYPE_CHECKING

from auditkit.metrics.registry import Share, quotient, rate

if TYPE_CHECKING:
    from auditkit.metrics.registry import Mask


@rate(higher="more_selected")
def selection_rate(selected: "Mask") -> Share:
    """Of everybody with a decision, the share who are selected."""
    return Share(selected)


@rate(higher="neutral")
def base_rate(actual: "Mask") -> Share:
    """Of everybody, the share whose recorded outcome is the positive one."""
    return Share(actual)


@rate(higher="fewer_selected")
def false_negative_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of those whose recorded outcome is positive, the share who are not selected."""
    return Share(~selected, among=actual)


@rate(higher="more_selected")
def true_positive_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of those whose recorded outcome is positive, the share who are selected."""
    return Share(selected, among=actual)


@rate(higher="more_selected")
def false_positive_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of those whose recorded outcome is not positive, the share who are selected."""
    return Share(selected, among=~actual)


@rate(higher="fewer_selected")
def true_negative_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of those whose recorded outcome is not positive, the share who are not selected."""
    return Share(~selected, among=~actual)


@rate(higher="more_correct")
def precision(actual: "Mask", selected: "Mask") -> Share:
    """Of those selected, the share whose recorded outcome is positive."""
    return Share(actual, among=selected)


@rate(higher="more_wrong")
def false_discovery_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of those selected, the share whose recorded outcome is not positive."""
    return Share(~actual, among=selected)


@rate(higher="more_correct")
def negative_predictive_value(actual: "Mask", selected: "Mask") -> Share:
    """Of those not selected, the share whose recorded outcome is not positive."""
    return Share(~actual, among=~selected)


@rate(higher="more_wrong")
def false_omission_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of those not selected, the share whose recorded outcome is positive."""
    return Share(actual, among=~selected)


@rate(higher="more_correct")
def accuracy(actual: "Mask", selected: "Mask") -> Share:
    """Of everybody, the share whose decision agrees with the recorded outcome."""
    return Share(actual == selected)


@rate(higher="more_wrong")
def error_rate(actual: "Mask", selected: "Mask") -> Share:
    """Of everybody, the share whose decision disagrees with the recorded outcome."""
    return Share(actual != selected)


@rate(higher="more_wrong")
def missing_decision_rate(decided: "Mask") -> Share:
    """Of everybody, the share for whom there is no decision."""
    return Share(~decided)


@quotient(higher="neutral")
def positive_likelihood_ratio() -> tuple[str, str]:
    """How many times likelier selection is with the positive recorded outcome than without it."""
    return "true_positive_rate", "false_positive_rate"


@quotient(higher="neutral")
def negative_likelihood_ratio() -> tuple[str, str]:
    """How many times likelier non-selection is with the positive recorded outcome than without."""
    return "false_negative_rate", "true_negative_rate"
