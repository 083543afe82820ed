"""Traps of kind B and D: outcomes that are not what they seem, groups that overlap."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, PlanError


def audit(data, **changes):
    asked = {
        "decision": "chosen",
        "label": "need",
        "positive": 1,
        "outcome": "benefit",
        "attributes": ["group"],
        "policy": "minimal",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def test_decisions_copied_from_the_label_are_told(twelve):
    made = audit(twelve.assign(chosen=twelve["need"]))
    assert any("Every decision agrees with the recorded outcome" in n for n in made.record.notes)
    assert not any("Every decision agrees" in n for n in audit(twelve).record.notes)


@pytest.mark.parametrize("column", ["need", "chosen"])
def test_groups_made_of_the_outcome_itself_are_refused(twelve, column):
    with pytest.raises(PlanError, match=f"both name '{column}'"):
        audit(twelve, attributes=[column])


def test_a_value_merged_into_two_groups_is_refused():
    with pytest.raises(ValueError, match="'a' into two groups"):
        Attribute("group", merge={"x": ["a"], "y": ["a", "b"]})


@pytest.mark.parametrize("bins", [[float("inf")], [float("nan"), 1.0], [3, 3]])
def test_bins_are_finite_and_rise(bins):
    with pytest.raises(ValueError, match="rising cut points"):
        Attribute("age", bins=bins)


@pytest.mark.parametrize("data", [None, [1, 2], {"group": ["a"]}])
def test_data_that_is_no_table(data):
    with pytest.raises(DataError, match="Give a pandas DataFrame, or the path"):
        audit(data)


def decided(n=4000, seed=4):
    """A fair system: four decisions in five agree with the recorded outcome."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    d = np.where(rng.random(n) < 0.8, y, 1 - y)
    return pd.DataFrame({"g": rng.choice(["a", "b"], n), "y": y.astype(float), "d": d})


LOW = {
    "severity": "none", "likelihood": "rare", "autonomy": "inform", "affects_people": "no",
    "vulnerable": "no", "data_class": "none", "place": "stable", "recourse": "easy",
    "org_legal_reputational": "low",
}  # fmt: skip


def gate(rows, answers=None, **more):
    return auditkit.audit(
        None, rows, label="y", positive=1, decision="d", outcome="benefit", attributes=["g"],
        policy="icrc", answers=answers or {}, stage="sandbox", **more,
    )  # fmt: skip


@pytest.mark.parametrize("seen", [1, 0])
@pytest.mark.parametrize("answers", [{}, LOW])
def test_outcomes_seen_only_of_those_selected_are_no_all_clear(seen, answers):
    """Nobody who was missed has an outcome, so missed need would be 0 % in every group."""
    rows = decided(20_000)
    assert gate(rows, answers).disposition == "ready_for_decision"
    rows.loc[rows["d"] != seen, "y"] = np.nan
    made = gate(rows, answers)
    assert made.disposition == "not_ready"
    told = made.table("measurements").set_index(["metric", "group"])
    for metric in ("false_negative_rate", "false_positive_rate", "accuracy", "base_rate"):
        for group in ("(all)", "a", "b"):
            row = told.loc[(metric, group)]
            assert (row.status, row.estimate != row.estimate) == ("undefined", True)
            assert "only of those selected, or only of the others" in row.note
    kept = "precision" if seen else "false_omission_rate"
    assert told.loc[(kept, "a"), "status"] == "ok"
    assert told.loc[("selection_rate", "a"), "status"] == "ok"
    checks = made.table("checks").query("metric == 'false_negative_rate'")
    assert set(checks.outcome) == {"undefined"}
    sizes = rows.groupby("d")["y"].agg(["count", "size"])
    told = "Outcomes are recorded of {:,} of {:,} rows that were selected, and of {:,} of {:,} that"
    note = told.format(*sizes.loc[1], *sizes.loc[0])
    assert any(one.startswith(note) for one in made.record.notes)
    assert "recorded only of those selected" in made.files()["report.html"]


def test_outcomes_seen_of_one_side_of_one_group_undo_its_rates_alone():
    rows = decided()
    rows = pd.concat([rows, decided(1000, 5).assign(g="c")], ignore_index=True)
    rows.loc[(rows["g"] == "a") & (rows["d"] == 0), "y"] = np.nan
    told = gate(rows).table("measurements").query("metric == 'false_negative_rate'")
    told = told.set_index("group")
    assert told.loc["a", "status"] == "undefined"
    assert told.loc[["b", "c"], "status"].tolist() == ["ok", "ok"]


def test_outcomes_seen_half_as_often_on_one_side_are_no_all_clear_without_weights():
    rows = decided(40_000)
    lost = (rows["d"] == 0) & (rows.index % 3 != 0)
    rows["w"] = np.where(rows["d"] == 0, 3.0, 1.0)
    rows.loc[lost, "y"] = np.nan
    plain, weighted = gate(rows), gate(rows, weight="w")
    judged = plain.table("checks").query("check == 'missed_need_gap'")
    assert set(judged.outcome) == {"indeterminate"}
    assert all("less than half as often" in note for note in judged.note)
    assert set(weighted.table("checks").query("check == 'missed_need_gap'").outcome) == {"within"}


def test_decisions_that_never_err_are_no_all_clear():
    rows = decided()
    made = gate(rows.assign(d=rows["y"].astype(int)), LOW)
    assert made.disposition == "not_ready"
    judged = made.table("checks").query("metric == 'false_negative_rate'")
    assert set(judged.outcome) == {"indeterminate"}
    assert all("one is copied from the other" in note for note in judged.note)
    cleared = made.table("self_test").filter(like="within")
    assert len(cleared)
    assert (cleared.fillna(0) == 0).all(axis=None)


def test_a_baseline_that_decided_who_has_an_outcome_has_no_rates_over_both_sides():
    """Today's officers saw only those they selected, so that they missed nobody."""
    rows = decided()
    rows["before"] = np.where(np.arange(len(rows)) % 3 > 0, rows["y"], 1 - rows["y"]).astype(int)
    rows.loc[rows["before"] == 0, "y"] = np.nan
    beside = gate(rows, baseline="before").table("baseline").set_index(["metric", "group"])
    row = beside.loc[("false_negative_rate", "a")]
    assert row.baseline != row.baseline
    assert (row.change != row.change, row.change_lower != row.change_lower) == (True, True)
    assert beside.loc[("selection_rate", "a"), "status"] == "ok"


def test_decisions_that_are_all_wrong_are_no_all_clear():
    # the same share in need in both groups, and everybody in need is missed: every gap is 0
    rows = pd.DataFrame({"g": ["a", "b"] * 2_000, "y": [1, 1, 0, 0] * 1_000})
    made = auditkit.audit(
        None, rows.assign(d=1 - rows["y"]), label="y", positive=1, decision="d", selected=1,
        outcome="benefit", attributes=["g"], stage="sandbox",
    )  # fmt: skip
    checks = made.table("checks").query("check == 'missed_need_gap'")
    assert set(checks["outcome"]) == {"indeterminate"}
    assert all("read in reverse" in note for note in checks["note"])
    assert "names the other value: one of the two is read in reverse" in str(made.record.notes)
    assert made.disposition == "not_ready"
