"""People of no recorded group: what hangs on them is never an all-clear, and never said away."""

import html
import re

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit.errors import PlanError


def audited(data, **more):
    asked = {"label": "y", "positive": 1, "decision": "d", "outcome": "benefit", "need": "y"}
    return auditkit.audit(None, data, attributes=["g"], policy="icrc", stage="pre_rollout",
                          **asked | more)  # fmt: skip


def one_recorded_group(n=8000):
    """Only women are recorded; of the fifth that is not, some are men, who are all missed."""
    rng = np.random.default_rng(1)
    y, hidden = rng.random(n) < 0.6, rng.random(n) < 0.2
    man = hidden & (rng.random(n) < 0.15)
    kept = np.where(hidden, 0.94, 0.8)
    d = np.where(y, rng.random(n) < kept, rng.random(n) < 0.2) & ~(man & y)
    return pd.DataFrame({"g": np.where(hidden, None, "F"), "y": y * 1, "d": d * 1})


@pytest.mark.parametrize("kind", [str, pd.CategoricalDtype(["F", "M"])])
def test_the_only_recorded_group_gets_no_all_clear_from_those_not_recorded(kind):
    data = one_recorded_group()
    data["g"] = data["g"].where(data["g"].isna(), data["g"].astype(kind))
    made = audited(data)
    checks = made.table("checks").set_index(["check", "group"])
    row = checks.loc["missed_need_gap", "F"]
    assert row["outcome"] == "undefined"
    assert "the only recorded group, and " in row["note"]
    assert made.disposition == "not_ready"


def test_with_everybody_recorded_one_group_is_nothing_to_compare():
    made = audited(one_recorded_group().dropna())
    checks = made.table("checks").set_index(["check", "group"])
    assert checks.loc["missed_need_gap", "F"]["outcome"] == "not_applicable"
    assert made.disposition == "not_ready"  # no check could be answered


def test_the_report_does_not_say_that_nothing_hangs_on_them(tmp_path):
    audited(one_recorded_group()).report(tmp_path / "made")
    page = (tmp_path / "made" / "report.html").read_text()
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
    assert "no such gap hangs on unknown people" not in text
    assert "Some people's group is not recorded" in text


def test_the_self_test_promises_no_all_clear_that_hangs_on_them():
    rng = np.random.default_rng(0)
    n = 12_000
    y, group = rng.random(n) < 0.75, rng.choice(["F", "M"], n).astype(object)
    d = np.where(y, rng.random(n) < 0.8, rng.random(n) < 0.2)
    data = pd.DataFrame({"g": group, "y": y * 1, "d": d * 1})
    whole = audited(data).table("self_test").set_index(["check", "group"])
    data.loc[rng.random(n) < 0.15, "g"] = None
    made = audited(data)
    found = made.table("self_test").set_index(["check", "group"])
    assert whole.loc["missed_need_gap", "F"]["within_0"] > 0.99
    row = found.loc["missed_need_gap", "F"]
    assert pd.isna(row["within_0"])
    assert "worst way" in row["note"]
    assert row["within_1"] <= 0.06
    checks = made.table("checks").set_index(["check", "group"])
    assert checks.loc["missed_need_gap", "F"]["outcome"] == "indeterminate"


def test_wrong_labels_of_a_thousand_million_people_need_no_more_memory():
    rows = [
        (g, y, d, n * 10**6)
        for g, cells in (("a", (100, 200, 150, 50)), ("b", (110, 190, 150, 50)))
        for (y, d), n in zip(((1, 0), (1, 1), (0, 0), (0, 1)), cells, strict=True)
    ]
    made = audited(pd.DataFrame(rows, columns=["g", "y", "d", "n"]), count="n")
    found = made.table("label_error")
    assert found["labels_of"].max() == 10**9
    assert found["labels"].notna().all()


@pytest.mark.parametrize("quota", [True, "60", 1.5])
def test_a_budget_is_a_whole_number_of_places(quota):
    data = one_recorded_group(400).assign(s=0.5)
    with pytest.raises(PlanError, match="quota"):
        audited(data, score="s", quota=quota)
