"""Weights, clusters and strata: the variance of a rate by linearisation, and what sample it equals.

A rate p of a group is a ratio of weighted totals. Its linearised value on a row of weight w is
``z = w (part - p among) / W`` (Taylor linearisation of a ratio; Woodruff, 1971). With rows drawn in
clusters c within strata h, ``c_h`` of them in each,

    cov(p, p') = sum over h of c_h / (c_h - 1) sum over c of (z_c - mean of z in h) (z'_c - ...)

from the products of cell totals alone. A row by itself is a cluster of one. Where neither clusters
nor strata were declared, the factor and the mean are left out, so that equal weights give exactly
the sample that has none. A stratum with one cluster has no variance of its own: its value is held
against 0 instead of its mean, which is larger on average.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.design import Design
from auditkit.results import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""An effective size this near to the number of people is that number."""

UNSURE = 30
"""A linearised variance rests on the rows that carry the weight. Where they are as few as this by
Kish, it can come out near 0 because the heaviest row happens to agree with the rate it makes."""

FEWEST_CLUSTERS = 8
"""With fewer clusters no limit is shown to be kept (statistics.md 20)."""


@dataclass(frozen=True)
class Estimates:
    """A rate in each of E domains.

    Attributes
    ----------
    rate : ndarray of float, shape (E,)
        Weighted; NaN where nobody is in the denominator.
    covariance : ndarray of float, shape (E, E)
    kish : ndarray of float, shape (E,)
        Effective sample size by the weights of rows and clusters alone (Kish, 1965).
    numerator, denominator : ndarray of float, shape (E,)
        Sums of weights.
    clustered : bool
        Whether ``kish`` counts clusters; the degrees of freedom then stand for how few they are.
    """

    rate: "Floats"
    covariance: "Floats"
    kish: "Floats"
    numerator: "Floats"
    denominator: "Floats"
    clustered: bool = False

    def effective(self, n: "NDArray[np.int64]") -> "Floats":
        """Size of the simple random sample with the same variance, p (1 - p) / V, at most n.

        By Kish where p is 0 or 1, since the variance says nothing there. Without clusters at most
        that where Kish's is under 30, since so few rows say little of it; shape (E,).
        """
        import numpy as np

        variance = np.diag(self.covariance)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = self.rate * (1 - self.rate) / variance
        inside = (self.rate > 0) & (self.rate < 1)
        size = np.where(inside, np.where(variance > 0, size, np.inf), self.kish)
        few = (self.kish < UNSURE) & (not self.clustered)
        size = np.where(few, np.minimum(size, self.kish), size)
        size = np.nan_to_num(size, nan=0.0, posinf=np.inf)
        return _at_most(size, n)

    def correlation(self, effective: "Floats") -> "Floats":
        """Correlation with which samples of the effective sizes have the gap's variance.

        Where no size was held at n this is cov / (sd sd). Where one was, its variance is larger
        than the linearised one, and the correlation makes up for it in the difference of two rates;
        shape (E, E), 0 where a variance is 0.
        """
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            variance = self.rate * (1 - self.rate) / effective
            own = np.diag(self.covariance)
            excess = variance - own
            both = self.covariance + (excess[:, None] + excess[None, :]) / 2
            rho = both / np.sqrt(np.outer(variance, variance))
        return np.clip(np.where(np.isfinite(rho), rho, 0.0), -1, 1)


