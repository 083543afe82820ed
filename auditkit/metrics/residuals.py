"""Metrics of predicted amounts: how far they lie from what was recorded, and in which direction.

The error of a prediction is what was predicted minus what was recorded, in the label's units: above
0 somebody is overestimated, below 0 underestimated.
"""

from typing import TYPE_CHECKING

from auditkit.metrics.registry import Share, Summary, amount, rate

if TYPE_CHECKING:
    from auditkit.metrics.distribution import Distribution
    from auditkit.metrics.registry import Mask

MEAN = Summary("mean")


@rate(higher="more_wrong")
def error_beyond_tolerance(beyond: "Mask") -> Share:
    """Of everybody with a prediction and a recorded amount, the share wrong beyond tolerance."""
    return Share(beyond)


@rate(higher="fewer_selected")
def underestimated_beyond_tolerance(beyond: "Mask", above: "Mask") -> Share:
    """Of everybody with a prediction and a recorded amount, the share too low beyond tolerance."""
    return Share(beyond & ~above)


@rate(higher="more_selected")
def overestimated_beyond_tolerance(beyond: "Mask", above: "Mask") -> Share:
    """Of everybody with a prediction and a recorded amount, the share too high beyond tolerance."""
    return Share(beyond & above)


@amount(MEAN, higher="more_selected")
def mean_error(error: "Distribution") -> "Distribution":
    """Of everybody with a prediction and a recorded amount, the mean of predicted less recorded."""
    return error


@amount(MEAN, higher="more_wrong")
def mean_absolute_error(error: "Distribution") -> "Distribution":
    """Of everybody with a prediction and a recorded amount, the mean size of the error."""
    return error.sizes()


@amount(Summary("root_mean_square"), higher="more_wrong", compared=False)
def root_mean_squared_error(error: "Distribution") -> "Distribution":
    """Of everybody, the root of the mean squared error: a few large errors can be most of it."""
    return error


@amount(Summary("quantile", 0.1), higher="more_selected")
def error_quantile_10(error: "Distribution") -> "Distribution":
    """Of everybody in order of their error, the error that a tenth do not exceed."""
    return error


@amount(Summary("quantile", 0.5), higher="more_selected")
def error_median(error: "Distribution") -> "Distribution":
    """Of everybody in order of their error, the error that half do not exceed."""
    return error


@amount(Summary("quantile", 0.9), higher="more_selected")
def error_quantile_90(error: "Distribution") -> "Distribution":
    """Of everybody in order of their error, the error that nine tenths do not exceed."""
    return error


@amount(Summary("quantile", 0.5), higher="more_wrong")
def absolute_error_median(error: "Distribution") -> "Distribution":
    """Of everybody in order of the size of their error, the size that half do not exceed."""
    return error.sizes()


@amount(Summary("quantile", 0.9), higher="more_wrong")
def absolute_error_quantile_90(error: "Distribution") -> "Distribution":
    """Of everybody in order of the size of their error, the size that nine tenths do not exceed."""
    return error.sizes()


@amount(MEAN, higher="more_selected")
def mean_prediction(prediction: "Distribution") -> "Distribution":
    """Of everybody with a prediction, the mean prediction."""
    return prediction


@amount(MEAN, higher="neutral")
def mean_label(recorded: "Distribution") -> "Distribution":
    """Of everybody with a prediction and a recorded amount, the mean recorded amount."""
    return recorded
