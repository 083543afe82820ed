"""What the gates would find if a gap were real: breach probabilities and the detectable gap.

The bounds of ``gates`` rise with the group's count and fall with the rest's, so for each count of
the rest there is a least count of the group that breaches. Those least counts are all that is
needed: the group's part of the probability is then one tail of a binomial, not a sum.
A breach downwards is one upwards in what was not counted, the bounds being the same mirrored.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.inference.intervals import clopper_pearson
from auditkit.results import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Truths = NDArray[np.bool_]

MOST_POINTS, TAILS = 256, 1e-10
"""Counts of one side that are enumerated singly, blocks of counts beyond; the mass left out."""

COARSE_POINTS, COARSE_TAILS = 64, 1e-3
"""The same for the detectable gap, which is solved for many rows and needs fewer digits."""

CURVE_TAILS, FEW, MANY = 1e-5, 300, 2000
"""The mass left out of a table of chances, which is for reading; a group under 300 is few, and one
of 2,000 with a rest whose count varies by as much is many: then points of a curve are enough."""

ROUNDING = 1e-9
"""So small a share of people is the rounding of an effective size."""

NODES, NO_WEIGHT = 24, 1e-6
"""Points of the normal curve, and the weight below which a point is not looked at: 16 are left."""

NEAR = 1e-4
"""A chance this near to the power asked for is that power."""

STEPS = 8
"""Steps towards the detectable gap: more would not bring its power nearer than the blocks do."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """Likely counts of the rest on the last axis: weight, rate, and limits at the gate's level."""

    weight: "Floats"
    p: "Floats"
    lower: "Floats"
    upper: "Floats"


def breach_probability(
    n1: "ArrayLike",
    n2: "ArrayLike",
    p1: "ArrayLike",
    p2: "ArrayLike",
    limit: "ArrayLike",
    alpha: "ArrayLike",
) -> "Floats":
    """Probability that the gap gate breaches, for x1 ~ Bin(n1, p1) and x2 ~ Bin(n2, p2).

    A breach is a lower bound above ``limit`` or an upper bound below ``-limit``, each one-sided at
    ``alpha``. Exact, but for 1e-10 in the tails, while 256 counts of group or rest carry the mass
    (either of them up to 1,200); beyond, in blocks of counts and within 0.005.

    Parameters
    ----------
    n1, n2 : array_like
        Denominators of the group and of the rest; a real one is rounded down.
    p1, p2 : array_like
        Their true rates.
    limit, alpha : array_like
        The gate: largest tolerated gap, at least 0, and the level of a breach.

    Returns
    -------
    ndarray
        In the broadcast shape of all six; NaN where a denominator is 0 or a rate outside [0, 1].
    """
    return _probability(Outcome.BREACH, n1, n2, p1, p2, limit, None, alpha)


def joint_breach_probability(
    n1: "ArrayLike",
    n2: "ArrayLike",
    p1: "ArrayLike",
    p2: "ArrayLike",
    ratio_limit: "ArrayLike",
    gap_floor: "ArrayLike",
    alpha: "ArrayLike",
) -> "Floats":
    """Probability that the joint limit of ``gates.judge_joint``, or its mirror, is breached.

    Enumerated as in ``breach_probability``. A lower bound of the ratio exceeds r exactly when the
    MOVER lower bound of ``p1 - r p2`` exceeds 0, since MOVER-R is the root of that in r.

    Parameters
    ----------
    n1, n2 : array_like
        Denominators of the group and of the rest; a real one is rounded down.
    p1, p2 : array_like
        Their true rates.
    ratio_limit, gap_floor, alpha : array_like
        The gate: largest tolerated ratio, above 1, gap up to which a larger one is tolerated, and
        the level of a breach.

    Returns
    -------
    ndarray
        In the broadcast shape of all seven; NaN where a denominator is 0 or a rate outside [0, 1].
    """
    return _probability(Outcome.BREACH, n1, n2, p1, p2, ratio_limit, gap_floor, alpha)


