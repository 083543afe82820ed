"""Group means by hand, sums that must hold, and intervals that cover what they say."""

import math

import numpy as np
import pytest

from auditkit.explain.attributions import Attributed
from auditkit.explain.groups import Z, by_group, disparities, precision
from auditkit.results import ALL, REST, SAMPLING, Status


def attributed(values, base=0.0, features=None):
    values = np.asarray(values, dtype=float)
    names = features or tuple("xyzw"[: values.shape[1]])
    return Attributed(
        names, values, base, base + values.sum(axis=1), "log-odds", "m", "interventional",
        5, 0.0, 1e-6, None, Status.OK, "",
    )  # fmt: skip


def withheld(n):
    return Attributed(
        ("x",), None, None, np.zeros(n), "log-odds", "", "", 0, 1.0, 1e-6, None,
        Status.UNDEFINED, "Withheld: ...",
    )  # fmt: skip


def rows_of(rows, **where):
    return [r for r in rows if all(getattr(r, k) == v for k, v in where.items())]


@pytest.fixture
def by_hand(sample):
    """Two strata of a (90 and 10 rows) and one of b (50 rows), two or three explained in each."""
    values = [[1.0], [3.0], [10.0], [14.0], [0.0], [2.0], [4.0]]
    drawn = sample([0, 0, 2, 2, 1, 1, 1], [90, 50, 10], [2.5, 1.0, 11.0])
    return attributed(values, base=0.5), drawn


class TestByHand:
    def test_each_row_stands_for_its_share_of_the_stratum(self, by_hand):
        (row,) = rows_of(by_group(*by_hand, smallest=2), group="a")
        assert row.mean == pytest.approx(0.9 * 2 + 0.1 * 12)
        assert row.mean_abs == row.mean
        assert (row.attribute, row.feature, row.n, row.unit) == ("side", "x", 4, "log-odds")

    def test_the_interval_is_that_of_two_phases(self, by_hand):
        (row,) = rows_of(by_group(*by_hand, smallest=2), group="a")
        mean = 3.0
        total = 0.9 * ((1 - mean) ** 2 + 0) / 2 + 0.1 * ((10 - mean) ** 2 + (14 - mean) ** 2) / 2
        design = 0.81 * 2 * (1 / 2 - 1 / 90) + 0.01 * 8 * (1 / 2 - 1 / 10)
        half = Z * math.sqrt((total + 100 * design) / 99)
        assert row.lower == pytest.approx(mean - half)
        assert row.upper == pytest.approx(mean + half)

    def test_the_two_phase_variance_is_cochrans_in_all_but_the_bias(self, by_hand):
        (row,) = rows_of(by_group(*by_hand, smallest=2), group="a")
        ours = ((row.upper - row.mean) / Z) ** 2
        cochran = 0.81 * 2 / 2 + 0.01 * 8 / 2 + (0.9 * (2 - 3) ** 2 + 0.1 * (12 - 3) ** 2) / 100
        bias = (0.9 * 2 / 2 + 0.1 * 8 / 2) / 100
        assert ours == pytest.approx((cochran - bias) * 100 / 99)

    def test_a_contribution_is_the_difference_of_means(self, by_hand):
        found = disparities(*by_hand, smallest=2)
        (x,) = rows_of(found, group="a", feature="x")
        assert x.contribution == pytest.approx(3.0 - 2.0)
        assert (x.attribute, x.against, x.unit) == ("side", REST, "log-odds")
        (mirror,) = rows_of(found, group="b", feature="x")
        assert mirror.contribution == pytest.approx(-1.0)
        assert mirror.lower == pytest.approx(-x.upper)

    def test_its_variance_is_the_sum_of_both_sides(self, by_hand):
        means = by_group(*by_hand, smallest=2)
        (a,), (b,) = rows_of(means, group="a"), rows_of(means, group="b")
        (x,) = rows_of(disparities(*by_hand, smallest=2), group="a", feature="x")
        half = math.hypot(a.upper - a.mean, b.upper - b.mean)
        assert x.upper - x.contribution == pytest.approx(half)

    def test_sampling_carries_what_the_explained_rows_miss(self, by_hand):
        (row,) = rows_of(disparities(*by_hand, smallest=2), group="a", feature=SAMPLING)
        # over all rows: (0.9 * 2.5 + 0.1 * 11) - 1 = 2.35
        assert row.contribution == pytest.approx(2.35 - 1.0)
        design = 0.81 * 2 * (1 / 2 - 1 / 90) + 0.01 * 8 * (1 / 2 - 1 / 10)
        design += 4 * (1 / 3 - 1 / 50)
        assert row.upper - row.contribution == pytest.approx(Z * math.sqrt(design))

    def test_the_whole_population_comes_first_and_has_no_disparity(self, by_hand):
        assert by_group(*by_hand)[0].attribute == ALL
        assert by_group(*by_hand)[0].group == ALL
        assert not rows_of(disparities(*by_hand), attribute=ALL)

    def test_mean_abs_does_not_cancel(self, sample):
        (row, *_) = by_group(
            attributed([[-2.0], [2.0]] * 10), sample([0] * 20, [20], [0.0]), smallest=2
        )
        assert row.mean == pytest.approx(0.0, abs=1e-15)
        assert row.mean_abs == 2.0


