"""Traps of verdicts: all-clears without evidence, and sentences that say more than the numbers."""

import html
import re

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Attribute, Disposition, PolicyError
from auditkit.report.story import headline, verdict_lines, worst_off_words
from auditkit.results import Outcome
from tests.test_policy import HARMLESS


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    n = 3000
    need = rng.random(n) < 0.5
    right = rng.random(n) < 0.85
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "need": np.where(need, "yes", "no"),
            "d": np.where(need == right, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def gap(rows):
    rng = np.random.default_rng(6)
    missed = (rows["sex"] == "f") & (rng.random(len(rows)) < 0.6)
    return rows.assign(d=rows["d"].where(~missed, "no"))


def audit(data, **changes):
    asked = {
        "label": "need",
        "positive": "yes",
        "decision": "d",
        "outcome": "benefit",
        "attributes": ["sex"],
        "stage": "sandbox",
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def page(made):
    text = re.sub(r"<(style|svg)\b.*?</\1>", " ", made.files()["report.html"], flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


# ------------------------------------------------------------------------------------ dispositions


def test_a_policy_that_could_not_be_applied_is_not_ready_at_any_risk(gap):
    asked = {"label": None, "positive": None, "selected": "yes", "answers": HARMLESS}
    made = audit(gap[["sex", "d"]], **asked)
    assert made.disposition is Disposition.NOT_READY
    assert "2 checks of the policy lack what is needed: no label" in " ".join(made.record.reasons)


def test_a_check_that_only_notes_is_no_evidence(rows):
    made = audit(rows.iloc[:40], answers=HARMLESS)
    assert made.disposition is Disposition.NOT_READY
    assert "No check could be answered" in " ".join(made.record.reasons)


def test_a_warning_is_never_behind_an_all_clear(gap):
    made = audit(gap, answers=HARMLESS)
    assert made.disposition is Disposition.READY_FOR_DECISION
    assert "4 checks that warn are beyond their limit" in made.record.reasons[0]
    assert "4 warnings: " in headline(made.record)
    assert "4 warnings: " in page(made)
    beyond = [line.limit for line in verdict_lines(made.record) if line.phrase.startswith("beyond")]
    assert any("a warning" in limit for limit in beyond)
    assert "This check warns; it does not hold the system back." in page(made)


CATEGORIES = ["f", "m", "x"]


def test_a_category_without_people_does_not_change_the_disposition(tmp_path):
    rng = np.random.default_rng(6)
    n = 60_000
    need = rng.random(n) < 0.5
    data = pd.DataFrame(
        {
            "sex": pd.Categorical(rng.choice(["f", "m"], n), categories=CATEGORIES),
            "need": np.where(need, "yes", "no"),
            "d": np.where(need == (rng.random(n) < 0.85), "yes", "no"),
        }
    )
    data.to_parquet(tmp_path / "rows.parquet")
    data.to_csv(tmp_path / "rows.csv", index=False)
    made = [audit(source) for source in (data, *sorted(tmp_path.iterdir()))]
    assert [m.disposition for m in made] == [Disposition.READY_FOR_DECISION] * 3
    assert "nobody of this group in the data" in page(made[0])
    one = data[data["sex"] == "f"]
    one.to_csv(tmp_path / "one.csv", index=False)
    assert {audit(source).disposition for source in (one, tmp_path / "one.csv")} == {
        Disposition.NOT_READY
    }


@pytest.mark.parametrize(
    "named", [{"labels": {"x": "other"}}, {"merge": {"other": ["x", "y"]}}, {"reference": "x"}]
)
def test_a_group_that_the_plan_names_must_have_people(rows, named):
    data = rows.assign(sex=pd.Categorical(rows["sex"], categories=CATEGORIES))
    made = audit(data, attributes=[Attribute("sex", **named)], policy="minimal")
    told = made.table("checks").query("group in ('x', 'other')")["outcome"]
    assert set(told) == {"undefined"}
    assert made.disposition is Disposition.NOT_READY


# ---------------------------------------------------------------------------------------- sentences


def test_constant_decisions_do_not_make_people_vanish(rows):
    told = page(audit(rows.assign(d="no")))
    assert "there are no people recorded" not in told
    assert "every row has the same decision" in told


def test_one_group_is_no_comparison(rows):
    told = page(audit(rows.assign(sex="f")))
    assert "Every required check could be computed" not in told
    assert "one group only, so nobody to compare with" in told


def test_a_check_within_its_limit_could_be_judged(rows):
    none_missed = rows.assign(d=np.where(rows["need"] == "yes", "yes", rows["d"]))
    made = audit(none_missed)
    assert set(made.table("checks").query("effect == 'block_unless_within'")["outcome"]) == {
        "within"
    }
    told = page(made)
    assert "4 of 4 required checks could be answered" in told
    assert "Groups that a required check could not judge" not in told
    made.figure("missed_need_ratio", by="sex")


def test_people_without_a_decision_are_in_the_data(rows):
    data = rows.copy()
    data.loc[data.index[::9], "d"] = None
    assert "3,000 people in the data, 2,666 with a decision" in page(audit(data))


def test_a_group_stands_under_one_heading(rows):
    told = page(audit(rows.iloc[:6]))
    assert "For whom these data cannot tell" not in told
    assert "Groups that a required check could not judge" in told


def test_nobody_is_worst_off_by_data_that_cannot_tell(rows):
    made = audit(rows.iloc[:700])
    told = " ".join(worst_off_words(made.record))
    required = made.table("checks").query("effect == 'block_unless_within'")
    assert set(required["outcome"]) == {"indeterminate"}
    assert "Furthest apart: " in told
    assert "Whether that is beyond the limit these data cannot tell" in told
    assert "Worst off" not in told
    assert not re.search(r"cannot tell (this group|everyone else) worse off", page(made))
    few = audit(rows.iloc[:6])
    assert "No group could be judged" in " ".join(worst_off_words(few.record))


def test_an_estimate_is_told_where_its_interval_leaves_out_no_gap(rows):
    rng = np.random.default_rng(1)
    missed = (rows["sex"] == "f") & (rng.random(len(rows)) < 0.07)
    made = audit(rows.assign(d=rows["d"].where(~missed, "no")))
    assert "indeterminate" in set(made.table("checks")["outcome"])
    assert "estimate: this group worse off" in page(made)


def test_a_breach_without_a_number_states_its_bound(rows):
    split = rows.assign(d=np.where((rows["sex"] == "f") & (rows["need"] == "yes"), "no", "yes"))
    made = audit(split)
    row = made.table("checks").query("check == 'missed_need_ratio' and group == 'f'").iloc[0]
    assert row["outcome"] == "breach"
    assert np.isnan(row["estimate"])
    assert re.search(r"at least [\d.]+ times", page(made))


def test_one_check_is_not_many(rows):
    made = audit(rows.assign(sex=["f"] * 2990 + ["m"] * 10), policy="minimal")
    reasons = " ".join(made.record.reasons)
    assert not re.search(r"\b1 blocking checks", reasons)


# ----------------------------------------------------------------------------------------- policies

POLICY = """
id = "q"
version = "1"
title = "T"
source = "me"
[checks.c]
metric = "false_negative_rate"
statistic = "difference"
limit = 0.1
effect = {{ low = "note", medium = "block_on_breach", high = "block_unless_within" }}
[[requirements]]
id = "R"
title = "t"
text = "x"
status = "s"
checks = ["c"]
[risk.questions]
{questions}
{rules}
"""
ASKED = 'severity = ["a", "b"]'
RULE = '[[risk.high]]\nall = { severity = "b" }'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rules": "[[risk.high]]"}, "a rule without conditions says nothing"),
        ({"questions": "severity = []", "rules": ""}, r"risk\.questions\.severity"),
        ({"questions": "", "rules": ""}, r"risk\.questions"),
        ({"questions": 'severity = ["a", "a"]'}, "lists an answer twice"),
        ({"rules": ""}, "no rule leads to a higher level"),
        ({"limit = 0.1": "limit = 0"}, "greater than 0"),
        ({"limit = 0.1": "limit = 1e-300"}, "a limit lies at least 0.001 from no gap"),
        ({"limit = 0.1": "limit = true"}, "valid number"),
        ({"limit = 0.1": f"limit = 1{'0' * 400}"}, r"checks\.c\.limit"),
        (
            {"difference": "ratio", "limit = 0.1": "limit = 1e308\ngap_floor = 0.0"},
            "at most at 100",
        ),
        ({"difference": "ratio", "limit = 0.1": "limit = 1.25\ngap_floor = 0.99"}, "gap_floor"),
        ({'source = "me"': 'source = "me"\n[inference]\nalpha = 1e-300'}, r"inference\.alpha"),
        ({'source = "me"': f'source = "me"\n[inference]\nfloor = {"9" * 5000}'}, "read as TOML"),
    ],
)
def test_a_policy_that_would_clear_by_accident_is_refused(rows, tmp_path, change, told):
    parts = {"questions": ASKED, "rules": RULE}
    parts |= {key: value for key, value in change.items() if key in parts}
    text = POLICY.format(**parts)
    for old, new in change.items():
        text = text.replace(old, new, 1) if old not in parts else text
    path = tmp_path / "q.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=told) as caught:
        audit(rows, policy=str(path))
    assert len(caught.value.problems) == 1, caught.value.problems


def test_a_policy_that_cannot_be_read_tells_no_path(rows, tmp_path):
    path = tmp_path / "q.toml"
    path.write_bytes(b"\xff\xfe")
    for use in (str(path), "a" * 300 + ".toml", "a\0.toml"):
        with pytest.raises(PolicyError) as caught:
            audit(rows, policy=use)
        assert "Errno" not in str(caught.value)


def test_a_small_gap_within_does_not_stand_before_a_large_one_that_is_open():
    """Page 1 once led with the 0.0 points of h, while x was missed 7 points more often."""
    missed = {"x": 288, "other": 1508}  # of 800 and of 5,200: 36 % and 29 %
    of_all = {"x": 800, "other": 5200}
    rows = [
        {"g": group, "h": half, "y": 1, "d": int(k >= missed[group] // 2)}
        for group in missed
        for half in "ab"
        for k in range(of_all[group] // 2)
    ]
    rows += [{"g": "x", "h": "a", "y": 0, "d": 0}] * 40 + [{"g": "other", "h": "b", "y": 0, "d": 1}]
    made = auditkit.audit(
        None, pd.DataFrame(rows), label="y", positive=1, decision="d", outcome="benefit",
        attributes=["g", "h"], policy="icrc", stage="sandbox", date="2026-11-24",
    )  # fmt: skip
    checks = made.table("checks").query(
        "statistic == 'difference' and metric == 'false_negative_rate'"
    )
    outcomes = checks.set_index("group").outcome
    assert outcomes["a"] == "within"
    assert outcomes["x"] == "indeterminate"
    assert worst_off_words(made.record)[0].startswith("Furthest apart: x (g)")


def test_one_group_has_no_check_and_the_policy_is_not_blamed_for_it(rows):
    made = audit(rows.assign(sex="f"))
    said = headline(made.record)
    assert "The required checks apply to no group in these data" in said
    assert "No check of this policy can hold the system back" not in said


def test_decisions_without_an_error_are_not_said_to_be_within(rows):
    made = audit(rows.assign(d=rows["need"]))
    doubted = [c for c in made.record.checks if "agrees with the recorded outcome" in c.note]
    assert doubted
    assert not any("within because" in c.note for c in doubted)
    assert any(c.outcome is Outcome.WITHIN for c in made.record.checks)
    assert "No check could be answered" not in " ".join(made.record.reasons)


def test_one_attribute_is_not_said_to_be_crossed(rows):
    made = audit(rows, intersections=3)
    assert made.record.intersections == 1
    assert "crossings of up to" not in page(made)
