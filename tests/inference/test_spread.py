"""How far rates lie apart beyond chance, against scipy, by hand and by simulation."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, false_discovery_control

from auditkit.inference.spread import (
    DRAWS,
    benjamini_yekutieli,
    debiased_spread,
    homogeneity,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_p_value_of_large_groups_is_that_of_scipy():
    x, n = np.array([30, 45, 20, 61]), np.array([100, 120, 80, 150])
    wanted = chi2_contingency([x, n - x], correction=False).pvalue
    found = homogeneity(x, n, rng())
    assert not found.permuted
    assert found.p_value == pytest.approx(wanted, rel=1e-12)


def test_small_groups_are_permuted_and_the_p_value_is_near_the_exact_one():
    """Of 3 people of whom 3 and of 9 of whom 1: one table in C(12, 4) = 495 / 9 puts all 3 in."""
    found = homogeneity([3, 1], [3, 9], rng())
    assert found.permuted
    # hypergeometric: P(3 of the first 3 among 4 of 12) = C(4,3) C(8,0) / C(12,3) = 4 / 220
    assert found.p_value == pytest.approx(4 / 220, abs=0.012)


def test_no_draw_that_is_as_far_apart_never_gives_a_p_value_of_0():
    found = homogeneity([4, 0, 400], [4, 300, 400], rng())
    assert found.permuted
    assert found.p_value == 1 / (DRAWS + 1)


def test_one_rate_of_0_or_1_and_small_weighted_groups_tell_nothing():
    for x, n in (([0, 0], [10, 10]), ([10, 9], [10, 9]), ([1.2, 3.4], [4.5, 5.5])):
        found = homogeneity(x, n, rng())
        assert np.isnan([found.p_value, found.expected_range]).all()


def test_twenty_groups_of_100_lie_apart_by_chance_alone():
    """Trap D2: 20 equal groups of 100 at 30 %: sqrt(.21 / 100) times 3.735, for 20 normal draws."""
    drawn = rng(1).binomial(100, 0.3, (1000, 20))
    ranges = np.ptp(drawn / 100, axis=1)
    expected = [homogeneity(x, np.full(20, 100), rng()).expected_range for x in drawn[:300]]
    assert ranges.mean() == pytest.approx(0.1712, abs=0.003)
    assert np.mean(expected) == pytest.approx(ranges.mean(), abs=0.004)


def test_permuted_and_drawn_ranges_agree():
    x, n = np.array([4, 12, 9, 14]), np.array([20, 30, 30, 40])
    permuted = homogeneity(x, n, rng()).expected_range
    doubled = homogeneity(x * 4, n * 4, rng()).expected_range
    assert homogeneity(x, n, rng()).permuted is False  # 6.5 of 20 are expected
    assert doubled == pytest.approx(permuted / 2, rel=0.06)
    few = homogeneity([2, 4, 3, 5], [12, 14, 14, 16], rng())
    assert few.permuted
    p = 14 / 56
    normal = p + np.sqrt(p * (1 - p) / np.array([12, 14, 14, 16])) * rng().normal(size=(4000, 4))
    assert few.expected_range == pytest.approx(np.ptp(normal, axis=1).mean(), rel=0.05)


def test_the_spread_by_hand():
    """Rates .2 and .4: variance .02, less the mean of .16/99 and .24/99."""
    assert debiased_spread([20, 40], [100, 100]) == pytest.approx(
        np.sqrt(0.02 - (0.16 + 0.24) / 99 / 2)
    )
    assert debiased_spread([20, 21], [100, 100]) == 0
    assert np.isnan(debiased_spread([1, 5], [1, 10]))


@pytest.mark.parametrize("sd", [0.0, 0.05])
def test_the_spread_is_right_on_average(sd):
    """Squared, before it is cut at 0, it is unbiased; here the cut is undone by hand."""
    truth = np.clip(0.3 + sd * rng(2).standard_normal((4000, 8)), 0, 1)
    n = np.array([30, 40, 60, 80, 100, 150, 200, 400])
    p = rng(3).binomial(n, truth) / n
    squared = p.var(axis=1, ddof=1) - (p * (1 - p) / (n - 1)).mean(axis=1)
    found = np.array([debiased_spread(row * n, n) for row in p[:200]])
    np.testing.assert_allclose(found, np.sqrt(np.maximum(squared[:200], 0)), atol=1e-12)
    assert squared.mean() == pytest.approx(truth.var(axis=1, ddof=1).mean(), abs=0.0001)


def test_p_values_are_adjusted_as_scipy_does():
    p = rng(4).random(40) ** 3
    np.testing.assert_allclose(benjamini_yekutieli(p), false_discovery_control(p, method="by"))
    assert len(benjamini_yekutieli([])) == 0


@pytest.mark.parametrize("n", [(100, 100, 100), (12, 20, 300)], ids=str)
def test_p_values_without_a_difference_are_no_smaller_than_they_say(n):
    drawn = rng(5).binomial(n, 0.3, (600, 3))
    p = np.array([homogeneity(x, np.array(n), rng(k)).p_value for k, x in enumerate(drawn)])
    for level in (0.05, 0.2):
        # three standard errors of a share of 600
        assert np.nanmean(p <= level) <= level + 3 * np.sqrt(level * (1 - level) / 600)
