"""Planted truth: models with known coefficients, and inputs that tell who is in which group."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import auditkit as ak
from auditkit.explain import proxies as proxies_
from auditkit.results import PROXIES, TOGETHER

TOLD = {"rows": 0}
"""No attributions, which take longest."""
COEFFICIENTS = {"rooms": 1.0, "camp_score": -2.0, "income": 0.5}


def people(n=800, seed=1):
    """The camp score depends on ethnicity; rooms and income do not, nor does anything on gender."""
    rng = np.random.default_rng(seed)
    minority = rng.random(n) < 0.3
    return pd.DataFrame(
        {
            "ethnicity": np.where(minority, "b", "a"),
            "gender": rng.choice(["f", "m"], n),
            "rooms": rng.integers(1, 7, n).astype(float),
            "camp_score": rng.normal(size=n) + 1.5 * minority,
            "income": rng.normal(size=n),
            "y": rng.choice(["no", "yes"], n),
        }
    )


def linear(coefficients=None):
    """A logistic regression with coefficients that are known because they are put in."""
    coefficients = coefficients or COEFFICIENTS
    names = list(coefficients)
    model = LogisticRegression()
    model.classes_ = np.array(["no", "yes"])
    model.coef_ = np.array([list(coefficients.values())])
    model.intercept_ = np.array([0.25])
    model.feature_names_in_ = np.array(names, dtype=object)
    model.n_features_in_ = len(names)
    return model


def audited(data, model=None, **more):
    asked = {
        "label": "y", "positive": "yes", "outcome": "benefit",
        "attributes": ["ethnicity", "gender"], "policy": "minimal", **more,
    }  # fmt: skip
    return ak.audit(model or linear(), data, **asked)


@pytest.fixture(scope="module")
def planted():
    return audited(people())


def row(made, attribute, group, feature):
    table = made.table("proxies").set_index(["attribute", "group", "feature"])
    return table.loc[(attribute, group, feature)]


def named(made):
    table = made.table("proxies")
    return table[table["adjusted_p"] <= 0.05]


# ------------------------------------------------------------------------------------ planted truth


def test_the_planted_proxy_is_named_and_nothing_else_is(planted):
    single = named(planted)[lambda t: t["feature"] != TOGETHER]
    assert set(single["attribute"]) == {"ethnicity"}
    assert set(single["feature"]) == {"camp_score"}
    b = row(planted, "ethnicity", "b", "camp_score")
    assert b["estimate"] == pytest.approx(0.856, abs=0.03)  # Phi(1.5 / sqrt 2)
    assert b["lower"] < 0.856 < b["upper"]
    assert (b["statistic"], b["status"]) == ("auc", "ok")


def test_what_rides_on_each_input_is_as_known(planted):
    data = people()
    gaps = data.groupby("ethnicity")[list(COEFFICIENTS)].mean()
    carried = planted.table("disparity_attributions").set_index(["attribute", "group", "feature"])
    for feature, beta in COEFFICIENTS.items():
        b = row(planted, "ethnicity", "b", feature)
        known = beta * (gaps.loc["b", feature] - gaps.loc["a", feature])
        assert b["gap_contribution"] == pytest.approx(known, abs=0.15)  # not all are explained
        assert b["gap_contribution"] == carried.loc[("ethnicity", "b", feature), "contribution"]
        assert b["unit"] == "log-odds"
    singles = [row(planted, "ethnicity", "b", f) for f in COEFFICIENTS]
    assert sum(s["share_of_output"] for s in singles) == pytest.approx(1)
    assert singles[1]["share_of_output"] == max(s["share_of_output"] for s in singles)
    together = row(planted, "ethnicity", "b", TOGETHER)
    assert together["share_of_output"] == pytest.approx(1)
    assert together["gap_contribution"] == pytest.approx(together["gap"], abs=0.15)


def test_what_goes_of_a_gap_with_the_proxies_is_as_known(planted):
    """Of a linear model that is the coefficient times the gap of the means, whoever the others."""
    means = people().groupby("ethnicity")["camp_score"].mean()
    b = row(planted, "ethnicity", "b", PROXIES)
    assert b["statistic"] == "gap_through"
    assert b["estimate"] == pytest.approx(-2 * (means["b"] - means["a"]), abs=1e-6)
    assert b["estimate"] == pytest.approx(b["gap_contribution"], abs=0.15)
    assert b["lower"] < -2 * 1.5 < b["upper"]
    a = row(planted, "ethnicity", "a", PROXIES)
    assert a["estimate"] == pytest.approx(-b["estimate"], abs=1e-9)
    assert PROXIES not in set(planted.table("proxies").query("attribute == 'gender'")["feature"])


def test_a_proxy_that_the_model_does_not_read_carries_nothing():
    made = audited(people(), linear({**COEFFICIENTS, "camp_score": 0.0}))
    b = row(made, "ethnicity", "b", "camp_score")
    assert b["adjusted_p"] < 0.05
    assert (b["share_of_output"], b["gap_contribution"]) == (0, 0)
    assert row(made, "ethnicity", "b", PROXIES)["estimate"] == pytest.approx(0, abs=1e-12)


def test_a_district_in_words_is_a_proxy_with_the_interaction_that_a_model_makes():
    rng = np.random.default_rng(2)
    data = people()
    home = np.where(data["ethnicity"] == "a", "north", "south")
    moved = rng.random(len(data)) < 0.2
    data["district"] = np.where(moved, rng.choice(["east", "west"], len(data)), home)
    data["y"] = np.where(rng.random(len(data)) < np.where(home == "north", 0.7, 0.3), "yes", "no")
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["district"]), remainder="passthrough"),
        LogisticRegression(),
    ).fit(data[["district", "income"]], data["y"])
    made = audited(data, model, attributes=["ethnicity"])
    b = row(made, "ethnicity", "b", "district")
    assert b["estimate"] == pytest.approx(1 - 0.2 * 0.2 / 2, abs=0.01)  # half of who both moved
    through = row(made, "ethnicity", "b", PROXIES)
    assert through["estimate"] < -0.5  # nearly all of the gap
    assert through["estimate"] == pytest.approx(through["gap"], abs=0.2)


def test_amounts_have_proxies_too():
    data = people()
    model = LinearRegression()
    model.coef_, model.intercept_ = np.array([1.0, -20.0]), 100.0
    model.feature_names_in_, model.n_features_in_ = (
        np.array(["rooms", "camp_score"], dtype=object),
        2,
    )
    data["cash"] = model.predict(data[["rooms", "camp_score"]])
    made = ak.audit(
        model, data, label="cash", task="regression", outcome="benefit",
        attributes=["ethnicity"], policy="minimal",
    )  # fmt: skip
    b = row(made, "ethnicity", "b", "camp_score")
    assert b["adjusted_p"] < 0.05
    assert b["unit"] == "amount"
    assert b["gap_contribution"] == pytest.approx(-30, abs=3)
    assert row(made, "ethnicity", "b", PROXIES)["estimate"] == pytest.approx(-30, abs=3)


# ----------------------------------------------------------------------------- what is no proxy


def test_an_input_that_is_the_attribute_is_said_to_be_it():
    data = people().assign(age=np.random.default_rng(3).integers(16, 90, 800))
    made = audited(
        data, linear({**COEFFICIENTS, "age": 0.1}),
        attributes=[ak.Attribute("age", bins=[31, 61]), "ethnicity"],
    )  # fmt: skip
    old = row(made, "age", ">=61", "age")
    assert (old["status"], old["adjusted_p"]) == (
        "not_applicable",
        pytest.approx(np.nan, nan_ok=True),
    )
    assert np.isnan(old["estimate"])
    assert old["gap_contribution"] > 0
    assert "itself" in old["note"]
    together = row(made, "age", ">=61", TOGETHER)
    assert together["estimate"] < 0.65  # of the other inputs, that tell nothing of it
    assert together["share_of_output"] < 1
    assert row(made, "ethnicity", "b", "age")["status"] == "ok"


def test_a_copy_of_the_attribute_is_told_to_be_without_an_error():
    data = people()
    data["code"] = np.where(data["ethnicity"] == "b", 7.0, 3.0)
    made = audited(
        data, linear({**COEFFICIENTS, "code": 1.0}), attributes=["ethnicity"], explain=TOLD
    )
    b = row(made, "ethnicity", "b", "code")
    assert b["estimate"] == 1
    assert "another name" in b["note"]


def test_a_constant_column_is_undefined():
    made = audited(
        people().assign(country=4.0), linear({**COEFFICIENTS, "country": 1.0}), explain=TOLD
    )
    b = row(made, "ethnicity", "b", "country")
    assert (b["status"], b["note"]) == ("undefined", proxies_.CONSTANT)
    assert np.isnan(b["estimate"])


def test_where_every_input_tells_nothing_is_left_to_be_looked_at():
    made = audited(people(), linear({"camp_score": 1.0}), attributes=["ethnicity"])
    b = row(made, "ethnicity", "b", PROXIES)
    assert b["status"] == "undefined"
    assert "nothing would be left" in b["note"]
    assert TOGETHER not in set(made.table("proxies")["feature"])


def test_a_model_that_gives_nothing_on_rows_of_two_people_is_told(monkeypatch):
    monkeypatch.setattr(proxies_, "gone", lambda *_: None)
    made = audited(people(), attributes=["ethnicity"])
    b = row(made, "ethnicity", "b", PROXIES)
    assert (b["status"], np.isnan(b["estimate"])) == ("undefined", True)
    assert "no finite output" in b["note"]


# --------------------------------------------------------------------------------- few and many


def test_a_group_of_five_people_has_no_number():
    data = people()
    data.loc[data.index[:5], "ethnicity"] = "c"
    made = audited(data, explain=TOLD)
    c = row(made, "ethnicity", "c", "camp_score")
    assert (c["n"], c["status"]) == (5, "insufficient")
    assert np.isnan(c["estimate"])
    assert np.isnan(c["adjusted_p"])
    assert "at least 30 wanted" in c["note"]


def test_a_small_group_has_a_number_but_is_not_named():
    data = people()
    data.loc[data.index[:20], ["ethnicity", "camp_score"]] = ["c", 9.0]
    c = row(audited(data, explain=TOLD), "ethnicity", "c", "camp_score")
    assert (c["n"], c["status"]) == (20, "insufficient")
    assert c["estimate"] > 0.9
    assert np.isnan(c["adjusted_p"])


def test_twelve_groups_are_each_held_against_their_rest():
    data = people(2400)
    of = np.random.default_rng(4).integers(0, 12, 2400)
    data["ethnicity"] = [f"g{i:02}" for i in of]
    data["camp_score"] = np.where(of == 3, 5.0, data["camp_score"])
    made = audited(data, explain=TOLD)
    assert set(named(made).query("feature == 'camp_score'")["group"]) == {"g03"}
    assert len(made.table("proxies").query("attribute == 'ethnicity' and feature == 'rooms'")) == 12


def test_the_same_bytes_whatever_the_order_of_rows(planted):
    shuffled = audited(people().sample(frac=1, random_state=3))
    assert shuffled.record.proxies == planted.record.proxies


def test_a_large_table_is_sampled_and_says_the_same():
    data = people(30_000)
    made = audited(data, explain={"rows": 500})
    b = row(made, "ethnicity", "b", "camp_score")
    assert b["n"] < 400
    assert b["lower"] < 0.856 < b["upper"]
    assert set(named(made).query("feature != '(together)'")["feature"]) == {"camp_score"}


def test_without_attributions_what_tells_is_told_all_the_same():
    made = audited(people(), explain=TOLD)
    b = row(made, "ethnicity", "b", "camp_score")
    assert b["adjusted_p"] < 0.05
    assert np.isnan(b["share_of_output"])
    assert np.isnan(b["gap"])
    assert b["unit"] == ""


def test_nothing_without_a_model_and_no_interval_under_clusters():
    data = people().assign(chosen="yes", house=np.arange(800) // 4)
    alone = ak.audit(
        None, data, decision="chosen", label="y", positive="yes", outcome="benefit",
        attributes=["ethnicity"], policy="minimal",
    )  # fmt: skip
    assert alone.record.proxies == ()
    made = audited(data, cluster="house", explain=TOLD)
    b = row(made, "ethnicity", "b", "camp_score")
    assert (b["status"], b["note"]) == ("insufficient", proxies_.UNDER_CLUSTERS)
    assert b["estimate"] > 0.8
    assert np.isnan(b["lower"])
    assert not len(named(made))


def test_no_value_of_a_row_is_in_the_table():
    data = people()
    data.loc[0, "income"] = 123456.0
    made = audited(data, attributes=["ethnicity"])
    told = json.dumps(str(made.table("proxies").to_dict()))
    assert "123456" not in told


def test_no_outcome_rests_on_it(planted, monkeypatch):
    monkeypatch.setattr("auditkit.pipeline.proxies", lambda *_: ())
    without = audited(people())
    assert replace(planted.record, proxies=()) == without.record
