"""Traps of models: outputs that do not fit, columns read in another way than they were fitted."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import auditkit
from auditkit import DataError, ModelError, PlanError


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    n = 600
    x = rng.normal(size=n).round(3)
    area = rng.choice(["1", "2", "3"], n)
    likely = 1 / (1 + np.exp(-x - 2.0 * (area == "1") + 2.0 * (area == "3")))
    return pd.DataFrame(
        {
            "x": x,
            "area": area,
            "kind": rng.choice(["u", "v", "w"], n),
            "sex": rng.choice(["f", "m"], n),
            "name": [f"Person {i}" for i in range(n)],
            "need": np.where(rng.random(n) < likely, "yes", "no"),
        }
    )


def audit(model, data, **changes):
    asked = {
        "label": "need",
        "positive": "yes",
        "outcome": "benefit",
        "attributes": ["sex"],
        "policy": "minimal",
        "explain": {"rows": 0},
    }
    return auditkit.audit(model, data, **{**asked, **changes})


def selected(model, data, **changes):
    made = audit(model, data, **changes)
    return next(m.numerator for m in made.record.measurements if m.metric == "selection_rate")


class Made:
    """A classifier whose methods are what a test wants them to be."""

    def __init__(self, predict=None, **own):
        self.classes_ = np.array(["no", "yes"])
        self.feature_names_in_ = np.array(["x"])
        self.predict = predict or (lambda rows: np.where(rows.x > 0, "yes", "no"))
        vars(self).update(own)


# ---------------------------------------------------------------------------- outputs of the model


@pytest.mark.parametrize(
    ("predict", "told"),
    [
        (lambda rows: 1 / (1 + np.exp(-rows.x.to_numpy())), r"600 of 600 rows: \d+ different"),
        (lambda rows: (rows.x > 0) * 1, r"600 of 600 rows: '1' in \d+ rows, '0' in \d+ rows"),
        (
            lambda rows: np.where(rows.x > 1, "maybe", np.where(rows.x > 0, "yes", "no")),
            r"rows: 'maybe' in \d+ rows",
        ),
    ],
)
def test_a_prediction_that_is_no_label_is_not_counted_as_not_selected(people, predict, told):
    with pytest.raises(ModelError, match=rf"not among its labels \('no', 'yes'\) in .*{told}"):
        audit(Made(predict), people)


def test_a_missing_prediction_is_left_out_and_counted(people):
    model = Made(lambda rows: np.where(rows.x > 1, None, "yes"))
    rows = audit(model, people).record.rows
    assert rows.used == int((people["x"] <= 1).sum()) < rows.read


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"predict": lambda rows: np.full((len(rows), 1), "yes")}, r"shape \(600, 1\)"),
        ({"predict": lambda rows: np.full(len(rows) - 1, "yes")}, r"shape \(599,\)"),
        ({"predict": lambda rows: "yes"}, r"shape \(\)"),
        ({"predict_proba": lambda rows: np.full(len(rows), 0.7)}, r"shape \(600,\)"),
        ({"predict_proba": lambda rows: np.full((len(rows), 1), 0.7)}, r"shape \(600, 1\)"),
        ({"predict_proba": lambda rows: np.full((1, 2), 0.7)}, r"shape \(1, 2\)"),
        ({"predict_proba": lambda rows: np.full((len(rows), 2), "x")}, "not numbers"),
        ({"predict_proba": lambda rows: np.full((len(rows), 2), 0.5 + 1j)}, "not numbers"),
        ({"predict_proba": lambda rows: np.full((len(rows), 2), 7)}, "600 of 600 rows a number"),
        ({"decision_function": lambda rows: np.zeros((len(rows), 2))}, r"shape \(600, 2\)"),
        ({"classes_": [np.array(["no", "yes"]), np.array([0, 1])]}, "several outcomes at once"),
        ({"classes_": 5}, "names no labels"),
        ({"classes_": np.array(["yes", "yes"])}, "spelled alike"),
        ({"feature_names_in_": np.array(["x", "x"])}, "more than one column named 'x'"),
        (
            {"predict": lambda rows: pd.Series(["yes"] * len(rows), index=rows.index[::-1])},
            "another index",
        ),
    ],
)
def test_an_output_of_another_shape_or_kind_is_refused(people, own, told):
    changes = {"explain": {"rows": 20}}
    if "predict_proba" in own:
        changes["selected"] = {"above": 0.5}
    with pytest.raises(ModelError, match=told):
        audit(Made(**own), people, **changes)


def test_what_a_model_says_when_it_fails_is_not_told(people):
    def fail(rows):
        raise ValueError(f"bad record Fatima Hassan of {rows.iloc[0].tolist()}")

    with pytest.raises(ModelError, match=r"predict failed \(ValueError\)") as caught:
        audit(Made(fail), people)
    assert "Fatima" not in str(caught.value)
    with pytest.raises(ModelError, match="SystemExit"):
        audit(Made(lambda rows: exit(0)), people)


def test_a_failure_names_the_column_that_differs(people):
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(people[["kind"]], people.need)
    strange = people.assign(kind=["Fatima"] * 3 + people["kind"].tolist()[3:])
    with pytest.raises(ModelError, match=r"'kind' holds values it was not fitted on \(3\)") as e:
        audit(model, strange)
    assert "Fatima" not in str(e.value)


def test_a_model_that_writes_into_its_rows_changes_nothing(people):
    def write(rows):
        out = np.where(rows.x > 0, "yes", "no")
        rows["x"] = 0.0
        return out

    assert selected(Made(write), people) == int((people["x"] > 0).sum())


# ----------------------------------------------------------------- columns as the model knows them

WIDE = ["x", "area", "kind"]


def encoded():
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["area", "kind"]), (StandardScaler(), ["x"])
        ),
        LogisticRegression(),
    )


DEEP = {
    "encoder alone": (
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
        ["area", "kind"],
    ),
    "by place": (
        make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), [1, 2]), (StandardScaler(), slice(0, 1))
            ),
            LogisticRegression(),
        ),
        WIDE,
    ),
    "pipeline in pipeline": (make_pipeline(encoded()), WIDE),
    "after another step": (make_pipeline(FunctionTransformer(), encoded()), WIDE),
    "search": (GridSearchCV(encoded(), {"logisticregression__C": [1.0]}, cv=2), WIDE),
    "calibrated": (CalibratedClassifierCV(encoded(), cv=2), WIDE),
}


@pytest.mark.parametrize("name", DEEP)
def test_digits_that_an_encoder_knows_as_text_stay_text(people, tmp_path, name):
    model, columns = DEEP[name]
    model.fit(people[columns], people["need"])
    people.to_csv(tmp_path / "rows.csv", index=False)
    assert selected(model, tmp_path / "rows.csv") == selected(model, people)


def test_boosting_with_categories_of_its_own(people, tmp_path):
    typed = people.astype({"area": "category", "kind": "category"})
    model = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")
    model.fit(typed[WIDE], typed["need"])
    people.to_csv(tmp_path / "rows.csv", index=False)
    assert selected(model, tmp_path / "rows.csv") == selected(model, typed)


class Hiding(FunctionTransformer):
    """A step that encodes, and does not say which columns."""

    def fit(self, rows, y=None):
        self.inner_ = OneHotEncoder(handle_unknown="ignore").fit(rows[["area"]])
        return super().fit(rows, y)

    def transform(self, rows):
        return self.inner_.transform(rows[["area"]])


def test_an_encoder_nobody_can_place_asks_how_digits_are_read(people, tmp_path):
    model = make_pipeline(Hiding(), LogisticRegression()).fit(people[["area"]], people["need"])
    people.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"\[model.features\] area = \"number\" or area = \"text\""):
        audit(model, tmp_path / "rows.csv")
    declared = {"area": "text"}  # a part of the columns is enough where the model knows them all
    counted = selected(model, tmp_path / "rows.csv", features=declared)
    assert counted == selected(model, people)


def test_true_and_false_in_a_file_are_the_numbers_the_model_was_fitted_on(people, tmp_path):
    flagged = people.assign(flag=people["x"] > 0.3)
    model = LogisticRegression().fit(flagged[["x", "flag"]], flagged["need"])
    flagged.to_csv(tmp_path / "rows.csv", index=False)
    assert selected(model, tmp_path / "rows.csv") == selected(model, flagged)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_text_is_given_as_the_model_was_fitted_on_it(tmp_path, missing):
    rng = np.random.default_rng(0)
    kind = pd.Series(rng.choice(["u", "v", "gone"], 900), dtype=object)
    need = np.where(rng.random(900) < kind.map({"u": 0.2, "v": 0.3, "gone": 0.9}), "yes", "no")
    data = pd.DataFrame({"kind": kind.where(kind != "gone", missing), "need": need})
    data["sex"] = rng.choice(["f", "m"], 900)
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(data[["kind"]], data["need"])
    data.to_csv(tmp_path / "rows.csv", index=False)
    data.to_parquet(tmp_path / "rows.parquet")
    counted = {selected(model, source) for source in (data, *tmp_path.iterdir())}
    assert len(counted) == 1


# ------------------------------------------------------------------------------- names of features


@pytest.mark.parametrize("features", [{"x", "area"}, "x"])
def test_features_without_an_order_are_refused(people, features):
    model = GaussianNB().fit(people[["x"]].to_numpy(), people["need"])
    with pytest.raises(PlanError, match="features"):
        audit(model, people, features=features)


def test_features_are_named_once_and_belong_to_a_model(people):
    model = GaussianNB().fit(people[["x", "x"]].to_numpy(), people["need"])
    with pytest.raises(PlanError, match="'x' more than once"):
        audit(model, people, features=["x", "x"])
    with pytest.raises(PlanError, match="no model"):
        audit(None, people.assign(d="no"), decision="d", features=["x"])


def test_a_model_that_reads_the_label_is_refused(people):
    seen = people.assign(need=(people["need"] == "yes") * 1)
    model = LogisticRegression().fit(seen[["x", "need"]], seen["need"])
    with pytest.raises(ModelError, match="reads the label column 'need'"):
        audit(model, seen, positive=1)