def within_probability(
    n1: "ArrayLike",
    n2: "ArrayLike",
    p1: "ArrayLike",
    p2: "ArrayLike",
    limit: "ArrayLike",
    alpha: "ArrayLike",
) -> "Floats":
    """Probability that the gap gate says ``within``, for x1 ~ Bin(n1, p1) and x2 ~ Bin(n2, p2).

    Both bounds lie inside ``[-limit, limit]``, each one-sided at ``alpha``. Enumerated as in
    ``breach_probability``; for each count of the rest the counts of the group that are within are
    a stretch, since either bound rises with them.

    Parameters
    ----------
    n1, n2 : array_like
        Denominators of the group and of the rest; a real one is rounded down.
    p1, p2 : array_like
        Their true rates.
    limit, alpha : array_like
        The gate: largest tolerated gap, at least 0, and the level of an all-clear.

    Returns
    -------
    ndarray
        In the broadcast shape of all six; NaN where a denominator is 0 or a rate outside [0, 1].
    """
    return _probability(Outcome.WITHIN, n1, n2, p1, p2, limit, None, alpha)


def joint_within_probability(
    n1: "ArrayLike",
    n2: "ArrayLike",
    p1: "ArrayLike",
    p2: "ArrayLike",
    ratio_limit: "ArrayLike",
    gap_floor: "ArrayLike",
    alpha: "ArrayLike",
) -> "Floats":
    """Probability that ``gates.judge_joint`` says ``within``.

    Enumerated as in ``within_probability``.

    Parameters
    ----------
    n1, n2 : array_like
        Denominators of the group and of the rest; a real one is rounded down.
    p1, p2 : array_like
        Their true rates.
    ratio_limit, gap_floor, alpha : array_like
        The gate: largest tolerated ratio, above 1, gap up to which a larger one is tolerated, and
        the level of an all-clear.

    Returns
    -------
    ndarray
        In the broadcast shape of all seven; NaN where a denominator is 0 or a rate outside [0, 1].
    """
    return _probability(Outcome.WITHIN, n1, n2, p1, p2, ratio_limit, gap_floor, alpha)


def operating_characteristics(
    n1: "ArrayLike",
    n2: "ArrayLike",
    p1: "ArrayLike",
    p2: "ArrayLike",
    limit: float,
    gap_floor: float | None,
    alpha: float,
    outcome: Outcome,
) -> "Floats":
    """Probability of ``breach`` or ``within`` at K true rates of G groups.

    As the four functions above, but the rest is enumerated once for all rates of a group, in
    blocks of counts that carry all but 1e-5 (at most 256, or 64 for groups of 300 and more), and
    from some thousands on at 16 points of a normal curve: within 0.01 of them.

    Parameters
    ----------
    n1, n2 : array_like, shape (G,)
        Denominators of the groups and of their rests.
    p1 : array_like, shape (K, G)
        True rates of the groups.
    p2 : array_like, shape (G,)
        True rates of the rests.
    limit, gap_floor, alpha : float
        The gate; without ``gap_floor`` the limit is one of the gap, else of the ratio.
    outcome : Outcome
        ``breach`` or ``within``.

    Returns
    -------
    ndarray, shape (K, G)
        NaN where a denominator is 0 or a rate outside [0, 1].
    """
    import numpy as np

    n1, n2, p1, p2 = _design(n1, n2, p1, p2)
    found = np.full(p1.shape, np.nan)
    # the chance given the rest's count is a step there, which a few points would miss, unless the
    # group's own rate varies about as much as the rest's
    own, other = p1 * (1 - p1) / n1, p2 * (1 - p2) / n2
    smooth = (np.isnan(own) | (own >= other / 4)).all(axis=0)
    few, many = n1 < FEW, smooth & (n1 >= MANY) & (n2**2 * other >= MANY)
    for rows, points in ((few, MOST_POINTS), (~few & ~many, COARSE_POINTS), (many, 0)):
        n, p = n1[rows], p1[:, rows]
        (level,) = _last_axis(alpha)
        rest = (
            _rest(n2[rows], p2[rows], level, points, CURVE_TAILS)
            if points
            else _smooth_rest(n2[rows], p2[rows], level)
        )
        found[:, rows] = _chance_of(outcome, n, p, rest, limit, gap_floor, level)
    return found


