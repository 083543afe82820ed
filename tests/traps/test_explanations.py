"""Traps of explanations (H3, H4, H6, H8, H9, H11): what is not settled is shown as not settled."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import auditkit
from auditkit import account
from auditkit.errors import ModelError
from auditkit.evidence.gather import gather
from auditkit.explain.explained import explained
from auditkit.plan import make_plan
from auditkit.results import ALL, NO_INPUTS, round_floats


def audit(model, rows, features, **more):
    asked = {"label": "y", "positive": 1, "outcome": "benefit", "attributes": ["group"]}
    return auditkit.audit(model, rows, **asked, features=features, policy="minimal", **more).record


def why(model, rows, features, seed=0, background=50):
    """Explain as an audit does, without what else an audit does."""
    plan = make_plan(
        {
            "data": {"label": "y", "positive": 1, "outcome": "benefit"},
            "attributes": {"group": {}},
            "model": {"features": features},
            "policy": {"use": "minimal"},
            "explain": {"background": background},
            "audit": {"seed": seed},
        }
    )
    with closing(gather(plan, rows, model, lambda *told: None, None)) as evidence:
        found = explained(plan, evidence, lambda *told: None)
        settled = account.with_background(plan, evidence, found.explanation)
    return replace(found, explanation=settled)


def everyone(record):
    return {a.feature: a for a in record.attributions if a.attribute == ALL}


def programme(columns, n=500, seed=0, weights=None):
    """Rows of skewed numbers, a need that goes with them, and two groups."""
    rng = np.random.default_rng(seed)
    names = [f"x{i}" for i in range(columns)]
    rows = pd.DataFrame(rng.lognormal(0, 1, (n, columns)).round(3), columns=names)
    push = rows[names] @ (np.ones(columns) if weights is None else weights)
    rows["y"] = (push + rng.logistic(size=n) > push.median()).astype(int)
    rows["group"] = rng.choice(["a", "b"], n)
    return rows, names


@pytest.fixture(scope="module")
def sampled():
    """Ten inputs and a model that only sampled permutations explain."""
    rows, names = programme(10, 250)
    model = MLPClassifier((6,), max_iter=60, random_state=0, tol=0.1).fit(rows[names], rows["y"])
    return model, rows, names


def test_h3_the_same_bytes_on_every_run_and_what_sampling_leaves_open_is_shown(sampled):
    model, rows, names = sampled
    first = why(*sampled)
    assert round_floats(first) == round_floats(
        why(model, rows.sample(frac=1, random_state=1), names)
    )
    assert first != why(*sampled, seed=1)
    assert "sampled permutations" in first.explanation.method
    assert all(row.noise > 0 for row in everyone(first).values())
    (stability,) = [q for q in first.quality if q.measure == "stability"]
    assert 0 < stability.estimate < 1


def test_h4_another_background_stays_within_the_ranks_that_are_shown():
    rows, names = programme(6, 600, weights=[1.0, 0.97, 0.94, 0.5, 0.3, 0.05])
    model = LogisticRegression().fit(rows[names], rows["y"])
    told = [why(model, rows, names, seed=s, background=10) for s in range(4)]
    orders = [[*sorted(names, key=lambda f: -everyone(r)[f].mean_abs)] for r in told]
    assert len({tuple(order) for order in orders}) > 1  # backgrounds do reorder the inputs
    outside = [
        not everyone(record)[feature].rank_low <= place <= everyone(record)[feature].rank_high
        for record in told
        for other in orders
        for place, feature in enumerate(other, 1)
    ]
    assert np.mean(outside) <= 0.05
    assert any(row.rank_low < row.rank_high for row in everyone(told[0]).values())
    assert everyone(told[0])["x5"].rank_low > 1  # a range is not all ranks there are
    rule = told[0].explanation.background_rule
    assert rule
    assert {r.explanation.background_rule for r in told} == {rule}
    assert len({r.explanation.background_digest for r in told}) == 4


def test_h6_a_duplicated_input_is_one_bar():
    rows, names = programme(3, 400)
    rows["copy"] = rows["x0"]
    features = [*names, "copy"]
    model = RandomForestClassifier(20, max_depth=4, max_features=1, random_state=0)
    record = audit(model.fit(rows[features], rows["y"]), rows, features)
    assert [*everyone(record)] == ["x0 + copy", "x1", "x2"]
    (group,) = record.explanation.together
    assert group.members == ("x0", "copy")
    assert group.association == pytest.approx(1.0)
    named = {d.feature for d in record.disparity_attributions}
    assert named == {"x0 + copy", "x1", "x2", "(sampling)"}
    shuffled = [q.feature for q in record.explanation_quality if q.measure == "permutation"]
    assert shuffled == ["x0 + copy", "x1", "x2"]
    # what rides on a proxy is told of each input: none of them is silently nothing
    shares = {p.feature: p.share_of_output for p in record.proxies if p.group == "a"}
    assert shares["x0"] > 0
    assert shares["copy"] > 0


def test_h9_one_hot_levels_are_one_bar_with_a_signed_sum():
    rng = np.random.default_rng(0)
    rows, names = programme(1, 600)
    rows["camp"] = rng.choice([f"camp {i:02}" for i in range(12)], 600)
    rows["y"] = ((rows["camp"] > "camp 05") ^ (rng.random(600) < 0.2)).astype(int)
    features = [*names, "camp"]
    encoder = make_column_transformer((OneHotEncoder(), ["camp"]), remainder="passthrough")
    model = make_pipeline(encoder, LogisticRegression()).fit(rows[features], rows["y"])
    record = audit(model, rows, features)
    assert sorted(everyone(record)) == ["camp", "x0"]
    levels = model[-1].coef_[0][:12]
    shares = rows["camp"].value_counts(normalize=True).sort_index().to_numpy()
    camp = everyone(record)["camp"]
    # over all rows the signed values of 12 levels are around their mean, and do not cancel in size
    assert camp.mean_abs == pytest.approx(np.abs(levels - shares @ levels) @ shares, rel=0.1)
    assert abs(camp.mean) < 0.3 * camp.mean_abs


def test_h11_of_three_people_nothing_is_told():
    rows, names = programme(4, 400)
    rows.loc[:2, "group"] = "c"
    model = LogisticRegression().fit(rows[names], rows["y"])
    record = audit(model, rows, names)
    for a in record.attributions:
        if a.group == "c":
            assert a.n == 3
            assert {a.mean, a.mean_abs, a.lower, a.rank_low, a.rank_high, a.noise} == {None}
    quality = [q for q in record.explanation_quality if q.group == "c"]
    assert {q.measure for q in quality} == {"additivity", "fidelity"}
    for q in quality:
        assert q.estimate is None
        assert q.status == "insufficient"
    told = {q.group for q in record.explanation_quality if q.estimate is not None}
    assert {"a", "b", ALL} <= told


def test_what_explaining_a_sample_leaves_open_is_shown():
    rows, names = programme(2, 6000)
    model = LogisticRegression().fit(rows[names], rows["y"])
    record = audit(model, rows, names, explain={"rows": 800})
    assert record.explanation.limited_by == "cap"
    for group in "ab":
        parts = [d for d in record.disparity_attributions if d.group == group]
        (sampling,) = [d for d in parts if d.feature == "(sampling)"]
        assert sampling.upper > sampling.lower
        output = model.decision_function(rows[names])
        gap = output[rows["group"] == group].mean() - output[rows["group"] != group].mean()
        assert sum(d.contribution for d in parts) == pytest.approx(gap, abs=1e-9)


class Scaffold:
    """Slack et al. (2020): decides by gender about real rows, and by chance about all others.

    In real rows ``district`` and ``zone`` say the same; whoever mixes rows gives itself away.
    """

    classes_ = np.array(["no", "yes"])
    feature_names_in_ = np.array(["gender", "district", "zone", "luck"])

    def predict(self, rows):
        real = rows["district"] == rows["zone"]
        return np.where(np.where(real, rows["gender"] == "m", rows["luck"] > 0.5), "yes", "no")


def test_h8_a_model_that_fools_explanations_does_not_move_the_verdict():
    rng = np.random.default_rng(8)
    n = 3000
    district = rng.integers(0, 12, n)
    people = pd.DataFrame(
        {
            "gender": rng.choice(["f", "m"], n),
            "district": district,
            "zone": district,
            "luck": rng.random(n),
            "need": rng.choice(["no", "yes"], n),
        }
    )
    people["decided"] = Scaffold().predict(people)
    asked = {
        "label": "need", "positive": "yes", "outcome": "benefit", "attributes": ["gender"],
        "stage": "sandbox",
    }  # fmt: skip
    seen = auditkit.audit(Scaffold(), people, explain={"rows": 100}, **asked)
    judged = auditkit.audit(None, people, decision="decided", **asked)
    told = seen.table("attributions").query("attribute == '(all)'").set_index("feature")
    # what is mixed shows luck at work, of which no real decision takes any notice
    assert told.loc["luck", "mean_abs"] > 0.05
    assert seen.disposition == judged.disposition == "not_ready"
    pd.testing.assert_frame_equal(seen.table("checks"), judged.table("checks"))
    assert [f.check for f in seen.findings] == [f.check for f in judged.findings] != []


def test_an_input_that_is_called_as_others_told_as_one_stays_apart():
    rows, _ = programme(2, 400)
    rows["copy"], rows["x0 + copy"] = rows["x0"] * 2, rows["x1"]
    features = ["x0", "copy", "x0 + copy"]
    model = LogisticRegression().fit(rows[features], rows["y"])
    record = audit(model, rows, features)
    assert [*everyone(record)] == ["(x0 + copy)", "x0 + copy"]
    away = (rows["x1"] - rows["x1"].mean()).abs().mean() * model.coef_[0][2]
    assert everyone(record)["x0 + copy"].mean_abs == pytest.approx(away, rel=0.2)


@pytest.mark.parametrize("word", sorted(NO_INPUTS))
def test_an_input_that_is_called_as_a_line_of_the_tables_is_refused(word):
    rows, _ = programme(2, 60)
    rows = rows.rename(columns={"x1": word})
    model = LogisticRegression().fit(rows[["x0", word]], rows["y"])
    with pytest.raises(ModelError, match="a word of the tables"):
        audit(model, rows, ["x0", word])


class Chance:
    """Says the chance of a logistic rule, by a function of the rows."""

    classes_ = np.array([0, 1])
    feature_names_in_ = np.array(["x0", "x1"])

    def predict(self, rows):
        return (self.chance(rows) >= 0.5).astype(int)

    def predict_proba(self, rows):
        return np.column_stack([1 - self.chance(rows), self.chance(rows)])

    def chance(self, rows):
        return 1 / (1 + np.exp(1 - rows["x0"].to_numpy()))


class NeverAlone(Chance):
    def predict_proba(self, rows):
        if len(rows) == 1:
            raise ValueError(f"what a person has: {rows.to_dict()}")
        return super().predict_proba(rows)


def test_a_model_that_fails_on_a_single_row_is_explained_and_quotes_nobody():
    rows, names = programme(2, 100)
    record = audit(NeverAlone(), rows, names)
    assert record.explanation.status == "ok"
    assert everyone(record)["x1"].mean_abs == pytest.approx(0, abs=1e-12)


def test_a_model_that_says_nothing_of_rows_put_together_is_withheld():
    rows, names = programme(2, 100)
    real = {*map(tuple, rows[names].to_numpy())}

    class Real(Chance):
        def chance(self, rows):
            there = [tuple(row) in real for row in rows[names].to_numpy()]
            return np.where(there, super().chance(rows), np.nan)

    made = auditkit.audit(
        Real(), rows, label="y", positive=1, outcome="benefit", attributes=["group"],
        policy="minimal",
    )  # fmt: skip
    page, record = made.files()["report.html"], made.record
    assert {record.explanation.status, record.error_explanation.status} == {"undefined"}
    assert record.explanation.additivity is None
    assert "no finite number on rows put together" in page
    assert "nan" not in page.split("What the model relies on")[-1].split("<section")[0].lower()


class ByGroup:
    """Decides by need, and more strictly of one group; reads nothing of the others."""

    classes_ = np.array([0, 1])
    feature_names_in_ = np.array(["group", "luck", "x0", "x1", "zone"])

    def predict(self, rows):
        return ((rows["x0"] > 1) & ((rows["group"] == "a") | (rows["x0"] > 2))).astype(int)


def test_what_sums_of_floats_leave_over_carries_nothing():
    rows, _ = programme(2, 400)
    rng = np.random.default_rng(3)
    moved = rng.random(400) < 0.1
    rows["zone"] = np.where((rows["group"] == "a") ^ moved, "east", "west")
    rows["luck"] = rng.normal(size=400)
    made = auditkit.audit(
        ByGroup(), rows, label="y", positive=1, outcome="benefit", attributes=["group"],
        policy="minimal",
    )  # fmt: skip
    record, page = made.record, made.files()["report.html"]
    unread = {"luck", "x1", "zone"}
    for feature, row in everyone(record).items():
        if feature in unread:
            assert (row.mean_abs, row.rank_low, row.rank_high) == (0.0, 3, 5)
    carried = {d.contribution for d in record.disparity_attributions if d.feature in unread}
    assert carried == {0.0}
    told = {q.estimate for q in record.explanation_quality if q.measure == "fidelity"}
    assert told == {0.0}
    assert {f.feature for f in record.flips if f.way == "drawn"} <= {"x0"}
    through = [p for p in record.proxies if p.statistic == "gap_through"]
    assert [(p.estimate, p.lower, p.upper) for p in through] == [(0.0, 0.0, 0.0)] * 2
    assert "through group" in page
    assert not any(f"through {feature}" in page for feature in unread)


class OnlyTogether(Chance):
    """Fails where it is asked about fewer rows than it was asked about first."""

    def __init__(self, fewest):
        self.fewest = fewest

    def predict_proba(self, rows):
        if len(rows) < self.fewest:
            raise ValueError(f"what a person has: {rows.iloc[0].to_dict()}")
        return super().predict_proba(rows)


@pytest.mark.parametrize(("fewest", "status"), [(600, "undefined"), (150, "ok")])
def test_a_model_that_fails_on_fewer_rows_ends_no_audit(fewest, status):
    rows, names = programme(2, 600)
    record = audit(OnlyTogether(fewest), rows, names)
    assert record.measurements
    assert record.explanation.status == status
    (stability,) = [q for q in record.explanation_quality if q.measure == "stability"] or [None]
    if stability is not None:
        assert (stability.status, stability.estimate) == ("undefined", None)


@pytest.mark.parametrize("name", ["a0", "(key)", "(recorded)", "d", "label", "n"])
def test_an_input_may_be_called_as_anything_within(name):
    rows, names = programme(2, 100)
    plain = audit(Chance(), rows, names)

    class Renamed(Chance):
        feature_names_in_ = np.array([name, "x1"])

        def chance(self, rows):
            return super().chance(rows.rename(columns={name: "x0"}))

    other = audit(Renamed(), rows.rename(columns={"x0": name}), [name, "x1"])
    assert everyone(other)[name].mean_abs == everyone(plain)["x0"].mean_abs
    assert other.checks == plain.checks
