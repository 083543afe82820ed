"""The bounds that judge, held to what they promise by counting every outcome there is."""

import numpy as np
import pytest
from scipy.stats import binom

from auditkit.inference.gates import (
    NOISE,
    all_clear_level,
    gap_bounds,
    gap_is_beyond,
    gap_is_within,
    joint_is_beyond,
    joint_is_within,
    judge_gap,
    judge_joint,
    largest_gap,
    largest_ratio,
    ratio_bounds,
)
from auditkit.inference.intervals import Bounds, difference, ratio
from auditkit.results import Outcome

ALPHA = 0.05
HYPOTHESES = (1, 12, 50)
RATES = np.arange(1, 96) / 100
FINE = np.arange(10, 951, 2) / 1000
JOINT = (1.25, 0.02)
SHIPPED = (0.05, 0.10)
"""Limits of the shipped policies."""


def likely(n, p):
    """Counts out of n, all but 1e-12 at each end, and how probable each is at the rates p."""
    ends = binom.ppf([[1e-12], [1 - 1e-12]], n, p)
    x = np.arange(max(ends.min(), 0), min(ends.max(), n) + 1)
    return x, binom.pmf(x[:, None], n, p)


class Draws:
    """Every count of a group and of its rest, for some pairs of true rates."""

    def __init__(self, n1, p1, n2, p2):
        self.n = n1, n2
        self.x1, self.chance1 = likely(n1, np.round(p1, 12))
        self.x2, self.chance2 = likely(n2, np.round(p2, 12))

    def bounds(self, of, alpha):
        return of(self.x1[:, None], self.n[0], self.x2, self.n[1], alpha)

    def probability(self, truths):
        """How probable what is true of counts (x1, x2) is, at each pair of rates."""
        return np.einsum("ik,ik->k", self.chance1, truths @ self.chance2)


def at_the_limit(n1, n2, limit, rates=RATES):
    """Yield the draws of a group exactly the limit above its rest, then below."""
    for gap in (limit, -limit):
        rest = rates[(rates + gap >= 0) & (rates + gap <= 1)]
        yield Draws(n1, rest + gap, n2, rest)


def cleared(draws, limit):
    level = all_clear_level(ALPHA)
    return draws.probability(gap_is_within(draws.bounds(gap_bounds, level), limit)).max()


def condemned(draws, limit, m):
    return draws.probability(gap_is_beyond(draws.bounds(gap_bounds, ALPHA / m), limit)).max()


# ------------------------------------------------------------------ at the limit


@pytest.mark.parametrize("limit", SHIPPED)
@pytest.mark.parametrize("rest", [100, 1000])
@pytest.mark.parametrize("n", [20, 30, 50, 100, 300])
def test_at_the_limit_one_audit_in_twenty_is_cleared_and_one_condemned_at_most(n, rest, limit):
    for draws in at_the_limit(n, rest, limit):
        assert cleared(draws, limit) <= ALPHA
        for m in HYPOTHESES:
            assert condemned(draws, limit, m) <= ALPHA / m


def test_at_the_limit_some_audits_are_cleared_and_condemned():
    # so that the test above could fail: bounds that said nothing would pass it
    for draws in at_the_limit(300, 1000, 0.05):
        assert cleared(draws, 0.05) > 0.035
        for m in HYPOTHESES:
            assert condemned(draws, 0.05, m) > 0.04 / m


@pytest.mark.parametrize("rest", [100, 1000])
@pytest.mark.parametrize("n", [20, 100, 300])
def test_at_parity_breaches_are_rarer_than_at_the_limit(n, rest):
    parity = Draws(n, RATES, rest, RATES)
    for m in HYPOTHESES:
        most = max(condemned(draws, 0.05, m) for draws in at_the_limit(n, rest, 0.05))
        assert condemned(parity, 0.05, m) < most