def drawn_sample(rng, sample, strata=8, features=3):
    """Explain between 2 and 60 rows of each stratum of a population that is known in full."""
    sizes = rng.integers(60, 400, strata)
    population = [
        rng.normal(rng.normal(size=features), rng.uniform(0.5, 2, features), (n, features))
        for n in sizes
    ]
    taken = rng.integers(2, 60, strata)
    stratum = np.repeat(np.arange(strata), taken)
    explained = np.concatenate([p[:k] for p, k in zip(population, taken, strict=True)])
    order = rng.permutation(len(stratum))
    outputs = [p.sum(axis=1).mean() + 0.7 for p in population]
    return (
        attributed(explained[order], base=0.7),
        sample(stratum[order], sizes, outputs),
        population,
    )


@pytest.mark.parametrize("seed", range(5))
def test_contributions_sum_to_the_gap_over_all_rows(seed, sample):
    found, drawn, population = drawn_sample(np.random.default_rng(seed), sample)
    whole = [np.concatenate(population[i::2]).sum(axis=1).mean() for i in (0, 1)]
    rows = rows_of(disparities(found, drawn), group="a")
    assert [r.feature for r in rows] == ["x", "y", "z", SAMPLING]
    assert sum(r.contribution for r in rows) == pytest.approx(whole[0] - whole[1], abs=1e-9)
    mirror = rows_of(disparities(found, drawn), group="b")
    assert sum(r.contribution for r in mirror) == pytest.approx(whole[1] - whole[0], abs=1e-9)


def test_when_every_row_is_explained_it_is_the_textbook_interval(sample):
    rng = np.random.default_rng(1)
    stratum = rng.integers(0, 6, 300)
    values = rng.normal(size=(300, 2)) + stratum[:, None]
    sizes = np.bincount(stratum, minlength=6)
    outputs = np.bincount(stratum, values.sum(axis=1)) / sizes
    found, drawn = attributed(values), sample(stratum, sizes, outputs)
    even = values[stratum % 2 == 0]
    for j, row in enumerate(rows_of(by_group(found, drawn), group="a")):
        assert row.mean == pytest.approx(even[:, j].mean(), abs=1e-12)
        half = Z * even[:, j].std(ddof=1) / math.sqrt(len(even))
        assert row.upper - row.mean == pytest.approx(half, rel=1e-9)
    for row in rows_of(disparities(found, drawn), feature=SAMPLING):
        assert row.contribution == pytest.approx(0.0, abs=1e-12)
        assert row.lower == pytest.approx(row.upper, abs=1e-12)
    exactly = precision(found, drawn)
    assert exactly.half_width == 0.0
    assert exactly.met


def test_a_stratum_of_one_row_needs_no_variance_of_its_own(sample):
    rng = np.random.default_rng(4)
    values = rng.normal(size=(40, 1))
    drawn = sample(np.arange(40), np.ones(40, dtype=int), values[:, 0])
    (row,) = rows_of(by_group(attributed(values), drawn), group=ALL)
    half = Z * values.std(ddof=1) / math.sqrt(40)
    assert row.upper - row.mean == pytest.approx(half, rel=1e-9)


