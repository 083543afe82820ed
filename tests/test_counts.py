"""Audits of counts alone: a line for each cell, or a published line for each group."""

import json

import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, DataError, PlanError


@pytest.fixture
def cells(many) -> pd.DataFrame:
    """The rows of ``many``, counted."""
    by = ["gender", "age", "in_need", "chosen"]
    return many.groupby(by).size().reset_index(name="people")


def audit(data, **changes):
    asked = {
        "label": "in_need",
        "positive": "yes",
        "decision": "chosen",
        "outcome": "benefit",
        "attributes": ["gender", Attribute("age", bins=[31, 61])],
        "intersections": 2,
        "policy": "minimal",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def test_counts_give_what_the_rows_give(many, cells):
    rows, counted = audit(many).record, audit(cells, count="people").record
    assert counted.measurements == rows.measurements
    assert counted.disparities == rows.disparities
    assert counted.checks == rows.checks
    assert counted.rows == rows.rows
    assert counted.provenance.digests.data == rows.provenance.digests.data


def test_a_cell_that_counts_nobody_names_a_group_without_people(cells):
    nobody = pd.DataFrame(
        [{"gender": "other", "age": 40, "in_need": "yes", "chosen": "no", "people": 0}]
    )
    made = audit(pd.concat([cells, nobody], ignore_index=True), count="people")
    row = made.table("measurements").query("metric == 'selection_rate' and group == 'other'")
    assert row["n"].tolist() == [0]
    assert row["status"].tolist() == ["undefined"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "1 of 524 values are negative"),
        (2.5, "1 of 524 values are not whole numbers"),
        (None, "1 of 524 values are missing"),
    ],
)
def test_a_broken_count_is_one_clear_error(cells, value, words):
    broken = cells.head(523).astype({"people": float})
    line = broken.head(1).assign(people=value)
    broken = pd.concat([broken, line.astype({"people": float})], ignore_index=True)
    with pytest.raises(DataError) as caught:
        audit(broken, count="people")
    assert len(caught.value.problems) == 1
    assert "'people'" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("role", ["weight", "cluster"])
def test_a_count_and_a_drawing_of_single_people_exclude_each_other(cells, role):
    with pytest.raises(PlanError, match=f"data.{role} cannot say how one was drawn"):
        audit(cells, count="people", **{role: "age"})


# ------------------------------------------------------------------ one line a group


LINES = """attribute,group,tp,fp,fn,tn
sex,female,40,10,20,130
sex,male,80,20,10,90
age,<31,60,10,20,110
age,>=31,60,20,10,110
"""


