"""Two counts to an interval: the 95 % intervals that are printed, and the parts gates share.

MOVER (method of variance estimates recovery) builds the interval of a difference or a ratio from
the limits of the two rates alone. Counts may be real, so that an effective sample size fits.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A lower and an upper bound each, of one shape; NaN where there is none."""

    lower: "Floats"
    upper: "Floats"


def rate(x: "ArrayLike", n: "ArrayLike") -> "Floats":
    """Divide counts by their denominators; a denominator of 0 gives NaN.

    Parameters
    ----------
    x, n : array_like
        Counted and denominator, 0 <= x <= n, real, broadcast together.

    Raises
    ------
    ValueError
        If any x lies outside 0..n.
    """
    x, n = _counts(x, n)
    return x / n


def wilson(x: "ArrayLike", n: "ArrayLike", level: "ArrayLike" = 0.95) -> Bounds:
    """Two-sided score interval of a rate (Wilson, 1927).

    Parameters
    ----------
    x, n : array_like
        Counted and denominator, 0 <= x <= n, real, broadcast together with ``level``.
    level : array_like
        Confidence of the two sides together.

    Returns
    -------
    Bounds
        In the broadcast shape; NaN where n is 0.

    Raises
    ------
    ValueError
        If any x lies outside 0..n, or any level outside 0..1.

    Examples
    --------
    >>> bounds = wilson(81, 263)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    0.2553 0.3662
    """
    import numpy as np
    from scipy.special import ndtri

    x, n = _counts(x, n)
    level = np.asarray(level, dtype=np.float64)
    if np.any((level <= 0) | (level >= 1)):
        raise ValueError("level must lie between 0 and 1: it is the confidence of both sides.")
    p, q = x / n, (n - x) / n
    z2 = ndtri(0.5 + level / 2) ** 2
    shift = z2 / (2 * n) + np.sqrt(z2 * p * q / n + (z2 / (2 * n)) ** 2)
    # The limits are the roots of (1 + z2/n) t^2 - (2p + z2/n) t + p^2: the product of the roots
    # over the larger one keeps every digit, and is exactly 0 at x = 0 and 1 at x = n.
    return Bounds(p * p / (p + shift), 1 - q * q / (q + shift))


def clopper_pearson(x: "ArrayLike", n: "ArrayLike", alpha: "ArrayLike") -> Bounds:
    """Exact limits of a rate, each side one-sided at ``alpha`` (Clopper and Pearson, 1934).

    Parameters
    ----------
    x, n : array_like
        Counted and denominator, 0 <= x <= n, real, broadcast together with ``alpha``.
    alpha : array_like
        Error allowed on each side: 0.025 gives the two-sided 95 % interval.

    Returns
    -------
    Bounds
        In the broadcast shape; NaN where n is 0.

    Raises
    ------
    ValueError
        If any x lies outside 0..n, or any alpha outside (0, 0.5].

    Examples
    --------
    >>> bounds = clopper_pearson(81, 263, 0.025)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    0.2527 0.3676
    """
    import numpy as np
    from scipy.special import betainccinv, betaincinv

    x, n = _counts(x, n)
    alpha = np.asarray(alpha, dtype=np.float64)
    if np.any((alpha <= 0) | (alpha > 0.5)):
        raise ValueError("alpha must be above 0 and at most 0.5: it is the error of one side.")
    x, n, alpha = np.broadcast_arrays(x, n, alpha)
    # Half a count stands in where the Beta distribution has no mass left; it is then overwritten.
    lower = betaincinv(np.where(x == 0, 0.5, x), n - x + 1, alpha)
    upper = betainccinv(x + 1, np.where(x == n, 0.5, n - x), alpha)
    return Bounds(
        np.where((x == 0) & (n > 0), 0.0, lower),
        np.where((x == n) & (n > 0), 1.0, upper),
    )


