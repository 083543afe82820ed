"""What the gates would find, against sums over all counts that know nothing of least counts."""

import numpy as np
import pytest

from auditkit.inference.gates import (
    gap_bounds,
    gap_is_beyond,
    gap_is_within,
    joint_is_beyond,
    joint_is_within,
    ratio_bounds,
)
from auditkit.inference.power import (
    breach_probability,
    detectable,
    joint_breach_probability,
    joint_within_probability,
    operating_characteristics,
    within_probability,
)
from auditkit.results import Outcome
from tests.inference.test_gates import ALPHA, HYPOTHESES, JOINT, Draws

LARGE = (
    (67, 4338, 1.0, 0.90143, 0.02, ALPHA / 12),
    (184, 13839, 0.00061, 0.05, 0.02, ALPHA / 12),
    (43, 8599, 1.0, 0.88111, 0.05, ALPHA),
    (1310, 2435, 0.03881, 0.15354, 0.1, ALPHA),
    (1823, 1781, 0.71163, 0.59954, 0.1, ALPHA),
    (3000, 20000, 0.36, 0.30, 0.05, ALPHA / 50),
)
"""Groups, rests and rates beside which blocks of the rest's counts were most wrong, up to 0.02."""


def counted(n1, n2, p1, p2, limit, alpha):
    """Probability of a breach, summed over all counts of group and rest."""
    draws = Draws(n1, np.array([p1]), n2, np.array([p2]))
    return draws.probability(gap_is_beyond(draws.bounds(gap_bounds, alpha), limit))[0]


def counted_jointly(n1, n2, p1, p2, ratio_limit, floor, alpha):
    draws = Draws(n1, np.array([p1]), n2, np.array([p2]))
    bounds = draws.bounds(ratio_bounds, alpha), draws.bounds(gap_bounds, alpha)
    return draws.probability(joint_is_beyond(*bounds, ratio_limit, floor))[0]


def within(n1, n2, p1, p2, limit, alpha):
    """Probability of an all-clear, summed over all counts of group and rest."""
    draws = Draws(n1, np.array([p1]), n2, np.array([p2]))
    return draws.probability(gap_is_within(draws.bounds(gap_bounds, alpha), limit))[0]


def within_jointly(n1, n2, p1, p2, ratio_limit, floor, alpha):
    draws = Draws(n1, np.array([p1]), n2, np.array([p2]))
    bounds = draws.bounds(ratio_bounds, alpha), draws.bounds(gap_bounds, alpha)
    return draws.probability(joint_is_within(*bounds, ratio_limit, floor))[0]