class TestSmall:
    def test_few_explained_rows_keep_their_row_without_values(self, sample):
        # 3 explained rows of group b: their mean would describe three people
        stratum = [0] * 30 + [1] * 3
        values = np.random.default_rng(0).normal(size=(33, 2))
        found, drawn = attributed(values), sample(stratum, [400, 3], [0.0, 0.0])
        rows = rows_of(by_group(found, drawn), group="b")
        assert [r.feature for r in rows] == ["x", "y"]
        for row in rows:
            assert row.n == 3
            assert {row.mean, row.mean_abs, row.lower, row.upper} == {None}
        assert rows_of(by_group(found, drawn), group="a")[0].mean is not None
        # against so few nothing can be said of the others either
        for row in disparities(found, drawn):
            assert {row.contribution, row.lower, row.upper} == {None}
        assert len(disparities(found, drawn)) == 2 * 3

    def test_the_smallest_number_itself_is_enough(self, sample):
        values = np.random.default_rng(0).normal(size=(20, 1))
        found, drawn = attributed(values), sample([0] * 10 + [1] * 10, [50, 50], [0.0, 0.0])
        assert all(row.mean is not None for row in by_group(found, drawn))
        assert rows_of(by_group(found, drawn, smallest=11), group="a")[0].mean is None

    def test_rows_that_nothing_stands_for_leave_the_group_undefined(self, sample):
        values = np.random.default_rng(0).normal(size=(40, 1))
        drawn = sample([0] * 20 + [1] * 20, [50, 50, 7], [0.0, 0.0, 9.0])
        means = {row.group: row.mean for row in by_group(attributed(values), drawn)}
        assert means["a"] is None  # the seven rows of stratum 2 are in a
        assert means[ALL] is None
        assert means["b"] is not None
        assert all(row.contribution is None for row in disparities(attributed(values), drawn))

    def test_an_empty_stratum_changes_nothing(self, sample):
        values = np.random.default_rng(0).normal(size=(40, 1))
        strata = [0] * 20 + [1] * 20
        with_it = sample(strata, [50, 50, 0], [0.0, 0.0, np.nan])
        without = sample(strata, [50, 50], [0.0, 0.0])
        found = attributed(values)
        assert by_group(found, with_it) == by_group(found, without)
        assert disparities(found, with_it) == disparities(found, without)

    def test_a_group_of_nobody_has_no_values(self, sample):
        values = np.random.default_rng(0).normal(size=(20, 1))
        rows = by_group(attributed(values), sample([0] * 20, [50, 0], [0.0, np.nan]), smallest=1)
        (row,) = rows_of(rows, group="b")
        assert row.n == 0
        assert row.mean is None

    def test_one_row_has_a_mean_and_no_interval(self, sample):
        rows = by_group(attributed([[2.0], [5.0]]), sample([0, 1], [1, 1], [2, 5]), smallest=1)
        (row,) = rows_of(rows, group="a")
        assert row.mean == 2.0
        assert row.lower is row.upper is None


def test_withheld_attributions_say_nothing(sample):
    drawn = sample([0] * 20, [50], [0.0])
    assert by_group(withheld(20), drawn) == ()
    assert disparities(withheld(20), drawn) == ()
    with pytest.raises(ValueError, match="withheld"):
        precision(withheld(20), drawn)


def test_sample_and_attributions_must_fit(sample):
    with pytest.raises(ValueError, match="same rows"):
        by_group(attributed([[1.0]] * 3), sample([0] * 4, [9], [0.0]))
    with pytest.raises(ValueError, match="more explained rows"):
        by_group(attributed([[1.0]] * 4), sample([0] * 4, [3], [0.0]))


class TestPrecision:
    def test_the_target_is_one_hundredth_of_the_spread(self, sample):
        values = np.random.default_rng(0).normal(0, 5, (4000, 1))
        drawn = sample([0, 1] * 2000, [10_000, 10_000], [0.0, 0.0])
        found = precision(attributed(values), drawn)
        assert found.target == pytest.approx(0.05, rel=0.05)
        assert not found.met
        # group against rest: 2000 of 10,000 on each side
        expected = Z * 5 * math.sqrt(2 * (1 / 2000 - 1 / 10_000))
        assert found.half_width == pytest.approx(expected, rel=0.05)
        assert found.attribute == "side"
        assert found.feature in ("x", SAMPLING)

    def test_it_is_met_by_explaining_nearly_all_rows(self, sample):
        values = np.random.default_rng(0).normal(size=(4000, 1))
        drawn = sample([0, 1] * 2000, [2010, 2010], [0.0, 0.0])
        assert precision(attributed(values), drawn).met

    def test_the_worst_feature_is_named(self, sample):
        values = np.random.default_rng(0).normal(size=(400, 3)) * [1, 9, 2]
        values[:, 2] = -values[:, 1]  # so that the output itself varies less
        found = precision(attributed(values), sample([0, 1] * 200, [900, 900], [0.0, 0.0]))
        assert found.feature in ("y", "z")

    def test_no_group_large_enough_is_not_a_precision(self, sample):
        found = precision(attributed([[1.0], [2.0]]), sample([0, 1], [5, 5], [0.0, 0.0]))
        assert found.half_width is None
        assert not found.met


def process(rng, n, shares, means, spreads):
    """Draw rows from a decision process: their strata, and one value each."""
    stratum = rng.choice(len(shares), n, p=shares)
    return stratum, rng.normal(means[stratum], spreads[stratum])


def explained(rng, stratum, values, strata, at_most):
    """Explain at most so many rows of each stratum, drawn at random."""
    chosen = [rng.permutation(np.flatnonzero(stratum == h))[:at_most] for h in range(strata)]
    kept = np.concatenate(chosen)
    sizes = np.bincount(stratum, minlength=strata)
    sums = np.bincount(stratum, values, minlength=strata)
    return stratum[kept], values[kept], sizes, sums / np.maximum(sizes, 1)


