"""A group exactly at its limit, above and below: how often is it cleared, how often condemned?

Every pair of counts there can be is judged by the functions that judge an audit, and weighed with
its binomial probability. Nothing is drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import binom

from auditkit.inference import gates
from auditkit.inference.power import breach_probability, within_probability
from tests.simulation.measured import EXACT, Job, Row, listed, percent, rate

ALPHA = 0.05
JOINT = (1.25, 0.02)
HYPOTHESES = (1, 12, 50)
SIZES, RESTS, LIMITS = (20, 30, 50, 100, 200, 500, 1000), (100, 1000), (0.05, 0.10, 0.20)
QUICK = (20, 100, 200)
RATES = np.arange(2, 191) / 200
"""True rates of the rest: .01 to .95 in steps of .005."""

MORE = (20, 25, 30, 36, 40, 50, 60, 70, 80, 100, 120, 150, 200, 300, 400, 500, 700, 1000)
FINE = np.arange(1, 1000) / 1000


@dataclass(frozen=True)
class Worst:
    """The largest chance of an outcome, and where it is."""

    chance: float
    n: int
    rest: int
    own: float
    other: float
    cells: int
    above: int

    def told(self) -> str:
        at = f"{self.n:,} at {rate(self.own)} beside {self.rest:,} at {rate(self.other)}"
        return f"{percent(self.chance)} ({at})"


def worst(found: list[Worst]) -> Worst:
    top = max(found, key=lambda w: w.chance)
    cells, above = (sum(getattr(w, name) for w in found) for name in ("cells", "above"))
    return Worst(top.chance, top.n, top.rest, top.own, top.other, cells, above)


@cache
def likely(n: int, key: bytes) -> np.ndarray:
    """Probability of each count out of n at some true rates, shape (n + 1, K)."""
    return binom.pmf(np.arange(n + 1)[:, None], n, np.frombuffer(key))


def chances(truths: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Probability of what is true of counts (x1, x2), at K pairs of true rates."""
    n, rest = (size - 1 for size in truths.shape)
    weighed = truths.astype(float) @ likely(rest, other.tobytes())
    return np.einsum("ik,ik->k", likely(n, own.tobytes()), weighed)


