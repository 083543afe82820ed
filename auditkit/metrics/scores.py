"""Metrics of scores: how well they rank, and how far they lie from what was recorded.

A score is read as the chance of the positive recorded outcome wherever it is held against that
outcome; ranking needs no more than its order.
"""

from typing import TYPE_CHECKING

from auditkit.metrics.registry import concordance, mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@concordance(higher="more_correct")
def auc(positive: "Floats", negative: "Floats") -> float:
    """Of all pairs with and without the positive recorded outcome, the share ranked rightly.

    Ties count one half: the Mann-Whitney statistic, which is the area under the ROC curve (Bamber,
    1975).
    """
    below = negative.cumsum() - negative
    pairs = positive.sum() * negative.sum()
    return float((positive * (below + negative / 2)).sum() / pairs)


@mean(higher="neutral")
def mean_score(score: "Floats") -> "Floats":
    """Of everybody with a score, the mean score."""
    return score


@mean(higher="neutral")
def calibration_residual(actual: "Floats", score: "Floats") -> "Floats":
    """Of everybody with a score, the mean of recorded outcome minus score: above 0, too low."""
    return actual - score


@mean(higher="more_wrong", compared=False)
def brier_score(actual: "Floats", score: "Floats") -> "Floats":
    """Of everybody with a score, the mean squared distance from the recorded outcome.

    Brier (1950). It depends on how common the outcome is, so groups are not compared by it.
    """
    return (actual - score) ** 2