@pytest.mark.parametrize(
    ("n", "at_most", "strata"),
    [(300, 40, 4), (300, 1000, 4), (2000, 20, 8), (300, 2, 40)],
    ids=["a sample", "a census", "large data", "two of each small stratum"],
)
def test_intervals_cover_the_process_in_95_of_100(n, at_most, strata, sample):
    rng = np.random.default_rng(2024)
    shares = rng.dirichlet(np.full(strata, 4.0))
    means, spreads = rng.normal(0, 1.0, strata), rng.uniform(0.5, 1.5, strata)
    even = np.arange(strata) % 2 == 0
    truth = {
        "a": shares[even] @ means[even] / shares[even].sum(),
        "b": shares[~even] @ means[~even] / shares[~even].sum(),
    }
    covered, variances, estimates, times = [], [], [], 1000
    for _ in range(times):
        drawn, values = process(rng, n, shares, means, spreads)
        kept, some, sizes, outputs = explained(rng, drawn, values, strata, at_most)
        found, given = attributed(some[:, None]), sample(kept, sizes, outputs)
        (a,) = rows_of(by_group(found, given), group="a")
        (gap,) = rows_of(disparities(found, given), group="a", feature="x")
        covered.append(
            (a.lower <= truth["a"] <= a.upper, gap.lower <= truth["a"] - truth["b"] <= gap.upper)
        )
        estimates.append(a.mean)
        variances.append(((a.upper - a.mean) / Z) ** 2)
    # 1,000 replications: standard error .007, four of them around 95 %
    assert np.mean(covered, axis=0) == pytest.approx([0.95, 0.95], abs=0.028)
    assert np.mean(estimates) == pytest.approx(truth["a"], abs=4 * np.std(estimates) / times**0.5)
    # a variance estimated from 1,000 replications is known to 4.5 %
    assert np.mean(variances) == pytest.approx(np.var(estimates), rel=0.18)


def test_lone_explained_rows_take_a_variance_that_covers(sample):
    """One row explained in most strata, many in two of them."""
    rng = np.random.default_rng(5)
    strata, n = 20, 1200
    shares, means = np.full(strata, 1 / strata), rng.normal(0, 1, strata)
    spreads = np.ones(strata)
    truth = means[::2].mean()
    covered = []
    for _ in range(1000):
        drawn, values = process(rng, n, shares, means, spreads)
        most = np.where(np.arange(strata) < 2, 15, 1)
        chosen = [rng.permutation(np.flatnonzero(drawn == h))[: most[h]] for h in range(strata)]
        kept = np.concatenate(chosen)
        sizes = np.bincount(drawn, minlength=strata)
        given = sample(drawn[kept], sizes, np.zeros(strata))
        (a,) = rows_of(by_group(attributed(values[kept][:, None]), given), group="a")
        covered.append(a.lower <= truth <= a.upper)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_lone_rows_everywhere_are_covered_conservatively(sample):
    rng = np.random.default_rng(6)
    strata, n = 40, 1200
    shares, means = np.full(strata, 1 / strata), rng.normal(0, 1, strata)
    truth = means[::2].mean()
    covered = []
    for _ in range(600):
        drawn, values = process(rng, n, shares, means, np.ones(strata))
        kept, some, sizes, outputs = explained(rng, drawn, values, strata, 1)
        given = sample(kept, sizes, outputs)
        (a,) = rows_of(by_group(attributed(some[:, None]), given), group="a")
        covered.append(a.lower <= truth <= a.upper)
    assert np.mean(covered) >= 0.95


def test_the_sampling_interval_holds_zero_in_95_of_100(sample):
    """The data stay, the rows to explain are drawn again: nothing is missed on average."""
    rng = np.random.default_rng(8)
    shares, means = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 1.0, -1.0, 2.0])
    drawn, values = process(rng, 600, shares, means, np.array([1.0, 2.0, 0.5, 1.0]))
    holds, missed = [], []
    for _ in range(1000):
        kept, some, sizes, outputs = explained(rng, drawn, values, 4, 30)
        (row,) = rows_of(
            disparities(attributed(some[:, None]), sample(kept, sizes, outputs)),
            group="a",
            feature=SAMPLING,
        )
        holds.append(row.lower <= 0.0 <= row.upper)
        missed.append(row.contribution)
    assert np.mean(holds) == pytest.approx(0.95, abs=0.028)
    assert np.mean(missed) == pytest.approx(0.0, abs=4 * np.std(missed) / 1000**0.5)
