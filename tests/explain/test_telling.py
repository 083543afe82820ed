"""How well inputs tell groups: hand-worked, against oracles, and where there is nothing to tell."""

import datetime as dt
import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score

from auditkit.evidence.sample import Contrast, Sample
from auditkit.explain import telling
from auditkit.inference.scores import auc_interval, auc_p_value
from auditkit.inference.spread import holm


def sampled(groups, stratum=None, strata_rows=None, of_stratum=None):
    """Make a sample without inputs: each row stands for itself, or strata stand for more."""
    groups = np.asarray(groups)
    if stratum is None:
        names, stratum = np.unique(groups, return_inverse=True)
        of_stratum, strata_rows = names, np.bincount(stratum)
    of_stratum = np.asarray(of_stratum)
    contrasts = tuple(
        Contrast("ethnicity", name, of_stratum == name, of_stratum != name)
        for name in np.unique(of_stratum)
    )
    rows = pd.DataFrame(index=range(len(groups)))
    sample = Sample(rows, stratum, np.asarray(strata_rows), np.zeros(len(of_stratum)), contrasts)
    return telling.groups_of(sample, contrasts)


def p_value(told):
    sizes = told.worth / telling.LEARNED, told.others_worth / telling.LEARNED
    return float(auc_p_value(told.area, *sizes))


def noise(rng, n):
    """Inputs of every kind that have nothing to do with anybody."""
    return [
        pd.Series(rng.normal(size=n)),
        pd.Series(np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))),
        pd.Series(rng.integers(0, 4, n)),
        pd.Series(rng.choice(list("abcdefghijkl"), n)),
        pd.Series(rng.random(n) < 0.3),
        pd.Series([f"case {i}" for i in rng.permutation(n)]),
    ]


# ------------------------------------------------------------------------- formulas and oracles


def test_the_area_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    score, mine = rng.integers(0, 20, 400) / 20, rng.random(400) < 0.3
    weight = rng.uniform(0.5, 30, 400)
    ours = telling.area(score, mine, weight)
    assert ours == pytest.approx(roc_auc_score(mine, score, sample_weight=weight), abs=1e-12)
    assert np.isnan(telling.area(score, np.zeros(400, dtype=bool), weight))


def test_the_p_value_is_that_of_the_rank_sum_test():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 1, 40), rng.normal(0, 1, 70)
    theirs = mannwhitneyu(a, b, alternative="greater", use_continuity=False)
    assert float(auc_p_value(theirs.statistic / 2800, 40, 70)) == pytest.approx(theirs.pvalue)
    assert np.isnan(auc_p_value([np.nan, 0.6], 10, [10, 0])).all()


def test_holm_by_hand():
    # 0.01 * 4; 0.015 * 3; 0.03 * 2 = 0.06; 0.04, never below the one before it
    assert holm([0.03, 0.01, 0.04, 0.015]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.045])
    assert holm([]).tolist() == []
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_one_input_by_hand():
    """Ten of each group; of a 5 have x, of b 1, laid out so that every part can be followed."""
    of = ["a"] * 10 + ["b"] * 10
    x = [1, 0] * 5 + [1] + [0] * 9
    found = telling.by_one(telling.read(pd.Series(x)), sampled(of))
    # Parts hold rows i, i + 5 of either group. Of a each part has an x and another; of b part 0
    # has the only x. Learned without part 0, x is of a alone (share (4 + 5/2) / 9 against
    # (4 + 5/2) / 17), elsewhere too ((4 + 5/2) / 10): whoever has x ranks first in every part.
    # Part 0: a has x and o, b has x and o: pairs 1/2, 1, 0, 1/2 = 1/2. Others: a x, o; b o, o:
    # pairs 1, 1, 1/2, 1/2 = 3/4.
    assert [t.area for t in found] == pytest.approx([(0.5 + 4 * 0.75) / 5] * 2)
    assert (found[0].people, found[0].others, found[0].worth) == (10, 10, 10)


