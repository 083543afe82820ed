"""What is said of how good attributions are, by hand and with models that are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from auditkit.errors import ModelError
from auditkit.evidence.sample import Sample
from auditkit.explain import quality
from auditkit.explain.attributions import explain
from auditkit.explain.groups import Z
from auditkit.explain.quality import checked, first_inputs
from auditkit.results import ALL, Status, Together


@pytest.fixture
def drawn(sample):
    def make(rows, stratum=None, sizes=None):
        stratum = np.zeros(len(rows), dtype=np.int64) if stratum is None else np.asarray(stratum)
        sizes = np.bincount(stratum) if sizes is None else sizes
        stand_in = sample(stratum, sizes, np.zeros(len(sizes)))
        return Sample(rows, stratum, stand_in.strata_rows, stand_in.strata_output,
                      stand_in.contrasts)  # fmt: skip

    return make


def numbers(n=120, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(n, 4)) * [4, 2, 1, 0.2], columns=[*"abcd"])


def weigh(rows):
    return rows["a"] + rows["b"] + rows["c"] + rows["d"]


def of(found, measure, group=ALL):
    (row,) = [q for q in found.rows if q.measure == measure and q.group == group]
    return row


def test_fidelity_by_hand(function, drawn):
    # the model is x + z, x the larger: what x alone leaves out is z less its mean, 0 over everyone
    rows = pd.DataFrame({"x": [9.0, -9.0] * 12, "z": [1.0, -1.0] * 6 + [3.0, -3.0] * 6})
    model = function(lambda r: r["x"] + r["z"], ["x", "z"], unit="log-odds")
    whole = drawn(rows, [0] * 12 + [1] * 12)
    found = explain(model, rows, rows)
    told = checked(model, whole, whole, found, ())
    assert told.first == ("x",)
    everyone = of(told, "fidelity")
    assert everyone.estimate == pytest.approx(2.0)
    half = Z * np.sqrt(24 / 23 / 24)  # 1 and 3 in equal parts: a variance of 1
    assert everyone.upper - everyone.estimate == pytest.approx(half)
    assert [of(told, "fidelity", g).estimate for g in "ab"] == pytest.approx([1.0, 3.0])
    assert (everyone.unit, everyone.n, everyone.status) == ("log-odds", 24, Status.OK)
    assert of(told, "additivity").estimate == pytest.approx(0.0, abs=1e-12)


def test_additivity_is_the_largest_of_the_group(function, drawn):
    rows = numbers(40)
    model = function(weigh, [*"abcd"])
    whole = drawn(rows, [0, 1] * 20)
    found = explain(model, rows, rows.iloc[:10])
    off = found.output.copy()
    off[3] += 1e-7  # an odd row: group b
    told = checked(model, whole, whole, replace(found, output=off), ())
    assert of(told, "additivity", "b").estimate == pytest.approx(1e-7, rel=1e-3)
    assert of(told, "additivity", "a").estimate < 1e-12


def test_of_a_small_group_nothing_is_said(function, drawn):
    rows = numbers(33)
    whole = drawn(rows, [0] * 30 + [1] * 3)
    model = function(weigh, [*"abcd"])
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:5]), ())
    for measure in ("additivity", "fidelity"):
        row = of(told, measure, "b")
        assert (row.estimate, row.lower, row.upper) == (None, None, None)
        assert row.status is Status.INSUFFICIENT
        assert row.n == 3
        assert "fewer than 10 rows" in row.note


def test_the_first_inputs_are_five_or_half():
    assert first_inputs([("a", 1.0), ("b", 3.0), ("c", 3.0), ("d", None)]) == ("b", "c")
    assert first_inputs([("a", 1.0)]) == ("a",)
    assert len(first_inputs([(str(i), float(i)) for i in range(40)])) == 5


def test_shuffling_agrees_where_a_model_adds_up(function, drawn):
    rows = numbers()
    model = function(weigh, [*"abcd"])
    whole = drawn(rows)
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:20]), ())
    moved = {q.feature: q.estimate for q in told.rows if q.measure == "permutation"}
    assert of(told, "agreement").estimate == pytest.approx(1.0)
    # of two independent draws of a normal the mean distance is 2 / sqrt(pi) standard deviations
    for name in "abcd":
        assert moved[name] == pytest.approx(rows[name].std() * 2 / np.sqrt(np.pi), rel=0.2)


def test_what_is_not_read_does_not_move(function, drawn):
    rows = numbers()
    model = function(lambda r: r["a"] + r["b"], [*"abcd"])
    whole = drawn(rows)
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:20]), ())
    moved = {q.feature: q.estimate for q in told.rows if q.measure == "permutation"}
    assert moved["c"] == moved["d"] == 0.0
    assert moved["a"] > 0.5


def test_inputs_told_as_one_are_shuffled_together(function, drawn):
    rows = numbers().assign(d=lambda r: r["a"])
    # apart from each other a and d never are: shuffled alone, either would move the output
    model = function(lambda r: 100 * (r["a"] - r["d"]) + r["b"] + r["c"], [*"abcd"])
    whole = drawn(rows)
    groups = [Together("a + d", ("a", "d"), 1.0)]
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:20]), groups)
    moved = {q.feature: q.estimate for q in told.rows if q.measure == "permutation"}
    assert [*moved] == ["a + d", "b", "c"]
    assert moved["a + d"] == 0.0


def test_an_order_of_two_or_of_equals_is_not_compared(function, drawn):
    rows = numbers()[["a", "b"]]
    model = function(lambda r: r["a"] + r["b"], [*"ab"])
    whole = drawn(rows)
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:20]), ())
    for measure in ("agreement", "stability"):
        assert of(told, measure).status is Status.NOT_APPLICABLE
        assert of(told, measure).estimate is None
    still = function(lambda r: np.ones(len(r)), [*"abcd"])
    rows = numbers()
    whole = drawn(rows)
    told = checked(still, whole, whole, explain(still, rows, rows.iloc[:20]), ())
    assert of(told, "agreement").status is Status.UNDEFINED
    assert of(told, "agreement").note == "all inputs come out the same"


def test_a_model_that_fails_on_shuffled_rows_is_told(function, drawn):
    rows = numbers()
    whole = drawn(rows)
    model = function(weigh, [*"abcd"])
    found = explain(model, rows, rows.iloc[:20])

    def fails(asked):
        if len(asked) == quality.SHUFFLES * len(rows):
            raise ModelError("no")
        return weigh(asked)

    told = checked(function(fails, [*"abcd"]), whole, whole, found, ())
    for row in told.rows:
        if row.measure in ("permutation", "agreement"):
            assert row.status is Status.UNDEFINED
            assert row.estimate is None
    assert of(told, "fidelity").status is Status.OK


def test_without_background_and_seed_there_is_nothing_to_repeat(people, scorer, drawn):
    from sklearn.ensemble import GradientBoostingClassifier

    rows, label = people
    rows = rows[["age", "size"]].assign(x=rows["age"] ** 2)
    model = scorer(GradientBoostingClassifier(n_estimators=5).fit(rows, label), rows)
    whole = drawn(rows)
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:20]), ())
    assert told.again is None
    assert of(told, "stability").status is Status.NOT_APPLICABLE


def test_another_background_moves_a_linear_model_as_much_as_its_mean_does(people, scorer, drawn):
    rows, label = people
    rows = rows[["age", "size"]].assign(x=np.random.default_rng(0).normal(size=len(rows)))
    model = scorer(LogisticRegression().fit(rows, label), rows)
    whole = drawn(rows)
    told = checked(model, whole, whole, explain(model, rows, rows.iloc[:50]), ())
    assert told.again.shape == (1 + quality.REPEATS, 3)
    assert (told.again.std(axis=0) > 0).all()
    assert 0.4 <= of(told, "stability").estimate <= 1.0
    assert of(told, "stability").n == quality.AGAIN_ROWS
    every = explain(model, rows, rows)
    same = checked(model, whole, whole, every, ())
    assert same.again.std(axis=0) == pytest.approx([0.0] * 3, abs=1e-12)  # all rows: no chance