def detectable(
    n1: "ArrayLike",
    n2: "ArrayLike",
    p2: "ArrayLike",
    limit: "ArrayLike",
    alpha: "ArrayLike",
    power: float = 0.8,
) -> "Floats":
    """Size of the gap that the gate breaches with probability ``power``, whichever its direction.

    For each direction the least |p1 - p2| that is breached so often, p2 held fixed and p1 within
    [0, 1]; the larger of the two, since the true direction is not known. Where only one direction
    has room for such a gap, that one. So a rate and its complement detect the same gap.

    The rest's counts are taken in at most 64 blocks, or from some thousands on at 16 points of a
    normal curve; the exact power at the gap returned is within 0.04 of 0.8 (groups of 30 to 30,000,
    limits from 0.02).

    Parameters
    ----------
    n1, n2 : array_like
        Denominators of the group and of the rest; a real one is rounded down.
    p2 : array_like
        Rate of the rest.
    limit, alpha : array_like
        The gate: largest tolerated gap, at least 0, and the level of a breach.
    power : float
        Probability of a breach asked for, above ``alpha`` and below 1.

    Returns
    -------
    ndarray
        Gaps above 0 in the broadcast shape; NaN where no gap is breached so often, a denominator
        is 0 or p2 outside [0, 1].
    """
    import numpy as np

    n1, n2, p2 = _design(n1, n2, p2)
    p2 = np.minimum(p2, 1 - p2)  # blocks begin at the lower end, wherever the rate is
    n1, n2, p2, limit, alpha = np.broadcast_arrays(n1, n2, p2, limit, alpha)
    found = np.full(n1.shape, np.nan)
    # the group's rate lies further from 0 and 1 than p2 does, so it varies as much if it is smaller
    many = (n1 >= MANY) & (n1 <= n2) & (n2 * p2 * (1 - p2) >= MANY)
    for rows, points in ((many, 0), (~many, COARSE_POINTS)):
        n, other, p = n1[rows], n2[rows], p2[rows]
        own, edge, level = _last_axis(n, limit[rows], alpha[rows])
        rest = (
            _rest(other, p, level, points, COARSE_TAILS)
            if points
            else _smooth_rest(other, p, level)
        )
        above, below = _gap_counts(own, rest, edge, level)
        found[rows] = np.fmax(
            _least_gap(n, p, above, rest.weight, power),
            _least_gap(n, 1 - p, below, rest.weight, power),
        )
    return found


def _probability(
    outcome: Outcome,
    n1: "ArrayLike",
    n2: "ArrayLike",
    p1: "ArrayLike",
    p2: "ArrayLike",
    limit: "ArrayLike",
    gap_floor: "ArrayLike | None",
    alpha: "ArrayLike",
) -> "Floats":
    """Probability of an outcome, the side with fewer likely counts enumerated."""
    n1, n2, p1, p2 = _narrower_last(*_design(n1, n2, p1, p2))
    limit, alpha = _last_axis(limit, alpha)
    if gap_floor is not None:
        (gap_floor,) = _last_axis(gap_floor)
    rest = _rest(n2, p2, alpha, MOST_POINTS, TAILS)
    return _chance_of(outcome, n1, p1, rest, limit, gap_floor, alpha)


def _chance_of(
    outcome: Outcome,
    n: "Floats",
    p: "Floats",
    rest: _Rest,
    limit: "Floats | float",
    gap_floor: "Floats | float | None",
    alpha: "Floats",
) -> "Floats":
    """Probability of an outcome, given counts of the rest; without ``gap_floor`` of a gap limit."""
    (own,) = _last_axis(n)
    breach = outcome is Outcome.BREACH
    if gap_floor is None:
        above, below = _gap_counts(own, rest, limit if breach else -limit, alpha)
    else:
        joint = (limit, gap_floor) if breach else (1 / limit, -gap_floor)
        above, below = _joint_counts(own, rest, *joint, alpha)
    if breach:
        return _chance(n, p, above, rest.weight) + _chance(n, 1 - p, below, rest.weight)
    return _chance_between(n, p, above, own - below, rest.weight)


def _gap_counts(
    n: "Floats", rest: _Rest, limit: "Floats | float", alpha: "Floats"
) -> "tuple[Floats, Floats]":
    """Find the least count whose gap is above ``limit``, and the least of what was not counted.

    With a limit below 0 these are where the gap is shown not to lie beyond it on the other side.
    """
    return (
        _least_count(n, rest.p + limit, rest.upper - rest.p, alpha),
        _least_count(n, 1 - rest.p + limit, rest.p - rest.lower, alpha),
    )


def _joint_counts(
    n: "Floats", rest: _Rest, ratio: "Floats | float", floor: "Floats | float", alpha: "Floats"
) -> "tuple[Floats, Floats]":
    """Find the same for a ratio and a gap: above both if the ratio is above 1, else either.

    A bound of the ratio exceeds r exactly when the MOVER bound of ``p1 - r p2`` exceeds 0.
    """
    import numpy as np

    pick = np.maximum if np.all(np.asarray(ratio) > 1) else np.minimum
    over, under = rest.upper - rest.p, rest.p - rest.lower
    above = pick(
        _least_count(n, ratio * rest.p, ratio * over, alpha),
        _least_count(n, rest.p + floor, over, alpha),
    )
    below = pick(
        _least_count(n, 1 - rest.p / ratio, under / ratio, alpha),
        _least_count(n, 1 - rest.p + floor, under, alpha),
    )
    return above, below


