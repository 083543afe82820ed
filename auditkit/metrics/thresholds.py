"""What a cut of the score, or the k highest scores, would give: read off a histogram.

Where a cut goes through a bin, or k ends within one, the number is not known but bounded.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from auditkit.metrics.histogram import Histogram

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the most that a number can be, of one shape; NaN over nobody."""

    lower: "Floats"
    upper: "Floats"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Rates at K cuts; each has shape (K,)."""

    cuts: "Floats"
    selection_rate: Between
    true_positive_rate: Between
    false_positive_rate: Between


def threshold_sweep(histogram: "Histogram", cuts: "ArrayLike", *, strict: bool = False) -> Sweep:
    """Compute the rates that each cut would give.

    Parameters
    ----------
    histogram : Histogram
    cuts : array_like, shape (K,)
        Selected are scores of at least the cut.
    strict : bool
        Selected are scores above the cut instead, as with ``selected = {above = ...}``.

    Returns
    -------
    Sweep
        Lower and upper are equal where values were counted exactly. In bins they are equal where a
        cut that is not strict is the edge of a bin.
    """
    import numpy as np

    at = np.asarray(cuts, dtype=np.float64)[:, None]
    sure = histogram.left > at if strict else histogram.left >= at
    possible = sure | (histogram.wide & (histogram.right > at))
    no, yes, _ = histogram.weight

    def rate(weight: "Floats") -> Between:
        total = weight.sum()
        if not total > 0:
            nothing = np.full(len(at), np.nan)
            return Between(nothing, nothing)
        return Between(sure @ weight / total, possible @ weight / total)

    return Sweep(at[:, 0], rate(histogram.weight.sum(axis=0)), rate(yes), rate(no))


@dataclass(frozen=True, slots=True)
class TopK:
    """Recall among the ``k`` highest scores; NaN where nobody has the positive outcome.

    ``recall`` draws at random among those who tie for the last places, or share a bin there;
    ``lower`` and ``upper`` are what the worst and the best draw would give.
    """

    k: float
    recall: float
    lower: float
    upper: float


def top_k(histogram: "Histogram", k: float) -> TopK:
    """Compute the share of the positive whom a budget of ``k`` places reaches.

    Parameters
    ----------
    histogram : Histogram
        People whose outcome is unknown take places and are not in the recall.
    k : float
        Places, at least 0, in people or, where they are weighted, in weight.

    Raises
    ------
    ValueError
        If k is negative or not a number.
    """
    import numpy as np

    if not k >= 0:
        raise ValueError("k must be at least 0: it is a number of places.")
    everyone = histogram.weight.sum(axis=0)[::-1]
    positive = histogram.weight[1][::-1]
    total = float(positive.sum())
    if not total > 0:
        return TopK(k, float("nan"), float("nan"), float("nan"))
    taken = np.clip(k - (everyone.cumsum() - everyone), 0.0, everyone)
    share = np.divide(taken, everyone, out=np.zeros_like(taken), where=everyone > 0)
    least = np.maximum(taken - (everyone - positive), 0.0)
    most = np.minimum(taken, positive)
    recall, lower, upper = (float(found.sum()) / total for found in (share * positive, least, most))
    return TopK(k, recall, lower, upper)
