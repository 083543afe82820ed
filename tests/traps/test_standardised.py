"""Traps of limits at equal values: no all-clear, and no silence, from a table that is not there."""

import numpy as np
import pytest

from tests.test_calibration import drawn
from tests.test_equal_need import people
from tests.test_standardised import asked, at_need, at_scores, policy


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"score_range": (0, 2)}, "no probabilities"),
        ({"label": None, "positive": None, "selected": 1}, "no label"),
    ],
)
def test_calibration_that_cannot_be_measured_is_missing_and_page_1_says_so(tmp_path, changes, why):
    made = at_scores(drawn(1, 2000, digits=2), policy=policy(tmp_path, "calibration"), **changes)
    table = made.table("checks").query("check == 'mine'")
    assert table["outcome"].tolist() == ["missing"]
    assert why in table["note"].iloc[0]
    assert "recorded outcome at like scores: not measured" in made.files()["report.html"].lower()


@pytest.mark.parametrize(
    ("effect", "outcome"), [("explain", "not_applicable"), ("warn", "missing")]
)
def test_without_a_score_only_a_warning_asks_for_one(tmp_path, effect, outcome):
    use = policy(tmp_path, "calibration", effect=effect)
    made = at_scores(drawn(1, 2000, digits=2), policy=use, score=None)
    table = made.table("checks").query("check == 'mine'")
    assert table["outcome"].tolist() == [outcome]
    assert "no score" in table["note"].iloc[0]


def test_a_warning_that_lacks_its_evidence_holds_the_system_back(tmp_path):
    """Leaving the score out must not be a way around the check."""
    rows = people(("a", 1, 6000, 4000), ("b", 1, 6000, 4000))
    use = policy(tmp_path, "selection_at_equal_need", effect="warn")
    use = use.replace("mine.toml", "only.toml")
    text = (tmp_path / "mine.toml").read_text(encoding="utf-8")
    start, end = text.index("[checks.false_negative_gap]"), text.index("[checks.mine]")
    text = text[:start] + text[end:]
    text = text.replace(', "false_negative_gap", "false_positive_gap"', "")
    (tmp_path / "only.toml").write_text(text, encoding="utf-8")
    assert at_need(rows, policy=use).disposition == "ready_for_decision"
    without = at_need(rows, policy=use, need=None)
    assert asked(without)["outcome"].tolist() == ["missing"]
    assert without.disposition == "not_ready"
    assert "lacks what is needed: need has no column" in without.record.reasons[0]


def test_a_table_that_is_empty_is_no_all_clear(tmp_path):
    use = policy(tmp_path, "calibration")
    rows = drawn(1, 2000, digits=2)
    rows["y"] = rows["y"].where(rows["s"].isna())  # nobody has both
    rows.loc[:9, ["s"]] = np.nan
    rows.loc[:9, "y"] = [0, 1] * 5
    made = at_scores(rows, policy=use)
    assert made.table("calibration").empty
    assert asked(made)["outcome"].tolist() == ["missing"]


def test_apart_in_need_or_alone_is_undefined_or_does_not_apply(tmp_path):
    use = policy(tmp_path, "selection_at_equal_need")
    apart = at_need(people(("a", 1, 60, 40), ("b", 2, 60, 40)), policy=use)
    assert set(asked(apart)["outcome"]) == {"undefined"}
    alone = at_need(people(("a", 1, 60, 40), ("a", 2, 60, 40)), policy=use)
    assert set(asked(alone)["outcome"]) == {"not_applicable"}
    same = at_need(people(("a", 1, 60, 0), ("b", 1, 60, 0)), policy=use)
    assert set(asked(same)["outcome"]) == {"undefined"}


def test_under_clusters_calibration_has_no_bounds_and_no_answer(tmp_path):
    rows = drawn(1, 5000, digits=2).assign(site=lambda d: np.arange(len(d)) // 5)
    made = at_scores(rows, policy=policy(tmp_path, "calibration"), cluster="site")
    table = asked(made)
    assert set(table["outcome"]) == {"undefined"}
    assert table["note"].str.contains("clusters").all()
