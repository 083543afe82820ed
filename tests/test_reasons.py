"""Reasons in one case: attributions that add up, changes that were asked about, no cause."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import auditkit as ak
from auditkit.errors import DataError, PlanError

ROWS = 600


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "gender": rng.choice(["f", "m"], ROWS),
            "income": rng.integers(0, 40, ROWS),
            "children": rng.integers(0, 6, ROWS),
            "noise": rng.normal(size=ROWS),
            "roof": rng.choice(["tin", "tarp", "tile"], ROWS),
        }
    ).assign(need=lambda f: np.where(f["income"] < 20, "yes", "no"))


class Rule:
    """Selects who has less than 10, or less than 20 and three children or more."""

    classes_ = np.array(["no", "yes"])
    feature_names_in_ = np.array(["income", "children", "noise"])

    def predict(self, rows):
        poor, many = rows["income"] < 10, rows["children"] >= 3
        return np.where(poor | ((rows["income"] < 20) & many), "yes", "no")


class ReadsMore(Rule):
    feature_names_in_ = np.array([*Rule.feature_names_in_, "away", "camp"])


class KnowsMissing(Rule):
    def predict(self, rows):
        return super().predict(rows.assign(children=rows["children"].fillna(0).astype(int)))


def audited(model, people, **more):
    return ak.audit(
        model, people, label="need", positive="yes", outcome="benefit", attributes=["gender"],
        policy="minimal", explain={"rows": 100}, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def by_rule(people):
    return audited(Rule(), people)


CASE = {"income": 15, "children": 1, "noise": 0.5}


def test_factors_add_up_to_the_output_of_a_known_rule(by_rule):
    found = by_rule.reasons(CASE).found
    assert (found.decision, found.selected, found.output) == ("no", False, 0.0)
    assert found.base + sum(f.contribution for f in found.factors) == pytest.approx(0.0, abs=1e-9)
    told = {f.feature: f.contribution for f in found.factors}
    assert told["noise"] == 0.0
    assert told["children"] < 0


def test_the_nearest_change_is_the_smallest_that_flips_the_rule(by_rule):
    changes = by_rule.reasons(CASE, ["income", "children"]).changes
    assert sorted(str(dict(c.values)) for c in changes) == ["{'children': 3}", "{'income': 9}"]
    assert all(c.decision == "yes" for c in changes)
    assert changes[0].distance <= changes[1].distance


def test_two_inputs_change_only_where_one_is_not_enough(by_rule):
    case = {"income": 30, "children": 1, "noise": 0.0}
    one = by_rule.reasons(case, ["income", "children"]).changes
    assert [dict(c.values) for c in one] == [{"income": 9}]  # children alone is never enough
    only = by_rule.reasons(case, ["children"])
    assert only.changes == ()
    assert "With none of the values of children that were tried, up to 50" in str(only)


def test_what_the_person_cannot_change_stays(by_rule):
    found = by_rule.reasons(CASE, ["children"])
    assert [set(c.values) for c in found.changes] == [{"children"}]
    assert by_rule.reasons(CASE).changes == ()
    assert "No input was named that the person can change" in str(by_rule.reasons(CASE))


def test_a_linear_case_is_told_in_words(people):
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["roof"]), remainder="passthrough"),
        LogisticRegression(C=0.5, max_iter=500),
    ).fit(people[["income", "children", "roof"]], people["need"])
    audit = audited(pipeline, people)
    case = people.iloc[[3]][["income", "children", "roof"]]
    found = audit.reasons(case, actionable="roof")
    margin = pipeline.decision_function(case)[0]
    assert found.found.output == pytest.approx(margin, abs=1e-9)
    assert found.table()["contribution"].sum() + found.found.base == pytest.approx(margin)
    text = repr(found)
    assert text.startswith("Restricted. This is about one person.")
    assert "in log-odds" in text
    assert "not causal" in text
    assert "because" not in text


def test_the_same_case_gives_the_same_text(by_rule, people):
    again = audited(Rule(), people.sample(frac=1, random_state=1))
    actionable = ["income", "children"]
    assert repr(again.reasons(CASE, actionable)) == repr(by_rule.reasons(CASE, actionable))


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"income": 15}, "The case lacks 'children', 'noise', which"),
        ({**CASE, "income": "plenty"}, "The case's 'income' is a str that does not fit"),
        ([15, 1, 0.5], "A case is a list"),
        (pd.DataFrame([CASE, CASE]), "A case is one row, but 2 are given"),
    ],
)
def test_a_case_that_does_not_fit_is_refused_without_its_values(case, said, by_rule):
    with pytest.raises(DataError, match=said) as refused:
        by_rule.reasons(case)
    assert "plenty" not in str(refused.value)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({**CASE, "children": 1.7}, "children"),  # not a child of one
        ({**CASE, "away": "False"}, "away"),  # any text is true
        ({**CASE, "away": 2}, "away"),
        ({**CASE, "noise": [0.5, 0.5]}, "noise"),
        ({**CASE, "camp": 3}, "camp"),  # no text of the data
    ],
)
def test_a_value_is_refused_where_it_would_become_another(case, name, people):
    asked = {"away": False, "camp": "3", **case}
    rows = people.assign(away=people["children"] > 1, camp=people["roof"].astype(object))
    audit = audited(ReadsMore(), rows)
    with pytest.raises(DataError, match=f"The case's '{name}'"):
        audit.reasons(asked)


def test_where_nothing_moved_the_output_that_is_said(people):
    class Nobody(Rule):
        def predict(self, rows):
            return np.full(len(rows), "no")

    text = repr(audited(Nobody(), people).reasons(CASE))
    assert "No input moved the output from that mean, in decision." in text
    assert "What moved" not in text
    assert "did not move" not in text


def test_a_value_that_is_missing_may_be_the_one_to_change(people):
    rows = people.assign(children=people["children"].astype("Int64"))
    rows.loc[::5, "children"] = pd.NA
    found = audited(KnowsMissing(), rows).reasons({**CASE, "children": pd.NA}, "children")
    assert [dict(c.values) for c in found.changes] == [{"children": 3}]
    assert "in place of no value" in repr(found)


def test_what_has_no_model_has_no_reasons(by_rule, people, tmp_path):
    with pytest.raises(PlanError, match="opened from its record"):
        ak.load(by_rule.report(tmp_path / "audit")).reasons(CASE)
    decided = people.assign(chosen="yes").assign(chosen=lambda f: f["need"])
    only = audited(None, decided, decision="chosen")
    with pytest.raises(PlanError, match="only decisions"):
        only.reasons(CASE)
    with pytest.raises(PlanError, match="no input of the model"):
        by_rule.reasons(CASE, ["incom"])


def test_rows_are_not_saved_with_an_audit(by_rule):
    assert by_rule.asked is not None
    assert b"tarp" not in pickle.dumps(by_rule)


def test_missing_values_of_a_case_reach_the_model(people):
    class Counts(Rule):
        def predict(self, rows):
            return np.where(rows["noise"].isna(), "yes", "no")

    audit = audited(Counts(), people.assign(noise=people["noise"].where(people.index % 2 == 0)))
    assert audit.reasons({**CASE, "noise": None}).found.selected
    assert "noise (no value) raises it" in repr(audit.reasons({**CASE, "noise": None}))