@pytest.mark.simulation
@pytest.mark.parametrize("limit", [0.02, *SHIPPED, 0.20])
@pytest.mark.parametrize("rest", [100, 1000])
@pytest.mark.parametrize("n", [20, 30, 50, 100, 300, 1000])
def test_at_the_limit_of_finer_rates_and_other_limits(n, rest, limit):
    for draws in at_the_limit(n, rest, limit, FINE):
        assert cleared(draws, limit) <= ALPHA
        for m in HYPOTHESES:
            # at .02 groups this small are also found beyond the limit on the wrong side
            assert condemned(draws, limit, m) <= ALPHA / m * (1.05 if limit == 0.02 else 1)


def at_the_joint_limit(n1, n2, rates):
    """Yield the draws of a group just tolerated beside its rest, and of the rest beside it."""
    higher = np.maximum(JOINT[0] * rates, rates + JOINT[1])
    low, high = rates[higher <= 1], higher[higher <= 1]
    yield Draws(n1, high, n2, low)
    yield Draws(n1, low, n2, high)


def joint_errors(draws):
    """Largest probabilities of an all-clear and, over its level, of a breach."""

    def most(found, alpha):
        both = draws.bounds(ratio_bounds, alpha), draws.bounds(gap_bounds, alpha)
        return draws.probability(found(*both, *JOINT)).max()

    breaches = [m * most(joint_is_beyond, ALPHA / m) for m in HYPOTHESES]
    return most(joint_is_within, all_clear_level(ALPHA)), max(breaches)


@pytest.mark.parametrize("n", [20, 50, 300])
@pytest.mark.parametrize("rest", [100, 1000])
def test_at_the_joint_limit_one_in_twenty_is_cleared_and_one_condemned_at_most(n, rest):
    for draws in at_the_joint_limit(n, rest, RATES[::3]):
        within, breach = joint_errors(draws)
        assert within <= ALPHA
        assert breach <= ALPHA


@pytest.mark.simulation
@pytest.mark.parametrize("n", [20, 30, 50, 100, 300, 1000, 3000])
@pytest.mark.parametrize("rest", [100, 1000])
def test_at_the_joint_limit_of_finer_rates(n, rest):
    for draws in at_the_joint_limit(n, rest, FINE):
        within, breach = joint_errors(draws)
        assert within <= ALPHA
        assert breach <= ALPHA


def test_where_ratio_and_gap_meet_either_may_clear_and_hardly_more_often():
    """8 % and 10 % are on both limits at once, and two chances to clear could be 10 % together."""
    for draws in at_the_joint_limit(3000, 10_000, np.array([0.08])):
        within, breach = joint_errors(draws)
        assert 0.035 < within <= ALPHA
        assert breach <= ALPHA


# ------------------------------------------------------------------ shape of the bounds


def every(of, n1, n2, alpha):
    """Bounds of every pair of counts, shape (n1 + 1, n2 + 1)."""
    return of(np.arange(n1 + 1)[:, None], n1, np.arange(n2 + 1), n2, alpha)


@pytest.mark.parametrize("m", HYPOTHESES)
@pytest.mark.parametrize(("n1", "n2"), [(1, 1), (20, 30), (9, 400)])
class TestBounds:
    def test_changing_places_and_counting_the_others_each_turn_a_gap_round(self, n1, n2, m):
        there, back = every(gap_bounds, n1, n2, ALPHA / m), every(gap_bounds, n2, n1, ALPHA / m)
        for turned in (back.upper.T, there.upper[::-1, ::-1]):
            np.testing.assert_allclose(there.lower, -turned, atol=1e-12)

    def test_changing_places_inverts_a_ratio(self, n1, n2, m):
        there, back = every(ratio_bounds, n1, n2, ALPHA / m), every(ratio_bounds, n2, n1, ALPHA / m)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(there.lower, 1 / back.upper.T, rtol=1e-9)

    @pytest.mark.parametrize("of", [gap_bounds, ratio_bounds])
    def test_one_more_in_the_group_never_lowers_and_one_more_in_the_rest_never_raises(
        self, of, n1, n2, m
    ):
        found = every(of, n1, n2, ALPHA / m)
        for bound in np.minimum([found.lower, found.upper], 1e9):  # some are infinite
            assert np.all(np.diff(bound, axis=0) >= -1e-9 * bound[1:].clip(1))
            assert np.all(np.diff(bound, axis=1) <= 1e-9 * bound[:, 1:].clip(1))

    def test_a_gap_lies_in_its_bounds_and_they_in_those_of_a_stricter_level(self, n1, n2, m):
        gap = np.arange(n1 + 1)[:, None] / n1 - np.arange(n2 + 1) / n2
        one, stricter = every(gap_bounds, n1, n2, ALPHA / m), every(gap_bounds, n1, n2, 1e-4)
        order = np.array([stricter.lower, one.lower, gap, one.upper, stricter.upper])
        assert np.all(np.diff(order, axis=0) >= -1e-12)
        assert np.all(np.abs(order) <= 1 + 1e-12)

    def test_no_counts_are_within_and_beyond_at_once(self, n1, n2, m):
        gap, strict = every(gap_bounds, n1, n2, ALPHA), every(gap_bounds, n1, n2, ALPHA / m)
        over, sure = every(ratio_bounds, n1, n2, ALPHA), every(ratio_bounds, n1, n2, ALPHA / m)
        for limit in (0.0, 0.05, 0.5):
            assert not np.any(gap_is_within(gap, limit) & gap_is_beyond(strict, limit))
        for limits in (JOINT, (1.25, 0.0), (2.0, 0.1)):
            both = joint_is_within(over, gap, *limits) & joint_is_beyond(sure, strict, *limits)
            assert not both.any()


