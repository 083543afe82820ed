"""A zoo of honest models: what a file answers is what the original answers, to 1e-12.

Each is fitted, saved as its library saves it, opened through the one door, and held against the
original on rows it was not fitted on. ONNX keeps single numbers where scikit-learn keeps double
ones: there the difference is measured, and printed with ``-rP``.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import auditkit
from auditkit import ModelError
from auditkit.evidence.loading import load_model
from auditkit.plan import make_plan

ROWS = 300


def rows(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": rng.normal(100, 30, ROWS).round(1),
            "size": rng.integers(1, 9, ROWS),
            "region": pd.Series(rng.choice(["north", "south", "east"], ROWS), dtype=object),
        }
    )


def outcomes(frame: pd.DataFrame, seed: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    need = (100 - frame["income"]) / 30 + 0.3 * frame["size"] + (frame["region"] == "north")
    need = need + rng.normal(size=len(frame))
    if kind == "regression":
        return need.to_numpy()
    if kind == "multiclass":
        return np.array(["low", "middle", "high"])[np.digitize(need, [1, 2])]
    return np.where(need > 1.4, "yes", "no")


def prepared(model, *, numeric=None):
    """Put the usual preparation of source columns in front of a model."""
    numbers = ["income", "size"]
    encode = ColumnTransformer(
        [("n", numeric or StandardScaler(), numbers), ("r", OneHotEncoder(), ["region"])],
        sparse_threshold=0,
    )
    return make_pipeline(encode, model)


def native():
    return HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20)


def plan_for(kind: str, classes=None, features=None):
    data = {"label": "y", "outcome": "benefit"}
    data |= {"task": kind} if kind != "binary" else {}
    data |= {} if kind == "regression" else {"positive": "yes" if kind == "binary" else "high"}
    model = {"classes": classes, "features": features}
    return make_plan({"data": data, "model": model, "attributes": {"g": {"column": "g"}}})


SKOPS = {
    "logistic": (prepared(LogisticRegression()), "binary"),
    "logistic, multiclass": (prepared(LogisticRegression()), "multiclass"),
    "ridge": (prepared(Ridge()), "regression"),
    "tree": (prepared(DecisionTreeClassifier(max_depth=4)), "binary"),
    "forest": (prepared(RandomForestClassifier(15, random_state=0)), "binary"),
    "forest, multiclass": (prepared(RandomForestClassifier(15, random_state=0)), "multiclass"),
    "forest, amounts": (prepared(RandomForestRegressor(15, random_state=0)), "regression"),
    "extra trees": (prepared(ExtraTreesClassifier(15, random_state=0)), "binary"),
    "gradient boosting": (prepared(GradientBoostingClassifier(n_estimators=15)), "binary"),
    "histogram boosting": (prepared(HistGradientBoostingClassifier(max_iter=15)), "binary"),
    "histogram boosting, amounts": (
        prepared(HistGradientBoostingRegressor(max_iter=9)),
        "regression",
    ),
    "calibrated forest": (
        prepared(CalibratedClassifierCV(RandomForestClassifier(9, random_state=0), cv=3)),
        "binary",
    ),
    "calibrated, isotonic": (
        prepared(CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3)),
        "binary",
    ),
    "imputed": (prepared(LogisticRegression(), numeric=SimpleImputer()), "binary"),
    "ordinal encoder": (
        make_pipeline(
            ColumnTransformer([("r", OrdinalEncoder(), ["region"])], remainder="passthrough"),
            DecisionTreeClassifier(max_depth=5),
        ),
        "binary",
    ),
    "support vectors": (prepared(SVC(probability=False)), "binary"),
    "neighbours": (prepared(KNeighborsClassifier()), "binary"),
    "naive Bayes": (prepared(GaussianNB()), "binary"),
    "neural network": (prepared(MLPClassifier((5,), max_iter=60, random_state=0)), "binary"),
    "gradient descent": (prepared(SGDClassifier(loss="log_loss", random_state=0)), "binary"),
    "voting": (
        prepared(
            VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())], voting="soft")
        ),
        "binary",
    ),
    "stacking": (prepared(StackingClassifier([("a", GaussianNB())], cv=3)), "binary"),
    "search": (
        prepared(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring="f1_macro", cv=3)),
        "binary",
    ),
    "tuned cut": (prepared(TunedThresholdClassifierCV(LogisticRegression(), cv=3)), "binary"),
    "chosen columns": (prepared(make_pipeline(SelectKBest(k=3), LogisticRegression())), "binary"),
    "Gaussian process": (
        prepared(GaussianProcessClassifier(1.0 * RBF(), optimizer=None)),
        "binary",
    ),
    "bagging": (prepared(BaggingClassifier(n_estimators=5, random_state=0)), "binary"),
}


def fitted(model, kind):
    frame = rows(0)
    return model.fit(frame, outcomes(frame, 1, kind))


def same(scorer, model, frame, kind, *, apart: float = 1e-12) -> float:
    """Hold a model from a file against the original; return how far they are apart."""
    if kind == "regression":
        far = np.abs(scorer.amounts(frame) - model.predict(frame)).max()
        assert far <= apart
        return float(far)
    assert scorer.decide(frame).tolist() == [str(label) for label in model.predict(frame)]
    if not hasattr(model, "predict_proba") or not hasattr(scorer.model, "predict_proba"):
        return 0.0
    own = scorer.model.predict_proba(frame)
    far = np.abs(own - model.predict_proba(frame)).max()
    assert far <= apart
    return float(far)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", SKOPS)
def test_scikit_learn(name, tmp_path):
    model, kind = SKOPS[name]
    fitted(model, kind)
    skops.io.dump(model, tmp_path / "model.bin")  # told by content, not by name
    scorer = load_model(tmp_path / "model.bin", plan_for(kind))
    same(scorer, model, rows(2), kind)


def test_categories_of_the_frame(tmp_path):
    frame = rows(0).astype({"region": "category"})
    model = native().fit(frame, outcomes(frame, 1, "binary"))
    skops.io.dump(model, tmp_path / "model.skops")
    scorer = load_model(tmp_path / "model.skops", plan_for("binary"))
    same(scorer, model, rows(2).astype({"region": "category"}), "binary")


# ------------------------------------------------------- files that another process opens


def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.astype({"income": "float64"})
    frame.loc[::7, "income"] = np.nan
    return frame


CODES = {"binary": ["no", "yes"], "multiclass": ["high", "low", "middle"]}


@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_xgboost(kind, suffix, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    frame = with_gaps(rows(0)).astype({"region": "category"})
    y = outcomes(rows(0), 1, kind)
    make = xgboost.XGBRegressor if kind == "regression" else xgboost.XGBClassifier
    model = make(n_estimators=12, enable_categorical=True)
    model.fit(frame, y if kind == "regression" else np.searchsorted(CODES[kind], y))
    model.save_model(tmp_path / f"m.{suffix}")
    (tmp_path / f"m.{suffix}").rename(tmp_path / "model")
    scorer = load_model(tmp_path / "model", plan_for(kind, CODES.get(kind)))
    asked = with_gaps(rows(2))
    theirs = asked.astype({"region": pd.CategoricalDtype(["east", "north", "south"])})
    if kind == "regression":
        assert (scorer.amounts(asked) == model.predict(theirs)).all()
    else:
        found = [CODES[kind].index(label) for label in scorer.decide(asked)]
        assert found == model.predict(theirs).tolist()
        assert (scorer.model.predict_proba(asked) == model.predict_proba(theirs)).all()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_lightgbm(kind, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    frame = with_gaps(rows(0)).astype({"region": "category"})
    make = lightgbm.LGBMRegressor if kind == "regression" else lightgbm.LGBMClassifier
    model = make(n_estimators=12, verbose=-1).fit(frame, outcomes(rows(0), 1, kind))
    model.booster_.save_model(tmp_path / "model")
    scorer = load_model(tmp_path / "model", plan_for(kind, CODES.get(kind)))
    asked = with_gaps(rows(2))
    asked.loc[3, "region"] = None
    theirs = asked.assign(region=pd.Categorical(asked["region"]))
    if kind == "regression":
        assert np.abs(scorer.amounts(asked) - model.predict(theirs)).max() <= 1e-12
    else:
        assert scorer.decide(asked).tolist() == model.predict(theirs).tolist()
        far = np.abs(scorer.model.predict_proba(asked) - model.predict_proba(theirs)).max()
        assert far <= 1e-12


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_catboost(kind, tmp_path):
    catboost = pytest.importorskip("catboost")
    frame = with_gaps(rows(0))
    make = catboost.CatBoostRegressor if kind == "regression" else catboost.CatBoostClassifier
    model = make(iterations=12, verbose=0, cat_features=["region"], allow_writing_files=False)
    model.fit(frame, outcomes(rows(0), 1, kind))
    model.save_model(tmp_path / "model")
    scorer = load_model(tmp_path / "model", plan_for(kind))  # it names its labels itself
    asked = with_gaps(rows(2))
    asked.loc[3, "region"] = "a place it has not seen"
    if kind == "regression":
        assert np.abs(scorer.amounts(asked) - model.predict(asked)).max() <= 1e-12
    else:
        assert scorer.decide(asked).tolist() == model.predict(asked).ravel().tolist()
        far = np.abs(scorer.model.predict_proba(asked) - model.predict_proba(asked)).max()
        assert far <= 1e-12


ONNX = ("logistic", "logistic, multiclass", "ridge", "forest", "calibrated forest",
        "gradient boosting", "histogram boosting")  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("name", ONNX)
def test_onnx(name, zipmap, tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    pytest.importorskip("onnxruntime")
    types = skl2onnx.common.data_types
    model, kind = SKOPS[name]
    fitted(model, kind)
    inputs = [
        ("income", types.FloatTensorType([None, 1])),
        ("size", types.FloatTensorType([None, 1])),
        ("region", types.StringTensorType([None, 1])),
    ]
    options = {} if kind == "regression" else {"zipmap": zipmap}
    graph = skl2onnx.to_onnx(model, initial_types=inputs, options=options)
    (tmp_path / "model").write_bytes(graph.SerializeToString())
    scorer = load_model(tmp_path / "model", plan_for(kind))
    frame = rows(2)
    if kind == "regression":
        far = np.abs(scorer.amounts(frame) - model.predict(frame)).max()
    else:
        far = np.abs(scorer.model.predict_proba(frame) - model.predict_proba(frame)).max()
        other = (scorer.decide(frame) != model.predict(frame)).sum()
        print(f"{name}: {other} of {len(frame)} decisions differ")  # noqa: T201
        assert other <= 6
    print(f"{name}: at most {far:.1e} apart")  # noqa: T201
    # a float at the edge of a node of a tree may fall to the other side
    assert far <= (1e-5 if name in ("logistic", "logistic, multiclass", "ridge") else 0.2)


# --------------------------------------------------------------- columns and labels by place


def unnamed(kind):
    frame = with_gaps(rows(0))[["income", "size"]]
    return frame.to_numpy(), np.searchsorted(["no", "yes"], outcomes(rows(0), 1, kind))


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost", "onnx"])
def test_columns_and_labels_that_only_the_plan_names(library, tmp_path):
    pytest.importorskip(library)
    X, y = unnamed("binary")
    path = tmp_path / "model"
    if library == "xgboost":
        import xgboost

        model = xgboost.XGBClassifier(n_estimators=9).fit(X, y)
        model.save_model(tmp_path / "m.ubj")
        (tmp_path / "m.ubj").rename(path)
    elif library == "lightgbm":
        import lightgbm

        model = lightgbm.LGBMClassifier(n_estimators=9, verbose=-1).fit(X, y)
        model.booster_.save_model(path)
    elif library == "catboost":
        import catboost

        model = catboost.CatBoostClassifier(iterations=9, verbose=0, allow_writing_files=False)
        model.fit(X, np.where(y, "yes", "no")).save_model(path)
    else:
        skl2onnx = pytest.importorskip("skl2onnx")
        X = np.nan_to_num(X, nan=100.0).astype(np.float32)
        model = LogisticRegression().fit(X, np.where(y, "yes", "no"))
        path.write_bytes(skl2onnx.to_onnx(model, X[:1]).SerializeToString())
    named = None if library in ("catboost", "onnx") else ["no", "yes"]
    with pytest.raises(ModelError, match=r"model\.features"):
        load_model(path, plan_for("binary", named))
    with pytest.raises(ModelError, match="lists 1 columns, but the model reads 2"):
        load_model(path, plan_for("binary", named, ["income"]))
    if named:
        with pytest.raises(ModelError, match="name them in that order under"):
            load_model(path, plan_for("binary", None, ["income", "size"]))
    else:
        with pytest.raises(ModelError, match="names its labels itself, in this order: 'no', 'yes'"):
            load_model(path, plan_for("binary", ["yes", "no"], ["income", "size"]))
    scorer = load_model(path, plan_for("binary", named, ["income", "size"]))
    frame = pd.DataFrame(X, columns=["income", "size"])
    theirs = model.predict(X).astype(str)
    theirs = np.where(np.isin(theirs, ["1", "yes"]), "yes", "no")
    assert scorer.decide(frame).tolist() == theirs.tolist()


def test_a_row_that_a_library_fails_on_has_no_decision(tmp_path):
    xgboost = pytest.importorskip("xgboost")
    frame = rows(0).astype({"region": "category"})
    y = np.searchsorted(["no", "yes"], outcomes(rows(0), 1, "binary"))
    model = xgboost.XGBClassifier(n_estimators=9, enable_categorical=True).fit(frame, y)
    model.save_model(tmp_path / "m.json")
    data = rows(2).assign(y=outcomes(rows(2), 3, "binary"), g=["a", "b"] * (ROWS // 2))
    data.loc[data.index[:6], "region"] = "a place it has not seen"
    data.to_csv(tmp_path / "rows.csv", index=False)
    for source in (data, tmp_path / "rows.csv"):
        made = auditkit.audit(
            tmp_path / "m.json", source, label="y", positive="yes", outcome="benefit",
            attributes=["g"], classes=["no", "yes"], policy="minimal",
            explain={"rows": 40, "background": 5},
        )  # fmt: skip
        missing = {
            m.group: m.numerator
            for m in made.record.measurements
            if m.metric == "missing_decision_rate"
        }
        assert missing == {"(all)": 6, "a": 3, "b": 3}
        assert made.record.rows.used == ROWS - 6
        assert made.record.system.model == "XGBoost model"


def early(kind, tmp_path):
    """Fit 60 rounds at most, and stop after the best."""
    xgboost = pytest.importorskip("xgboost")
    frame = rows(0)[["income", "size"]]
    y = (outcomes(rows(0), 1, "binary") == "yes").astype(int)
    first, last = slice(0, 200), slice(200, ROWS)
    if kind == "estimator":
        model = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3, learning_rate=0.8)
        model.fit(frame[first], y[first], eval_set=[(frame[last], y[last])], verbose=0)
        model.save_model(tmp_path / "m.json")
        return model.predict_proba(frame)[:, 1]
    matrix = xgboost.DMatrix(frame[first], label=y[first])
    beside = [(xgboost.DMatrix(frame[last], label=y[last]), "e")]
    asked = {"objective": "binary:logistic", "eta": 0.8}
    model = xgboost.train(asked, matrix, 60, evals=beside, early_stopping_rounds=3, verbose_eval=0)
    model.save_model(tmp_path / "m.json")
    return model.predict(xgboost.DMatrix(frame))


@pytest.mark.parametrize("kind", ["estimator", "own training"])
def test_a_booster_that_stopped_early_decides_by_the_rounds_that_its_library_uses(kind, tmp_path):
    known = early(kind, tmp_path)
    scorer = load_model(tmp_path / "m.json", plan_for("binary", ["no", "yes"]))
    own = scorer.model.predict_proba(rows(0)[["income", "size"]])[:, 1]
    assert (own == known).all()
    assert ("as its best. All" in scorer.file.note) == (kind == "own training")


def test_a_booster_of_several_outcomes_is_refused(tmp_path):
    xgboost = pytest.importorskip("xgboost")
    y = (outcomes(rows(0), 1, "binary") == "yes").astype(int)
    both = np.stack([y, 1 - y], axis=1)
    xgboost.XGBClassifier(n_estimators=3).fit(rows(0)[["income"]], both).save_model(
        tmp_path / "m.json"
    )
    with pytest.raises(ModelError, match="several outcomes at once"):
        load_model(tmp_path / "m.json", plan_for("binary", ["no", "yes"]))


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("positive", ["yes", "no"])
def test_a_booster_shares_its_output_out_among_the_columns(library, positive, tmp_path):
    package = pytest.importorskip(library)
    frame, y = rows(0), outcomes(rows(0), 1, "binary")
    if library == "catboost":
        model = package.CatBoostClassifier(
            iterations=9, verbose=0, cat_features=["region"], allow_writing_files=False
        )
        model.fit(frame, y).save_model(tmp_path / "m")
    elif library == "lightgbm":
        model = package.LGBMClassifier(n_estimators=9, verbose=-1)
        model.fit(frame.astype({"region": "category"}), y).booster_.save_model(tmp_path / "m")
    else:
        model = package.XGBClassifier(n_estimators=9, enable_categorical=True)
        model.fit(frame.astype({"region": "category"}), (y == "yes").astype(int))
        model.save_model(tmp_path / "m.json")
        (tmp_path / "m.json").rename(tmp_path / "m")
    data = rows(2).assign(y=outcomes(rows(2), 3, "binary"), g=["a", "b"] * (ROWS // 2))
    made = auditkit.audit(
        tmp_path / "m", data, label="y", positive=positive, outcome="benefit", attributes=["g"],
        classes=None if library == "catboost" else ["no", "yes"], policy="minimal",
        explain={"rows": 200},
    )  # fmt: skip
    told = made.record.explanation
    assert (told.status, told.unit) == ("ok", "log-odds")
    assert told.method == "the boosting library's own attributions"
    assert {a.feature for a in made.record.attributions} >= {"income", "size", "region"}
    income = next(
        a for a in made.record.disparity_attributions if (a.group, a.feature) == ("a", "income")
    )
    assert income.unit == "log-odds"


# ---------------------------------------------------------------- an older scikit-learn

OLDER = Path(__file__).parent / "older"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["logistic", "forest"])
def test_an_older_scikit_learn(name):
    known = json.loads((OLDER / "answers.json").read_text())
    scorer = load_model(OLDER / f"{name}.skops", plan_for("binary"))
    own = scorer.model.predict_proba(pd.DataFrame(known["rows"]))[:, 1]
    assert np.abs(own - known[name]).max() <= 1e-12
    assert scorer.file.saved_with == f"scikit-learn {known['sklearn']}"


def test_an_older_file_that_this_version_cannot_read_says_which_could():
    with pytest.raises(ModelError, match=r"saved with scikit-learn 1\.7\.2, and this is"):
        load_model(OLDER / "histogram.skops", plan_for("binary"))


# ------------------------------------------------------------------------------- a function


def test_a_function_decides():
    data = rows(2).assign(y=outcomes(rows(2), 3, "binary"), g=["a", "b"] * (ROWS // 2))
    asked = {"label": "y", "positive": "yes", "outcome": "benefit", "attributes": ["g"]}
    asked |= {"policy": "minimal", "features": ["income"], "explain": {"rows": 40}}

    def poor(frame):
        return np.where(frame["income"] < 90, "yes", "no")

    made = auditkit.audit(poor, data, classes=["no", "yes"], **asked)
    column = data.assign(d=poor(data))
    own = auditkit.audit(None, column, decision="d", **{**asked, "features": None, "explain": None})
    assert made.record.measurements == own.record.measurements
    assert made.record.system.model == "function"
    with pytest.raises(ModelError, match="classes"):
        auditkit.audit(poor, data, **asked)

    def chance(frame):
        return np.clip((190 - frame["income"]) / 200, 0, 1)

    cut = auditkit.audit(chance, data, selected={"above": 0.5}, **asked)
    assert cut.record.measurements[0].metric == own.record.measurements[0].metric
    assert [m for m in cut.record.measurements if m.metric in RATES] == [
        m for m in own.record.measurements if m.metric in RATES
    ]


RATES = ("selection_rate", "false_negative_rate", "false_positive_rate", "precision")
