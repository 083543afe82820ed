"""How often the printed 95 % intervals hold the true value, and what is said of the largest gap."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
from scipy.stats import binom

from auditkit.inference.gates import largest_gap
from auditkit.inference.intervals import difference, ratio, wilson
from tests.simulation.measured import EXACT, Job, Row, listed, percent

RATES = np.arange(2, 99, 3) / 100
SIZES, QUICK = (20, 30, 50, 100, 200, 500, 1000), (20, 50)
TAIL = 1e-10


def likely(n: int, p: float) -> tuple[slice, np.ndarray]:
    """Counts out of n that carry all but 1e-10 at each end, and how probable each is."""
    first, last = binom.ppf([TAIL, 1 - TAIL], n, p).astype(int)
    return slice(first, last + 1), binom.pmf(np.arange(first, last + 1), n, p)


def rates(*, full: bool) -> list[Row]:
    """Wilson's interval of one rate, at some n and at every one from 20 to 1,000."""
    step = 1 if full else 49
    every = np.arange(20, 1001, step)
    held, some = (np.array([_of_one(n) for n in sizes]) for sizes in (every, SIZES))
    mean, least = held.mean(), some.min()
    n, p = np.unravel_index(held.argmin(), held.shape)
    where = f"{every[n]} people at {100 * RATES[p]:.0f} %"
    under = f"under 91 % in {(held < 0.91).sum():,} cells"
    grid = f"n from 20 to 1,000 in steps of {step}, rates of 2 % to 98 % in steps of 3"
    return [
        Row(
            "95 % interval of a rate (Wilson): on average", f"{grid} ({held.size:,} cells)", EXACT,
            "94.5 to 96 %", percent(mean), bool(0.945 <= mean <= 0.96),
        ),
        Row(
            "95 % interval of a rate: worst cell",
            f"n of {listed(SIZES)}, the same rates ({some.size:,} cells)", EXACT,
            "at least 91 %", percent(least), bool(least >= 0.91),
        ),
        Row(
            "95 % interval of a rate: worst cell of every n", "as on average", EXACT,
            "told, not promised", f"{percent(held.min())} ({where}); {under}", True,
        ),
    ]  # fmt: skip


def _of_one(n: int) -> np.ndarray:
    x = np.arange(n + 1)
    bounds = wilson(x, n)
    held = (bounds.lower[:, None] <= RATES) & (bounds.upper[:, None] >= RATES)
    return (binom.pmf(x[:, None], n, RATES) * held).sum(axis=0)


def of_two(interval, truth, n1: int, n2: int) -> np.ndarray:
    """Coverage at every pair of rates, among the counts that have an interval; shape (33, 33)."""
    bounds = interval(np.arange(n1 + 1)[:, None], n1, np.arange(n2 + 1), n2)
    exists = ~np.isnan(bounds.lower)
    out = np.empty((len(RATES), len(RATES)))
    one, other = ([likely(n, p) for p in RATES] for n in (n1, n2))
    for i, (rows, chance1) in enumerate(one):
        for j, (columns, chance2) in enumerate(other):
            true = truth(RATES[i], RATES[j])
            lower, upper = bounds.lower[rows, columns], bounds.upper[rows, columns]
            with np.errstate(invalid="ignore"):
                # a bound that is the true value but for rounding holds it
                held = (lower <= true + 1e-12) & (upper >= true - 1e-12)
            covered, all_ = (chance1 @ part @ chance2 for part in (held, exists[rows, columns]))
            out[i, j] = covered / all_
    return out


def pairs(*, full: bool) -> Iterator[tuple[int, int]]:
    return combinations_with_replacement(SIZES if full else QUICK, 2)


KINDS = {
    "difference": ("Newcombe", difference, lambda p1, p2: p1 - p2),
    "ratio": ("MOVER-R", ratio, lambda p1, p2: p1 / p2),
}


def twos(kind: str, *, full: bool) -> list[Row]:
    """Newcombe's interval of a difference, or MOVER-R's of a ratio, at all pairs of sizes."""
    source, interval, truth = KINDS[kind]
    held = {sizes: of_two(interval, truth, *sizes) for sizes in pairs(full=full)}
    cells = np.concatenate([h.ravel() for h in held.values()])
    large = np.concatenate([h.ravel() for sizes, h in held.items() if min(sizes) >= 50])
    mean, small, fifty = cells.mean(), held[20, 20].min(), large.min()
    grid = (
        f"groups of {listed(SIZES if full else QUICK)} in all pairs, rates of 2 % to 98 % in "
        f"steps of 3 ({cells.size:,} cells)"
    )
    name = f"95 % interval of a {kind}"
    asked = kind == "difference"
    return [
        Row(
            f"{name} ({source}): on average", grid, EXACT,
            "94.5 to 96 %", percent(mean), 0.945 <= mean <= 0.96,
        ),
        Row(
            f"{name}: worst cell of two groups of 20", "the same", EXACT,
            "at least 88 %" if asked else "told, not promised", percent(small),
            small >= 0.88 or not asked,
        ),
        Row(
            f"{name}: worst cell from 50 people up", "the same", EXACT,
            "at least 93 %" if asked else "told, not promised", percent(fifty),
            fifty >= 0.93 or not asked,
        ),
    ]  # fmt: skip


def largest(*, full: bool) -> list[Row]:
    """The largest gap of several groups, drawn."""
    draws = 4000 if full else 300
    rng = np.random.default_rng(0)
    alike = [largest_gap(rng.binomial(83, 0.3, 12), [83] * 12) for _ in range(draws)]
    n, p = np.array([40, 80, 150, 400]), [0.4, 0.3, 0.25, 0.2]
    unlike = [largest_gap(rng.binomial(n, p), n) for _ in range(draws)]
    upper = float(np.mean([f.upper for f in alike]))
    above = float(np.mean([f.lower > 0 for f in alike]))
    missed = [
        float(np.mean(wrong))
        for wrong in ([f.lower > 0.2 for f in unlike], [f.upper < 0.2 for f in unlike])
    ]
    how = f"{draws:,} draws, standard error at most {percent((0.05 * 0.95 / draws) ** 0.5, 1)}"
    twelve, four = (
        "12 equal groups of 83 at 30 %",
        "groups of 40, 80, 150 and 400; true gap 20 points",
    )
    return [
        Row(
            "Largest gap: upper bound, mean", twelve, how,
            "at most 0.28", f"{upper:.3f}", upper <= 0.28,
        ),
        Row(
            "Largest gap: said to exceed 0 where there is none", twelve, how,
            "at most 5 %", percent(above), above <= 0.05,
        ),
        Row(
            "Largest gap: the true one lies under the lower, or over the upper bound", four, how,
            "at most 5 % each", " and ".join(map(percent, missed)), max(missed) <= 0.05,
        ),
    ]  # fmt: skip


JOBS = [
    Job("coverage of rates", rates),
    Job("coverage of differences", twos, ("difference",)),
    Job("coverage of ratios", twos, ("ratio",)),
    Job("the largest gap", largest),
]