def test_nobody_of_twenty_is_not_nobody():
    """Limits of 0 of 20 are 0 and 1 - 0.05^(1/20) = 0.1391, so of the gap -0.1391 and 0.1391."""
    found = gap_bounds(0, 20, 0, 20, 0.05)
    assert (found.lower, found.upper) == pytest.approx((-0.1391, 0.1391), abs=5e-5)
    assert gap_bounds(0, 20, 0, 4000, 0.05).upper == pytest.approx(0.1391, abs=5e-5)


def test_nobody_to_divide_by_is_neither_within_nor_beyond():
    for counts in ((0, 0, 3, 10), (3, 10, 0, 0), (0, 0, 0, 0)):
        gap, over = gap_bounds(*counts, 0.05), ratio_bounds(*counts, 0.05)
        assert np.isnan([gap.lower, gap.upper, over.lower, over.upper]).all()
        assert not gap_is_within(gap, 1.0)
        assert not gap_is_beyond(gap, 0.0)
        assert not joint_is_within(over, gap, *JOINT)
        assert not joint_is_beyond(over, gap, *JOINT)
        assert judge_gap(*[float(gap.lower)] * 4, 0.05) is Outcome.UNDEFINED
        assert judge_joint(over, gap, over, gap, *JOINT) is Outcome.UNDEFINED


def test_real_counts_have_bounds_between_those_of_the_whole_ones():
    found = [gap_bounds(x, 40, 10, 100, 0.05).lower for x in (12, 12.5, 13)]
    assert found == sorted(set(found))


@pytest.mark.parametrize("of", [gap_bounds, ratio_bounds])
@pytest.mark.parametrize(
    "given",
    [(5, 4, 1, 2, 0.05), (-1, 4, 1, 2, 0.05), (1, 4, 1, 2, 0.0), (1, 4, 1, 2, 0.6)],
    ids=["more than all", "less than nobody", "no error allowed", "half is no bound"],
)
def test_what_has_no_bounds_is_refused(of, given):
    with pytest.raises(ValueError, match=r"between 0 and|above 0"):
        of(*given)


# ------------------------------------------------------------------ outcomes


def outcome(x1, n1, x2, n2, limit, m):
    within, breach = (gap_bounds(x1, n1, x2, n2, a) for a in (ALPHA, ALPHA / m))
    return judge_gap(within.lower, within.upper, breach.lower, breach.upper, limit)


def test_nine_of_nine_against_a_fifth_is_a_breach():
    """At alpha / 50 the lower limit of 9 of 9 is 0.001^(1/9) = 0.464, so of the gap 0.26."""
    assert outcome(9, 9, 400, 2000, 0.05, 50) is Outcome.BREACH
    assert outcome(0, 9, 1600, 2000, 0.05, 50) is Outcome.BREACH
    assert gap_bounds(9, 9, 400, 2000, 0.001).lower == pytest.approx(0.263, abs=5e-4)


