"""Coverage of printed intervals where people are drawn in households, with and without saying so.

Statistics.md 38 asks for 94.5 to 96 % on average over a grid and at least 93 % from n 50 up; here
each design is one cell of that grid, so it is held to 93 to 97 % over 2,000 draws (standard error
0.5 points).
"""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.evidence.clusters import Clusters
from auditkit.evidence.counts import Counts, outcome_cells, tabulate
from auditkit.evidence.design import design_of
from auditkit.measure import ONE_SIDE, tallied
from auditkit.metrics.registry import metrics

SIZE = 5
GROUPS = ("a", "b")
P = 0.3


def households(rng: np.random.Generator, kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Group and decision of everybody, each of shape (number, 5)."""
    if kind == "alike, groups by household":
        group = np.repeat(rng.integers(0, 2, (number, 1)), SIZE, axis=1)
        chosen = np.repeat(rng.random((number, 1)) < P, SIZE, axis=1)
    elif kind == "alike, groups mixed":
        group = rng.integers(0, 2, (number, SIZE))
        chosen = np.repeat(rng.random((number, 1)) < P, SIZE, axis=1)
    elif kind == "one place per household":
        group = rng.integers(0, 2, (number, SIZE))
        chosen = np.arange(SIZE) == rng.integers(0, SIZE, (number, 1))
    else:  # one place per couple of a man and a woman
        group = np.tile([0, 1], (number, 1))
        chosen = np.arange(2) == rng.integers(0, 2, (number, 1))
    return group, chosen


KINDS = (
    "alike, groups by household",
    "alike, groups mixed",
    "one place per household",
    "one place per couple",
)
TRUE = {KINDS[0]: P, KINDS[1]: P, KINDS[2]: 1 / SIZE, KINDS[3]: 1 / 2}


def counted(group: np.ndarray, chosen: np.ndarray, *, clustered: bool):
    """Counts of two groups, with the design if the households are declared."""
    flat = group * 9 + 6 + chosen  # the recorded outcome is unknown
    totals = np.stack([(flat == cell).sum(axis=1) for cell in range(18)], axis=1)
    counts = Counts(("group",), (GROUPS,), np.array([[0], [1]]), totals.sum(axis=0).reshape(2, 9))
    if not clustered:
        return tabulate(counts, 1)
    products = (totals.T @ totals).astype(float)
    first, second = np.nonzero(products)
    held = np.stack([(group == g).any(axis=1) for g in range(2)], axis=1).sum(axis=0)
    cells = outcome_cells()
    mask = metrics()["selection_rate"].masks(cells)[1].tobytes()
    touched = {(mask, "group"): np.array([held, held[::-1]]).T}
    found = Clusters(first, second, products[first, second], np.array([len(group)]), touched)
    return tabulate(counts, 1, design_of(counts, found))


def intervals(table) -> tuple[tuple[float, float], tuple[float, float]]:
    """The 95 % intervals of the rate of group a, and of its difference to the rest."""
    from auditkit.inference.intervals import difference, wilson

    found = tallied(table, metrics()["selection_rate"])
    rate = wilson(*found.own.at(ONE_SIDE))
    gap = difference(*found.own.at(ONE_SIDE), *found.rest.at(ONE_SIDE), rho=found.rho)
    return (rate.lower[1], rate.upper[1]), (gap.lower[1], gap.upper[1])


def coverage(kind: str, number: int, draws: int, *, clustered: bool) -> tuple[float, float]:
    """Share of draws whose interval holds the true rate, and the true difference of 0."""
    rng = np.random.default_rng(number)
    hits = np.zeros(2)
    for _ in range(draws):
        rate, gap = intervals(counted(*households(rng, kind, number), clustered=clustered))
        hits += (rate[0] <= TRUE[kind] <= rate[1], gap[0] <= 0 <= gap[1])
    return tuple(hits / draws)


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_households_give_the_intervals_that_their_rows_give(kind):
    group, chosen = households(np.random.default_rng(1), kind, 60)
    rows = pd.DataFrame(
        {
            "group": np.array(GROUPS)[group.ravel()],
            "chosen": chosen.ravel().astype(int),
            "house": np.repeat(np.arange(60), group.shape[1]),
        }
    )
    made = auditkit.audit(
        None, rows, decision="chosen", selected=1, outcome="benefit", attributes=["group"],
        cluster="house",
    )  # fmt: skip
    row = made.table("measurements").query("metric == 'selection_rate' and group == 'a'").iloc[0]
    gap = (
        made.table("disparities")
        .query("metric == 'selection_rate' and group == 'a' and against == 'rest'")
        .iloc[0]
    )
    expected = intervals(counted(group, chosen, clustered=True))
    assert (row["lower"], row["upper"]) == pytest.approx(expected[0], rel=1e-9)
    assert (gap["lower"], gap["upper"]) == pytest.approx(expected[1], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_with_clusters_coverage_is_as_stated(kind):
    rate, gap = coverage(kind, 80, 400, clustered=True)
    assert rate >= 0.92  # a quick form: standard error 1 point
    assert 0.92 <= gap <= 0.985


@pytest.mark.simulation
@pytest.mark.parametrize("number", [30, 80, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_with_clusters_coverage_is_as_stated_in_many_draws(kind, number):
    rate, gap = coverage(kind, number, 2000, clustered=True)
    assert rate >= 0.93
    assert 0.93 <= gap <= 0.97
    if kind != KINDS[2]:  # there the effective size is held at n: the rate is on the safe side
        assert rate <= 0.97


def test_without_clusters_coverage_is_off():
    alike = coverage(KINDS[0], 80, 400, clustered=False)
    mixed = coverage(KINDS[1], 80, 400, clustered=False)
    single = coverage(KINDS[3], 80, 400, clustered=False)
    assert max(alike) < 0.75  # five people's worth of certainty from one
    assert mixed[0] < 0.75
    assert mixed[1] > 0.93  # but a gap inside households
    assert single[1] < 0.9  # one gets what the other does not
