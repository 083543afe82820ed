"""Cuts and budgets read off a histogram, by hand and against the people themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.metrics.histogram import Histogram
from auditkit.metrics.thresholds import threshold_sweep, top_k

law = settings(deadline=None, derandomize=True, database=None)


def histogram(scores, outcomes, step=0.0) -> Histogram:
    """Count scores exactly, or in bins of width ``step``; outcomes are 0, 1 or 2 (unknown)."""
    codes = np.floor(np.asarray(scores) / step) if step else np.asarray(scores, dtype=float)
    values, place = np.unique(codes, return_inverse=True)
    people = np.zeros((3, len(values)), dtype=np.int64)
    np.add.at(people, (np.asarray(outcomes), place), 1)
    left, right = (values * step, values * step + step) if step else (values, values)
    return Histogram(left, right, people, people.astype(float), people.astype(float))


FIVE = histogram([0.9, 0.6, 0.6, 0.3, 0.1], [1, 1, 0, 0, 2])


def test_rates_at_cuts_by_hand():
    found = threshold_sweep(FIVE, [0.0, 0.6, 0.61, 1.0])
    assert found.selection_rate.lower.tolist() == [1.0, 0.6, 0.2, 0.0]
    assert found.true_positive_rate.lower.tolist() == [1.0, 1.0, 0.5, 0.0]
    assert found.false_positive_rate.lower.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert found.selection_rate.upper.tolist() == found.selection_rate.lower.tolist()
    assert threshold_sweep(FIVE, [0.6], strict=True).selection_rate.lower.tolist() == [0.2]


def test_over_nobody_there_is_no_rate():
    found = threshold_sweep(histogram([0.5], [1]), [0.2])
    assert np.isnan(found.false_positive_rate.lower).all()
    assert np.isnan(found.false_positive_rate.upper).all()


def test_budgets_by_hand():
    assert top_k(FIVE, 1).recall == 0.5
    two = top_k(FIVE, 2)  # the second place is drawn between one positive and one negative
    assert (two.lower, two.recall, two.upper) == (0.5, 0.75, 1.0)
    assert top_k(FIVE, 3).lower == top_k(FIVE, 99).upper == 1.0
    assert top_k(FIVE, 0).upper == 0.0
    assert np.isnan(top_k(histogram([0.5], [0]), 1).recall)
    with pytest.raises(ValueError, match="at least 0"):
        top_k(FIVE, -1)


people = st.lists(
    st.tuples(st.integers(0, 64), st.sampled_from([0, 1, 2])), min_size=1, max_size=40
)


@law
@given(people, st.integers(0, 64), st.booleans())
def test_bins_bound_what_the_people_give_and_edges_are_exact(drawn, cut, strict):
    scores, outcomes = np.array([s for s, _ in drawn]) / 64, [y for _, y in drawn]
    exact = threshold_sweep(histogram(scores, outcomes), [cut / 64], strict=strict)
    binned = threshold_sweep(histogram(scores, outcomes, step=1 / 8), [cut / 64], strict=strict)
    selected = scores > cut / 64 if strict else scores >= cut / 64
    assert exact.selection_rate.lower[0] == pytest.approx(selected.mean())
    for name in ("selection_rate", "true_positive_rate", "false_positive_rate"):
        true, bounds = getattr(exact, name), getattr(binned, name)
        if np.isnan(true.lower[0]):
            assert np.isnan(bounds.lower[0])
            continue
        assert bounds.lower[0] <= true.lower[0] + 1e-12
        assert true.upper[0] <= bounds.upper[0] + 1e-12
        if cut % 8 == 0 and not strict:
            assert bounds.lower[0] == bounds.upper[0]


@law
@given(people, st.integers(0, 45))
def test_a_budget_in_bins_bounds_a_budget_of_people(drawn, k):
    scores, outcomes = np.array([s for s, _ in drawn]) / 64, [y for _, y in drawn]
    exact = top_k(histogram(scores, outcomes), k)
    binned = top_k(histogram(scores, outcomes, step=1 / 8), k)
    if np.isnan(exact.recall):
        assert np.isnan(binned.recall)
        return
    assert exact.lower <= exact.recall + 1e-12
    assert exact.recall <= exact.upper + 1e-12
    assert binned.lower <= exact.lower + 1e-12
    assert exact.upper <= binned.upper + 1e-12
