"""Every registered metric on rows that can be counted on fingers, arithmetic beside the answer."""

from dataclasses import dataclass

import pandas as pd
import pytest

import auditkit
from auditkit.metrics.registry import metrics, score_metrics
from auditkit.results import Measurement

BINARY = {n: m for n, m in metrics().items() if m.suits("binary")}
OF_DECISIONS = {n: m for n, m in BINARY.items() if n not in score_metrics()}

MIXED = "11 11 11 10 10 01 00 00 00 00 1? 0? ?1 ?0 ?0"
"""Recorded outcome, then decision; ? is not recorded. So 3 found, 2 missed, 1 wrongly selected,
4 rightly not; 2 without a decision; 3 without a recorded outcome, 1 of them selected."""

ELSEWHERE = "11 10 01 00"


@dataclass(frozen=True)
class Worked:
    """Rows of one group and what a metric must make of them; ``None`` is no number at all."""

    metric: str
    rows: str
    estimate: float | None
    numerator: int | None = None
    denominator: int | None = None
    note: str = ""

    def __str__(self) -> str:
        return f"{self.metric} of {self.rows or 'nobody'}"


TABLE = (
    # decided: 15 rows - 2 = 13; selected: 3 + 1 + the 1 without a recorded outcome = 5
    Worked("selection_rate", MIXED, 5 / 13, 5, 13),
    Worked("selection_rate", "10 00 ?0", 0.0, 0, 3),  # nobody of 3 is selected: a true 0
    Worked("selection_rate", "1? 0?", None, 0, 0),  # nobody has a decision
    # both known: 3 + 2 + 1 + 4 = 10; recorded positive: 3 + 2 = 5
    Worked("base_rate", MIXED, 0.5, 5, 10),
    Worked("base_rate", "?1 ?0 1?", None, 0, 0),  # nobody has both
    # in need and decided: 3 + 2 = 5; of them 2 missed
    Worked("false_negative_rate", MIXED, 0.4, 2, 5),
    Worked("false_negative_rate", "00 01 1? ?0", None, 0, 0),  # nobody positive has a decision
    # 3 of the same 5
    Worked("true_positive_rate", MIXED, 0.6, 3, 5),
    Worked("true_positive_rate", "00 01 1? ?1", None, 0, 0),
    # recorded not positive and decided: 1 + 4 = 5; of them 1 selected
    Worked("false_positive_rate", MIXED, 0.2, 1, 5),
    Worked("false_positive_rate", "11 10 0? ?1", None, 0, 0),
    # 4 of the same 5
    Worked("true_negative_rate", MIXED, 0.8, 4, 5),
    Worked("true_negative_rate", "11 10 0? ?0", None, 0, 0),
    # selected with a recorded outcome: 3 + 1 = 4; of them 3 positive
    Worked("precision", MIXED, 0.75, 3, 4),
    Worked("precision", "10 00 ?1", None, 0, 0),  # the one selected has no recorded outcome
    # 1 of the same 4
    Worked("false_discovery_rate", MIXED, 0.25, 1, 4),
    Worked("false_discovery_rate", "10 00 ?1", None, 0, 0),
    # not selected with a recorded outcome: 2 + 4 = 6; of them 4 not positive
    Worked("negative_predictive_value", MIXED, 4 / 6, 4, 6),
    Worked("negative_predictive_value", "11 01 ?0", None, 0, 0),
    # 2 of the same 6
    Worked("false_omission_rate", MIXED, 2 / 6, 2, 6),
    Worked("false_omission_rate", "11 01 ?0 1?", None, 0, 0),
    # right: 3 + 4 = 7 of 10
    Worked("accuracy", MIXED, 0.7, 7, 10),
    Worked("accuracy", "?1 1?", None, 0, 0),
    # wrong: 2 + 1 = 3 of 10
    Worked("error_rate", MIXED, 0.3, 3, 10),
    Worked("error_rate", "?1 1?", None, 0, 0),
    # 2 of all 15, recorded outcome or not
    Worked("missing_decision_rate", MIXED, 2 / 15, 2, 15),
    Worked("missing_decision_rate", "1? ??", 1.0, 2, 2),
    Worked("missing_decision_rate", "", None, 0, 0),  # a declared group without rows
    # (3/5) / (1/5) = 3
    Worked("positive_likelihood_ratio", MIXED, 3.0),
    Worked("positive_likelihood_ratio", "10 01 00", 0.0),  # (0/1) / (1/2): a true 0
    # (1/1) / (0/1): as many times likelier as you like is no number
    Worked("positive_likelihood_ratio", "11 00", None, note="false_positive_rate is 0"),
    Worked("positive_likelihood_ratio", "10 00", None, note="false_positive_rate is 0"),  # 0/0
    Worked("positive_likelihood_ratio", "11 10", None, note="no rows"),  # FPR of nobody
    Worked("positive_likelihood_ratio", "01 00", None, note="no rows"),  # TPR of nobody
    # (2/5) / (4/5) = 1/2
    Worked("negative_likelihood_ratio", MIXED, 0.5),
    Worked("negative_likelihood_ratio", "11 01 00", 0.0),  # (0/1) / (1/2)
    Worked("negative_likelihood_ratio", "10 01", None, note="true_negative_rate is 0"),  # 1 / 0
    Worked("negative_likelihood_ratio", "11 10", None, note="no rows"),
    Worked("negative_likelihood_ratio", "01 00", None, note="no rows"),
)