def _least_gap(
    n1: "Floats", p2: "Floats", least: "Floats", weight: "Floats", power: float
) -> "Floats":
    """Smallest ``p1 - p2`` at which the chance of ``least`` or more is ``power``, else NaN.

    Newton on the probit of the chance, which is nearly straight in p1 with slope 1 / sd; a step
    out of what is known to hold the answer is replaced by halving that.
    """
    import numpy as np
    from scipy.special import ndtri

    needed = least / n1[..., None]
    mean = (weight * needed).sum(axis=-1)
    variance = (weight * (needed - mean[..., None]) ** 2).sum(axis=-1)
    sd = np.sqrt(variance + (np.maximum(mean * (1 - mean), 0) + 0.25 / n1) / n1)
    low, high = p2, np.ones(())
    p1 = np.clip(mean + ndtri(power) * sd, p2, 1)
    for _ in range(STEPS):
        chance = np.clip(_chance(n1, p1, least, weight), 1e-6, 1 - 1e-6)
        low, high = np.where(chance < power, p1, low), np.where(chance < power, high, p1)
        step = p1 + (ndtri(power) - ndtri(chance)) * sd
        step = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        away = np.abs(chance - power) > NEAR
        p1 = np.where(away, step, p1)  # a row that has arrived stays, whatever the others need
        if not away.any():
            break
    reachable = _chance(n1, np.ones(()), least, weight) >= power
    return np.where(reachable, p1 - p2, np.nan)


def _design(n1: "ArrayLike", n2: "ArrayLike", *rates: "ArrayLike") -> "tuple[Floats, ...]":
    """Whole denominators and rates, NaN where there is nothing to draw."""
    import numpy as np

    # a size that rounding has left just below a whole number of people is that number
    sizes = (np.floor(np.asarray(n, dtype=np.float64) * (1 + ROUNDING)) for n in (n1, n2))
    shares = (np.asarray(p, dtype=np.float64) for p in rates)
    return (
        *(np.where(n > 0, n, np.nan) for n in sizes),
        *(np.where((p >= 0) & (p <= 1), p, np.nan) for p in shares),
    )


def _narrower_last(n1: "Floats", n2: "Floats", p1: "Floats", p2: "Floats") -> "tuple[Floats, ...]":
    """Group and rest, in the other order where the group has fewer likely counts to enumerate.

    The gates hold each against the other alike, so the probability of a breach is the same.
    """
    import numpy as np

    swap = n1 * p1 * (1 - p1) < n2 * p2 * (1 - p2)
    pairs = ((n1, n2), (n2, n1), (p1, p2), (p2, p1))
    return tuple(np.where(swap, other, own) for own, other in pairs)


def _last_axis(*arrays: "ArrayLike") -> "tuple[Floats, ...]":
    """Make room on the last axis, where the counts of the rest go."""
    import numpy as np

    return tuple(np.asarray(a, dtype=np.float64)[..., None] for a in arrays)


def _rest(n: "Floats", p: "Floats", alpha: "Floats", most: int, tails: float) -> _Rest:
    """Blocks of counts of Bin(n, p), the middle of each standing for all.

    One count a block where ``most`` blocks reach over all but ``tails`` of the mass (Bernstein's
    inequality), else as many counts a block as that takes.
    """
    import numpy as np

    n, p = np.broadcast_arrays(*_last_axis(n, p))
    log = np.log(2 / tails)
    reach = log / 3 + np.sqrt(log**2 / 9 + 2 * log * n * p * (1 - p))
    first = np.clip(np.ceil(n * p - reach), 0, n)
    last = np.clip(np.floor(n * p + reach), 0, n)
    size = np.ceil((last - first + 1) / most)
    blocks = int(np.nanmax(np.ceil((last - first + 1) / size), initial=1))
    start = first + size * np.arange(blocks)
    x = np.clip(start + (size - 1) / 2, 0, n)
    limits = clopper_pearson(x, np.broadcast_to(n, x.shape), alpha)
    weight = _at_least(start, n, p) - _at_least(start + size, n, p)
    weight = np.where(start > last, 0, weight)  # or a row would depend on the rows beside it
    weight /= weight.sum(axis=-1, keepdims=True)
    return _Rest(weight, x / n, limits.lower, limits.upper)