def difference(
    x1: "ArrayLike",
    n1: "ArrayLike",
    x2: "ArrayLike",
    n2: "ArrayLike",
    level: "ArrayLike" = 0.95,
    rho: "ArrayLike" = 0.0,
) -> Bounds:
    """Two-sided interval of x1/n1 - x2/n2: MOVER-Wilson (Newcombe, 1998, method 10).

    Parameters
    ----------
    x1, n1, x2, n2 : array_like
        Counted and denominator of the group and of what it is held against, broadcast together.
    level : array_like
        Confidence of the two sides together.
    rho : array_like
        Correlation of the two rates.

    Returns
    -------
    Bounds
        Within [-1, 1], in the broadcast shape; NaN where either denominator is 0.

    Raises
    ------
    ValueError
        If any x lies outside 0..n.

    Examples
    --------
    >>> bounds = difference(56, 70, 48, 80)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    0.0524 0.3339
    """
    return mover_difference(
        rate(x1, n1), wilson(x1, n1, level), rate(x2, n2), wilson(x2, n2, level), rho
    )


def paired_difference(
    both: "ArrayLike",
    first: "ArrayLike",
    second: "ArrayLike",
    neither: "ArrayLike",
    level: "ArrayLike" = 0.95,
) -> Bounds:
    """Two-sided interval of a difference of two rates of the same people.

    The score interval of Newcombe (1998, Statistics in Medicine 17:2635-2650, method 10): the
    limits of each rate, put together with their correlation. Its numerator ``both * neither -
    first * second`` is corrected for continuity where it is positive: half the number of people is
    taken off, and no more than there is.

    Parameters
    ----------
    both, first, second, neither : array_like
        People counted by both rates, by the first alone, by the second alone, by neither: whole
        and not negative, broadcast together.
    level : array_like
        Confidence of the two sides together.

    Returns
    -------
    Bounds
        Of the first rate minus the second, within [-1, 1]; NaN where there is nobody.

    Raises
    ------
    ValueError
        If any count is negative.

    Examples
    --------
    >>> bounds = paired_difference(14, 5, 0, 22)
    >>> print(f"{bounds.lower:.4f} {bounds.upper:.4f}")
    0.0115 0.2265
    """
    import numpy as np

    a, b, c, d = (np.asarray(n, dtype=np.float64) for n in (both, first, second, neither))
    if any(np.any(n < 0) for n in (a, b, c, d)):
        raise ValueError("Counts of people must not be negative.")
    n = a + b + c + d
    products = a * d - b * c
    corrected = np.where(products > 0, np.maximum(products - n / 2, 0.0), products)
    # each root by itself: the product of four counts of millions leaves what a float holds whole
    spread = np.sqrt(a + b) * np.sqrt(c + d) * np.sqrt(a + c) * np.sqrt(b + d)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.where(spread > 0, np.clip(corrected / spread, -1.0, 1.0), 0.0)
    return difference(a + b, n, a + c, n, level, rho)


def ratio(
    x1: "ArrayLike",
    n1: "ArrayLike",
    x2: "ArrayLike",
    n2: "ArrayLike",
    level: "ArrayLike" = 0.95,
    rho: "ArrayLike" = 0.0,
) -> Bounds:
    """Two-sided interval of (x1/n1) / (x2/n2): MOVER-R from Wilson limits (Donner and Zou, 2012).

    Parameters
    ----------
    x1, n1, x2, n2 : array_like
        Counted and denominator of the group and of what it is held against, broadcast together.
    level : array_like
        Confidence of the two sides together.
    rho : array_like
        Correlation of the two rates.

    Returns
    -------
    Bounds
        At least 0, in the broadcast shape. ``upper`` is infinite where x2 is 0; both are NaN
        where x1 and x2 are 0 (no ratio to speak of) or either denominator is 0.

    Raises
    ------
    ValueError
        If any x lies outside 0..n.
    """
    import numpy as np

    p1, p2 = rate(x1, n1), rate(x2, n2)
    bounds = mover_ratio(p1, wilson(x1, n1, level), p2, wilson(x2, n2, level), rho)
    nothing = (p1 == 0) & (p2 == 0)
    return Bounds(np.where(nothing, np.nan, bounds.lower), np.where(nothing, np.nan, bounds.upper))


