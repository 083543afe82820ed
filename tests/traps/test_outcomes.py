"""Traps of kind B and D: outcomes that are not what they seem, groups that overlap."""

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
