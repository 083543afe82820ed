"""Traps of predicted amounts, of several classes, and of a user's own metrics."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

import auditkit
from auditkit import PlanError
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
