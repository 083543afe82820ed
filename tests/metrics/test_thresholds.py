"""Cuts and budgets read off a histogram, by hand and against the people themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.metrics.histogram import Histogram, Outcomes
from auditkit.metrics.thresholds import Ranking, last_place, threshold_sweep

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


def test_who_has_no_score_is_reached_by_no_cut():
    nobody = np.array([1, 2, 1])
    besides = Outcomes(nobody, nobody.astype(float), nobody.astype(float))
    found = threshold_sweep(FIVE, [0.0, 0.6], unscored=besides)
    assert found.selection_rate.lower.tolist() == [5 / 9, 3 / 9]
    assert found.true_positive_rate.upper.tolist() == [2 / 4, 2 / 4]
    assert found.false_positive_rate.lower.tolist() == [2 / 3, 1 / 3]


def places(group, k, everyone=None):
    return Ranking.of(group).places(last_place(everyone or group, k))


def test_budgets_by_hand():
    assert places(FIVE, 1).expected.tolist() == [0, 1, 0]
    two = places(FIVE, 2)  # the second place is drawn between one positive and one negative
    assert two.expected.tolist() == [0.5, 1.5, 0]
    assert two.between([1]) == (1, 2)
    assert two.wrongly() == (0.25, 0.0, 0.5)
    assert (two.last.cut, two.last.share) == (0.6, 0.5)
    assert places(FIVE, 3).between([1]) == (2, 2)
    assert places(FIVE, 5).expected.tolist() == [2, 2, 1]
    for k in (0, -1, 6, float("nan")):
        with pytest.raises(ValueError, match="k must be above 0"):
            last_place(FIVE, k)


def test_one_cut_for_everybody_and_a_group_gets_what_lies_above_it():
    a, b = histogram([0.9, 0.5, 0.5], [1, 1, 0]), histogram([0.5, 0.5, 0.2], [0, 2, 1])
    both = histogram([0.9, 0.5, 0.5, 0.5, 0.5, 0.2], [1, 1, 0, 0, 2, 1])
    own, other = places(a, 4, both), places(b, 4, both)  # 3 places for the 4 at 0.5
    assert own.expected.tolist() == [0.75, 1.75, 0]
    assert other.expected.tolist() == [0.75, 0, 0.75]
    assert (own.between([0, 1, 2]), other.between([0, 1, 2])) == ((2, 3), (1, 2))
    # at most 1 of 2 places of a goes to the negative one: it is drawn and the positive one is not
    assert own.wrongly() == (0.75 / 2.5, 0.0, 0.5)
    assert other.wrongly() == (1.0, 1.0, 1.0)  # nobody positive can be drawn in b
    assert np.isnan(places(histogram([0.1], [1]), 1, both).wrongly()).all()


def test_weights_fill_places_too():
    weight = np.array([[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    two = Histogram(np.array([0.2, 0.7]), np.array([0.2, 0.7]), weight.astype(int), weight, weight)
    assert places(two, 4).expected.tolist() == [2, 2, 0]


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
@given(people, st.data())
def test_a_budget_in_bins_bounds_every_draw_among_the_people(drawn, data):
    """Brute force: people in any order of the tied, the first k of them selected."""
    scores, outcomes = np.array([s for s, _ in drawn]) / 64, np.array([y for _, y in drawn])
    group = np.arange(len(drawn)) % 2 == 0
    k = data.draw(st.integers(1, len(drawn)))
    order = data.draw(st.permutations(range(len(drawn))))
    chosen = sorted(order, key=lambda i: -scores[i])[:k]
    taken = np.isin(np.arange(len(drawn)), chosen) & group
    for step in (0.0, 1 / 8):
        everyone = histogram(scores, outcomes, step)
        own = places(histogram(scores[group], outcomes[group], step), k, everyone)
        for outcome in ([0], [1], [2], [0, 1, 2]):
            reached = (taken & np.isin(outcomes, outcome)).sum()
            low, high = own.between(outcome)
            assert low <= reached <= high
            assert low - 1e-9 <= own.expected[outcome].sum() <= high + 1e-9
        recorded = taken & (outcomes < 2)
        expected, least, most = own.wrongly()
        if recorded.any():
            assert least - 1e-9 <= (outcomes[recorded] == 0).mean() <= most + 1e-9
            assert least - 1e-9 <= expected <= most + 1e-9


@law
@given(people, st.integers(1, 12))
def test_expected_places_are_the_mean_over_all_draws(drawn, k):
    scores, outcomes = np.array([s // 16 for s, _ in drawn]), np.array([y for _, y in drawn])
    k = min(k, len(drawn))
    found = places(histogram(scores, outcomes), k)
    last = np.sort(scores)[::-1][k - 1]
    above, at = scores > last, scores == last
    for outcome in (0, 1, 2):  # each of the tied is as likely to be drawn as any other
        mean = (outcomes[above] == outcome).sum()
        mean = mean + (outcomes[at] == outcome).sum() * (k - above.sum()) / at.sum()
        assert found.expected[outcome] == pytest.approx(mean)
    assert found.expected.sum() == pytest.approx(k)
