"""Traps of predicted amounts, of several classes, and of a user's own metrics."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score

import auditkit
from auditkit import DataError, PlanError
from auditkit.results import Status


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    n = 300
    owed = rng.normal(100, 20, n).round(1)
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "x": rng.normal(0, 1, n).round(2),
            "owed": owed,
            "told": (owed + rng.normal(0, 5, n)).round(1),
        }
    )


def amounts(rows, model=None, **changes):
    asked = {
        "task": "regression",
        "label": "owed",
        "decision": "told" if model is None else None,
        "tolerance": 5.0,
        "outcome": "benefit",
        "attributes": ["g"],
        "policy": "minimal",
    }
    return auditkit.audit(model, rows, **{**asked, **changes})


def classes(rows, metrics, **changes):
    asked = {
        "task": "multiclass",
        "label": "found",
        "decision": "decided",
        "positive": "refer",
        "outcome": "benefit",
        "attributes": ["g"],
        "policy": "minimal",
    }
    return auditkit.audit(None, rows, metrics=metrics, **{**asked, **changes})


@pytest.fixture(scope="module")
def three() -> pd.DataFrame:
    """Three classes, of which nobody of group b is recorded as the third."""
    rng = np.random.default_rng(7)
    n = 400
    found = rng.choice(["refer", "wait", "none"], n)
    decided = np.where(rng.random(n) < 0.3, rng.choice(["refer", "wait", "none"], n), found)
    rows = pd.DataFrame({"g": rng.choice(["a", "b"], n), "found": found, "decided": decided})
    return rows[~((rows["g"] == "b") & (rows["found"] == "none"))]


def test_a_metric_of_decisions_is_not_computed_of_the_sides_of_a_tolerance(people):
    with pytest.raises(PlanError, match="an amount is predicted"):
        amounts(people, metrics={"mine": accuracy_score})


def test_a_metric_that_draws_lots_is_refused(three):
    calls = itertools.count()

    def counting(y_true, y_pred, sample_weight=None):
        return next(calls) * 1e-13

    with pytest.raises(PlanError, match="does not give the same number for the same rows"):
        classes(three, {"mine": counting})


def test_a_value_that_leaves_a_class_out_has_no_interval_of_all_classes(three):
    def balanced(y_true, y_pred, sample_weight=None):
        return balanced_accuracy_score(y_true, y_pred, sample_weight=sample_weight)

    made = classes(three, {"balanced": balanced})
    rows = {(r.group, r.against): r for r in made.record.own_metrics}
    for key in (("b", ""), ("b", "rest"), ("a", "rest")):
        row = rows[key]
        assert (row.status, row.lower, row.upper) == (Status.INSUFFICIENT, None, None)
        assert "no interval: nobody is recorded as none" in row.note
    assert rows["a", ""].lower is not None


def test_nobody_is_worse_off_by_a_rounding_of_floats():
    """Errors of .1 in both groups, which floats hold as different numbers."""
    owed = [float(i) for i in range(1, 81)]
    rows = pd.DataFrame({"g": ["a", "b"] * 40, "owed": owed, "told": [v + 0.1 for v in owed]})
    rows.loc[rows["g"] == "b", "owed"] += 1000
    rows.loc[rows["g"] == "b", "told"] += 1000
    gaps = [
        d for d in amounts(rows).record.disparities if d.metric.startswith(("error_m", "mean_e"))
    ]
    assert {d.metric for d in gaps} == {"error_median", "mean_error"}
    assert [(d.estimate, d.worse_off) for d in gaps] == [(0.0, "")] * 4


def measured(made, metric):
    return {r.group: r for r in made.record.measurements if r.metric == metric}


@pytest.mark.parametrize("size", [3e7, 3e10, 1e-30])
def test_a_spread_that_is_small_beside_the_amounts_has_its_interval(people, size):
    rng = np.random.default_rng(8)
    small = size * 1e-6
    owed = size + rng.normal(0, small, len(people))
    told = size + rng.normal(0, small, len(people))
    rows = people.assign(owed=owed, told=told)
    made = amounts(rows, tolerance=small)
    for metric, values in (("mean_label", owed), ("mean_error", told - owed)):
        for group, row in measured(made, metric).items():
            own = values[(people["g"] == group).to_numpy()] if group in ("a", "b") else values
            low, high = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
            assert row.lower == pytest.approx(low, abs=1e-3 * small), (metric, group)
            assert row.upper == pytest.approx(high, abs=1e-3 * small), (metric, group)


def test_equal_errors_that_floats_tell_apart_show_no_spread(people):
    rows = people.assign(told=people["owed"] + 0.1)
    assert (rows["told"] - rows["owed"]).nunique() > 1
    for row in measured(amounts(rows), "mean_error").values():
        assert (row.lower, row.upper) == (None, None)
        assert "no spread" in row.note


def test_amounts_whose_squares_vanish_are_refused_or_kept(people):
    tiny = people.assign(owed=people["owed"] * 1e-300, told=people["told"] * 1e-300)
    with pytest.raises(
        DataError, match=r"squares so small cannot be told from 0\. Give them in smaller"
    ):
        amounts(tiny, tolerance=1e-300)
    # of one group alone they are kept: the root of the mean square is not 0
    few = people["g"].eq("a")
    rows = people.assign(
        owed=people["owed"].where(~few, people["owed"] * 1e-200),
        told=people["told"].where(~few, 0.0),
    )
    own = rows[few]
    found = measured(amounts(rows), "root_mean_squared_error")["a"]
    expected = float(np.sqrt(np.mean((own["owed"] * 1e200) ** 2))) * 1e-200
    assert found.estimate == pytest.approx(expected, rel=1e-9)


def test_a_metric_of_the_order_of_rows_is_refused(three):
    def first_is_right(y_true, y_pred, sample_weight=None):
        return float(y_true[0] == y_pred[0])

    def runs(y_true, y_pred, sample_weight=None):
        right = np.repeat(y_true == y_pred, np.asarray(sample_weight, dtype=int))
        return float((right[1:] != right[:-1]).sum())

    for f in (first_is_right, runs):
        with pytest.raises(PlanError, match="'mine' depends on the order of rows"):
            classes(three, {"mine": f})


def test_a_metric_that_never_changes_has_no_interval(people):
    rows = people.assign(y=people["owed"] > 100, d=people["told"] > 100)
    made = auditkit.audit(
        None, rows, label="y", positive=True, decision="d", outcome="benefit", attributes=["g"],
        selected=True, policy="minimal", metrics={"same": lambda y, d, sample_weight=None: 0.5},
    )  # fmt: skip
    for row in made.record.own_metrics:
        assert (row.lower, row.upper) == (None, None)
        assert "the same number whoever is drawn" in row.note