def table(text, tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text(text)
    return path


def wide(data, **changes):
    asked = {"outcome": "benefit", "attributes": ["sex"], "policy": "minimal"}
    return auditkit.audit(None, data, **{**asked, **changes})


def test_published_lines_give_every_rate_and_gap(tmp_path):
    made = wide(table(LINES, tmp_path), attributes=["sex", "age"])
    found = made.table("measurements").set_index(["metric", "attribute", "group"])
    assert found.loc[("false_negative_rate", "sex", "female"), "estimate"] == pytest.approx(20 / 60)
    assert found.loc[("false_positive_rate", "age", "<31"), "estimate"] == pytest.approx(10 / 120)
    assert found.loc[("selection_rate", "(all)", "(all)"), "numerator"] == 150
    gaps = made.table("disparities").query("against == 'rest' and statistic == 'difference'")
    gap = gaps.query("metric == 'false_negative_rate' and group == 'female'").iloc[0]
    assert gap["estimate"] == pytest.approx(20 / 60 - 10 / 90)
    assert (gap["worse_off"], gap["n"]) == ("female", 60)
    assert made.record.rows.read == 400


def test_attributes_that_count_other_people_say_nothing_of_everybody(tmp_path):
    lines = LINES.replace("age,<31,60", "age,<31,50")
    made = wide(table(lines, tmp_path), attributes=["sex", "age"])
    everybody = made.table("measurements").query("group == '(all)'")
    assert set(everybody["status"]) == {"undefined"}
    assert any("do not count the same people (sex: 400; age: 390)" in n for n in made.record.notes)


def test_a_line_without_a_group_is_not_recorded(tmp_path):
    made = wide(table(LINES + "sex,,5,0,5,0\n", tmp_path))
    found = made.table("measurements").set_index(["metric", "group"])
    assert found.loc[("false_negative_rate", "(not recorded)"), "n"] == 10
    assert found.loc[("false_negative_rate", "(all)"), "n"] == 160


@pytest.mark.parametrize(
    ("lines", "changes", "words"),
    [
        (LINES + "sex,male,1,1,1,1\n", {}, "2 lines of the table of counts repeat a group"),
        (LINES.replace("40,10", "-4,10"), {}, "'tp' of the table of counts holds 1 values of 4"),
        (LINES.replace("40,10", "4.5,10"), {}, "not whole numbers"),
        (LINES.replace("40,10", ",10"), {}, "not whole numbers"),
        (LINES, {"attributes": ["gender"]}, "has no attribute 'gender'"),
        (LINES, {"attributes": [Attribute("age", bins=[31])]}, "has bins, but the table"),
    ],
)
def test_a_broken_table_is_one_clear_error(tmp_path, lines, changes, words):
    with pytest.raises(DataError) as caught:
        wide(table(lines, tmp_path), **changes)
    assert len(caught.value.problems) == 1
    assert words in str(caught.value)


def test_crossings_cannot_be_had_from_margins(tmp_path):
    with pytest.raises(PlanError, match="does not say who is in two groups"):
        wide(table(LINES, tmp_path), attributes=["sex", "age"], intersections=2)


def test_the_kenya_formula_from_its_published_counts(shared, tmp_path):
    counts = pd.read_csv(shared / "data/kenya_health_pmt/group_counts.csv", keep_default_na=False)
    counts = counts[counts["Model"] == "KCHS"].rename(columns=str.lower)
    counts = counts.rename(columns={"group": "attribute", "attribute": "group"})
    path = tmp_path / "kenya.csv"
    counts.to_csv(path, index=False)

    def audited(**columns):
        return auditkit.audit(
            None, path, outcome="benefit", label="poor", positive="yes", stage="sandbox",
            attributes=[Attribute(name, column=column) for name, column in columns.items()],
        )  # fmt: skip

    made = audited(sex="Sex", area="Urban Rural Classification")
    found = made.table("measurements").set_index(["metric", "attribute", "group"])
    for line in counts[counts["attribute"] == "Sex"].itertuples():
        row = found.loc[("false_negative_rate", "sex", line.group)]
        assert row["estimate"] == pytest.approx(line.fn / (line.fn + line.tp))
        assert row["n"] == line.fn + line.tp
    breaches = made.table("checks").query("outcome == 'breach' and check == 'missed_need_gap'")
    assert set(breaches["group"]) == {"Urban", "Rural"}
    assert set(breaches["worse_off"]) == {"Rural", "rest"}
    assert made.disposition == "not_ready"
    made.report(tmp_path / "kenya")

    counties = audited(sex="Sex", county="County")  # small counties were left out by the authors
    everybody = counties.table("measurements").query("group == '(all)'")
    assert set(everybody["status"]) == {"undefined"}
    assert counties.record.rows.read == 3394


# ------------------------------------------------------------------ a control


def berkeley(shared, **changes):
    asked = {
        "decision": "Admit",
        "selected": "Admitted",
        "count": "Freq",
        "outcome": "benefit",
        "attributes": ["Gender"],
        "control": "Dept",
        "control_reason": "Each department decides on its own applicants.",
    }
    path = shared / "data/ucb_admissions/ucb_admissions.csv"
    return auditkit.audit(None, path, **{**asked, **changes})


def test_berkeley_shows_the_raw_and_the_stratified_gap_and_why_they_differ(shared):
    published = json.loads((shared / "truth/ucb_admissions.json").read_text())
    made = berkeley(shared)
    found = made.table("stratified_disparities").set_index(["group", "stratum"])
    pooled = found.loc[("Male", "(pooled)")]
    expected = published["second_opinion"]["mh_risk_difference_male_minus_female"]
    assert pooled["estimate"] == pytest.approx(expected, abs=1e-9)
    assert pooled["lower"] < 0 < pooled["upper"]
    rates = published["expected"]["overall_rate"]
    raw = rates["Male"] - rates["Female"]
    assert pooled["rate"] - pooled["rest_rate"] == pytest.approx(raw, abs=1e-9)
    assert pooled["between"] == pytest.approx(raw - expected, abs=1e-9)
    for dept, by_gender in published["expected"]["rate_by_dept"].items():
        for gender, rate in by_gender.items():
            assert round(found.loc[(gender, dept), "rate"], 2) == rate

    text = made.files()["report.html"]
    assert "At equal Dept" in text
    assert "Each department decides on its own applicants." in text
    assert "5.9\u202f% of this group are at A, where the rate is 64.4\u202f%" in text
    missing = made.table("checks").query("metric == 'false_negative_rate'")
    assert set(missing["outcome"]) == {"missing"}  # no label: nothing is said of missed need


def test_a_control_needs_its_reason(shared):
    with pytest.raises(PlanError, match="control_reason go together"):
        berkeley(shared, control_reason="")


def test_values_with_nobody_of_the_rest_are_off_support(twelve):
    rows = twelve.assign(site=["p", "p", "q", "q", "q", "q"] + ["q"] * 6)
    made = auditkit.audit(
        None, rows, decision="chosen", label="need", positive=1, outcome="benefit",
        attributes=["group"], control="site", control_reason="Sites decide.", smallest=1,
    )  # fmt: skip
    found = made.table("stratified_disparities").set_index(["metric", "group", "stratum"])
    assert found.loc[("selection_rate", "a", "p"), "status"] == "undefined"
    assert "33.3% of the group" in found.loc[("selection_rate", "a", "(pooled)"), "note"]


def test_the_stratified_gap_is_weighted_as_its_rates_are(many):
    rng_weight = many.assign(w=1.0 + many["age"] % 3, site=many["age"] % 4)
    made = auditkit.audit(
        None, rng_weight, decision="chosen", label="in_need", positive="yes", outcome="benefit",
        attributes=["gender"], weight="w", control="site", control_reason="Sites decide.",
    )  # fmt: skip
    found = made.table("stratified_disparities").set_index(["metric", "group", "stratum"])
    for site in range(4):
        part = rng_weight[(rng_weight["site"] == site) & (rng_weight["gender"] == "female")]
        expected = (part["w"] * (part["chosen"] == "yes")).sum() / part["w"].sum()
        assert found.loc[("selection_rate", "female", str(site)), "rate"] == pytest.approx(expected)