def estimate(
    design: Design,
    codes: "NDArray[np.int64]",
    domains: "Floats",
    part: "NDArray[np.bool_]",
    among: "NDArray[np.bool_]",
) -> Estimates:
    """Estimate a rate in several domains, and how the estimates vary together.

    Parameters
    ----------
    design : Design
    codes : ndarray of int, shape (C,) or (C, K)
        To which of B sets each cell belongs, or each of its outcomes.
    domains : ndarray of float, shape (E, B)
        Each domain as a sum of sets, with -1 for one that is taken away.
    part, among : ndarray of bool, shape (K,)
        Outcomes that are counted, and in the denominator; part within among.
    """
    import numpy as np

    outcomes = design.weight.shape[1]
    codes = np.repeat(codes, outcomes) if codes.ndim == 1 else codes.ravel()
    x, n = ((design.weight * mask).ravel() for mask in (part, among))
    sets = domains.shape[1]
    numerator, denominator = (domains @ np.bincount(codes, v, sets) for v in (x, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(denominator > 0, numerator / denominator, np.nan)
        inverse = np.where(denominator > 0, 1 / denominator, 0.0)
    known = np.nan_to_num(p)

    first, second = design.products.first, design.products.second
    cell, outcome = np.divmod(first, outcomes)
    outcome_ = second % outcomes
    pair = codes[first] * sets + codes[second]
    factor, centred = _factors(design)
    scale = factor[design.strata[cell]]

    def products(
        one: "NDArray[np.bool_]", other: "NDArray[np.bool_]", scale: "Floats | float"
    ) -> "Floats":
        """Sum over the pairs of cells of two domains, shape (E, E)."""
        asked = one[outcome] & other[outcome_]
        value = np.where(asked, design.products.value * scale, 0.0)
        found: Floats = domains @ np.bincount(pair, value, sets**2).reshape(sets, sets) @ domains.T
        return found

    cross = products(among, part, scale)
    whole = products(among, among, scale)
    square = (
        products(part, part, scale)
        - known[:, None] * cross
        - known[None, :] * cross.T
        + np.outer(known, known) * whole
    )
    of_part, of_among = (_of_strata(design, codes, domains, values) for values in (x, n))
    totals = of_part - known[:, None] * of_among
    square = square - (totals * centred) @ totals.T
    weights = np.diag(products(among, among, 1.0) if design.drawn else whole)
    kish = denominator**2 / np.maximum(weights, np.finfo(float).tiny)
    return Estimates(
        p, square * np.outer(inverse, inverse), kish, numerator, denominator, design.clustered
    )


def _of_strata(
    design: Design, codes: "NDArray[np.int64]", domains: "Floats", values: "Floats"
) -> "Floats":
    """Sum a value of the outcomes over each domain within each stratum, shape (E, S)."""
    import numpy as np

    strata, sets = len(design.units), domains.shape[1]
    of = np.repeat(design.strata, design.weight.shape[1])
    sums = np.bincount(codes * strata + of, values, sets * strata)
    found: Floats = domains @ sums.reshape(sets, strata)
    return found


def _factors(design: Design) -> "tuple[Floats, Floats]":
    """Return c / (c - 1) of each stratum, and what the square of its total is multiplied with."""
    import numpy as np

    units = design.units.astype(np.float64)
    if not design.drawn:
        return np.ones_like(units), np.zeros_like(units)
    several = units > 1
    factor = np.where(several, units / np.maximum(units - 1, 1), 1.0)
    return factor, np.where(several, factor / np.maximum(units, 1), 0.0)


def kish_size(weight: "ArrayLike", square: "ArrayLike", people: "ArrayLike") -> "Floats":
    """Size of the plain sample that weighted people tell as much as, by their weights alone.

    ``(sum w)^2 / (sum w^2)`` (Kish, 1965), and at most all of them; 0 where nobody has a weight.

    Parameters
    ----------
    weight, square : array_like of float, shape (...)
        Sums of weights, and of their squares.
    people : array_like of int, shape (...)

    Returns
    -------
    ndarray of float, shape (...)

    Examples
    --------
    >>> kish_size(11, 101, 2), kish_size([6, 0], [12, 0], [3, 5])
    (array(1.1980198), array([3., 0.]))
    """
    import numpy as np

    total, squared = np.asarray(weight, dtype=np.float64), np.asarray(square, dtype=np.float64)
    size = np.divide(total**2, squared, out=np.zeros_like(total), where=squared > 0)
    return _at_most(size, people)


def standardised_size(share: "ArrayLike", size: "ArrayLike") -> float:
    """Size of the plain sample that a mean standardised over cells tells as much as.

    ``1 / sum(share^2 / size)``: a cell that weighs much and holds few decides. No more than all
    ``size`` together, which it is where cells weigh as much as they hold.

    Parameters
    ----------
    share : array_like of float, shape (K,)
        What each cell weighs; they add to 1.
    size : array_like of float, shape (K,)
        Effective size of each cell, above 0 where it weighs anything.

    Examples
    --------
    >>> round(standardised_size([0.5, 0.5], [30, 10]), 9), standardised_size([1, 0], [30, 0])
    (30.0, 30.0)
    >>> round(standardised_size([0.75, 0.25], [30, 10]), 9)
    40.0
    """
    import numpy as np

    share, size = np.asarray(share, dtype=np.float64), np.asarray(size, dtype=np.float64)
    some = share > 0
    return float(1 / (share[some] ** 2 / size[some]).sum())


def enough(people: int, effective: float, who: str, floor: int) -> tuple[Status, str]:
    """Say whether so many people are worth a conclusion, by number and by what they tell."""
    if people < floor:
        return Status.INSUFFICIENT, f"{people} {who}, at least {floor} wanted"
    if effective < floor:
        told = f"{people} {who} tell no more than {rounded_down(effective)} drawn alone"
        return Status.INSUFFICIENT, f"{told}, at least {floor} wanted"
    return Status.OK, ""


def rounded_down(size: float) -> str:
    """Write a size with one digit, so that one below a floor never reads as the floor.

    >>> rounded_down(29.98), rounded_down(12.0)
    ('29.9', '12.0')
    """
    from math import floor

    return f"{floor(size * 10) / 10:.1f}"


def _at_most(size: "ArrayLike", people: "ArrayLike") -> "Floats":
    """Take a size that is more than all people, or next to it by rounding, for all of them."""
    import numpy as np

    whole = np.asarray(people, dtype=np.float64)
    return np.where(np.asarray(size) > whole * (1 - ROUNDING), whole, size)


def share_effective(
    share: float, square: float, rest_square: float, total: float, people: int
) -> float:
    """Size of the simple random sample that would tell as much of one weighted share, at most all.

    Rows are drawn one by one. The linearised variance of a share p of total weight W is
    ``((1 - p)^2 S + p^2 R) / W^2`` with the squared weights S of those in the share and R of the
    others (Woodruff, 1971); by Kish (1965) where p is 0 or 1, as the variance says nothing there,
    and at most that where Kish's is under 30.

    Parameters
    ----------
    share : float
    square, rest_square : float
        Sums of squared weights of those counted and of the others.
    total : float
        Sum of all weights, above 0.
    people : int

    Examples
    --------
    >>> share_effective(0.25, 25, 75, 100, 100), share_effective(0.0, 0, 400, 200, 200)
    (100.0, 100.0)
    """
    variance = ((1 - share) ** 2 * square + share**2 * rest_square) / total**2
    kish = total**2 / (square + rest_square)
    size = share * (1 - share) / variance if 0 < share < 1 and variance > 0 else kish
    if kish < UNSURE:
        size = min(size, kish)
    return float(_at_most(size, people))


def adjusted(n: "Floats", df: "Floats", alpha: float) -> "Floats":
    """Shrink effective sizes so that normal limits at one-sided ``alpha`` become those of t.

    Korn and Graubard (1998): n times (z / t)^2 at the degrees of freedom of the clusters. A single
    cluster says nothing of how much clusters differ: that is the size of nobody.
    """
    import numpy as np
    from scipy.special import ndtri, stdtrit

    finite = np.isfinite(df)
    t = stdtrit(np.where(finite, np.maximum(df, 1), 1), 1 - alpha)
    return np.where(finite, np.where(df < 1, 0.0, n * (ndtri(1 - alpha) / t) ** 2), n)
