"""How far the rates of several groups lie apart, beyond what chance alone would give."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

DRAWS = 999
"""Draws of rates without a difference; the smallest p-value of a permutation is 1 / 1,000."""

ROUNDING = 1e-12
"""So small a share of all people is the rounding of a count."""

ENOUGH = 5
"""Expected people in and out of a rate from which the chi-square curve is used (Cochran, 1954)."""


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Whether rates differ by more than chance.

    Attributes
    ----------
    p_value : float
        How often groups with one and the same rate would differ as much; NaN where that cannot be
        told.
    expected_range : float
        The highest less the lowest rate that they would have on average; NaN like ``p_value``.
    permuted : bool
        Whether people were drawn into groups at random, because some group is small.
    """

    p_value: float
    expected_range: float
    permuted: bool


def homogeneity(x: "ArrayLike", n: "ArrayLike", rng: "np.random.Generator") -> Homogeneity:
    """Test that groups have one rate, by Pearson's chi-square.

    Where at least 5 people are expected in and out of the rate in every group, the p-value is that
    of the chi-square curve with one degree of freedom less than groups, and the expected range is
    the mean of draws from normal curves. Else people are drawn into groups at random, 999 times,
    and the p-value is (k + 1) / (999 + 1) with k draws that differ as much (Phipson and Smyth,
    2010): never 0.

    Parameters
    ----------
    x, n : array_like, shape (G,)
        Counted, and denominators above 0, of at least two groups; not whole where people are
        weighted, and then nothing is told of small groups.
    rng : numpy.random.Generator

    Examples
    --------
    >>> import numpy as np
    >>> found = homogeneity([30, 45], [100, 100], np.random.default_rng(0))
    >>> f"{found.p_value:.4f} {found.permuted}"
    '0.0285 False'
    """
    import numpy as np
    from scipy.special import chdtrc

    x, n = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    p = x.sum() / n.sum()
    if not 0 < p < 1:
        return Homogeneity(np.nan, np.nan, permuted=False)
    if (n * min(p, 1 - p)).min() >= ENOUGH:
        normal = p + np.sqrt(p * (1 - p) / n) * rng.standard_normal((DRAWS, len(n)))
        apart = np.ptp(np.clip(normal, 0, 1), axis=1).mean()
        return Homogeneity(float(chdtrc(len(n) - 1, _chi_square(x, n))), float(apart), False)
    whole, of = np.rint(x), np.rint(n)  # of equal weights, rounding leaves almost whole counts
    far = max(np.abs(x - whole).max(), np.abs(n - of).max())
    if far > ROUNDING * n.sum() or n.sum() >= 1e9:  # NumPy draws from at most so many
        return Homogeneity(np.nan, np.nan, permuted=False)
    counted = int(whole.sum())
    drawn = rng.multivariate_hypergeometric(of.astype(int), counted, DRAWS, method="marginals")
    as_far = (_chi_square(drawn, of) >= _chi_square(whole, of) * (1 - 1e-12)).sum()
    apart = np.ptp(drawn / of, axis=1).mean()
    return Homogeneity(float((as_far + 1) / (DRAWS + 1)), float(apart), permuted=True)


def _chi_square(x: "NDArray[np.floating | np.integer]", n: "Floats") -> "Floats":
    """Pearson's statistic of counts, shape (..., G), of groups of n people."""
    p = x.sum(axis=-1, keepdims=True) / n.sum()
    statistic: Floats = ((x - n * p) ** 2 / (n * p * (1 - p))).sum(axis=-1)
    return statistic


def debiased_spread(x: "ArrayLike", n: "ArrayLike") -> float:
    """Estimate the standard deviation of the groups' true rates: that of the rates, less sampling.

    The mean of the unbiased sampling variances ``p (1 - p) / (n - 1)`` is taken from the variance
    of the rates; what is left, if anything, is the variance between groups (Lum, Zhang and Bower,
    2022). Each group counts once, whatever its size.

    Parameters
    ----------
    x, n : array_like, shape (G,)
        Counted and denominators; groups of one person or none say nothing and are left out.

    Returns
    -------
    float
        0 where the rates lie no further apart than sampling alone puts them; NaN for fewer than
        two groups.

    Examples
    --------
    >>> f"{debiased_spread([20, 40], [100, 100]):.4f}"
    '0.1341'
    """
    import numpy as np

    x, n = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    x, n = x[n > 1], n[n > 1]
    if len(n) < 2:
        return float("nan")
    p = x / n
    between = p.var(ddof=1) - (p * (1 - p) / (n - 1)).mean()
    return float(np.sqrt(max(between, 0.0)))


def benjamini_yekutieli(p_values: "ArrayLike") -> "Floats":
    """Adjust p-values so that of those at most q, a share of at most q are false on average.

    Holds however the tests depend on each other (Benjamini and Yekutieli, 2001).

    Parameters
    ----------
    p_values : array_like, shape (m,)

    Returns
    -------
    ndarray, shape (m,)
    """
    import numpy as np

    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    ranks = np.arange(1, len(p) + 1)
    scaled = p[order] * len(p) * (1 / ranks).sum() / ranks
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def holm(p_values: "ArrayLike") -> "Floats":
    """Adjust p-values so that any false one is at most q with a chance of at most q.

    Holds however the tests depend on each other, and however many are true (Holm, 1979).

    Parameters
    ----------
    p_values : array_like, shape (m,)

    Returns
    -------
    ndarray, shape (m,)

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    import numpy as np

    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    scaled = p[order] * np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
