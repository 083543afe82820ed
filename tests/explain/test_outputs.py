"""Every kind of model, with several classes or an amount: by which method it is explained.

Held against what the model itself says, through its own interface, of the class that is named.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    RidgeClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from auditkit.evidence.loading import load_model
from auditkit.explain import attributions
from auditkit.explain.attributions import background, explain
from auditkit.plan import make_plan
from auditkit.results import ROUNDING, Status

CLASSES = ["assist", "later", "wait"]
LINEAR, NATIVE, TREES = "exact linear", "boosting library's own", "shap TreeExplainer"
EXACT = "exact Shapley values over all sets"


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    n = 400
    rows = pd.DataFrame(
        {
            "age": rng.normal(40, 12, n),
            "income": rng.lognormal(5, 1, n),
            "size": rng.integers(1, 9, n).astype(float),
            "region": rng.choice(["north", "south", "east"], n),
        }
    )
    push = (rows["age"] - 40) / 12 + (rows["region"] == "north") + rng.normal(0, 0.5, n)
    label = np.select([push > 1, push > 0], ["assist", "later"], "wait")
    amount = 1e6 * (3 + push.clip(-2) + 0.3 * np.log(rows["income"]))
    rows.loc[rng.random(n) < 0.05, "income"] = np.nan
    return SimpleNamespace(rows=rows, label=label, amount=amount.to_numpy())


def encoded(final):
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["region"]),
            remainder=make_pipeline(SimpleImputer(), StandardScaler()),
        ),
        final,
    )


def plan(task="multiclass", model=None, **said):
    told = {"task": task, "label": "y", "outcome": "benefit", **said}
    return make_plan({"data": told, "attributes": {"g": {}}, "model": model or {}})


def two():
    return [("a", LogisticRegression()), ("b", GaussianNB())]


SEVERAL = {
    "logistic": (LogisticRegression, "margin", LINEAR),
    "ridge": (RidgeClassifier, "margin", LINEAR),
    "linear SVC": (LinearSVC, "margin", LINEAR),
    "SVC": (SVC, "margin", EXACT),
    "SVC, linear kernel": (lambda: SVC(kernel="linear"), "margin", EXACT),
    "SVC, pairs": (lambda: SVC(decision_function_shape="ovo"), "decision", EXACT),
    "tree": (lambda: DecisionTreeClassifier(max_depth=4), "probability", TREES),
    "forest": (lambda: RandomForestClassifier(10, max_depth=5), "probability", TREES),
    "extra trees": (lambda: ExtraTreesClassifier(10, max_depth=5), "probability", TREES),
    "boosting": (lambda: GradientBoostingClassifier(n_estimators=5), "margin", EXACT),
    "histogram": (lambda: HistGradientBoostingClassifier(max_iter=5), "margin", TREES),
    "neighbours": (KNeighborsClassifier, "probability", EXACT),
    "Bayes": (GaussianNB, "probability", EXACT),
    "calibrated": (lambda: CalibratedClassifierCV(GaussianNB()), "probability", EXACT),
    "vote": (lambda: VotingClassifier(two(), voting="soft"), "probability", EXACT),
    "hard vote": (lambda: VotingClassifier(two()), "decision", EXACT),
    "stack": (
        lambda: StackingClassifier(two(), final_estimator=GaussianNB(), cv=2),
        "probability",
        EXACT,
    ),
}


def own_output(model, rows, unit, chosen):
    """What the model says of the classes, asked through its own interface."""
    places = [list(model.classes_).index(label) for label in chosen]
    if unit == "margin":
        margins = model.decision_function(rows)
        return margins[:, places[0]] - margins.mean(axis=1)
    if unit == "probability":
        return model.predict_proba(rows)[:, places].sum(axis=1)
    return np.isin(model.predict(rows), chosen).astype(float)


def held_against(found, own, rows):
    """Base plus attributions is the model's own output on every row."""
    values = found.values
    assert found.status is Status.OK
    assert values.shape == (len(rows), len(found.features))
    assert [f for f in found.features if f != ROUNDING] == list(rows)
    assert np.abs(found.base + values.sum(axis=1) - own).max() <= found.tolerance