def pooled(gaps: "Floats", bounds: Bounds, weight: "Floats") -> tuple[float, Bounds]:
    """Pool differences of several strata with fixed weights.

    The interval is MOVER for a weighted sum of independent parts (Zou, Huang and Zhang, 2009).

    Parameters
    ----------
    gaps : ndarray, shape (S,)
    bounds : Bounds
        Of each gap, at the error wanted for the pooled one.
    weight : ndarray, shape (S,)
        At least 0, not all 0; they need not add up to 1.

    Returns
    -------
    estimate : float
    Bounds
    """
    import numpy as np

    share = weight / weight.sum()
    estimate = float(share @ gaps)
    below = np.sqrt((share**2) @ (gaps - bounds.lower) ** 2)
    above = np.sqrt((share**2) @ (bounds.upper - gaps) ** 2)
    return estimate, Bounds(estimate - below, estimate + above)


def mover_difference(
    p1: "Floats", rate1: Bounds, p2: "Floats", rate2: Bounds, rho: "ArrayLike" = 0.0
) -> Bounds:
    """Interval of p1 - p2 from the limits of each (Newcombe, 1998; Zou and Donner, 2008).

    Parameters
    ----------
    p1, p2 : ndarray
        The two rates.
    rate1, rate2 : Bounds
        Their limits, ``lower <= p <= upper``, at the error wanted for the difference.
    rho : array_like
        Correlation of the two rates (Zou, 2007).

    Returns
    -------
    Bounds
        One-sided at the error of the limits each, and never outside [-1, 1].
    """
    import numpy as np

    gap = p1 - p2
    rho = np.asarray(rho, dtype=np.float64)
    return Bounds(
        np.maximum(gap - _apart(p1 - rate1.lower, rate2.upper - p2, rho), -1.0),
        np.minimum(gap + _apart(rate1.upper - p1, p2 - rate2.lower, rho), 1.0),
    )


def _apart(a: "Floats", b: "Floats", rho: "Floats") -> "Floats":
    """``sqrt(a^2 + b^2 - 2 rho a b)``, as a sum of terms that are never negative."""
    import numpy as np

    return np.asarray(np.hypot(a - rho * b, b * np.sqrt(1 - rho**2)))


def mover_ratio(
    p1: "Floats", rate1: Bounds, p2: "Floats", rate2: Bounds, rho: "ArrayLike" = 0.0
) -> Bounds:
    """Interval of p1 / p2 from the limits of each (Donner and Zou, 2012, MOVER-R).

    The lower bound is in the conjugate form, which stays finite where 2 p2 = u2; what is under the
    roots is written as a sum of terms that are never negative, so nothing cancels.

    Parameters
    ----------
    p1, p2 : ndarray
        The two rates.
    rate1, rate2 : Bounds
        Their limits, ``0 <= lower <= p <= upper``, at the error wanted for the ratio.
    rho : array_like
        Correlation of the two rates.

    Returns
    -------
    Bounds
        One-sided at the error of the limits each. The lower bound is 0 where p1's is, the upper
        bound infinite where p2's lower limit is 0: nothing is then known on that side.
    """
    import numpy as np

    rho = np.asarray(rho, dtype=np.float64)
    known1, known2 = (_known(p1, rate1), _known(p2, rate2))
    a, b = p1 - rate1.lower, rate2.upper - p2
    c, d = rate1.upper - p1, p2 - rate2.lower
    own = np.sqrt(1 - rho**2)
    below = np.hypot(a * p2 - rho * b * p1, own * b * np.sqrt(known1))
    above = np.hypot(d * p1 - rho * c * p2, own * c * np.sqrt(known2))
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.where(known1 == 0, 0.0, known1 / (p1 * p2 - rho * a * b + below))
        upper = np.where(known2 == 0, np.inf, (p1 * p2 - rho * c * d + above) / known2)
    undefined = np.isnan(p1) | np.isnan(p2)
    return Bounds(np.where(undefined, np.nan, lower), np.where(undefined, np.nan, upper))


def _known(p: "Floats", bounds: Bounds) -> "Floats":
    """``p^2 - (p - lower)^2``, which is 0 exactly when the lower limit is."""
    return bounds.lower * (2 * p - bounds.lower)


def _counts(x: "ArrayLike", n: "ArrayLike") -> "tuple[Floats, Floats]":
    import numpy as np

    counted, of = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if np.any((counted < 0) | (counted > of)):
        raise ValueError("Counts must lie between 0 and their denominators.")
    return counted, np.where(of > 0, of, np.nan)
