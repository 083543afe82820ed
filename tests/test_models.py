"""A model is loaded without running its code, and given the columns it was fitted on only."""

import io
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import auditkit
from auditkit import DataError, ModelError

FEATURES = ["income", "town"]


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(11)
    n = 600
    income = rng.normal(50, 12, n).round(1)
    town = rng.choice(["north", "south", "west"], n)
    need = rng.random(n) < 1 / (1 + np.exp((income - 45) / 6 + (town == "north")))
    return pd.DataFrame(
        {
            "income": income,
            "town": town,
            "gender": rng.choice(["female", "male"], n),
            "need": np.where(need, "yes", "no"),
        }
    )


def encoded(final):
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["town"]),
            (StandardScaler(), ["income"]),
        ),
        final,
    )


HONEST = {
    "logistic": encoded(LogisticRegression()),
    "forest": encoded(RandomForestClassifier(10, random_state=0)),
    "boosting": encoded(GradientBoostingClassifier(n_estimators=10, random_state=0)),
    "histogram": encoded(HistGradientBoostingClassifier(max_iter=10, random_state=0)),
    "tree": encoded(DecisionTreeClassifier(max_depth=3, random_state=0)),
    "calibrated": encoded(CalibratedClassifierCV(LogisticRegression(), cv=2)),
    "svm": encoded(LinearSVC()),
}


def audit(model, data, **changes):
    asked = {
        "label": "need",
        "positive": "yes",
        "outcome": "benefit",
        "attributes": ["gender"],
        "policy": "minimal",
        "explain": {"rows": 50, "background": 10},
    }
    return auditkit.audit(model, data, **{**asked, **changes})


@pytest.mark.parametrize("name", HONEST)
def test_honest_models_load_and_decide_as_they_did(people, tmp_path, name):
    model = HONEST[name].fit(people[FEATURES], people["need"])
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    loaded = audit(path, people, explain={"rows": 0})
    decided = people.assign(d=model.predict(people[FEATURES]))
    column = audit(None, decided, decision="d")
    assert loaded.record.measurements == audit(model, people).record.measurements
    rates = column.record.measurements  # the model also has scores
    assert loaded.record.measurements[: len(rates)] == rates


def test_a_file_of_text_is_read_as_the_model_was_fitted(people, tmp_path):
    model = HONEST["histogram"].fit(people[FEATURES], people["need"])
    path = tmp_path / "rows.csv"
    people.to_csv(path, index=False)
    assert audit(model, path).record.measurements == audit(model, people).record.measurements
    assert audit(model, path).record.attributions == audit(model, people).record.attributions


def test_text_that_looks_like_numbers_stays_text_if_the_encoder_was_fitted_on_text(
    people, tmp_path
):
    coded = people.assign(town=people["town"].map({"north": "01", "south": "1", "west": "2"}))
    model = HONEST["logistic"].fit(coded[FEATURES], coded["need"])
    path = tmp_path / "rows.csv"
    coded.to_csv(path, index=False)
    assert audit(model, path).record.measurements == audit(model, coded).record.measurements


def test_a_number_that_cannot_be_read_is_an_error_with_a_count(people, tmp_path):
    model = HONEST["logistic"].fit(people[FEATURES], people["need"])
    broken = people.astype({"income": str})
    broken.loc[[3, 5], "income"] = "n/a"
    path = tmp_path / "rows.csv"
    broken.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"'income' is read by the model as a number, but 2 of 600"):
        audit(model, path)


def test_batches_do_not_change_the_numbers(people, monkeypatch):
    model = HONEST["forest"].fit(people[FEATURES], people["need"])
    whole = audit(model, people).record
    monkeypatch.setattr("auditkit.evidence.sources.BATCH_ROWS", 70)
    monkeypatch.setattr("auditkit.evidence.sources.Source.batches.__defaults__", (70,))
    parts = audit(model, people).record
    assert parts.measurements == whole.measurements
    assert parts.attributions == whole.attributions
    assert parts.disparity_attributions == whole.disparity_attributions


def test_the_order_of_rows_changes_nothing(people):
    model = HONEST["logistic"].fit(people[FEATURES], people["need"])
    shuffled = people.sample(frac=1, random_state=5)
    one, other = audit(model, people).record, audit(model, shuffled).record
    assert one.measurements == other.measurements
    assert one.attributions == other.attributions


def test_columns_are_given_by_name_in_the_models_order(people):
    model = HONEST["logistic"].fit(people[FEATURES], people["need"])
    turned = people[people.columns[::-1]]
    assert audit(model, turned).record.measurements == audit(model, people).record.measurements


class TestProtectedColumns:
    class Watching(LogisticRegression):
        def predict(self, X):
            assert list(X.columns) == ["income"]
            return super().predict(X)

    def test_they_are_not_given_to_the_model(self, people):
        model = self.Watching().fit(people[["income"]], people["need"])
        made = audit(model, people, explain={"rows": 0})
        assert [a.model_input for a in made.record.attributes] == [False]

    def test_unless_they_are_inputs_and_then_the_record_says_so(self, people):
        data = people.assign(female=(people["gender"] == "female").astype(int))
        model = LogisticRegression().fit(data[["income", "female"]], data["need"])
        made = audit(model, data, attributes=["female"])
        assert [a.model_input for a in made.record.attributes] == [True]