@pytest.mark.parametrize("chosen", [["later"], ["wait", "assist"]], ids=str)
@pytest.mark.parametrize("kind", SEVERAL)
def test_the_named_classes_of_several(kind, chosen, data):
    make, unit, method = SEVERAL[kind]
    model = encoded(make()).fit(data.rows, data.label)
    scorer = load_model(model, plan(positive=chosen)).with_unit(data.rows)
    together = len(chosen) > 1
    if together and unit == "margin":  # margins of classes are no margin of them together
        unit = "probability" if hasattr(model, "predict_proba") else "decision"
    some = data.rows.iloc[:40]
    found = explain(scorer, some, background(data.rows, 15, 0))
    held_against(found, own_output(model, some, unit, chosen), some)
    assert scorer.explained == tuple(label for label in CLASSES if label in chosen)
    assert found.unit == unit
    if not together or unit == SEVERAL[kind][1]:
        assert method in found.method
        assert "off by" not in found.note or kind == "SVC, linear kernel"
    else:
        assert EXACT in found.method
    assert np.abs(found.values).max() > 1e-3


def test_margins_of_pairs_are_not_taken_for_classes(data):
    # three classes have three pairs: the shape does not tell
    pairs = encoded(SVC(decision_function_shape="ovo")).fit(data.rows, data.label)
    assert pairs.decision_function(data.rows).shape == (400, 3)
    assert load_model(pairs, plan(positive="later")).with_unit(data.rows).unit == "decision"


def test_attributions_of_classes_add_up_to_none(data):
    # what speaks for one class speaks against the others, in whatever unit
    some, behind = data.rows.iloc[:30], background(data.rows, 15, 0)
    for final in (
        LogisticRegression(),
        RandomForestClassifier(10),
        HistGradientBoostingClassifier(),
    ):
        model = encoded(final).fit(data.rows, data.label)
        scorers = [load_model(model, plan(positive=label)).with_unit(some) for label in CLASSES]
        values = [explain(scorer, some, behind).values for scorer in scorers]
        assert np.abs(sum(values)).max() < 1e-9


def test_a_constant_in_all_margins_changes_nothing(data):
    # softmax knows differences only, so a model and its shifted twin are the same model
    model = encoded(LogisticRegression()).fit(data.rows, data.label)
    some, behind = data.rows.iloc[:20], background(data.rows, 15, 0)
    before = explain(load_model(model, plan(positive="later")).with_unit(some), some, behind)
    model[-1].coef_ = model[-1].coef_ + np.arange(model[-1].coef_.shape[1])
    after = explain(load_model(model, plan(positive="later")).with_unit(some), some, behind)
    assert after.values == pytest.approx(before.values, abs=1e-9)


def test_a_model_that_gives_no_probabilities_is_its_decisions(data):
    class Odd(RandomForestClassifier):
        def predict_proba(self, X):
            return 2 * super().predict_proba(X)

    rows = data.rows[["age", "size"]]
    scorer = load_model(Odd(5).fit(rows, data.label), plan(positive="later")).with_unit(rows)
    assert scorer.unit == "decision"
    assert set(np.unique(scorer.output(rows))) <= {0.0, 1.0}


AMOUNTS = {
    "linear": (LinearRegression, LINEAR),
    "Poisson": (PoissonRegressor, EXACT),
    "SVR": (SVR, EXACT),
    "forest": (lambda: RandomForestRegressor(10, max_depth=5), TREES),
    "boosting": (lambda: GradientBoostingRegressor(n_estimators=10), TREES),
    "histogram": (lambda: HistGradientBoostingRegressor(max_iter=10), TREES),
    "neighbours": (KNeighborsRegressor, EXACT),
}


@pytest.mark.parametrize(
    ("kind", "scale"), [*((kind, 1e6) for kind in AMOUNTS), ("linear", 1e-9), ("forest", 1e-9)]
)
def test_an_amount_in_any_unit(kind, scale, data):
    make, method = AMOUNTS[kind]
    model = encoded(make()).fit(data.rows, data.amount / 1e6 * scale)
    scorer = load_model(model, plan("regression")).with_unit(data.rows)
    some = data.rows.iloc[:40]
    found = explain(scorer, some, background(data.rows, 15, 0))
    held_against(found, model.predict(some), some)
    assert (found.unit, scorer.explained) == ("amount", ())
    if kind != "SVR":  # which gives nearly the same for everybody
        assert found.tolerance == pytest.approx(1e-6 * found.output.std())
    assert method in found.method
    assert ROUNDING not in found.features