def drawn(number, seed, sizes=(60, 60)):
    """Draw small groups and rests, their rates, and levels; a rate is often 0, 1 or the other's."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        n1, n2 = rng.integers(1, np.array(sizes) + 1)
        p1, p2 = rng.choice([*rng.random(3), 0.0, 1.0], 2)
        yield rng, n1, n2, p1, p2, ALPHA / rng.choice(HYPOTHESES)


# ------------------------------------------------------------------ the chance of a breach


def test_the_chance_of_a_breach_is_the_sum_over_all_counts():
    seen = []
    for rng, *design, alpha in drawn(300, seed=1):
        given = (*design, rng.choice([0.0, 0.02, 0.05, 0.1, 0.25, 0.5]), alpha)
        seen.append(counted(*given))
        assert breach_probability(*given) == pytest.approx(seen[-1], abs=1e-9), given
    assert np.mean(np.array(seen) > 0.1) > 0.3


def test_the_chance_of_a_joint_breach_is_the_sum_over_all_counts():
    seen = []
    for rng, *design, alpha in drawn(300, seed=2):
        given = (*design, rng.choice([1.1, 1.25, 2.0]), rng.choice([0.0, 0.02, 0.1]), alpha)
        seen.append(counted_jointly(*given))
        assert joint_breach_probability(*given) == pytest.approx(seen[-1], abs=1e-9), given
    assert np.mean(np.array(seen) > 0.1) > 0.2


def test_the_chance_of_an_all_clear_is_the_sum_over_all_counts():
    seen = []
    for rng, *design, _ in drawn(300, seed=4, sizes=(150, 150)):
        given = (*design, rng.choice([0.05, 0.1, 0.25, 0.5, 1.0]), ALPHA)
        seen.append(within(*given))
        assert within_probability(*given) == pytest.approx(seen[-1], abs=1e-9), given
    seen = np.array(seen)
    assert np.mean(seen > 0.1) > 0.15
    assert np.mean((seen > 0.01) & (seen < 0.99)) > 0.1


def test_the_chance_of_a_joint_all_clear_is_the_sum_over_all_counts():
    seen = []
    for rng, *design, _ in drawn(300, seed=5, sizes=(150, 150)):
        given = (*design, rng.choice([1.25, 2.0, 4.0]), rng.choice([0.0, 0.02, 0.1, 0.3]), ALPHA)
        seen.append(within_jointly(*given))
        assert joint_within_probability(*given) == pytest.approx(seen[-1], abs=1e-9), given
    seen = np.array(seen)
    assert np.mean(seen > 0.1) > 0.15
    assert np.mean((seen > 0.01) & (seen < 0.99)) > 0.1


@pytest.mark.parametrize("given", LARGE, ids=str)
def test_of_thousands_the_chance_of_an_all_clear_is_close(given):
    near = 1e-9 if min(given[:2]) <= 1200 else 0.005
    *design, _, alpha = given
    at_parity = (*design[:3], design[2], *given[4:])
    for each in (given, at_parity):
        assert within_probability(*each) == pytest.approx(within(*each), abs=near)
    jointly = (*design, *JOINT, alpha)
    assert joint_within_probability(*jointly) == pytest.approx(within_jointly(*jointly), abs=near)


@pytest.mark.parametrize(
    ("n1", "n2"), [(30, 80), (60, 40), (500, 3000), (4000, 90_000), (30_000, 60_000)]
)
def test_the_curve_of_a_gate_is_what_each_chance_is(n1, n2):
    rates = np.array([0.05, 0.2, 0.25, 0.3, 0.35, 0.5])[:, None]
    curve = (np.array([n1]), np.array([n2]), rates, np.array([0.3]))
    for outcome, gap, joint in (
        (Outcome.BREACH, breach_probability, joint_breach_probability),
        (Outcome.WITHIN, within_probability, joint_within_probability),
    ):
        for alpha in (ALPHA, ALPHA / 12):
            found = operating_characteristics(*curve, 0.1, None, alpha, outcome)
            exact = gap(n1, n2, rates, 0.3, 0.1, alpha)
            assert found == pytest.approx(exact, abs=0.01)
            found = operating_characteristics(*curve, 1.25, 0.02, alpha, outcome)
            exact = joint(n1, n2, rates, 0.3, 1.25, 0.02, alpha)
            assert found == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("given", LARGE, ids=str)
def test_of_thousands_the_chance_of_a_breach_is_close_and_exact_where_one_side_is_smaller(given):
    near = 1e-9 if min(given[:2]) <= 1200 else 0.005
    *design, _, alpha = given
    assert breach_probability(*given) == pytest.approx(counted(*given), abs=near)
    jointly = (*design, *JOINT, alpha)
    assert joint_breach_probability(*jointly) == pytest.approx(counted_jointly(*jointly), abs=near)


@pytest.mark.simulation
def test_of_thousands_the_chance_of_a_breach_is_close_wherever_it_is_in_doubt():
    rng = np.random.default_rng(3)
    for _ in range(1500):
        n1, n2 = np.rint(np.exp(rng.uniform(np.log(20), np.log([20_000, 100_000]))))
        p2 = rng.choice([*rng.random(4), 0.002, 0.02, 0.98, 0.99])
        limit, alpha = rng.choice([0.02, 0.05, 0.1]), ALPHA / rng.choice(HYPOTHESES)
        beyond = limit + rng.uniform(0, 4) * np.sqrt(p2 * (1 - p2) * (1 / n1 + 1 / n2))
        given = (n1, n2, np.clip(p2 + rng.choice([-1, 1]) * beyond, 0, 1), p2, limit, alpha)
        near = 1e-9 if min(n1, n2) <= 1200 else 0.005
        assert breach_probability(*given) == pytest.approx(counted(*given), abs=near), given


def test_group_and_rest_may_change_places():
    for _, n1, n2, p1, p2, alpha in drawn(40, seed=4, sizes=(60, 2000)):
        there, back = (n1, n2, p1, p2), (n2, n1, p2, p1)
        for of, limits in ((breach_probability, (0.05,)), (joint_breach_probability, JOINT)):
            same = pytest.approx(float(of(*back, *limits, alpha)), abs=1e-12)
            assert of(*there, *limits, alpha) == same


def test_a_whole_table_gives_what_its_rows_give():
    """Rows of different sizes share one array, its blocks and its bisection."""
    rng = np.random.default_rng(5)
    n1, n2 = rng.integers(1, 3000, 30), rng.integers(1, 90_000, 30)
    p1, p2, alpha = rng.random(30), rng.random(30), ALPHA / rng.choice(HYPOTHESES, 30)
    for of, given in (
        (breach_probability, (n1, n2, p1, p2, np.full(30, 0.05), alpha)),
        (joint_breach_probability, (n1, n2, p1, p2, *np.full((2, 30), [[1.25], [0.02]]), alpha)),
        (detectable, (n1, n2, p2, np.full(30, 0.05), alpha)),
    ):
        rows = [float(of(*row)) for row in zip(*given, strict=True)]
        np.testing.assert_allclose(of(*given), rows, atol=1e-9)


@pytest.mark.parametrize(
    ("n1", "n2", "p1", "p2"),
    [(0, 50, 0.2, 0.2), (50, 0, 0.2, 0.2), (50, 50, np.nan, 0.2), (50, 50, 0.2, 1.1)],
)
def test_without_anybody_or_a_rate_there_is_no_chance_to_speak_of(n1, n2, p1, p2):
    assert np.isnan(breach_probability(n1, n2, p1, p2, 0.05, ALPHA))
    assert np.isnan(joint_breach_probability(n1, n2, p1, p2, *JOINT, ALPHA))
    if not np.isnan(p1):
        assert np.isnan(detectable(n1, n2, p2, 0.05, ALPHA))


def test_an_effective_size_is_rounded_down():
    given = (0.3, 0.1, 0.05, ALPHA)
    assert breach_probability(40.9, 200.2, *given) == breach_probability(40, 200, *given)
    assert detectable(40.9, 200.2, *given[1:]) == detectable(40, 200, *given[1:])


# ------------------------------------------------------------------ the gap that would be found


def designs(number, seed):
    """Groups of 30 to 5,000, rests of 30 to 100,000; one rate in four next to 0, one next to 1."""
    rng = np.random.default_rng(seed)
    n1, n2 = np.rint(np.exp(rng.uniform(np.log(30), np.log([[5000], [100_000]]), (2, number))))
    next_to_0 = rng.choice([0, 0.0005, 0.002, 0.01, 0.05], number)
    p2 = np.choose(np.arange(number) % 4, [next_to_0, 1 - next_to_0, *rng.random((2, number))])
    return (
        n1,
        n2,
        p2,
        rng.choice([0.02, 0.05, 0.1, 0.3], number),
        ALPHA / rng.choice(HYPOTHESES, number),
    )


def power_at(gap, n1, n2, p2, limit, alpha):
    """Exact power at the gap in the direction where it is lower, of those that could have .8."""
    power = []
    for sign, end in ((1, 1.0), (-1, 0.0)):
        found = breach_probability(n1, n2, np.clip(p2 + sign * gap, 0, 1), p2, limit, alpha)
        could = breach_probability(n1, n2, end, p2, limit, alpha) >= 0.8
        power.append(np.where(could, found, np.inf))
    return np.minimum(*power)


def assert_found_four_times_in_five(number, seed):
    design = _, _, p2, limit, _ = designs(number, seed)
    gap = detectable(*design)
    power = power_at(gap, *design)
    some = ~np.isnan(gap)
    assert np.array_equal(some, np.isfinite(power_at(np.zeros(number), *design)))
    assert some.mean() > 0.9
    assert np.all(gap[some] > limit[some])
    assert np.all(gap[some] <= np.maximum(p2, 1 - p2)[some])
    assert np.all(np.abs(power[some] - 0.8) <= 0.04)
    assert np.mean(np.abs(power[some] - 0.8) <= 0.01) > 0.99


def test_the_detectable_gap_is_found_four_times_in_five():
    assert_found_four_times_in_five(250, seed=6)


@pytest.mark.simulation
def test_the_detectable_gap_of_many_designs_is_found_four_times_in_five():
    for seed in range(100, 104):
        assert_found_four_times_in_five(500, seed)


def test_the_detectable_gap_is_found_four_times_in_five_by_counting():
    """The same without a word from this module but the gap: the power is summed over all counts."""
    for n1, n2, p2, limit, alpha in zip(*designs(80, seed=7), strict=True):
        gap = float(detectable(n1, n2, p2, limit, alpha))
        rates = [p for p in (p2 + gap, p2 - gap) if 0 <= p <= 1]
        power = [counted(n1, n2, p, p2, limit, alpha) for p in rates]
        assert min(abs(one - 0.8) for one in power) <= 0.04, (n1, n2, p2, limit, alpha)
        # a direction in which it is found less often is one in which nothing is, or little is left
        for p, one in zip(rates, power, strict=True):
            end = float(p > p2)
            assert one >= 0.76 or counted(n1, n2, end, p2, limit, alpha) < 0.8


def test_a_step_that_arrives_is_not_taken_back():
    """Arrived at .8 to the last digit, a step was once given up for the middle of its bracket."""
    for n1, n2, p2, limit, alpha in (
        (1352, 24245, 0.002, 0.3, ALPHA),
        (3048, 22468, 0.1, 0.2, ALPHA),
    ):
        gap = float(detectable(n1, n2, p2, limit, alpha))
        assert limit < gap < limit + 0.1
        assert counted(n1, n2, p2 + gap, p2, limit, alpha) == pytest.approx(0.8, abs=0.01)


def test_a_rate_and_its_complement_detect_the_same_gap():
    n1, n2, p2, limit, alpha = designs(400, seed=8)
    same = detectable(n1, n2, 1 - p2, limit, alpha)
    np.testing.assert_allclose(detectable(n1, n2, p2, limit, alpha), same, atol=1e-6)


def test_the_detectable_gap_is_that_of_the_direction_with_room():
    """3 % below 2 % there is nothing; a fifth below 30 % is easier to tell than a fifth above."""
    low = float(detectable(200, 1000, 0.02, 0.03, ALPHA))
    assert counted(200, 1000, 0.02 + low, 0.02, 0.03, ALPHA) == pytest.approx(0.8, abs=0.02)
    middle = float(detectable(200, 1000, 0.3, 0.05, ALPHA))
    up, down = (counted(200, 1000, 0.3 + s * middle, 0.3, 0.05, ALPHA) for s in (1, -1))
    assert up == pytest.approx(0.8, abs=0.02)
    assert down > up


@pytest.mark.parametrize("given", [
    (3, 1000, 0.3, 0.05, 0.001),    # three of three at .001: the limit is 10 %, and 30 % is above
    (1000, 1, 0.5, 0.3, 0.001),
    (500, 500, 0.5, 0.5, ALPHA),    # no gap from a half is above a half
    (500, 500, 0.5, 1.0, ALPHA),
], ids=str)  # fmt: skip
def test_where_no_gap_would_be_found_there_is_none_to_name(given):
    n1, n2, p2, limit, alpha = given
    assert np.isnan(detectable(*given))
    assert max(counted(n1, n2, end, p2, limit, alpha) for end in (0.0, 1.0)) < 0.8


def test_more_people_or_a_laxer_level_detect_smaller_gaps():
    gaps = detectable([100, 200, 400, 800], 5000, 0.3, 0.05, ALPHA / 12)
    assert np.all(np.diff(gaps) < 0)
    assert np.all(np.diff(detectable(300, 5000, 0.3, 0.05, [0.001, 0.01, 0.05])) < 0)
    assert np.all(np.diff(detectable(300, 5000, 0.3, [0.02, 0.05, 0.1], ALPHA)) > 0)


def test_the_detectable_gap_of_large_groups_is_found_four_times_in_five():
    """Groups of thousands, whose rests are looked at at a few points of a curve."""
    rng = np.random.default_rng(9)
    n1 = np.rint(np.exp(rng.uniform(np.log(2000), np.log(30_000), 60)))
    n2 = np.rint(n1 * np.exp(rng.uniform(0, 4, 60)))
    design = (n1, n2, rng.uniform(0.01, 0.99, 60), np.full(60, 0.05), ALPHA / 12)
    power = power_at(detectable(*design), *design)
    assert np.all(np.abs(power - 0.8) <= 0.01)
