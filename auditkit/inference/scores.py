"""Intervals of metrics of scores: of the area under the ROC curve, and of a mean."""

from typing import TYPE_CHECKING

from auditkit.inference.intervals import Bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

HALVINGS = 60
"""After so many, an interval of length 1 is shorter than a float can tell."""


def auc_interval(
    auc: "ArrayLike", positives: "ArrayLike", negatives: "ArrayLike", level: float = 0.95
) -> Bounds:
    """Two-sided score-type interval of an AUC (Newcombe, 2006, part 2, method 5).

    The limits are the roots of ``(auc - t)^2 = z^2 V(t)`` with

        V(t) = t (1 - t) (1 + N (1 - t) / (2 - t) + N t / (1 + t)) / (m n),  N = (m + n) / 2 - 1

    Parameters
    ----------
    auc : array_like
        Between 0 and 1, ties counted one half; broadcast together with the sizes.
    positives, negatives : array_like
        People of either outcome, m and n; effective sizes where they are weighted.
    level : float
        Confidence of the two sides together.

    Returns
    -------
    Bounds
        Within [0, 1], in the broadcast shape; NaN where ``auc`` is or a size is 0.

    Examples
    --------
    >>> bounds = auc_interval(0.8, 20, 30)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    0.6433 0.8941
    """
    import numpy as np
    from scipy.special import ndtri

    auc, m, n = np.broadcast_arrays(
        *(np.asarray(a, np.float64) for a in (auc, positives, negatives))
    )
    z2 = ndtri(0.5 + level / 2) ** 2
    known = ~np.isnan(auc) & (m > 0) & (n > 0)
    pairs, more = np.where(known, m * n, 1.0), np.maximum((m + n) / 2 - 1, 0.0)

    def beyond(t: "Floats") -> "NDArray[np.bool_]":
        variance = t * (1 - t) * (1 + more * (1 - t) / (2 - t) + more * t / (1 + t)) / pairs
        return np.asarray((auc - t) ** 2 > z2 * variance)

    def root(end: float) -> "Floats":
        """Halve the stretch from the estimate, which is never beyond, to the end of the scale."""
        inner, outer = np.where(known, auc, 0.5), np.full(auc.shape, end)
        for _ in range(HALVINGS):
            middle = (inner + outer) / 2
            out = beyond(middle)
            inner, outer = np.where(out, inner, middle), np.where(out, middle, outer)
        return np.where(known, inner, np.nan)

    return Bounds(root(0.0), root(1.0))


def auc_p_value(auc: "ArrayLike", positives: "ArrayLike", negatives: "ArrayLike") -> "Floats":
    """One-sided p-value of the hypothesis that an AUC is 1/2, against more than that.

    ``Phi((1/2 - auc) / sqrt(V(1/2)))`` with the variance of ``auc_interval``, which at 1/2 is that
    of the rank sum test without ties, ``(m + n + 1) / (12 m n)`` (Mann and Whitney, 1947): ties
    make the true one smaller.

    Parameters
    ----------
    auc, positives, negatives : array_like
        As in ``auc_interval``.

    Returns
    -------
    ndarray
        In the broadcast shape; NaN where ``auc`` is or a size is 0.

    Examples
    --------
    >>> f"{auc_p_value(0.8, 20, 30):.6f}"
    '0.000182'
    """
    import numpy as np
    from scipy.special import ndtr

    auc, m, n = (np.asarray(a, dtype=np.float64) for a in (auc, positives, negatives))
    known = ~np.isnan(auc) & (m > 0) & (n > 0)
    deviation = np.sqrt((m + n + 1) / (12 * np.where(known, m * n, 1.0)))
    return np.where(known, ndtr((0.5 - auc) / deviation), np.nan)


def mean_variance(square: float, total: float, people: int) -> float:
    """Variance of a weighted mean by linearisation (Woodruff, 1971), as of people drawn alone.

    ``n / (n - 1) sum w^2 (x - mean)^2 / (sum w)^2``: where weights are equal, that is the unbiased
    variance of the values over n.

    Parameters
    ----------
    square : float
        Sum of squared weights times the squared distance from the mean.
    total : float
        Sum of weights, above 0.
    people : int

    Examples
    --------
    >>> mean_variance(2.0, 3.0, 3)  # of 1, 2 and 3
    0.3333333333333333
    """
    return square / total**2 * (people / max(people - 1, 1))


def mean_interval(
    mean: "ArrayLike", variance: "ArrayLike", n: "ArrayLike", level: float = 0.95
) -> Bounds:
    """Two-sided interval of a mean by Student's t, with ``n - 1`` degrees of freedom.

    Parameters
    ----------
    mean, variance, n : array_like
        The mean, the estimated variance of the mean, and the people in it; broadcast together.
    level : float
        Confidence of the two sides together.

    Returns
    -------
    Bounds
        In the broadcast shape; NaN where n is under 2.

    Examples
    --------
    >>> bounds = mean_interval(5.0, 0.04, 25)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    4.5872 5.4128
    """
    import numpy as np
    from scipy.special import stdtrit

    mean, variance, n = (np.asarray(a, dtype=np.float64) for a in (mean, variance, n))
    half = stdtrit(np.maximum(n - 1, 1), 0.5 + level / 2) * np.sqrt(variance)
    half = np.where(n >= 2, half, np.nan)
    return Bounds(mean - half, mean + half)