def test_an_amount_far_from_zero_is_held_against_its_last_digits(data):
    rows = data.rows[["age", "size"]]
    model = SimpleNamespace(
        predict=lambda frame: 1e12 + 1e-4 * np.asarray(frame["age"]),
        feature_names_in_=np.array(["age", "size"]),
    )
    scorer = load_model(model, plan("regression")).with_unit(rows)
    found = explain(scorer, rows.iloc[:40], rows.iloc[50:60])
    assert found.status is Status.OK
    assert found.tolerance == pytest.approx(1e12 * attributions.LAST_DIGITS)


# Where shap alone is wrong, also for these outputs: see the tests of two classes.


def test_native_categories_of_several_classes_and_of_amounts(data):
    rows = data.rows.astype({"region": "category"})
    for make, truth, asked in (
        (HistGradientBoostingClassifier, data.label, plan(positive="assist")),
        (HistGradientBoostingRegressor, data.amount, plan("regression")),
    ):
        model = make(max_iter=10, categorical_features="from_dtype").fit(rows, truth)
        codes = rows.assign(region=rows["region"].cat.codes)
        coded = make(max_iter=10, categorical_features=[3]).fit(codes, truth)
        for fitted, frame in ((model, rows), (coded, codes)):
            scorer = load_model(fitted, asked).with_unit(frame)
            found = explain(scorer, frame.iloc[:30], background(frame, 15, 0))
            held_against(found, scorer.output(frame.iloc[:30]), frame.iloc[:30])
            assert EXACT in found.method
            assert "Not used: shap TreeExplainer" in found.note


def test_float64_backgrounds_of_histogram_boosting(data):
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(2000, 3)), columns=list("abc"))
    push = rows["a"] + rows["b"] * rows["c"]
    label = np.select([push > 1, push > 0], ["assist", "later"], "wait")
    for make, truth, asked in (
        (HistGradientBoostingClassifier, label, plan(positive="assist")),
        (HistGradientBoostingRegressor, push, plan("regression")),
    ):
        scorer = load_model(make(max_iter=60).fit(rows, truth), asked).with_unit(rows)
        some, behind = rows.iloc[:30], rows.iloc[1000:1060]
        found = explain(scorer, some, behind, perturbation="interventional")
        held_against(found, scorer.output(some), some)
        assert "shap TreeExplainer (off by up to" in found.note


# Files, whose models live in another process.


def filed(model, path, library):
    (model.booster_ if library == "lightgbm" else model).save_model(path)
    return path


def booster(library, kind, **options):
    made = {
        "xgboost": ("XGB", {"enable_categorical": True}),
        "lightgbm": ("LGBM", {"verbose": -1}),
        "catboost": (
            "CatBoost",
            {"verbose": 0, "cat_features": ["region"], "allow_writing_files": False},
        ),
    }
    name, more = made[library]
    of = getattr(pytest.importorskip(library), f"{name}{kind}")
    return of(n_estimators=8, random_state=0, **more, **options)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_the_library_s_own_attributions_of_several_classes(library, data, tmp_path):
    rows = data.rows if library == "catboost" else data.rows.astype({"region": "category"})
    codes = np.searchsorted(CLASSES, data.label)
    model = booster(library, "Classifier").fit(rows, codes)
    path = filed(model, tmp_path / "m.ubj", library)
    named = {} if library == "catboost" else {"classes": CLASSES}
    asked = plan(positive=1 if library == "catboost" else "later", model=named)
    scorer = load_model(path, asked)
    try:
        scorer, some = scorer.with_unit(rows), rows.iloc[:40]
        found = explain(scorer, some, background(rows, 15, 0))
        chance = np.log(model.predict_proba(some).astype(float))
        own = chance[:, 1] - chance.mean(axis=1)  # the margin over the mean margin
        assert NATIVE in found.method
        assert found.unit == "margin"
        assert np.abs(found.base + found.values.sum(axis=1) - own).max() < 1e-4
        held_against(found, scorer.output(some), some)
    finally:
        scorer.close()


