"""The bounds that judge, and the one place where bounds and a limit become an outcome.

Gate bounds are MOVER from one-sided Clopper-Pearson limits: at the limit, MOVER-Wilson finds a
false breach in up to 9 % of audits at a nominal 5 %, and in many times the nominal share at the
small levels that many hypotheses call for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.inference.intervals import (
    Bounds,
    clopper_pearson,
    mover_difference,
    mover_ratio,
    rate,
    wilson,
)
from auditkit.results import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Truths = NDArray[np.bool_]

NOISE = 1e-9
"""A bound this near its limit counts as on it, and on it is neither within nor beyond: a rounding
error, some 1e-15 here, can then never turn a bound on the limit into an all-clear or a breach."""

CAUTION = 0.88
"""Share of the error allowed to an all-clear at which its bounds are made.

MOVER is an approximation and counts are whole: from bounds at 5 %, a group exactly at its limit is
called within it in up to 5.4 % of audits. From bounds at 4.4 % in at most 4.97 %, counted over
568,188 pairs of rates: groups of 20 to 1,000, rests of 100 to 1,000, rates from .001 to .999,
limits from .03 to .20 and the joint one. From bounds at 4.5 % it is still up to 5.1 %. Measured at
an error of 5 %, which the shipped policies allow; of a much smaller one more is used up
(``auditkit docs statistics``)."""


@dataclass(frozen=True, slots=True)
class Range:
    """How far the extreme groups lie apart, and their positions in the arrays given.

    Where groups tie, ``highest`` is the first and ``lowest`` the last of them, so that the two
    always differ.
    """

    estimate: float
    lower: float
    upper: float
    highest: int
    lowest: int


def gap_bounds(
    x1: "ArrayLike",
    n1: "ArrayLike",
    x2: "ArrayLike",
    n2: "ArrayLike",
    alpha: "ArrayLike",
    rho: "ArrayLike" = 0.0,
) -> Bounds:
    """Bounds of x1/n1 - x2/n2, each one-sided at ``alpha``.

    MOVER (Zou and Donner, 2008) from Clopper-Pearson limits. At any two levels the lower bound is
    at most the estimate, and the upper bound at least.

    Parameters
    ----------
    x1, n1, x2, n2 : array_like
        Counted and denominator of the group and of what it is held against; real, so effective
        counts fit. All broadcast together.
    alpha : array_like
        Error allowed on each side.
    rho : array_like
        Correlation of the two rates, where they were drawn together.

    Returns
    -------
    Bounds
        Within [-1, 1], in the broadcast shape; NaN where either denominator is 0.

    Raises
    ------
    ValueError
        If any x lies outside 0..n, or any alpha outside (0, 0.5].
    """
    return mover_difference(
        rate(x1, n1),
        clopper_pearson(x1, n1, alpha),
        rate(x2, n2),
        clopper_pearson(x2, n2, alpha),
        rho,
    )


def ratio_bounds(
    x1: "ArrayLike",
    n1: "ArrayLike",
    x2: "ArrayLike",
    n2: "ArrayLike",
    alpha: "ArrayLike",
    rho: "ArrayLike" = 0.0,
) -> Bounds:
    """Bounds of (x1/n1) / (x2/n2), each one-sided at ``alpha``.

    MOVER-R (Donner and Zou, 2012) from Clopper-Pearson limits. Bounds exist even where the
    estimate does not: 0 of 10 against 0 of 10 has bounds 0 and infinity, which say nothing, so
    that a joint limit is then judged on the gap.

    Parameters
    ----------
    x1, n1, x2, n2 : array_like
        Counted and denominator of the group and of what it is held against; real, so effective
        counts fit. All broadcast together.
    alpha : array_like
        Error allowed on each side.
    rho : array_like
        Correlation of the two rates, where they were drawn together.

    Returns
    -------
    Bounds
        At least 0, in the broadcast shape; ``upper`` infinite where x2 is 0; NaN where either
        denominator is 0.

    Raises
    ------
    ValueError
        If any x lies outside 0..n, or any alpha outside (0, 0.5].
    """
    return mover_ratio(
        rate(x1, n1),
        clopper_pearson(x1, n1, alpha),
        rate(x2, n2),
        clopper_pearson(x2, n2, alpha),
        rho,
    )


def all_clear_level(alpha: float) -> float:
    """Level of the bounds from which an all-clear is wrong in about ``alpha`` of audits at most.

    Examples
    --------
    >>> print(f"{all_clear_level(0.05):.3f}")
    0.044
    """
    return CAUTION * alpha


def gap_is_within(gap: Bounds, limit: float) -> "Truths":
    """Whether both bounds of a gap lie inside ``[-limit, limit]``, elementwise; False for NaN."""
    return (gap.upper < limit - NOISE) & (gap.lower > NOISE - limit)


def gap_is_beyond(gap: Bounds, limit: float) -> "Truths":
    """Whether one bound of a gap lies beyond the limit, elementwise; False for NaN."""
    return (gap.lower > limit + NOISE) | (gap.upper < -limit - NOISE)


def joint_is_within(ratio: Bounds, gap: Bounds, ratio_limit: float, gap_floor: float) -> "Truths":
    """Whether group and rest are each within the joint limit of the other, elementwise.

    See ``judge_joint``. False for NaN.
    """
    group = (ratio.upper < ratio_limit - NOISE) | (gap.upper < gap_floor - NOISE)
    rest = (ratio.lower > 1 / ratio_limit + NOISE) | (gap.lower > NOISE - gap_floor)
    return group & rest


def joint_is_beyond(ratio: Bounds, gap: Bounds, ratio_limit: float, gap_floor: float) -> "Truths":
    """Whether group or rest is beyond the joint limit of the other, elementwise.

    See ``judge_joint``. False for NaN.
    """
    group = (ratio.lower > ratio_limit + NOISE) & (gap.lower > gap_floor + NOISE)
    rest = (ratio.upper < 1 / ratio_limit - NOISE) & (gap.upper < -gap_floor - NOISE)
    return group | rest


def judge_gap(
    lower_within: float,
    upper_within: float,
    lower_breach: float,
    upper_breach: float,
    limit: float,
) -> Outcome:
    """Hold the bounds of a gap against a two-sided limit.

    ``within`` and ``breach`` exclude each other whatever the two levels: every lower bound is at
    most the estimate and every upper bound at least, so ``lower_breach > limit`` puts the estimate,
    and with it ``upper_within``, above the limit.

    Parameters
    ----------
    lower_within, upper_within : float
        Bounds at the level of an all-clear, on each side.
    lower_breach, upper_breach : float
        Bounds at the level of a breach, 0.05 over the number of hypotheses.
    limit : float
        Largest tolerated absolute gap, at least 0. A bound on the limit is on neither side of it.

    Returns
    -------
    Outcome
        ``within``, ``breach`` or ``indeterminate``; ``undefined`` where a bound is NaN.
    """
    within, breach = _pair(lower_within, upper_within), _pair(lower_breach, upper_breach)
    return _outcome(
        undefined=_any_nan(within, breach),
        beyond=bool(gap_is_beyond(breach, limit)),
        within=bool(gap_is_within(within, limit)),
    )


def judge_joint(
    ratio_within: Bounds,
    gap_within: Bounds,
    ratio_breach: Bounds,
    gap_breach: Bounds,
    ratio_limit: float,
    gap_floor: float,
) -> Outcome:
    """Hold a group and its rest against the joint limit for small rates, and its mirror.

    The limit is p_group <= max(ratio_limit * p_rest, p_rest + gap_floor), and the same with the
    two exchanged. Either bound below its part of the limit is enough for ``within``, both have to
    be above theirs for ``breach``. A ratio limit alone is ``gap_floor = 0``.

    Parameters
    ----------
    ratio_within, gap_within : Bounds
        Of group over rest and group minus rest, a number each, at the level of an all-clear.
    ratio_breach, gap_breach : Bounds
        The same at the level of a breach.
    ratio_limit : float
        Largest tolerated ratio, above 1.
    gap_floor : float
        Gap up to which a larger ratio is tolerated, at least 0.

    Returns
    -------
    Outcome
        ``within``, ``breach`` or ``indeterminate``; ``undefined`` where a bound is NaN.
    """
    return _outcome(
        undefined=_any_nan(ratio_within, gap_within, ratio_breach, gap_breach),
        beyond=bool(joint_is_beyond(ratio_breach, gap_breach, ratio_limit, gap_floor)),
        within=bool(joint_is_within(ratio_within, gap_within, ratio_limit, gap_floor)),
    )


def largest_gap(
    x: "ArrayLike", n: "ArrayLike", alpha: float = 0.05, rho: "NDArray[np.float64] | None" = None
) -> Range:
    """Highest minus lowest rate of several groups, never by the percentile bootstrap.

    ``upper`` is by intersection-union (Berger, 1982): the largest upper bound of any pair, Wilson,
    each one-sided at ``alpha`` and uncorrected, since the two extreme groups are one of the pairs.
    ``lower`` is simultaneous: the largest lower bound of any pair, Clopper-Pearson at ``alpha``
    shared over both directions of all pairs (Bonferroni), and at least 0.

    Parameters
    ----------
    x, n : array_like of shape (k,)
        Counted and denominator of k >= 2 groups, each n above 0. Memory grows with k squared.
    alpha : float
        Error allowed to ``upper`` and to ``lower`` each.
    rho : ndarray of shape (k, k), optional
        Correlation of the rates, where they were drawn together.

    Returns
    -------
    Range
        ``lower <= estimate <= upper``, in [0, 1].

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or an x outside 0..n.
    """
    import numpy as np

    p, i, j = _pairs(x, n)
    open_ = wilson(x, n, 1 - 2 * alpha)
    shared = clopper_pearson(x, n, alpha / (2 * len(i)))
    of = 0.0 if rho is None else rho[i, j]
    reach = mover_difference(p[i], _take(open_, i), p[j], _take(open_, j), of)
    sure = mover_difference(p[i], _take(shared, i), p[j], _take(shared, j), of)
    return Range(
        estimate=float(p.max() - p.min()),
        lower=max(0.0, float(sure.lower.max()), float(-sure.upper.min())),
        upper=max(float(reach.upper.max()), float(-reach.lower.min())),
        highest=int(np.argmax(p)),
        lowest=_last_lowest(p),
    )


def largest_ratio(
    x: "ArrayLike", n: "ArrayLike", alpha: float = 0.05, rho: "NDArray[np.float64] | None" = None
) -> Range:
    """Lowest over highest rate of several groups; 1 is parity.

    ``lower`` is by intersection-union and ``upper`` simultaneous, as the two bounds of
    ``largest_gap`` are (a lower ratio is a larger disparity).

    Parameters
    ----------
    x, n : array_like of shape (k,)
        Counted and denominator of k >= 2 groups, each n above 0. Memory grows with k squared.
    alpha : float
        Error allowed to ``lower`` and to ``upper`` each.
    rho : ndarray of shape (k, k), optional
        Correlation of the rates, where they were drawn together.

    Returns
    -------
    Range
        ``lower <= estimate <= upper``, in [0, 1]; NaN, all three, where the highest rate is 0.

    Raises
    ------
    ValueError
        If there are fewer than two groups, an empty one, or an x outside 0..n.
    """
    import numpy as np

    p, i, j = _pairs(x, n)
    highest, lowest = int(np.argmax(p)), _last_lowest(p)
    if p[highest] == 0:
        return Range(np.nan, np.nan, np.nan, highest, lowest)
    open_ = wilson(x, n, 1 - 2 * alpha)
    shared = clopper_pearson(x, n, alpha / (2 * len(i)))
    both = np.concatenate([i, j]), np.concatenate([j, i])
    of = 0.0 if rho is None else rho[both]
    reach = mover_ratio(p[both[0]], _take(open_, both[0]), p[both[1]], _take(open_, both[1]), of)
    sure = mover_ratio(p[both[0]], _take(shared, both[0]), p[both[1]], _take(shared, both[1]), of)
    return Range(
        estimate=float(p[lowest] / p[highest]),
        lower=float(reach.lower.min()),
        upper=min(1.0, float(sure.upper.min())),
        highest=highest,
        lowest=lowest,
    )


def _pairs(
    x: "ArrayLike", n: "ArrayLike"
) -> "tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]":
    import numpy as np

    p = rate(x, n)
    if p.ndim != 1 or len(p) < 2 or np.isnan(p).any():
        raise ValueError("A range needs one-dimensional counts of two groups or more, none empty.")
    i, j = np.triu_indices(len(p), 1)
    return p, i, j


def _last_lowest(p: "NDArray[np.float64]") -> int:
    return len(p) - 1 - int(p[::-1].argmin())


def _take(bounds: Bounds, index: "NDArray[np.intp]") -> Bounds:
    return Bounds(bounds.lower[index], bounds.upper[index])


def _pair(lower: float, upper: float) -> Bounds:
    import numpy as np

    return Bounds(np.asarray(lower), np.asarray(upper))


def _any_nan(*all_bounds: Bounds) -> bool:
    import numpy as np

    return any(bool(np.isnan(b.lower) | np.isnan(b.upper)) for b in all_bounds)


def _outcome(*, undefined: bool, beyond: bool, within: bool) -> Outcome:
    if undefined:
        return Outcome.UNDEFINED
    if beyond:
        return Outcome.BREACH
    return Outcome.WITHIN if within else Outcome.INDETERMINATE