def test_one_input_against_a_plain_loop():
    rng = np.random.default_rng(3)
    n = 300
    of = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    level = np.where(of == "b", rng.integers(0, 3, n), rng.integers(0, 5, n))
    groups = sampled(of)
    for g, told in zip("abc", telling.by_one(telling.read(pd.Series(level)), groups), strict=True):
        areas = []
        for part in range(5):
            test, learn = groups.fold == part, groups.fold != part
            base = (of[learn] == g).mean()
            same = [learn & (level == value) for value in level[test]]
            score = [((of[rows] == g).sum() + 5 * base) / (rows.sum() + 5) for rows in same]
            areas.append(roc_auc_score(of[test] == g, np.round(score, 12)))
        assert told.area == pytest.approx(np.mean(areas), abs=1e-12)


# ----------------------------------------------------------------------------- inputs of all kinds


@pytest.mark.parametrize(
    "column",
    [
        [3.5, 1.0, None, 3.5],
        pd.array([3, 1, None, 3], dtype="Int64"),
        pd.array([True, False, None, True], dtype="boolean"),
        [True, False, None, True],
        pd.to_datetime(["2026-02-01", "2026-01-01", None, "2026-02-01"]),
        pd.to_datetime(["2026-02-01", "2026-01-01", None, "2026-02-01"], utc=True),
        [dt.date(2026, 2, 1), dt.date(2026, 1, 1), None, dt.date(2026, 2, 1)],
        [Decimal("3.5"), Decimal(1), None, Decimal("3.5")],
        ["south", "north", None, "south"],
        pd.Categorical(["south", "north", None, "south"], categories=["south", "north", "east"]),
        pd.array(["south", "north", None, "south"], dtype="string"),
        ["south", 1, None, "south"],
    ],
    ids=str,
)
def test_every_kind_is_read_and_missing_is_a_level(column):
    found = telling.read(pd.Series(column))
    assert found.order.tolist() == [1, 0, -1, 1]
    assert found.level.tolist() == [2, 1, 0, 2]
    assert found.texts is None
    assert not found.constant


def test_numbers_are_cut_into_ranges_of_as_many_people():
    found = telling.read(pd.Series([*np.arange(100.0), np.nan]))
    assert np.bincount(found.level).tolist() == [1, *[10] * 10]
    assert found.order[:-1].tolist() == list(range(100))


def test_nothing_but_missing_is_constant():
    assert telling.read(pd.Series([None, None], dtype=object)).constant
    assert telling.read(pd.Series([2.0, 2.0])).constant
    assert not telling.read(pd.Series([2.0, np.nan])).constant


def test_that_something_is_missing_may_tell():
    rng = np.random.default_rng(4)
    of = rng.choice(["a", "b"], 600)
    missing = rng.random(600) < np.where(of == "a", 0.6, 0.1)
    column = pd.Series(np.where(missing, np.nan, rng.normal(size=600)))
    a, _ = telling.by_one(telling.read(column), sampled(of))
    assert a.area == pytest.approx(0.75, abs=0.05)  # half of 0.6 - 0.1 above a coin
    assert p_value(a) < 1e-6


def test_a_number_may_tell_without_rising():
    rng = np.random.default_rng(5)
    of = rng.choice(["a", "b"], 600)
    column = pd.Series(rng.normal(size=600) * np.where(of == "a", 3, 0.5))
    assert roc_auc_score(of == "a", column) == pytest.approx(0.5, abs=0.06)
    a, b = telling.by_one(telling.read(column), sampled(of))
    assert a.area > 0.8
    assert b.area == pytest.approx(a.area, abs=1e-12)  # of two groups each is the other's rest


def test_names_that_nobody_shares_are_read_by_their_letters():
    rng = np.random.default_rng(6)
    of = rng.choice(["a", "b"], 500)
    ends = np.where(of == "a", "ovic", "oglu")
    names = pd.Series(["".join(rng.choice(list("bdkmrst"), 5)) + end for end in ends])
    found = telling.read(names)
    assert found.texts is not None
    assert telling.by_one(found, sampled(of))[0].area > 0.95
    number = telling.read(pd.Series(rng.normal(size=500)))
    assert telling.by_all([found, number], sampled(of), 0)[0].area > 0.95