@pytest.mark.parametrize(("x1", "n1", "expected"), [
    (600, 3000, Outcome.WITHIN),          # 20 % of many
    (20, 100, Outcome.INDETERMINATE),     # 20 % of few
    (900, 3000, Outcome.BREACH),          # 30 %
    (300, 3000, Outcome.BREACH),          # 10 %
    (0, 0, Outcome.UNDEFINED),
])  # fmt: skip
def test_a_group_beside_a_rest_of_one_in_five(x1, n1, expected):
    assert outcome(x1, n1, 800, 4000, 0.05, 12) is expected


@pytest.mark.parametrize("side", [1, -1])
def test_a_bound_on_the_limit_is_on_neither_side_of_it(side):
    def turned(lower, upper):
        return (lower, upper) if side > 0 else (-upper, -lower)

    on, inside, outside = 0.05, 0.05 - 2 * NOISE, 0.05 + 2 * NOISE
    wide = turned(-0.3, 0.3)
    assert judge_gap(*turned(0.01, on), *wide, 0.05) is Outcome.INDETERMINATE
    assert judge_gap(*turned(0.01, inside), *wide, 0.05) is Outcome.WITHIN
    assert judge_gap(*wide, *turned(on, 0.3), 0.05) is Outcome.INDETERMINATE
    assert judge_gap(*wide, *turned(outside, 0.3), 0.05) is Outcome.BREACH


def joint(x1, n1, x2, n2, limits=JOINT, m=12):
    over, gap, sure, strict = (
        of(x1, n1, x2, n2, alpha)
        for alpha in (ALPHA, ALPHA / m)
        for of in (ratio_bounds, gap_bounds)
    )
    return judge_joint(over, gap, sure, strict, *limits)


@pytest.mark.parametrize(("group", "rest", "expected"), [
    ((80, 4000), (40, 4000), Outcome.WITHIN),           # 2 % to 1 %: twice, but by one point
    ((2000, 4000), (1900, 4000), Outcome.WITHIN),       # 50 % to 47.5 %: over 2 points, but by 5 %
    ((400, 4000), (40, 4000), Outcome.BREACH),          # 10 % to 1 %: ten times and nine points
    ((5, 100), (4, 100), Outcome.INDETERMINATE),
    ((0, 4000), (0, 4000), Outcome.WITHIN),             # no ratio, but no gap either
    ((0, 10), (0, 10), Outcome.INDETERMINATE),
    ((0, 0), (0, 10), Outcome.UNDEFINED),
], ids=str)  # fmt: skip
def test_ratio_and_gap_are_judged_together_whoever_is_higher(group, rest, expected):
    assert joint(*group, *rest) is expected
    assert joint(*rest, *group) is expected


def test_without_a_floor_a_ratio_is_judged_alone():
    assert joint(160, 4000, 80, 4000) is Outcome.INDETERMINATE  # 4 % to 2 %, but by two points
    assert joint(160, 4000, 80, 4000, limits=(1.25, 0.0)) is Outcome.BREACH
    assert joint(0, 4000, 0, 4000, limits=(1.25, 0.0)) is Outcome.INDETERMINATE


# ------------------------------------------------------------------ the range


def test_the_largest_gap_is_narrow_enough_to_be_of_use_and_true():
    """12 equal groups of 83 at 30 %: mean upper bound at most 0.28, never a gap out of nothing."""
    rng = np.random.default_rng(0)
    found = [largest_gap(rng.binomial(83, 0.3, 12), [83] * 12) for _ in range(1000)]
    assert np.mean([f.upper for f in found]) <= 0.28
    assert np.mean([f.lower > 0 for f in found]) <= 0.05


def test_the_largest_gap_and_ratio_of_unequal_groups_are_covered():
    rng, n, p = np.random.default_rng(1), np.array([40, 80, 150, 400]), [0.4, 0.3, 0.25, 0.2]
    counts = rng.binomial(n, p, (1000, 4))
    gaps, ratios = ([of(x, n) for x in counts] for of in (largest_gap, largest_ratio))
    for found, truth in ((gaps, 0.2), (ratios, 0.5)):
        assert np.mean([f.lower > truth for f in found]) <= 0.05
        assert np.mean([f.upper < truth for f in found]) <= 0.05