class TestRefused:
    def check(self, words, model, data, **changes):
        with pytest.raises(ModelError) as caught:
            audit(model, data, **changes)
        for word in words:
            assert word in str(caught.value)

    def test_a_pickle(self, people, tmp_path):
        canary = tmp_path / "canary"

        class Evil:
            def __reduce__(self):
                return (open, (str(canary), "w"))

        path = tmp_path / "model.skops"
        path.write_bytes(pickle.dumps(Evil()))
        self.check(["is a pickle", "was not opened", "skops.io.dump"], path, people)
        assert not canary.exists()

    def test_a_skops_file_with_another_type(self, people, tmp_path):
        import os

        path = tmp_path / "model.skops"
        skops.io.dump(make_pipeline(FunctionTransformer(os.system), LogisticRegression()), path)
        self.check(["not on the reviewed list", "system", "was not loaded"], path, people)

    def test_a_zip_that_is_no_model(self, people, tmp_path):
        path = tmp_path / "model.skops"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("hello.txt", "hello")
        path.write_bytes(buffer.getvalue())
        self.check(["without a schema.json"], path, people)

    def test_a_missing_file(self, people, tmp_path):
        self.check(["'model.skops' does not exist"], tmp_path / "model.skops", people)

    def test_an_unfitted_model(self, people):
        self.check(["not fitted, or not a classifier"], LogisticRegression(), people)

    def test_a_regressor(self, people):
        model = LinearRegression().fit(people[["income"]], people["need"] == "yes")
        self.check(["LinearRegression has no classes_", "binary"], model, people)

    def test_a_model_of_three_classes(self, people):
        model = LogisticRegression().fit(people[["income"]], people["town"])
        self.check(["3 labels", "'north'"], model, people, positive="north", label="town")

    def test_a_positive_label_the_model_does_not_know(self, people):
        model = LogisticRegression().fit(people[["income"]], people["need"] == "yes")
        self.check(["'yes' is not among the model's labels", "'false', 'true'"], model, people)

    def test_a_model_fitted_on_arrays_needs_its_columns_listed(self, people):
        model = LogisticRegression().fit(people[["income"]].to_numpy(), people["need"])
        self.check(["fitted without column names"], model, people)
        made = audit(model, people, features=["income"])
        named = LogisticRegression().fit(people[["income"]], people["need"])
        assert made.record.measurements == audit(named, people).record.measurements

    def test_features_that_are_not_the_models(self, people):
        model = LogisticRegression().fit(people[["income"]], people["need"])
        self.check(["missing 'income'", "unknown 'wage'"], model, people, features=["wage"])

    def test_a_model_that_fails_without_quoting_a_row(self, people):
        model = HONEST["logistic"].fit(people[FEATURES], people["need"])
        broken = people.astype({"income": object})
        broken.loc[4, "income"] = "Jane Doe"
        with pytest.raises((ModelError, DataError)) as caught:
            audit(model, broken)
        assert "Jane" not in str(caught.value)

    def test_a_cut_without_probabilities(self, people):
        model = LinearSVC().fit(people[["income"]], people["need"])
        self.check(["LinearSVC has no predict_proba"], model, people, selected={"above": 0.5})


def test_a_digest_is_checked(people, tmp_path):
    from auditkit.evidence.model_files import open_model
    from auditkit.plan import make_plan

    path = tmp_path / "model.skops"
    skops.io.dump(LogisticRegression().fit(people[["income"]], people["need"]), path)
    plan = make_plan(
        {
            "data": {"label": "need", "positive": "yes", "outcome": "benefit"},
            "attributes": {"gender": {}},
            "model": {"sha256": "0" * 64},
        }
    )
    with pytest.raises(ModelError, match="another file, or it was changed"):
        open_model(path, plan)


def test_the_cut_is_strictly_above(people):
    model = LogisticRegression().fit(people[["income"]], people["need"])
    chance = model.predict_proba(people[["income"]])[:, 1]
    cut = float(np.sort(chance)[300])
    made = audit(model, people, selected={"above": cut})
    selected = made.table("measurements").query("metric == 'selection_rate' and group == '(all)'")
    assert selected["numerator"].item() == int((chance > cut).sum())


def test_missing_features_never_remove_a_row(people):
    data = people.assign(income=people["income"].mask(people.index % 5 == 0))
    model = HistGradientBoostingClassifier(max_iter=10).fit(data[["income"]], data["need"])
    made = audit(model, data)
    assert (made.record.rows.read, made.record.rows.used) == (600, 600)


def test_a_prediction_that_is_missing_is_an_exclusion_by_group(people):
    class Abstaining(LogisticRegression):
        def predict(self, X):
            out = super().predict(X).astype(object)
            out[X["income"].to_numpy() < 35] = None
            return out

    model = Abstaining().fit(people[["income"]], people["need"])
    made = audit(model, people, explain={"rows": 0})
    expected = int((people["income"] < 35).sum())
    assert made.table("exclusions").query("attribute == '(all)'")["rows"].item() == expected
    assert made.record.rows.used == 600 - expected
