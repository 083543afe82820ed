"""Outcomes come from bounds; no path turns too little evidence into an all-clear."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import Disposition
from tests.test_policy import HARMLESS


def rows(cells):
    """Make rows of (group, need, chosen): count."""
    parts = [
        pd.DataFrame([key] * n, columns=["group", "need", "chosen"]) for key, n in cells.items()
    ]
    return pd.concat(parts, ignore_index=True)


def by_need(missed, chosen_wrongly=(50, 500)):
    """Make rows from (missed, in need) by group, and the same false selections for everybody."""
    cells = {}
    for group, (x, n) in missed.items():
        cells |= {(group, 1, 0): x, (group, 1, 1): n - x}
        cells |= {
            (group, 0, 1): chosen_wrongly[0],
            (group, 0, 0): chosen_wrongly[1] - chosen_wrongly[0],
        }
    return rows(cells)


def audit(data, answers=None, **changes):
    asked = {
        "decision": "chosen",
        "label": "need",
        "positive": 1,
        "outcome": "benefit",
        "attributes": ["group"],
        "stage": "sandbox",
        "policy": "icrc",
        "answers": answers or {},
    }
    return auditkit.audit(None, data, **{**asked, **changes})


def outcomes(made, check="missed_need_gap"):
    return made.table("checks").query("check == @check").set_index("group")["outcome"].to_dict()


MEDIUM = {**HARMLESS, "data_class": "personal"}


class TestOutcomes:
    def test_enough_evidence_of_a_small_gap_is_within(self):
        made = audit(by_need({"a": (600, 3000), "b": (610, 3000)}))
        assert outcomes(made) == {"a": "within", "b": "within"}
        assert made.disposition is Disposition.READY_FOR_DECISION

    def test_a_large_gap_is_a_breach_and_names_who_is_worse_off(self):
        made = audit(by_need({"a": (900, 3000), "b": (600, 3000)}))
        assert outcomes(made) == {"a": "breach", "b": "breach"}
        worse = (
            made.table("checks").query("check == 'missed_need_gap'").set_index("group")["worse_off"]
        )
        assert worse.to_dict() == {"a": "a", "b": "rest"}
        assert made.disposition is Disposition.NOT_READY
        assert {f.group for f in made.findings} == {"a", "b"}

    def test_too_little_evidence_is_indeterminate(self):
        assert outcomes(audit(by_need({"a": (20, 100), "b": (20, 100)}))) == dict.fromkeys(
            "ab", "indeterminate"
        )

    def test_below_the_floor_never_within_but_a_breach_stays_a_breach(self):
        made = audit(by_need({"a": (9, 9), "b": (400, 2000), "c": (400, 2000)}))
        assert outcomes(made)["a"] == "breach"
        tiny = audit(
            by_need({"a": (0, 20), "b": (0, 4000)}, (5, 10)), policy="minimal", smallest=30
        )
        row = tiny.table("checks").query("check == 'false_negative_gap' and group == 'a'").iloc[0]
        assert row["outcome"] == "indeterminate"
        assert "20 rows, at least 30 wanted" in row["note"]

    def test_a_group_without_anybody_in_need_is_undefined(self):
        made = audit(by_need({"a": (0, 0), "b": (400, 2000), "c": (400, 2000)}))
        assert outcomes(made)["a"] == "undefined"
        assert made.disposition is Disposition.NOT_READY

    def test_a_constant_decision_makes_every_check_undefined(self):
        made = audit(by_need({"a": (3000, 3000), "b": (3000, 3000)}, (0, 500)))
        blocking = made.table("checks").query("effect == 'block_unless_within'")
        assert set(blocking["outcome"]) == {"undefined"}
        assert made.disposition is Disposition.NOT_READY

    def test_without_a_label_missed_need_is_missing_not_within(self):
        made = audit(
            by_need({"a": (600, 3000), "b": (600, 3000)}), label=None, positive=None, selected=1
        )
        assert outcomes(made) == {"(all)": "missing"}
        assert made.disposition is Disposition.NOT_READY

    def test_one_group_is_nothing_to_compare(self):
        made = audit(by_need({"a": (600, 3000)}))
        assert outcomes(made) == {"a": "not_applicable"}
        assert made.disposition is Disposition.NOT_READY
        assert set(made.table("disparities")["status"]) == {"not_applicable"}

    def test_small_rates_are_judged_jointly(self):
        """1 % against 2 % is a ratio of 2 but a gap of 1 point: within by the gap."""
        made = audit(by_need({"a": (40, 4000), "b": (80, 4000)}))
        row = made.table("checks").query("check == 'missed_need_ratio' and group == 'b'").iloc[0]
        assert row["outcome"] == "within"
        assert row["estimate"] == pytest.approx(2)
        assert "gap is shown to be under 0.02" in row["note"]

    def test_both_directions_are_held(self):
        """One favoured group beside eight: the limit is two-sided."""
        made = audit(by_need({"z": (15, 300), **dict.fromkeys("abcdefgh", (90, 300))}))
        assert outcomes(made)["z"] == "breach"


class TestDisposition:
    def test_the_risk_level_sets_the_effect_and_not_the_outcome(self):
        data = by_need({"a": (1100, 3000), "b": (600, 3000)})
        high, medium, low = audit(data), audit(data, MEDIUM), audit(data, HARMLESS)
        assert outcomes(high) == outcomes(medium) == {"a": "breach", "b": "breach"}
        assert outcomes(low) == {"a": "breach", "b": "breach"}
        assert high.disposition is medium.disposition is Disposition.NOT_READY
        assert low.disposition is Disposition.READY_FOR_DECISION
        assert {f.effect for f in low.findings if f.check == "missed_need_gap"} == {"warn"}

    def test_medium_lets_silence_pass_only_where_twice_the_limit_would_be_found(self):
        enough = audit(by_need({"a": (236, 1000), "b": (200, 1000)}), MEDIUM)
        assert "indeterminate" in set(outcomes(enough, "missed_need_ratio").values())
        few = audit(by_need({"a": (10, 50), "b": (10, 50)}), MEDIUM)
        assert few.disposition is Disposition.NOT_READY
        assert "cannot tell even a gap of twice the limit" in few.record.reasons[0]

    def test_minimal_needs_every_check_within(self):
        made = audit(by_need({"a": (20, 60), "b": (20, 60)}), policy="minimal")
        assert made.disposition is Disposition.NOT_READY

    def test_explore_gives_no_disposition(self):
        made = audit(by_need({"a": (600, 3000), "b": (610, 3000)}), stage="explore")
        assert made.disposition is Disposition.NONE

    def test_no_evidence_at_all_is_not_ready_even_at_low_risk(self):
        made = audit(by_need({"a": (3, 3), "b": (3, 3)}, (0, 3)), HARMLESS)
        assert made.disposition is Disposition.NOT_READY


def test_explanations_never_touch_the_verdict(many):
    from sklearn.linear_model import LogisticRegression

    X = many[["age"]].assign(noise=np.arange(len(many)) % 7)
    model = LogisticRegression().fit(X, many["in_need"])
    asked = {
        "label": "in_need",
        "positive": "yes",
        "outcome": "benefit",
        "attributes": ["gender"],
        "stage": "sandbox",
        "selected": {"above": 0.4},
    }
    data = many.assign(noise=X["noise"])
    told = auditkit.audit(model, data, **asked)
    silent = auditkit.audit(model, data, **asked, explain={"rows": 0})
    assert told.record.checks == silent.record.checks
    assert told.record.disposition == silent.record.disposition
    assert told.record.attributions != ()
    assert silent.record.attributions == ()


def test_the_number_of_hypotheses_counts_two_mirrored_groups_once():
    two = audit(by_need({"a": (600, 3000), "b": (610, 3000)}))
    three = audit(by_need({"a": (600, 3000), "b": (610, 3000), "c": (610, 3000)}))
    assert two.record.policy.hypotheses == 2 * 1
    assert three.record.policy.hypotheses == 2 * 3


def test_checks_carry_the_bounds_that_judged_and_their_levels():
    made = audit(by_need({"a": (900, 3000), "b": (600, 3000), "c": (600, 3000)}))
    row = made.table("checks").query("check == 'missed_need_gap' and group == 'a'").iloc[0]
    assert row["level_lower"] == pytest.approx(1 - 0.05 / 6)
    assert row["level_upper"] == pytest.approx(1 - 0.044)
    assert row["lower"] > row["limit"]
    interval = (
        made.table("disparities")
        .query(
            "metric == 'false_negative_rate' and group == 'a' and against == 'rest' "
            "and statistic == 'difference'"
        )
        .iloc[0]
    )
    assert row["lower"] < interval["lower"] < row["estimate"]