def at_the_gap(limit: float, rates: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the true rates of group and rest with the group the limit above, then below."""
    for gap in (limit, -limit):
        own = np.round(rates + gap, 9)
        room = (own >= 0) & (own <= 1)
        yield own[room], rates[room]


def at_the_joint(rates: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield those with the group at max(1.25 p, p + .02) of its rest, then the reverse."""
    higher = np.round(np.maximum(JOINT[0] * rates, rates + JOINT[1]), 9)
    low, high = rates[higher <= 1], higher[higher <= 1]
    yield high, low
    yield low, high


def search(
    outcome: str,
    limit: float | None,
    level: float,
    sizes: tuple[int, ...],
    rests: tuple[int, ...],
    rates: np.ndarray,
) -> Worst:
    """Find where an outcome is likeliest; without ``limit`` at the joint one."""
    found = []
    for n in sizes:
        for rest in rests:
            counts = np.arange(n + 1)[:, None], n, np.arange(rest + 1), rest, level
            gap = gates.gap_bounds(*counts)
            if limit is not None:
                judged = getattr(gates, f"gap_is_{outcome}")(gap, limit)
            else:
                judged = getattr(gates, f"joint_is_{outcome}")(
                    gates.ratio_bounds(*counts), gap, *JOINT
                )
            pairs = at_the_joint(rates) if limit is None else at_the_gap(limit, rates)
            for own, other in pairs:
                c = chances(judged, own, other)
                k, above = int(c.argmax()), int((c > ALPHA).sum())
                found.append(Worst(c[k], n, rest, own[k], other[k], len(c), above))
    return worst(found)


def named(limit: float | None) -> str:
    return "1.25 times or 2 points" if limit is None else f"{100 * limit:.0f} points"


def at_the_limit(limit: float | None, *, full: bool) -> list[Row]:
    """Hold both outcomes at one limit to 5 %, and a breach to its share of 5 %."""
    sizes, rates = (SIZES, RATES) if full else (QUICK, RATES[::4])
    grid = (
        f"groups of {listed(sizes)}, rests of {listed(RESTS)}, rates of the rest from "
        f"{rate(rates[0])} to {rate(rates[-1])}"
    )
    level = gates.all_clear_level(ALPHA)
    cleared = search("within", limit, level, sizes, RESTS, rates)
    condemned = {m: search("beyond", limit, ALPHA / m, sizes, RESTS, rates) for m in HYPOTHESES}
    told = f"a group exactly at a limit of {named(limit)}, above and below"
    return [
        Row(
            f"Wrong all-clear: {told}",
            f"{grid} ({cleared.cells:,} cells)",
            EXACT,
            "at most 5 %",
            f"worst {cleared.told()}",
            cleared.chance <= ALPHA,
        ),
        Row(
            f"Wrong breach: {told}; {listed(HYPOTHESES)} comparisons",
            "the same",
            EXACT,
            "at most 5 %, 0.42 % and 0.1 %",
            f"worst {condemned[1].told()}; of 12, {percent(condemned[12].chance)}; of 50, "
            f"{percent(condemned[50].chance, 3)}",
            all(w.chance <= ALPHA / m for m, w in condemned.items()),
        ),
    ]


def finer(*, full: bool) -> list[Row]:
    """Look between the cells of the grid, and say what less strict bounds would do there."""
    sizes, rests = (MORE, (100, 300, 1000)) if full else ((36, 80), (1000,))
    rates = FINE if full else FINE[::20]
    rows = []
    for level, asked in ((gates.all_clear_level(ALPHA), True), (0.045, False), (ALPHA, False)):
        found = [search("within", b, level, sizes, rests, rates) for b in (0.03, 0.15, *LIMITS)]
        found.append(
            search("within", None, level, sizes, rests, rates[(rates >= 0.01) & (rates <= 0.95)])
        )
        top = worst(found)
        bounds = f"bounds at {percent(1 - level, 1)}"
        rows.append(
            Row(
                f"Wrong all-clear between the cells above, {bounds}"
                + ("" if asked else ", which are not used for this reason"),
                f"{len(sizes)} sizes from {sizes[0]} to {sizes[-1]:,}, rests of {listed(rests)}, "
                f"rates from {rate(rates[0])} to {rate(rates[-1])}, limits of 3, 5, 10, 15, 20 "
                f"points and the joint one ({top.cells:,} cells)",
                EXACT,
                "at most 5 %" if asked else "–",
                f"worst {top.told()}; above 5 % in {top.above:,} cells",
                top.chance <= ALPHA or not asked,
            )
        )
    return rows


def stricter(*, full: bool) -> list[Row]:
    """Say how the caution taken at 5 % does at other errors that a policy can allow."""
    sizes, rates = (SIZES, RATES) if full else (QUICK, RATES[::4])
    rows = []
    for alpha in (0.01, 0.10):
        level = gates.all_clear_level(alpha)
        top = worst([search("within", b, level, sizes, RESTS, rates) for b in (*LIMITS, None)])
        rows.append(
            Row(
                f"Wrong all-clear under a policy of your own with `alpha = {alpha:g}`",
                f"as in the first rows, all four limits ({top.cells:,} cells)",
                EXACT,
                "told, not promised",
                f"worst {top.told()}",
                True,
            )
        )
    return rows


def needed(limit: float, p: float, groups: int, level: float) -> int:
    """People a group of equal ones needs for an all-clear at parity four times in five."""
    low, high = 10, 100_000
    while high - low > 1:
        n = (low + high) // 2
        clear = float(within_probability(n, (groups - 1) * n, p, p, limit, level)) >= 0.8
        low, high = (low, n) if clear else (n, high)
    return high


def cost(*, full: bool) -> list[Row]:
    """Say what the caution costs in people, and that it costs no power to find a gap."""
    rows, level = [], gates.all_clear_level(ALPHA)
    for limit, p in ((0.05, 0.1), (0.05, 0.3), (0.10, 0.3)) if full else ((0.10, 0.3),):
        before, after = (needed(limit, p, 5, a) for a in (ALPHA, level))
        chance = float(within_probability(before, 4 * before, p, p, limit, level))
        rows.append(
            Row(
                f"People of each of 5 equal groups for an all-clear 4 times in 5, no gap, rate "
                f"{rate(p)}, limit {named(limit)}",
                "bounds at 95 % against 95.6 %",
                EXACT,
                "–",
                f"{before:,} against {after:,} ({percent(after / before - 1, 1)} more; with "
                f"{before:,} the chance is {percent(chance, 1)} instead of 80 %)",
                True,
            )
        )
    found = float(breach_probability(300, 1200, 0.5, 0.3, 0.1, ALPHA / 10))
    rows.append(
        Row(
            "Finding a gap of twice the limit: 300 at 50 % beside 1,200 at 30 %, limit 10 points, "
            "10 comparisons",
            "the bounds of a breach are as they were",
            EXACT,
            "–",
            percent(found, 1),
            True,
        )
    )
    return rows


JOBS = [
    *(Job(f"at a limit of {named(limit)}", at_the_limit, (limit,)) for limit in (*LIMITS, None)),
    Job("between the cells of the grid", finer),
    Job("other errors allowed", stricter),
    Job("what the caution costs", cost),
]