@pytest.mark.parametrize("x", [(3, 9), (9, 3), (0, 20), (20, 20), (5, 5)])
def test_of_two_groups_the_range_is_their_gap_whoever_is_first(x):
    (x1, x2), n, found = x, 20, largest_gap(x, (20, 20))
    open_, shared = difference(x1, n, x2, n, 0.9), gap_bounds(x1, n, x2, n, 0.025)
    assert found.estimate == pytest.approx(abs(x1 - x2) / n)
    assert found.upper == pytest.approx(max(open_.upper, -open_.lower))
    assert found.lower == pytest.approx(max(0, shared.lower, -shared.upper))


@pytest.mark.parametrize("x", [(3, 9), (9, 3), (0, 20), (5, 5)])
def test_of_two_groups_the_ratio_is_the_lower_over_the_higher(x):
    low, high, found = min(x), max(x), largest_ratio(x, (20, 20))
    assert found.estimate == pytest.approx(low / high)
    assert found.lower == pytest.approx(ratio(low, 20, high, 20, 0.9).lower)
    assert found.upper == pytest.approx(min(1, ratio_bounds(low, 20, high, 20, 0.025).upper))


@pytest.mark.parametrize("of", [largest_gap, largest_ratio])
def test_the_range_is_ordered_and_names_two_groups(of):
    rng = np.random.default_rng(2)
    for k in range(2, 9):
        n = rng.integers(1, 200, k)
        for x in (rng.integers(0, n + 1), n, (n > 1).astype(int)):
            found = of(x, n)
            if x.any():
                assert 0 <= found.lower <= found.estimate <= found.upper <= 1
            else:
                assert of is largest_gap or np.isnan(found.estimate)
            assert found.highest != found.lowest
            assert x[found.highest] / n[found.highest] == (x / n).max()
            assert x[found.lowest] / n[found.lowest] == (x / n).min()


def test_without_anybody_counted_there_is_a_largest_gap_but_no_ratio():
    gap, over = largest_gap([0, 0, 0], [20, 20, 20]), largest_ratio([0, 0, 0], [20, 20, 20])
    assert (gap.lower, gap.estimate) == (0, 0)
    assert gap.upper > 0.1
    assert np.isnan([over.lower, over.estimate, over.upper]).all()


@pytest.mark.parametrize("of", [largest_gap, largest_ratio])
@pytest.mark.parametrize(("x", "n"), [([3], [9]), ([3, 0], [9, 0]), ([[1, 2]], [[3, 4]])])
def test_a_range_needs_two_groups_and_nobody_empty(of, x, n):
    with pytest.raises(ValueError, match="two groups or more"):
        of(x, n)


def test_one_number_is_judged_as_many_are():
    rng = np.random.default_rng(3)
    n1, n2 = rng.integers(1, 6000, (2, 300))
    x1, x2 = rng.binomial(n1, rng.choice([0.07, 0.13], 300)), rng.binomial(n2, 0.07)
    gap, over = gap_bounds(x1, n1, x2, n2, ALPHA), ratio_bounds(x1, n1, x2, n2, ALPHA)
    gaps, overs = (list(map(Bounds, b.lower, b.upper)) for b in (gap, over))
    alone = [judge_gap(g.lower, g.upper, g.lower, g.upper, 0.05) for g in gaps]
    jointly = [judge_joint(r, g, r, g, *JOINT) for r, g in zip(overs, gaps, strict=True)]
    for outcomes, within, beyond in (
        (alone, gap_is_within(gap, 0.05), gap_is_beyond(gap, 0.05)),
        (jointly, joint_is_within(over, gap, *JOINT), joint_is_beyond(over, gap, *JOINT)),
    ):
        assert len(set(outcomes)) == 3
        assert [o is Outcome.WITHIN for o in outcomes] == within.tolist()
        assert [o is Outcome.BREACH for o in outcomes] == beyond.tolist()
