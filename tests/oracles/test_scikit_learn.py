"""scikit-learn says the same of each group, where told to return NaN for what is not a number."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    class_likelihood_ratios,
    confusion_matrix,
    precision_score,
    recall_score,
    zero_one_loss,
)

import auditkit
from auditkit.metrics.registry import metrics, score_metrics
from auditkit.results import NOT_RECORDED, Measurement

POSITIVE, NEGATIVE = {"pos_label": "yes"}, {"pos_label": "no"}
LABELS = {"labels": ["no", "yes"]}
Rate = Callable[[pd.Series, pd.Series], float]


def recall(of: dict[str, str]) -> Rate:
    return lambda y, d: recall_score(y, d, zero_division=np.nan, **of)


def precision(of: dict[str, str]) -> Rate:
    return lambda y, d: precision_score(y, d, zero_division=np.nan, **of)


def less(rate: Rate) -> Rate:
    return lambda y, d: 1 - rate(y, d)


def likelihood_ratio(place: int) -> Rate:
    undefined = {"LR+": np.nan, "LR-": np.nan}
    return lambda y, d: class_likelihood_ratios(
        y, d, **LABELS, replace_undefined_by=undefined
    )[place]  # fmt: skip


ORACLES: dict[str, Rate] = {
    "selection_rate": lambda y, d: confusion_matrix(y, d, **LABELS, normalize="all")[:, 1].sum(),
    "base_rate": lambda y, d: confusion_matrix(y, d, **LABELS, normalize="all")[1].sum(),
    "false_negative_rate": less(recall(POSITIVE)),
    "true_positive_rate": recall(POSITIVE),
    "false_positive_rate": less(recall(NEGATIVE)),
    "true_negative_rate": recall(NEGATIVE),
    "precision": precision(POSITIVE),
    "false_discovery_rate": less(precision(POSITIVE)),
    "negative_predictive_value": precision(NEGATIVE),
    "false_omission_rate": less(precision(NEGATIVE)),
    "accuracy": accuracy_score,
    "error_rate": zero_one_loss,
    "positive_likelihood_ratio": likelihood_ratio(0),
    "negative_likelihood_ratio": likelihood_ratio(1),
}
BEYOND = {"missing_decision_rate"}
"""scikit-learn takes no row without a decision."""


def rows(seed: int) -> pd.DataFrame:
    """Five groups of very different sizes and rates, one not recorded; some have no number."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c", "d", "e"], 400, p=[0.5, 0.3, 0.14, 0.04, 0.02])
    need = rng.random(400) < pd.Series(group).map({"a": 0.4, "b": 0.6, "c": 0, "d": 1, "e": 0.5})
    chosen = rng.random(400) < np.where(need, 0.7, 0.2)
    frame = pd.DataFrame({"g": group, "y": need, "d": chosen})
    frame[["y", "d"]] = frame[["y", "d"]].replace({True: "yes", False: "no"}).astype(object)
    return frame.assign(g=frame["g"].mask(rng.random(400) < 0.05))


def measured(frame: pd.DataFrame, metric: str) -> list[Measurement]:
    audit = auditkit.audit(
        None, frame, decision="d", label="y", positive="yes", outcome="benefit", attributes=["g"],
        policy="minimal",
    )  # fmt: skip
    return [m for m in audit.record.measurements if m.metric == metric]


def test_every_metric_has_an_oracle():
    # scores: tests/metrics/test_scores; predicted amounts: tests/metrics/test_residuals
    binary = {name for name, metric in metrics().items() if metric.suits("binary")}
    of_decisions = binary - score_metrics().keys()
    assert of_decisions == ORACLES.keys() | BEYOND


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("metric", ORACLES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning:sklearn")
def test_metric_by_group_equals_scikit_learn(metric, seed):
    frame = rows(seed)
    found = measured(frame, metric)
    assert len(found) == 7  # everybody, five groups, not recorded
    for row in found:
        of = frame["g"].isna() if row.group == NOT_RECORDED else frame["g"] == row.group
        part = frame if row.group == "(all)" else frame[of]
        theirs = ORACLES[metric](part["y"], part["d"])
        if np.isnan(theirs):
            assert (row.status, row.estimate) == ("undefined", None)
        else:
            assert row.estimate == pytest.approx(theirs, abs=1e-9)


def test_the_rows_hold_groups_without_a_number():
    empty = {row.group for seed in range(3) for row in measured(rows(seed), "true_positive_rate")
             if row.status == "undefined"}  # fmt: skip
    assert empty == {"c"}