def _smooth_rest(n: "Floats", p: "Floats", alpha: "Floats") -> _Rest:
    """Points of the normal curve that is near Bin(n, p) where n is large (Gauss and Hermite)."""
    import numpy as np

    nodes, weight = np.polynomial.hermite.hermgauss(NODES)
    nodes, weight = nodes[weight > NO_WEIGHT], weight[weight > NO_WEIGHT]
    n, p = _last_axis(n, p)
    x = np.clip(n * p + np.sqrt(2 * n * p * (1 - p)) * nodes, 0, n)
    limits = clopper_pearson(x, np.broadcast_to(n, x.shape), alpha)
    shares = np.broadcast_to(weight / weight.sum(), x.shape)
    return _Rest(shares, x / n, limits.lower, limits.upper)


def _least_count(n: "Floats", target: "Floats", spread: "Floats", alpha: "Floats") -> "Floats":
    """Least count out of ``n`` with ``p - hypot(p - lower, spread) > target``, or ``n + 1``.

    By bisection, whose first two cuts are a few counts either side of where a Wald limit with a
    correction for its skewness puts the answer: half the work, and right even where that is not.
    """
    import numpy as np
    from scipy.special import ndtri

    z, guess = -ndtri(alpha), np.clip(target + spread, 0, 1)
    # the least count of all may clear a target that lies so far below 0
    low = np.where(target + spread < 0, -1, np.clip(np.floor(n * guess), 0, n))
    high = n + 1
    for _ in range(4):
        width = z * np.sqrt(guess * (1 - guess) / n) + (2 + z**2 * (1 - 2 * guess)) / (3 * n)
        guess = np.clip(target + np.hypot(width, spread), 0, 1)
    cuts = [np.clip(np.floor(n * guess) + step, np.maximum(low, 0), n) for step in (-2, 3)]
    while np.nanmax(high - low, initial=0) > 1:
        middle = np.clip(cuts.pop(), low, high - 1) if cuts else np.floor((low + high) / 2)
        clears = _clears(middle, n, target, spread, alpha)
        low, high = np.where(clears, low, middle), np.where(clears, middle, high)
    return np.broadcast_to(high, np.broadcast_shapes(low.shape, np.shape(high)))


def _clears(
    x: "Floats", n: "Floats", target: "Floats", spread: "Floats", alpha: "Floats"
) -> "Truths":
    """Whether the MOVER bound of x out of n exceeds ``target``, without inverting a Beta.

    It does when the Clopper-Pearson lower limit exceeds some ``needed``; and that is to say that
    ``needed`` as the true rate gives x or more with probability below ``alpha``.
    """
    import numpy as np

    p = x / n
    room = p - target
    needed = p - np.sqrt(np.maximum(room**2 - spread**2, 0))
    clears = (needed < 0) | (_at_least(x, n, np.clip(needed, 0, 1)) < alpha)
    return (room > spread) & clears


def _chance(n: "Floats", p: "Floats", least: "Floats", weight: "Floats") -> "Floats":
    """Probability that a count of Bin(n, p) reaches ``least``, over the counts of the rest."""
    n, p = _last_axis(n, p)
    chance: Floats = (weight * _at_least(least, n, p)).sum(axis=-1)
    return chance


def _chance_between(
    n: "Floats", p: "Floats", first: "Floats", last: "Floats", weight: "Floats"
) -> "Floats":
    """Probability of a count of Bin(n, p) from ``first`` to ``last``, over the counts of the rest.

    Nothing where ``last`` is below ``first``.
    """
    import numpy as np

    n, p = _last_axis(n, p)
    inside = _at_least(first, n, p) - _at_least(last + 1, n, p)
    chance: Floats = (weight * np.maximum(inside, 0)).sum(axis=-1)
    return chance


def _at_least(x: "Floats", n: "Floats", p: "Floats") -> "Floats":
    """P(X >= x) for X ~ Bin(n, p): 1 for x <= 0, 0 for x > n."""
    import numpy as np
    from scipy.special import betainc

    inside = betainc(np.maximum(x, 1), np.maximum(n - x + 1, 1), p)
    return np.where(x > n, 0.0, np.where(x <= 0, 1.0, inside)) + 0 * p