def table(rows: str) -> pd.DataFrame:
    """One line per row of group ``here``, beside four of another group."""
    known = {"1": "yes", "0": "no", "?": None}
    pairs = [("here", pair) for pair in rows.split()] + [("else", p) for p in ELSEWHERE.split()]
    return pd.DataFrame(
        {
            "g": pd.Categorical([group for group, _ in pairs], categories=["here", "else"]),
            "y": [known[actual] for _, (actual, _) in pairs],
            "d": [known[decision] for _, (_, decision) in pairs],
        }
    )


def measured(frame: pd.DataFrame, metric: str, **given: object) -> Measurement:
    audit = auditkit.audit(
        None, frame, decision="d", selected="yes", outcome="benefit", attributes=["g"],
        policy="minimal", **given,
    )  # fmt: skip
    [row] = [m for m in audit.record.measurements if (m.metric, m.group) == (metric, "here")]
    return row


@pytest.mark.parametrize("worked", TABLE, ids=str)
def test_metric_equals_the_hand_worked_answer(worked):
    row = measured(table(worked.rows), worked.metric, label="y", positive="yes", smallest=1)
    assert (row.numerator, row.denominator) == (worked.numerator, worked.denominator)
    if worked.estimate is None:
        assert row.status == "undefined"
        assert row.estimate is row.lower is row.upper is None
        assert worked.note in row.note
        assert row.note
    else:
        assert row.status == "ok"
        assert row.estimate == pytest.approx(worked.estimate, abs=1e-9)


@pytest.mark.parametrize("name", OF_DECISIONS)
def test_every_metric_has_a_hand_worked_number_and_a_hand_worked_lack_of_one(name):
    answers = [worked.estimate for worked in TABLE if worked.metric == name]
    assert any(answer is not None for answer in answers), f"work a number of {name} by hand"
    assert any(answer is None for answer in answers), f"show where {name} has no number"


@pytest.mark.parametrize("metric", OF_DECISIONS.values(), ids=lambda m: m.name)
def test_without_a_label_only_what_needs_none_is_a_number(metric):
    row = measured(table(MIXED), metric.name, smallest=1)
    if "actual" in metric.needs:
        assert (row.status, row.estimate, row.n) == ("not_applicable", None, 0)
        assert "no label" in row.note
    else:
        assert row.status == "ok"
        assert row.estimate is not None


@pytest.mark.parametrize("metric", OF_DECISIONS.values(), ids=lambda m: m.name)
def test_below_the_floor_the_number_is_shown_but_insufficient(metric):
    row = measured(table(MIXED), metric.name, label="y", positive="yes", smallest=16)
    assert row.status == "insufficient"
    assert row.estimate is not None
    assert row.lower <= row.estimate <= row.upper
    assert "at least 16 wanted" in row.note
