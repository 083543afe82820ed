"""The gate tested on its own groups: chances against counting every outcome of a small audit."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

import auditkit
from auditkit.inference.gates import gap_bounds, judge_gap, judge_joint, ratio_bounds
from auditkit.results import Outcome

SIZES = {"a": 40, "b": 60}


def people(sizes=None, share=0.3, missed=None):
    """Make people in need, of whom ``missed`` (by group; else a share) were not selected."""
    rows = []
    for group, n in (sizes or SIZES).items():
        left = round(share * n) if missed is None else missed[group]
        rows += [(group, "yes", "no")] * left + [(group, "yes", "yes")] * (n - left)
        rows += [(group, "no", "no")] * n
    return pd.DataFrame(rows, columns=["g", "need", "got"])


def audited(data, **more):
    asked = {"label": "need", "positive": "yes", "decision": "got", "outcome": "benefit"}
    return auditkit.audit(None, data, attributes=["g"], policy="icrc", **asked | more)


def row_of(made, check, group):
    table = made.table("self_test").set_index(["check", "attribute", "group"])
    return table.loc[check, "g", group]


def chances(n1, n2, p1, p2, made, joint):
    """Sum breach and within over all counts of two groups."""
    alpha, m = made.record.policy.alpha, made.record.policy.hypotheses
    limit = {c.check: c.limit for c in made.record.checks}
    found = {Outcome.BREACH: 0.0, Outcome.WITHIN: 0.0}
    x1, x2 = np.arange(n1 + 1), np.arange(n2 + 1)
    at = [(gap_bounds(x1[:, None], n1, x2, n2, a), ratio_bounds(x1[:, None], n1, x2, n2, a))
          for a in (0.88 * alpha, alpha / m)]  # fmt: skip
    mass = binom.pmf(x1, n1, p1)[:, None] * binom.pmf(x2, n2, p2)
    (gap, ratio), (gap_, ratio_) = at
    pick = lambda b, i, j: type(b)(b.lower[i, j], b.upper[i, j])  # noqa: E731
    for i in x1:
        for j in x2:
            if mass[i, j] < 1e-9:
                continue
            outcome = (
                judge_joint(pick(ratio, i, j), pick(gap, i, j), pick(ratio_, i, j),
                            pick(gap_, i, j), limit["missed_need_ratio"], 0.02)
                if joint else
                judge_gap(gap.lower[i, j], gap.upper[i, j], gap_.lower[i, j], gap_.upper[i, j],
                          limit["missed_need_gap"])
            )  # fmt: skip
            if outcome in found:
                found[outcome] += mass[i, j]
    return found[Outcome.BREACH], found[Outcome.WITHIN]


@pytest.mark.parametrize("check", ["missed_need_gap", "missed_need_ratio"])
def test_chances_are_the_sum_over_all_outcomes_of_the_audit(check):
    made = audited(people())
    joint = check == "missed_need_ratio"
    row = row_of(made, check, "a")
    limit = next(c.limit for c in made.record.checks if c.check == check)
    p = row["rate"]
    assert p == pytest.approx(0.3)
    up = max(limit * p, p + 0.02) - p if joint else limit
    down = p - min(p / limit, p - 0.02) if joint else limit
    for size, name in ((0, "0"), (0.5, "half"), (1, "1"), (1.5, "1_5"), (2, "2"), (3, "3")):
        both = [chances(40, 60, p + size * gap, p, made, joint) for gap in (up, -down)]
        breach = (max if size <= 1 else min)(b for b, _ in both)
        assert row[f"breach_{name}"] == pytest.approx(breach, abs=1e-4), name
        if size <= 1:
            within = (max if size == 1 else min)(w for _, w in both)
            assert row[f"within_{name}"] == pytest.approx(within, abs=1e-4), name


def test_what_was_found_changes_no_chance_but_by_the_rate_of_everybody():
    alike, apart = (audited(people(missed=m)) for m in ({"a": 12, "b": 18}, {"a": 30, "b": 0}))
    assert alike.record.self_test == apart.record.self_test
    assert alike.table("checks")["outcome"].tolist() != apart.table("checks")["outcome"].tolist()


def test_a_group_under_the_floor_gets_no_all_clear_and_can_be_found():
    made = audited(people({"a": 20, "b": 4000}))
    row = row_of(made, "missed_need_ratio", "a")
    assert row["within_0"] == row["within_1"] == 0
    assert "too little data" in row["note"]
    assert row["breach_3"] > 0


def test_a_rate_that_cannot_be_is_not_told():
    made = audited(people(share=0.02, sizes={"a": 400, "b": 400}))
    row = row_of(made, "missed_need_gap", "a")
    assert row["rate"] == pytest.approx(0.02)
    # 0.02 minus the limit is no rate: only the other direction is told, which is there
    assert row["breach_2"] > 0
    whole = audited(people(share=1.0))
    assert whole.table("self_test").empty  # everybody has the same decision: nothing was judged


def test_more_people_make_errors_no_likelier_and_findings_likelier():
    few, many = (audited(people({"a": n, "b": n})) for n in (100, 2000))
    one, other = (row_of(made, "missed_need_gap", "a") for made in (few, many))
    assert other["breach_2"] > one["breach_2"]
    assert other["within_0"] > one["within_0"]
    for row in (one, other):
        assert row["within_1"] <= 0.05
        assert row["breach_1"] <= 0.05


def test_only_checks_that_block_or_warn_are_tested():
    made = audited(people({"a": 200, "b": 200}))
    checks = made.table("checks")
    assert "selection_ratio" in set(checks["check"])
    tested = set(made.table("self_test")["check"])
    assert tested == {"missed_need_gap", "missed_need_ratio"}


def test_the_report_says_how_well_the_data_can_tell(tmp_path):
    page = audited(people({"a": 800, "b": 900}))
    page.report(tmp_path / "made")
    text = (tmp_path / "made" / "report.html").read_text()
    assert "How well these data can tell" in text
    assert "A wrong all-clear: a group whose gap lies exactly at the limit" in text
