"""Intervals against scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep

from auditkit.inference.gates import gap_bounds
from auditkit.inference.intervals import clopper_pearson, difference, ratio, wilson


@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 17), (250, 1000)])
def test_one_rate_equals_scipy(x, n):
    for ours, name in ((wilson(x, n), "wilson"), (clopper_pearson(x, n, 0.025), "exact")):
        theirs = binomtest(x, n).proportion_ci(0.95, method=name)
        assert float(ours.lower) == pytest.approx(theirs.low, abs=1e-10)
        assert float(ours.upper) == pytest.approx(theirs.high, abs=1e-10)


@pytest.mark.parametrize("at", [(56, 70, 48, 80), (9, 10, 3, 10), (0, 20, 5, 30), (10, 10, 0, 20)])
def test_a_difference_equals_statsmodels_newcombe(at):
    theirs = confint_proportions_2indep(*at, method="newcomb", compare="diff")
    ours = difference(*at)
    assert (float(ours.lower), float(ours.upper)) == pytest.approx(theirs, abs=1e-10)


def test_nobody_to_divide_by_is_no_number():
    for found in (
        wilson(0, 0),
        clopper_pearson(0, 0, 0.05),
        difference(0, 0, 1, 2),
        ratio(1, 2, 0, 0),
    ):
        assert np.isnan(found.lower)
        assert np.isnan(found.upper)


def test_zero_of_twenty_is_never_certain():
    """Wilson's upper limit at 0 of n is z^2 / (n + z^2) = 3.8415 / 23.8415 = 0.1611."""
    assert float(wilson(0, 20).upper) == pytest.approx(0.1611, abs=1e-4)
    assert float(wilson(0, 20).lower) == 0


def test_a_ratio_over_zero_has_no_upper_bound():
    assert float(ratio(5, 20, 0, 20).upper) == np.inf
    assert float(ratio(5, 20, 0, 20).lower) > 0


COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS)
def test_changing_places_mirrors_a_difference_and_inverts_a_ratio(one, other):
    there, back = difference(*one, *other), difference(*other, *one)
    assert float(there.lower) == pytest.approx(-float(back.upper), abs=1e-12)
    if one[0] and other[0]:
        up, down = ratio(*one, *other), ratio(*other, *one)
        assert float(up.lower) * float(down.upper) == pytest.approx(1, rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS)
def test_the_estimate_is_inside_and_a_higher_level_is_wider(one, other):
    gap = one[0] / one[1] - other[0] / other[1]
    narrow, wide = difference(*one, *other, level=0.9), difference(*one, *other, level=0.99)
    assert wide.lower <= narrow.lower + 1e-12
    assert narrow.lower - 1e-12 <= gap <= narrow.upper + 1e-12
    gate = gap_bounds(*one, *other, 0.05)
    assert gate.lower - 1e-12 <= gap <= gate.upper + 1e-12
