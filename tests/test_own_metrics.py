"""A user's own metric: against scikit-learn and fairlearn, and what it may do wrong."""

import numpy as np
import pandas as pd
import pytest

import auditkit
from auditkit import DataError, PlanError
from auditkit.own_metrics import called

ASKED = {
    "label": "need",
    "positive": "yes",
    "decision": "decided",
    "outcome": "benefit",
    "attributes": ["gender"],
    "policy": "minimal",
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 1500
    need = rng.random(n) < 0.4
    decided = np.where(rng.random(n) < 0.75, need, rng.random(n) < 0.4)
    return pd.DataFrame(
        {
            "gender": rng.choice(["female", "male"], n, p=[0.3, 0.7]),
            "need": np.where(need, "yes", "no"),
            "decided": np.where(decided, "yes", "no"),
            "w": rng.gamma(3, 1, n),
            "area": rng.choice(["north", "south"], n),
        }
    )


def audit(rows, metrics, **changes):
    asked = {**ASKED, **changes}
    return auditkit.audit(
        None, rows, metrics=metrics, **{k: v for k, v in asked.items() if v is not None}
    )


def row(made, group, against="", attribute="gender"):
    (found,) = (
        r
        for r in made.record.own_metrics
        if (r.attribute, r.group, r.against) == (attribute, group, against)
    )
    return found


def f1(y_true, y_pred, sample_weight=None):
    from sklearn.metrics import f1_score

    return f1_score(y_true, y_pred, sample_weight=sample_weight)


def recall(y_true, y_pred, sample_weight=None):
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    found = y_true == 1
    return (weight * y_pred)[found].sum() / weight[found].sum()


class TestValues:
    def test_by_hand(self):
        pairs = [("a", "yes", "yes")] * 6 + [("a", "yes", "no")] * 2 + [("a", "no", "no")] * 4
        pairs += [("b", "yes", "yes")] * 3 + [("b", "yes", "no")] * 3 + [("b", "no", "yes")] * 1
        frame = pd.DataFrame(pairs, columns=["g", "need", "decided"])
        made = audit(frame, {"reached": recall}, attributes=["g"], smallest=1)
        a, b = row(made, "a", attribute="g"), row(made, "b", attribute="g")
        assert (a.n, a.estimate) == (12, 0.75)
        assert (b.n, b.estimate) == (7, 0.5)
        assert row(made, "a", "rest", attribute="g").estimate == pytest.approx(0.25)
        assert row(made, "(all)", attribute="(all)").estimate == pytest.approx(9 / 14)

    @pytest.mark.parametrize("weight", [None, "w"])
    def test_scikit_learn_and_fairlearn(self, rows, weight):
        from fairlearn.metrics import MetricFrame
        from sklearn.metrics import f1_score

        truth, chosen = (rows[c] == "yes" for c in ("need", "decided"))
        given = {} if weight is None else {"sample_params": {"sample_weight": rows[weight]}}
        frame = MetricFrame(
            metrics=f1_score, y_true=truth, y_pred=chosen, sensitive_features=rows.gender, **given
        )
        made = audit(rows, {"f1": f1}, weight=weight)
        for gender, value in frame.by_group.items():
            assert row(made, gender).estimate == pytest.approx(value, rel=1e-6)
        assert row(made, "(all)", attribute="(all)").estimate == pytest.approx(
            frame.overall, rel=1e-6
        )
        apart = frame.by_group["female"] - frame.by_group["male"]
        assert row(made, "female", "rest").estimate == pytest.approx(apart, rel=1e-5)

    def test_classes_are_given_by_name(self, rows):
        from sklearn.metrics import f1_score

        three = rows.assign(
            need=rows.need.where(rows.index % 3 > 0, "later"),
            decided=rows.decided.where(rows.index % 5 > 0, "later"),
        )

        def macro(y_true, y_pred, sample_weight=None):
            return f1_score(y_true, y_pred, average="macro", sample_weight=sample_weight)

        made = audit(three, {"macro_f1": macro}, task="multiclass")
        women = three[three.gender == "female"]
        value = f1_score(women.need, women.decided, average="macro")
        found = row(made, "female")
        assert found.estimate == pytest.approx(value)
        assert found.lower < value < found.upper


class TestIntervals:
    def test_they_are_dirichlet_draws_of_the_cells(self, rows):
        made = audit(rows, {"reached": recall})
        women = rows[(rows.gender == "female") & (rows.need == "yes")]
        hits, n = int((women.decided == "yes").sum()), len(women)
        draws = np.random.default_rng(0).beta(hits + 0.5, n - hits + 0.5, 200_000)
        found = row(made, "female")
        half = (np.quantile(draws, 0.975) - np.quantile(draws, 0.025)) / 2
        assert found.lower == pytest.approx(np.quantile(draws, 0.025), abs=0.25 * half)
        assert found.upper == pytest.approx(np.quantile(draws, 0.975), abs=0.25 * half)

    def test_group_and_rest_are_drawn_separately(self, rows):
        made = audit(rows, {"reached": recall})
        own, rest, apart = row(made, "female"), row(made, "male"), row(made, "female", "rest")
        width = np.hypot(own.upper - own.lower, rest.upper - rest.lower)
        assert apart.upper - apart.lower == pytest.approx(width, rel=0.25)
        assert apart.lower < apart.estimate < apart.upper

    def test_the_seed_settles_them_whatever_else_is_asked(self, rows):
        once = audit(rows, {"reached": recall}).record.own_metrics
        again = audit(rows.sample(frac=1, random_state=1), {"reached": recall})
        assert again.record.own_metrics == once
        beside = audit(rows, {"f1": f1, "reached": recall}).record.own_metrics
        assert tuple(r for r in beside if r.metric == "reached") == once
        other = audit(rows, {"reached": recall}, seed=1).record.own_metrics
        assert other != once
        assert [r.estimate for r in other] == [r.estimate for r in once]

    @pytest.mark.parametrize("drawn", [{"weight": "w"}, {"strata": "area"}])
    def test_none_where_people_were_drawn_otherwise(self, rows, drawn):
        found = row(audit(rows, {"f1": f1}, **drawn), "female")
        assert (found.lower, found.upper, found.status) == (None, None, "ok")
        assert "no interval" in found.note

    def test_each_recorded_outcome_is_held_against_the_floor(self, rows):
        few = rows[(rows.gender != "female") | (rows.need == "no") | (rows.index < 100)]
        made = audit(few, {"f1": f1})
        found = row(made, "female")
        assert found.status == "insufficient"
        assert "recorded as 1; at least 30 wanted" in found.note
        assert row(made, "male", "rest").status == "insufficient"


class TestWhatAFunctionMayDo:
    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (lambda: {}["Amal"], "raises KeyError"),
            (lambda: float("nan"), "no finite number"),
            (lambda: float("inf"), "no finite number"),
            (lambda: "0.5", "returns a str"),
            (lambda: None, "returns a NoneType"),
            (lambda: [0.5], "returns a list"),
        ],
    )
    def test_no_number_is_undefined_with_a_reason(self, rows, value, why):
        def strange(y_true, y_pred, sample_weight=None):
            return value()

        made = audit(rows, {"strange": strange})
        found = row(made, "female")
        assert (found.estimate, found.lower, found.status) == (None, None, "undefined")
        assert why in found.note
        assert row(made, "female", "rest").status == "undefined"
        assert "Amal" not in str(made.files())

    def test_a_group_without_the_outcome_is_undefined_not_zero(self, rows):
        never = rows[(rows.gender != "female") | ((rows.need == "no") & (rows.decided == "no"))]
        made = audit(never, {"f1": f1, "reached": recall})
        for name in ("f1", "reached"):
            (found,) = (
                r for r in made.record.own_metrics
                if (r.metric, r.group, r.against) == (name, "female", "")
            )  # fmt: skip
            assert (found.status, found.estimate) == ("undefined", None)

    def test_it_may_write_into_what_it_is_given(self, rows):
        def rude(y_true, y_pred, sample_weight=None):
            value = recall(y_true, y_pred, sample_weight)
            y_true[:] = 0
            if sample_weight is not None:
                sample_weight[:] = 0
            return value

        polite = audit(rows, {"m": recall}).record.own_metrics
        assert audit(rows, {"m": rude}).record.own_metrics == polite

    def test_numpy_numbers_are_numbers(self):
        one = np.array([1])
        assert called(lambda *_: np.float32(0.5), one, one, None) == (0.5, "")
        assert called(lambda *_: np.int64(2), one, one, None) == (2.0, "")
        assert called(lambda *_: np.array(0.5), one, one, None) == (0.5, "")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("metrics", "found"),
        [
            ({"precision": f1}, "'precision' is a metric of auditkit"),
            ({"mine": 3}, "'mine' is a int"),
            ({"": f1}, "a name is empty"),
            ([f1], "metrics is a list"),
        ],
    )
    def test_of_names_and_functions(self, rows, metrics, found):
        with pytest.raises(PlanError, match=found):
            audit(rows, metrics)

    def test_all_at_once(self, rows):
        with pytest.raises(PlanError) as error:
            audit(rows, {"precision": f1, "mine": 3})
        assert "precision" in str(error.value)
        assert "mine" in str(error.value)

    def test_weights_that_are_not_heeded(self, rows):
        def unweighted(y_true, y_pred, sample_weight=None):
            return float((y_true == y_pred).mean())

        with pytest.raises(PlanError, match="'unweighted' does not heed sample_weight"):
            audit(rows, {"unweighted": unweighted})

    def test_weights_that_are_not_taken(self, rows):
        def plain(y_true, y_pred):
            return float((y_true == y_pred).mean())

        with pytest.raises(PlanError, match="with sample_weight the function raises TypeError"):
            audit(rows, {"plain": plain})

    def test_no_label(self, rows):
        with pytest.raises(PlanError, match="there is no label column"):
            audit(rows, {"f1": f1}, label=None, positive=None, selected="yes")

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({"label": None, "positive": None, "selected": "yes"}, "there is no label column"),
            (
                {"positive": None, "task": "regression", "tolerance": 1, "policy": "minimal"},
                "an amount is predicted",
            ),
        ],
    )
    def test_what_the_plan_rules_out_is_told_before_the_data_are_read(self, asked, told):
        with pytest.raises(DataError):
            audit("nowhere.csv", None, **asked)
        with pytest.raises(PlanError, match=told):
            audit("nowhere.csv", {"f1": f1}, **asked)


def test_an_audit_without_own_metrics_has_none(rows):
    made = audit(rows, None)
    assert made.record.own_metrics == ()
    assert not any("own_metrics" in note for note in made.record.notes)
    told = audit(rows, {"none": lambda y, d, sample_weight=None: 0.5}).record
    assert any("cannot be repeated from the plan alone" in note for note in told.notes)
    assert made.record.checks == told.checks


def test_counts_as_they_were_published():
    wide = pd.DataFrame(
        {"attribute": ["g", "g"], "group": ["a", "b"], "tp": [60, 50], "fp": [10, 10],
         "fn": [40, 50], "tn": [90, 90]}
    )  # fmt: skip
    made = audit(
        wide, {"reached": recall}, label=None, positive=None, decision=None, attributes=["g"]
    )
    assert row(made, "a", attribute="g").estimate == pytest.approx(0.6)
    assert row(made, "a", "rest", attribute="g").estimate == pytest.approx(0.1)