@pytest.mark.parametrize(
    ("objective", "method"), [("reg:squarederror", NATIVE), ("reg:gamma", EXACT)]
)
def test_amounts_of_a_file_in_single_precision(objective, method, data, tmp_path):
    rows = data.rows.astype({"region": "category"})
    model = booster("xgboost", "Regressor", objective=objective).fit(rows, data.amount)
    scorer = load_model(filed(model, tmp_path / "m.ubj", "xgboost"), plan("regression"))
    try:
        scorer, some = scorer.with_unit(rows), rows.iloc[:40]
        found = explain(scorer, some, background(rows, 15, 0))
        held_against(found, model.predict(some).astype(float), some)
        assert method in found.method
        assert found.tolerance == pytest.approx(1e-4 * found.output.std())
        if method is EXACT:  # the library shares out the logarithm of the amount
            assert "own attributions (off by up to" in found.note
        else:
            remainder = found.output - found.base - found.values.sum(axis=1)
            assert np.abs(remainder).max() < 1e-6 * np.abs(found.output).max()
    finally:
        scorer.close()


def test_several_classes_of_an_onnx_file(data, tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    pytest.importorskip("onnxruntime")
    rows = data.rows[["age", "size"]].astype("float32")
    model = LogisticRegression().fit(rows, data.label)
    kind = skl2onnx.common.data_types.FloatTensorType([None, 2])
    graph = skl2onnx.to_onnx(model, initial_types=[("X", kind)], options={"zipmap": False})
    (tmp_path / "m").write_bytes(graph.SerializeToString())
    asked = plan(positive="later", model={"features": ["age", "size"]})
    scorer = load_model(tmp_path / "m", asked)
    try:
        scorer, some = scorer.with_unit(rows), rows.iloc[:40]
        found = explain(scorer, some, background(rows, 15, 0))
        assert (found.unit, EXACT in found.method) == ("probability", True)
        own = model.predict_proba(some)[:, 1]
        assert np.abs(found.base + found.values.sum(axis=1) - own).max() < 1e-5
    finally:
        scorer.close()


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_function(task, data):
    rows = data.rows[["age", "size"]]

    def chosen(frame):
        return np.where(frame["age"] > 40, "assist", "wait")

    def amount(frame):
        return frame["age"].to_numpy() * frame["size"].to_numpy()

    said = {"features": ["age", "size"]}
    if task == "multiclass":
        asked, function = plan(positive="assist", model={**said, "classes": CLASSES}), chosen
    else:
        asked, function = plan(task, model=said), amount
    scorer = load_model(function, asked).with_unit(rows)
    found = explain(scorer, rows.iloc[:40], rows.iloc[50:60])
    held_against(found, scorer.output(rows.iloc[:40]), rows.iloc[:40])
    assert found.unit == ("decision" if task == "multiclass" else "amount")
    assert EXACT in found.method


def test_a_model_that_contradicts_itself_is_withheld_also_with_amounts(data):
    rows, calls = data.rows[["age", "size"]], iter(range(1000))
    moody = SimpleNamespace(
        predict=lambda frame: frame["age"].to_numpy() * (1 + 1e-3 * next(calls)),
        feature_names_in_=np.array(["age", "size"]),
    )
    scorer = load_model(moody, plan("regression")).with_unit(rows)
    found = explain(scorer, rows.iloc[:20], rows.iloc[50:60])
    assert found.status is Status.UNDEFINED
    assert found.values is None
    assert "no method adds up" in found.note


def test_a_regressor_with_an_empty_list_of_classes_is_one(data):
    rows = data.rows[["age", "size"]]
    model = pytest.importorskip("catboost").CatBoostRegressor(
        iterations=5, verbose=0, allow_writing_files=False
    )
    model.fit(rows, data.amount)
    assert list(model.classes_) == []
    asked = plan("regression", model={"features": ["age", "size"]})
    scorer = load_model(model, asked).with_unit(rows)
    found = explain(scorer, rows.iloc[:40], background(rows, 15, 0))
    held_against(found, model.predict(rows.iloc[:40]), rows.iloc[:40])
    assert TREES in found.method
