"""fairlearn says the same wherever every group has a number; where it makes one up, we differ.

The agreements are on real rows (Adult) and on the example of fairlearn's user guide. Each known
difference is a test of both: what fairlearn returns, and what auditkit returns instead.
"""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_negative_rate,
    true_positive_rate,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, precision_score, recall_score, zero_one_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import auditkit
from auditkit.metrics import registry
from auditkit.results import NOT_RECORDED, RANGE, REST, Disparity, Measurement

Rate = Callable[[np.ndarray, np.ndarray], float]


def recall(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return recall_score(y_true, y_pred, zero_division=np.nan)


def precision(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return precision_score(y_true, y_pred, zero_division=np.nan)


def negative_predictive_value(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return precision_score(y_true, y_pred, pos_label=0, zero_division=np.nan)


ORACLES: dict[str, Rate] = {
    "selection_rate": selection_rate,
    "base_rate": lambda y_true, y_pred: float(np.mean(y_true)),
    "false_negative_rate": false_negative_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "true_negative_rate": true_negative_rate,
    "precision": precision,
    "false_discovery_rate": lambda y_true, y_pred: 1 - precision(y_true, y_pred),
    "negative_predictive_value": negative_predictive_value,
    "false_omission_rate": lambda y_true, y_pred: 1 - negative_predictive_value(y_true, y_pred),
    "accuracy": accuracy_score,
    "error_rate": zero_one_loss,
}
BEYOND = {"missing_decision_rate"}
"""fairlearn takes no row without a decision."""


def test_every_rate_has_an_oracle():
    assert registry.rates("binary").keys() == ORACLES.keys() | BEYOND


def measurement(audit: auditkit.Audit, metric: str, attribute: str, group: str) -> Measurement:
    [row] = [
        m for m in audit.record.measurements
        if (m.metric, m.attribute, m.group) == (metric, attribute, group)
    ]  # fmt: skip
    return row


def disparity(
    audit: auditkit.Audit, metric: str, attribute: str, statistic: str, group: str = ""
) -> Disparity:
    """A group against the rest, or the range over all groups."""
    against = REST if group else RANGE
    [row] = [
        d for d in audit.record.disparities
        if (d.metric, d.attribute, d.group) == (metric, attribute, group)
        and (d.against, d.statistic) == (against, statistic)
    ]  # fmt: skip
    return row


# ------------------------------------------------------------------ where both have a number


@pytest.fixture(scope="module")
def adult(shared: Path) -> pd.DataFrame:
    """The test half of Adult, decided by a logistic regression fitted on the other half."""
    folder = shared / "data" / "adult"
    if not folder.is_dir():
        pytest.skip("the data set 'adult' is not in the folder 'shared'")
    train, test = (pd.read_csv(folder / f"adult_{part}") for part in ("train.csv.gz", "test.csv"))
    features = ["age", "education_num", "capital_gain", "capital_loss", "hours_per_week"]
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(train[features], train["income"])
    return test.assign(decision=model.predict(test[features]))


@pytest.fixture(scope="module")
def adult_audit(adult: pd.DataFrame) -> auditkit.Audit:
    return auditkit.audit(
        None, adult, decision="decision", label="income", positive=">50K", outcome="benefit",
        attributes=["sex", "race"], intersections=2, policy="minimal",
    )  # fmt: skip


def metric_frame(adult: pd.DataFrame, columns: list[str], metric: str) -> MetricFrame:
    return MetricFrame(
        metrics=ORACLES[metric],
        y_true=(adult["income"] == ">50K").to_numpy(dtype=int),
        y_pred=(adult["decision"] == ">50K").to_numpy(dtype=int),
        sensitive_features=adult[columns],
    )


@pytest.mark.parametrize("columns", [["sex"], ["race"], ["sex", "race"]], ids="*".join)
@pytest.mark.parametrize("metric", ORACLES)
def test_rates_and_gaps_on_adult_equal_fairlearn(adult, adult_audit, metric, columns):
    oracle = metric_frame(adult, columns, metric)
    attribute = "*".join(columns)
    assert len(oracle.by_group) == math.prod(adult[column].nunique() for column in columns)
    for key, rate in oracle.by_group.items():
        group = key if isinstance(key, str) else "*".join(key)
        row = measurement(adult_audit, metric, attribute, group)
        assert row.n > 0
        assert row.estimate == pytest.approx(rate, abs=1e-9)
    difference = disparity(adult_audit, metric, attribute, "difference")
    ratio = disparity(adult_audit, metric, attribute, "ratio")
    assert difference.estimate == pytest.approx(oracle.difference(method="between_groups"))
    assert ratio.estimate == pytest.approx(oracle.ratio(method="between_groups"))
    assert difference.lower <= difference.estimate <= difference.upper


@pytest.mark.parametrize("metric", ORACLES)
def test_rates_of_everybody_on_adult_equal_fairlearn(adult, adult_audit, metric):
    oracle = metric_frame(adult, ["sex"], metric)
    row = measurement(adult_audit, metric, "(all)", "(all)")
    assert row.estimate == pytest.approx(oracle.overall, abs=1e-9)


# ------------------------------------------------------------------ the user guide's example

GUIDE = {"tpr": "true_positive_rate", "fpr": "false_positive_rate", "sel": "selection_rate"}
NOT_OURS = {
    "difference_to_overall": "a group is held against the rest, not against a whole it is part of",
    "ratio_to_overall": "a group is held against the rest, not against a whole it is part of",
    "equalized_odds_difference": "the larger of two gaps is no number of its own: both are told",
    "equalized_odds_ratio": "the smaller of two ratios is no number of its own: both are told",
}


@pytest.fixture(scope="module")
def guide(shared: Path) -> dict[str, dict[str, object]]:
    path = shared / "truth" / "fairlearn_docs.json"
    if not path.is_file():
        pytest.skip("'truth/fairlearn_docs.json' is not in the folder 'shared'")
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def guide_audit(guide) -> auditkit.Audit:
    return auditkit.audit(
        None, pd.DataFrame(guide["input"]), decision="y_pred", label="y_true", positive=1,
        outcome="benefit", attributes=["group"], policy="minimal",
    )  # fmt: skip


def test_rates_of_the_user_guide(guide, guide_audit):
    expected = guide["expected"]["by_group"] | {"(all)": guide["expected"]["overall"]}
    for (group, rates), (short, metric) in itertools.product(expected.items(), GUIDE.items()):
        attribute = "(all)" if group == "(all)" else "group"
        row = measurement(guide_audit, metric, attribute, group)
        assert row.estimate == pytest.approx(rates[short], abs=5e-7)
        if metric == "selection_rate":
            assert row.n == rates["count"]


@pytest.mark.parametrize("short", GUIDE)
def test_gaps_between_groups_of_the_user_guide(guide, guide_audit, short):
    for statistic in ("difference", "ratio"):
        row = disparity(guide_audit, GUIDE[short], "group", statistic)
        published = guide["expected"][f"{statistic}_between_groups"][short]
        assert row.estimate == pytest.approx(published, abs=5e-7)
        if short == "sel":
            assert guide["expected"][f"demographic_parity_{statistic}"] == published


def test_weighted_recall_of_the_user_guide(guide):
    made = auditkit.audit(
        None, pd.DataFrame(guide["input"]), decision="y_pred", label="y_true", positive=1,
        outcome="benefit", attributes=["group"], policy="minimal", weight="sample_weight",
    )  # fmt: skip
    for group, published in guide["expected"]["weighted_recall"].items():
        name = "(all)" if group == "overall" else group
        attribute = "(all)" if group == "overall" else "group"
        row = measurement(made, "true_positive_rate", attribute, name)
        assert row.estimate == pytest.approx(published, abs=5e-7)


def test_the_rest_of_the_user_guide_is_not_ours_for_a_reason(guide):
    told = {"overall", "by_group", "difference_between_groups", "ratio_between_groups"}
    told |= {"demographic_parity_difference", "demographic_parity_ratio", "weighted_recall"}
    assert guide["expected"].keys() == told | NOT_OURS.keys()


@pytest.mark.parametrize("name", NOT_OURS)
def test_of_the_user_guide_not_reproduced(name):
    pytest.skip(f"{name}: {NOT_OURS[name]}")


# ------------------------------------------------------------------ where fairlearn makes one up

NO_POSITIVES = pd.DataFrame(
    {"g": ["a"] * 40 + ["b"] * 40, "y": [1] * 40 + [0] * 40, "d": [1] * 40 + [0, 1] * 20}
)
"""Nobody in group b has a positive recorded outcome, so nobody there can be found or missed."""


def audited(frame: pd.DataFrame, **given: object) -> auditkit.Audit:
    usual = {"decision": "d", "label": "y", "positive": 1, "attributes": ["g"]}
    return auditkit.audit(
        None, frame, outcome="benefit", policy="minimal", **{**usual, **given}
    )  # fmt: skip


def fairlearn_frame(frame: pd.DataFrame, rate: Rate) -> MetricFrame:
    return MetricFrame(
        metrics=rate, y_true=frame["y"], y_pred=frame["d"], sensitive_features=frame["g"]
    )


def test_a_group_without_positives_fairlearn_finds_none_of_nobody():
    theirs = fairlearn_frame(NO_POSITIVES, true_positive_rate)
    assert theirs.by_group["b"] == 0.0
    assert theirs.difference() == 1.0  # the largest gap there can be, out of nothing

    ours = audited(NO_POSITIVES)
    row = measurement(ours, "true_positive_rate", "g", "b")
    assert (row.status, row.estimate, row.n) == ("undefined", None, 0)
    assert disparity(ours, "true_positive_rate", "g", "difference").status == "undefined"
    of_need = [c for c in ours.record.checks if c.metric == "false_negative_rate"]
    assert {check.outcome for check in of_need} == {"undefined"}


def test_a_group_without_positives_fairlearn_misses_none_of_nobody():
    # the same people as a miss rate: 0 for both, so equality out of nothing
    theirs = fairlearn_frame(NO_POSITIVES, false_negative_rate)
    assert theirs.by_group.tolist() == [0.0, 0.0]
    assert theirs.difference() == 0.0
    assert disparity(audited(NO_POSITIVES), "false_negative_rate", "g", "ratio").estimate is None


def test_an_undefined_group_fairlearn_skips_and_reports_equality():
    theirs = fairlearn_frame(NO_POSITIVES, recall)
    assert math.isnan(theirs.by_group["b"])
    assert theirs.difference(errors="raise") == 0.0
    assert theirs.ratio(errors="raise") == 1.0

    ours = audited(NO_POSITIVES)
    for statistic in ("difference", "ratio"):
        row = disparity(ours, "true_positive_rate", "g", statistic)
        assert (row.status, row.estimate) == ("undefined", None)
        assert row.note == "over 1 of 2 groups"


def test_an_undefined_group_among_three_is_named_beside_the_range():
    third = pd.DataFrame({"g": "c", "y": 1, "d": [1] * 30 + [0] * 10})
    frame = pd.concat([NO_POSITIVES, third], ignore_index=True)
    theirs = fairlearn_frame(frame, recall)
    row = disparity(audited(frame), "true_positive_rate", "g", "difference")
    assert row.estimate == theirs.difference() == 0.25
    assert "undefined for b" in row.note


def test_selecting_nobody_fairlearn_calls_a_difference_of_0():
    frame = NO_POSITIVES.assign(d=0)
    sensitive = {"y_true": frame["y"], "y_pred": frame["d"], "sensitive_features": frame["g"]}
    assert demographic_parity_difference(**sensitive) == 0.0
    assert math.isnan(demographic_parity_ratio(**sensitive))
    assert equalized_odds_difference(**sensitive) == 0.0

    ours = audited(frame)
    assert disparity(ours, "selection_rate", "g", "ratio").status == "undefined"
    assert disparity(ours, "precision", "g", "difference").status == "undefined"
    # a decision that never varies treats nobody differently, and shows nothing about need
    assert {check.outcome for check in ours.record.checks} == {"undefined"}


def test_a_missing_group_fairlearn_refuses_and_we_count():
    frame = NO_POSITIVES.assign(g=["a"] * 40 + ["b"] * 30 + [None] * 10)
    with pytest.raises(ValueError, match="contains missing values"):
        fairlearn_frame(frame, selection_rate)

    ours = audited(frame)
    row = measurement(ours, "selection_rate", "g", NOT_RECORDED)
    assert (row.numerator, row.denominator) == (5, 10)
    assert disparity(ours, "selection_rate", "g", "difference", NOT_RECORDED).estimate is not None
    assert "2 of 2 groups" in disparity(ours, "selection_rate", "g", "difference").note
    # what one is led to do for fairlearn: the rows vanish without a word
    theirs = fairlearn_frame(frame.dropna(), selection_rate)
    assert theirs.by_group.index.tolist() == ["a", "b"]


def test_text_labels_fairlearn_counts_as_never_selected():
    words = NO_POSITIVES.replace({"y": {1: "yes", 0: "no"}, "d": {1: "yes", 0: "no"}})
    assert fairlearn_frame(words, selection_rate).by_group.tolist() == [0.0, 0.0]
    assert demographic_parity_difference(
        words["y"], words["d"], sensitive_features=words["g"]
    ) == 0.0  # fmt: skip

    with pytest.raises(auditkit.PlanError, match=r"data\.positive is missing"):
        audited(words, positive=None)
    ours = audited(words, positive="yes")
    assert measurement(ours, "selection_rate", "g", "a").estimate == 1.0
    assert measurement(ours, "selection_rate", "g", "b").estimate == 0.5


def test_probabilities_fairlearn_counts_as_never_selected():
    scores = NO_POSITIVES.assign(d=NO_POSITIVES["d"] * 0.8 + 0.1)
    assert fairlearn_frame(scores, selection_rate).by_group.tolist() == [0.0, 0.0]

    with pytest.raises(auditkit.DataError, match="probabilities or scores, not decisions"):
        audited(scores)
    cut = audited(scores, selected={"above": 0.5})
    assert measurement(cut, "selection_rate", "g", "b").estimate == 0.5


def test_other_orders_fairlearn_pairs_by_place():
    frame = NO_POSITIVES.assign(y=[1, 0] * 40)
    decisions = frame["y"].rename("decision").sort_values(kind="stable")  # right for every row
    theirs = MetricFrame(
        metrics=accuracy_score, y_true=frame["y"], y_pred=decisions, sensitive_features=frame["g"]
    )
    assert theirs.overall == 0.5  # rows of different people were compared

    ours = audited(frame, decision=decisions)
    assert measurement(ours, "accuracy", "(all)", "(all)").estimate == 1.0


def test_other_rows_fairlearn_pairs_by_place():
    others = NO_POSITIVES["d"].set_axis(range(1000, 1080))
    theirs = MetricFrame(
        metrics=accuracy_score, y_true=NO_POSITIVES["y"], y_pred=others,
        sensitive_features=NO_POSITIVES["g"],
    )  # fmt: skip
    assert 0 < theirs.overall < 1

    with pytest.raises(auditkit.DataError, match="not that of the data"):
        audited(NO_POSITIVES, decision=others)