def test_two_columns_that_tell_only_together():
    rng = np.random.default_rng(7)
    left, right = rng.random((2, 1000)) < 0.5
    of = np.where(rng.random(1000) < 0.1, left == right, left != right).astype(str)
    columns = [telling.read(pd.Series(c)) for c in (left, right, *noise(rng, 1000)[:4])]
    groups = sampled(of)
    assert all(p_value(told) > 0.01 for c in columns for told in telling.by_one(c, groups))
    together, _ = telling.by_all(columns, groups, 0)
    assert together.area > 0.8
    assert p_value(together) < 1e-9


# -------------------------------------------------------------------------------- what is at stake


def test_inputs_that_tell_nothing_are_named_in_at_most_one_audit_in_twenty():
    """Six inputs of every kind, three groups: 80 audits, of which 9 are beyond 99 % of chance.

    Were people counted whole, some 20 would name one.
    """
    rng, named, whole = np.random.default_rng(8), 0, 0
    for _ in range(80):
        groups = sampled(rng.choice(["a", "b", "c"], 300, p=[0.5, 0.35, 0.15]))
        found = [t for c in noise(rng, 300) for t in telling.by_one(telling.read(c), groups)]
        named += holm([p_value(told) for told in found]).min() <= 0.05
        as_known = [float(auc_p_value(t.area, t.people, t.others)) for t in found]
        whole += holm(as_known).min() <= 0.05
    assert named <= 9
    assert whole > 9  # this test can fail


def test_forests_that_tell_nothing_find_nothing():
    rng = np.random.default_rng(9)
    found = []
    for seed in range(8):
        columns = [telling.read(c) for c in noise(rng, 300)]
        found.append(telling.by_all(columns, sampled(rng.choice(["a", "b"], 300)), seed)[0])
    assert np.mean([t.area for t in found]) == pytest.approx(0.5, abs=0.03)
    assert min(map(p_value, found)) > 0.05 / 8


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.0])
def test_the_interval_holds_what_the_input_tells(apart):
    """A normal input: what its ten ranges tell at best, in at least 92 of 100 intervals."""
    rng = np.random.default_rng(10)
    of = np.repeat(["a", "b"], 200)
    grid = np.linspace(-6, 8, 200_001)
    both = (norm.cdf(grid - apart) + norm.cdf(grid)) / 2
    cuts = np.interp(np.linspace(0, 1, 11)[1:-1], both, grid)
    a, b = (np.diff([0, *norm.cdf(cuts - shift), 1]) for shift in (apart, 0))
    best = a @ (np.cumsum(b) - b / 2)
    held = 0
    for _ in range(150):
        column = pd.Series(rng.normal(size=400) + apart * (of == "a"))
        told = telling.by_one(telling.read(column), sampled(of))[0]
        bounds = auc_interval(told.area, told.worth / 2, told.others_worth / 2)
        held += bounds.lower <= best <= max(bounds.upper, 0.5)
    assert held >= 138


def test_rows_stand_for_as_many_as_they_were_drawn_from():
    """Of a, camps were sampled ten times as densely as of b: unweighted, living in one would tell.

    The input says who lives in a camp, 20 % of either group.
    """
    of = np.repeat(["a", "a", "b", "b"], [200, 200, 100, 400])
    camp = np.repeat([True, False, True, False], [200, 200, 100, 400])
    stratum = np.repeat([0, 1, 2, 3], [200, 200, 100, 400])
    order = np.random.default_rng(11).permutation(900)
    groups = sampled(of[order], stratum[order], [200, 800, 1000, 4000], ["a", "a", "b", "b"])
    a, _ = telling.by_one(telling.read(pd.Series(camp[order])), groups)
    assert a.area == pytest.approx(0.5, abs=0.02)
    assert a.worth < 400
    plain, _ = telling.by_one(telling.read(pd.Series(camp[order])), sampled(of[order]))
    assert plain.area > 0.6


def test_two_hundred_columns_and_twelve_groups_take_seconds():
    rng = np.random.default_rng(12)
    groups = sampled(rng.choice([f"g{i:02}" for i in range(12)], 2000))
    start = time.process_time()
    columns = [telling.read(pd.Series(rng.normal(size=2000))) for _ in range(200)]
    for column in columns:
        telling.by_one(column, groups)
    assert len(telling.by_all(columns, groups, 0)) == 12
    assert time.process_time() - start < 15
