"""Intervals of amounts: a difference of two means, and a quantile."""

from typing import TYPE_CHECKING

from auditkit.inference.intervals import Bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def welch_interval(
    mean1: "ArrayLike",
    variance1: "ArrayLike",
    n1: "ArrayLike",
    mean2: "ArrayLike",
    variance2: "ArrayLike",
    n2: "ArrayLike",
    level: float = 0.95,
) -> Bounds:
    """Two-sided interval of a difference of two means of unequal spread (Welch, 1947).

    Student's t with the degrees of freedom of Welch and Satterthwaite. It is approximate: of skewed
    amounts in small groups it holds the true difference less often than it says.

    Parameters
    ----------
    mean1, mean2 : array_like
    variance1, variance2 : array_like
        The estimated variance of each mean (not of a person).
    n1, n2 : array_like
        The people in each; all broadcast together.
    level : float
        Confidence of the two sides together.

    Returns
    -------
    Bounds
        Of the first mean minus the second, in the broadcast shape; NaN where either n is under 2.

    Examples
    --------
    >>> bounds = welch_interval(5.0, 0.04, 25, 4.0, 0.09, 10)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    0.2409 1.7591
    """
    import numpy as np
    from scipy.special import stdtrit

    m1, v1, a, m2, v2, b = (
        np.asarray(x, dtype=np.float64) for x in (mean1, variance1, n1, mean2, variance2, n2)
    )
    enough = (a >= 2) & (b >= 2)
    of1, of2 = np.maximum(a - 1, 1), np.maximum(b - 1, 1)
    spread = v1 + v2
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(spread > 0, spread**2 / (v1**2 / of1 + v2**2 / of2), of1 + of2)
    half = np.where(enough, stdtrit(df, 0.5 + level / 2) * np.sqrt(spread), np.nan)
    return Bounds(m1 - m2 - half, m1 - m2 + half)


def order_statistics(share: float, n: int, level: float = 0.95) -> tuple[int, int]:
    """Two-sided, distribution-free interval of a quantile: the places of two order statistics.

    Of n people in rising order, the quantile lies between the l-th and the u-th with at least the
    level asked for, whatever the distribution: the number of people below it is binomial (Thompson,
    1936; Hahn and Meeker, 1991, section 5.2).

    Parameters
    ----------
    share : float
        Between 0 and 1, both excluded: .5 for the median.
    n : int
        People, at least 1.
    level : float
        Confidence of the two sides together.

    Returns
    -------
    l, u : int
        Places from 1 to n. 0, or n + 1, says that so few people give no bound on that side.

    Examples
    --------
    >>> order_statistics(0.5, 20), order_statistics(0.9, 20), order_statistics(0.5, 5)
    ((6, 15), (15, 21), (0, 6))
    """
    from scipy.stats import binom

    error = (1 - level) / 2
    low = int(binom.ppf(error, n, share))
    high = int(binom.ppf(1 - error, n, share)) + 1
    return low, high
