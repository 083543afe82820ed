"""Attributions of real models, held against the models themselves and against known answers."""

import itertools
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from auditkit.evidence.models import Scorer
from auditkit.explain import shapley, trees
from auditkit.explain.attributions import TOLERANCE, background, explain
from auditkit.results import ROUNDING, Status

NUMBERS = ["age", "income", "size"]
TEXT = ["region", "camp"]


def encoded(final):
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), TEXT),
            remainder=make_pipeline(SimpleImputer(), StandardScaler()),
        ),
        final,
    )


def forest():
    return RandomForestClassifier(n_estimators=30, max_depth=6, random_state=0)


def boosting(**options):
    return HistGradientBoostingClassifier(max_iter=40, random_state=0, **options)


def shap():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap
    return shap


def agrees(found, scorer, rows):
    """Whatever it says of itself, base plus attributions is the model's output on every row."""
    gap = found.base + found.values.sum(axis=1) - scorer.output(rows)
    assert found.status is Status.OK
    assert found.additivity <= found.tolerance
    assert np.abs(gap).max() <= TOLERANCE
    assert found.values.shape == (len(rows), len(found.features))
    assert found.values.dtype == np.float64
    return True


FAMILIES = {
    "logistic": (lambda: encoded(LogisticRegression()), "log-odds", "linear"),
    "ridge": (lambda: encoded(RidgeClassifier()), "margin", "linear"),
    "boosting": (lambda: encoded(GradientBoostingClassifier(n_estimators=30)), "log-odds", "shap"),
    "histogram boosting": (
        lambda: make_pipeline(
            make_column_transformer(
                (OneHotEncoder(sparse_output=False), TEXT), remainder="passthrough"
            ),
            boosting(),
        ),
        "log-odds",
        "shap",
    ),
    "forest": (lambda: encoded(forest()), "probability", "shap"),
    "extra trees": (
        lambda: encoded(ExtraTreesClassifier(20, max_depth=5, random_state=0)),
        "probability",
        "shap",
    ),
    "tree": (lambda: encoded(DecisionTreeClassifier(max_depth=4)), "probability", "shap"),
}


@pytest.mark.parametrize("first", [False, True], ids=["positive second", "positive first"])
@pytest.mark.parametrize("perturbation", ["auto", "interventional"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_one_value_a_source_column(family, perturbation, first, people, scorer):
    rows, label = people
    make, unit, method = FAMILIES[family]
    model = scorer(make().fit(rows, label), rows, unit, first)
    some = rows.iloc[:60]
    found = explain(model, some, rows.iloc[100:130], perturbation=perturbation)
    assert agrees(found, model, some)
    assert found.values.shape == (60, 5)  # H1, H9: 12 camps and two classes are one column
    assert found.unit == unit
    if (family, perturbation) != ("histogram boosting", "interventional"):
        assert method in found.method
        assert "Not used" not in found.note
        assert ("encoded columns are summed" in found.note) == (method == "shap")
    wants_trees = method == "shap" and perturbation == "auto"
    assert found.perturbation == ("tree_path_dependent" if wants_trees else "interventional")
    assert found.background == (0 if wants_trees else 30)


@pytest.mark.parametrize("first", [False, True])
def test_linear_attributions_are_the_coefficient_times_the_distance(first, people, scorer):
    rows, label = people
    pipeline = encoded(LogisticRegression()).fit(rows, label)
    behind = rows.iloc[:50]
    found = explain(scorer(pipeline, rows, "log-odds", first), rows, behind)
    sign = -1.0 if first else 1.0
    transform, coef = pipeline[0], sign * pipeline[1].coef_[0]
    matrix = transform.transform(rows)
    matrix = np.asarray(matrix.todense()) if hasattr(matrix, "todense") else matrix
    each = coef * (matrix - matrix[:50].mean(axis=0))
    levels = [len(c) for c in transform.transformers_[0][1].categories_]
    cuts = np.cumsum([0, *levels, 1, 1, 1])
    by_hand = np.column_stack([each[:, a:b].sum(axis=1) for a, b in itertools.pairwise(cuts)])
    order = [*TEXT, *NUMBERS]
    assert found.values == pytest.approx(
        by_hand[:, [order.index(name) for name in found.features]], abs=1e-12
    )
    assert found.base == pytest.approx(sign * pipeline.decision_function(behind).mean(), abs=1e-12)
    assert levels[1] == 12


def test_the_two_classes_mirror_each_other(people, scorer):
    rows, label = people
    some, behind = rows.iloc[:40], rows.iloc[100:120]
    for make, unit, total in (
        (lambda: encoded(forest()), "probability", 1.0),
        (lambda: encoded(GradientBoostingClassifier(n_estimators=20)), "log-odds", 0.0),
        (lambda: encoded(LogisticRegression()), "log-odds", 0.0),
    ):
        model = make().fit(rows, label)
        one = explain(scorer(model, rows, unit, False), some, behind)
        other = explain(scorer(model, rows, unit, True), some, behind)
        assert other.values == pytest.approx(-one.values, abs=1e-12)
        assert one.base + other.base == pytest.approx(total, abs=1e-12)


def test_interventional_trees_are_the_exact_values_over_all_coalitions(people, scorer):
    rows, label = people
    some, behind = rows.iloc[:15], rows.iloc[100:112]
    # one column for each source: summed one-hot columns are players of another game, in which a
    # row may live in two camps at once
    one_to_one = make_pipeline(
        make_column_transformer(
            (OrdinalEncoder(encoded_missing_value=-1), TEXT), remainder=SimpleImputer()
        ),
        forest(),
    )
    model = scorer(one_to_one.fit(rows, label), rows, "probability")
    by_trees = explain(model, some, behind, perturbation="interventional")
    assert "shap" in by_trees.method
    game = shapley.game(some, behind, model.output)
    assert by_trees.values == pytest.approx(shapley.exact(game), abs=1e-6)


# Where shap alone is wrong. If one of these fails because shap is right, the refusal can go.


def test_shap_is_silently_wrong_for_native_categories_and_we_are_not(people, scorer):
    rows, label = people
    codes = rows.assign(
        **dict(zip(TEXT, OrdinalEncoder().fit_transform(rows[TEXT]).T, strict=True))
    )
    native = boosting(categorical_features=[3, 4]).fit(codes, label)
    explainer = shap().TreeExplainer(native, feature_perturbation="tree_path_dependent")
    values = explainer.shap_values(codes)  # no exception, no warning
    off = np.abs(explainer.expected_value + values.sum(axis=1) - native.decision_function(codes))
    assert off.max() > 0.5

    model = scorer(native, codes)
    found = explain(model, codes.iloc[:40], codes.iloc[100:110])
    assert agrees(found, model, codes.iloc[:40])
    assert "Shapley" in found.method
    assert "native categories" in found.note


def test_native_categories_from_dtype(categories, scorer):
    rows, label = categories
    native = boosting(categorical_features="from_dtype").fit(rows, label)
    with pytest.raises(ValueError, match="could not convert"):
        shap().TreeExplainer(native).shap_values(rows)
    model = scorer(native, rows)
    for perturbation in ("auto", "interventional"):
        found = explain(model, rows.iloc[:40], rows.iloc[100:110], perturbation=perturbation)
        assert agrees(found, model, rows.iloc[:40])
        assert found.perturbation == "interventional"
    assert np.abs(found.values[:, 4]).mean() > 0.05  # the camp matters, and is seen to


def test_shap_is_wrong_for_float64_backgrounds_of_histogram_boosting_and_we_are_not(people, scorer):
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(3000, 4)), columns=list("abcd"))
    y = (X["a"] + X["b"] * X["c"] + rng.normal(size=3000) > 0).astype(int)
    native = HistGradientBoostingClassifier(max_iter=100).fit(X, y)
    behind, some = X.iloc[1000:1100], X.iloc[:40]
    explainer = shap().TreeExplainer(
        native, behind.to_numpy(), feature_perturbation="interventional"
    )
    values = explainer.shap_values(some.to_numpy(), check_additivity=False)
    off = np.abs(explainer.expected_value + values.sum(axis=1) - native.decision_function(some))
    assert off.max() > 1e-3

    model = scorer(native, X)
    found = explain(model, some, behind, perturbation="interventional")
    assert agrees(found, model, some)
    assert "over all sets of source columns" in found.method
    assert "shap TreeExplainer (off by up to" in found.note


@pytest.mark.parametrize("mix", ["components", "a function of two columns"])
def test_a_step_that_mixes_columns_leads_to_source_columns(mix, people, scorer):
    rows, label = people
    step = (
        make_pipeline(SimpleImputer(), PCA(2))
        if mix == "components"
        else FunctionTransformer(lambda f: f.assign(ratio=f["income"] / f["size"]).fillna(0.0))
    )
    for final, unit in ((LogisticRegression(max_iter=5000), "log-odds"), (forest(), "probability")):
        model = scorer(make_pipeline(step, final).fit(rows[NUMBERS], label), rows[NUMBERS], unit)
        some = rows[NUMBERS].iloc[:30]
        found = explain(model, some, rows[NUMBERS].iloc[100:120])
        assert agrees(found, model, some)
        assert "over all sets of source columns" in found.method
        assert "may mix columns" in found.note


def test_missing_values_and_text_survive_in_a_model_shap_does_not_know(people, scorer):
    rows, label = people
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(sparse_output=False), TEXT), remainder=SimpleImputer()
        ),
        GaussianNB(var_smoothing=1e-2),
    ).fit(rows, label)
    model = scorer(pipeline, rows, "probability")
    some = rows[rows.isna().any(axis=1)].iloc[:30]
    found = explain(model, some, rows.iloc[100:140])
    assert agrees(found, model, some)
    assert "over all sets of source columns" in found.method
    assert found.noise is None


def test_a_column_the_model_does_not_read_gets_nothing(people, scorer):
    rows, label = people
    pipeline = make_pipeline(
        make_column_transformer((SimpleImputer(), ["age"]), (OneHotEncoder(), ["camp"])),
        LogisticRegression(),
    ).fit(rows, label)
    model = scorer(pipeline, rows)
    quick = explain(model, rows.iloc[:20], rows.iloc[50:70])
    game = shapley.game(rows.iloc[:20], rows.iloc[50:70], model.output)
    for values in (quick.values, shapley.exact(game), shapley.sampled(game, 0)):
        assert np.abs(values[:, [1, 2, 3]]).max() < 1e-15
        assert (np.abs(values[:, [0, 4]]).max(axis=0) > 1e-3).all()


def test_a_duplicated_column_shares_what_the_column_had(people, scorer, function):
    rows, label = people
    one = rows[["age", "size"]].astype(float)
    two = one.assign(again=one["age"])
    some = slice(0, 50)
    single = LogisticRegression(C=1e6, max_iter=5000).fit(one, label)
    double = LogisticRegression(C=1e6, max_iter=5000).fit(two, label)
    alone = explain(scorer(single, one), one.iloc[some], one.iloc[100:150]).values
    shared = explain(scorer(double, two), two.iloc[some], two.iloc[100:150]).values
    assert shared[:, 0] == pytest.approx(shared[:, 2], abs=1e-9)
    assert shared[:, 0] + shared[:, 2] == pytest.approx(alone[:, 0], abs=1e-3)

    # any model that treats the two alike, by coalitions
    product = function(lambda f: (f["age"] * f["again"] * f["size"]).to_numpy(), two)
    found = explain(product, two.iloc[some], two.iloc[100:150])
    assert found.values[:, 0] == pytest.approx(found.values[:, 2], rel=1e-9)


def test_the_same_seed_gives_the_same_bytes(categories, scorer, monkeypatch):
    rows, label = categories
    model = scorer(boosting(categorical_features="from_dtype").fit(rows, label), rows)
    monkeypatch.setattr(shapley, "EVALUATIONS", 30_000)  # so that permutations are sampled
    one, again, other = (
        explain(model, rows.iloc[:60], background(rows, 20, seed), seed=seed) for seed in (5, 5, 6)
    )
    assert "sampled permutations" in one.method
    assert one.noise > 0
    assert one.values.tobytes() == again.values.tobytes()
    assert one.noise == again.noise
    assert one.values.tobytes() != other.values.tobytes()


def test_sampling_stays_within_its_budget(function):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(2000, 8)), columns=list("abcdefgh"))
    asked = []

    def counted(frame):
        asked.append(len(frame))
        return frame.to_numpy()[:, 0] * frame.to_numpy()[:, 1]

    found = explain(function(counted, rows), rows, rows.iloc[:50])
    assert "sampled permutations" in found.method
    assert "over 4,000,000 model outputs" in found.note
    assert sum(asked) < shapley.EVALUATIONS
    assert len(asked) < 40  # and in large frames


def test_trees_with_too_many_leaves_are_sampled(people, scorer, monkeypatch):
    rows, label = people
    model = scorer(encoded(forest()).fit(rows, label), rows, "probability")
    monkeypatch.setattr(trees, "WORK", 10_000)
    found = explain(model, rows.iloc[:30], rows.iloc[100:110])
    assert agrees(found, model, rows.iloc[:30])
    assert "Shapley" in found.method
    assert "leaves are too many for 30 rows" in found.note


def test_a_model_that_contradicts_itself_is_withheld(function, people):
    rows = people[0][NUMBERS].fillna(0.0)
    calls = iter(range(100))

    def moody(frame):
        return frame["age"].to_numpy() + 1e-3 * next(calls)

    def unsure(frame):
        return np.where(np.arange(len(frame)) == 0, np.nan, 1.0)

    for model in (moody, unsure):
        found = explain(function(model, rows), rows.iloc[:20], rows.iloc[50:60])
        assert found.status is Status.UNDEFINED
        assert found.values is None
        assert found.base is None
        assert found.additivity is None or found.additivity > TOLERANCE
        assert found.note.startswith(
            "Withheld: no method adds up to the model's output on every row. Not used: exact"
        )
        assert found.note.count("Not used:") == 2


def test_an_error_is_told_by_its_name_and_never_quotes_a_row(people):
    rows = people[0][["camp", "size"]]

    class Odd(LogisticRegression):
        """Says it is linear, but reads text."""

        coef_ = np.array([[1.0, 1.0]])
        feature_names_in_ = np.array(["camp", "size"])

        def decision_function(self, X):
            return X["camp"].str.len().to_numpy() * X["size"].to_numpy() / 2.0

    model = Odd()

    class Given:
        features = ("camp", "size")
        unit = "margin"
        positive_is_first = False
        places = None
        output = staticmethod(model.decision_function)

    Given.model = model
    found = explain(Given(), rows.iloc[:20], rows.iloc[50:60])
    assert agrees(found, Given(), rows.iloc[:20])
    assert "exact linear attributions (stopped with ValueError)" in found.note
    assert "camp" not in found.note


def test_a_float32_model_adds_up_with_its_rounding(scorer):
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(rng.normal(size=(400, 3)) * 1e3, columns=list("abc")).astype("float32")
    label = (rows["a"] + rows["b"] > 0).astype(int)
    model = scorer(LogisticRegression(C=10.0, max_iter=1000).fit(rows, label), rows, "log-odds")
    found = explain(model, rows, rows.iloc[:50])
    assert found.features == ("a", "b", "c", ROUNDING)
    assert TOLERANCE < found.additivity <= found.tolerance
    assert found.tolerance == pytest.approx(1e-4 * found.output.std())
    assert np.abs(found.base + found.values.sum(axis=1) - found.output).max() < 1e-9


def test_progress_is_told_up_to_the_last_row(people, scorer):
    rows, label = people
    model = scorer(encoded(forest()).fit(rows, label), rows, "probability")
    told = []
    explain(model, rows.iloc[:250], rows.iloc[:20], progress=lambda *at: told.append(at))
    assert told == [(100, 250), (200, 250), (250, 250)]


def test_columns_are_taken_in_the_models_order(people, scorer):
    rows, label = people
    model = scorer(encoded(LogisticRegression()).fit(rows, label), rows)
    there = explain(model, rows.iloc[:9], rows.iloc[:20])
    shuffled = rows.assign(extra=1)[["camp", "extra", "age", "size", "region", "income"]]
    here = explain(model, shuffled.iloc[:9], shuffled.iloc[:20])
    assert here.features == there.features
    assert here.values.tobytes() == there.values.tobytes()


def test_the_scorer_of_the_evidence_room_fits(people):
    rows, label = people
    for model, unit in (
        (encoded(LogisticRegression()), "log-odds"),
        (encoded(forest()), "probability"),
    ):
        model.fit(rows, label)
        for positive in (0, 1):
            scored = Scorer(model, tuple(rows), ("0", "1"), positive).with_unit(rows)
            found = explain(scored, rows.iloc[:20], background(rows, 10, 0))
            assert found.unit == unit
            assert agrees(found, scored, rows.iloc[:20])


def test_usage_errors_are_raised(people, scorer):
    rows, label = people
    model = scorer(encoded(LogisticRegression()).fit(rows, label), rows)
    with pytest.raises(ValueError, match="'auto' or 'interventional', not 'marginal'"):
        explain(model, rows, rows, perturbation="marginal")
    with pytest.raises(ValueError, match="at least one row"):
        explain(model, rows.iloc[:0], rows)
    with pytest.raises(ValueError, match="at least one row"):
        explain(model, rows, rows.iloc[:0])


def test_the_background_does_not_depend_on_the_order_of_rows(people):
    rows, _ = people
    chosen = background(rows, 25, 3)
    order = np.random.default_rng(1).permutation(len(rows))
    pd.testing.assert_frame_equal(background(rows.iloc[order], 25, 3), chosen)
    assert chosen.dtypes.equals(rows.dtypes)
    pd.testing.assert_frame_equal(background(rows, 10, 3), chosen.iloc[:10])
    assert not background(rows, 25, 4).equals(chosen)
    assert len(background(rows, 10_000, 3)) == len(rows)


def test_the_background_stands_for_the_data_and_not_for_the_sample():
    # 500 rows of a small group stand for 500, 500 of a large one for 49,500
    rows = pd.DataFrame({"group": np.repeat([0, 1], 500), "x": np.arange(1000.0)})
    weights = np.repeat([1.0, 99.0], 500)
    share = [background(rows, 50, seed, weights)["group"].mean() for seed in range(20)]
    plain = [background(rows, 50, seed)["group"].mean() for seed in range(20)]
    assert np.mean(share) > 0.97
    assert np.mean(plain) == pytest.approx(0.5, abs=0.05)


def test_equal_rows_do_not_enter_the_background_together():
    rows = pd.DataFrame({"x": np.repeat(np.arange(10.0), 100)})
    counts = background(rows, 100, 0)["x"].value_counts()
    assert counts.max() < 30


def test_the_room_is_light_to_enter_and_linear_models_do_not_need_shap():
    script = """
import sys
import auditkit.explain.attributions, auditkit.explain.groups
assert not {"numpy", "pandas", "sklearn", "shap"} & set(sys.modules)
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
from auditkit.evidence.models import Scorer
X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
model = LogisticRegression().fit(X, [0, 0, 1, 1])
scorer = Scorer(model, ("a", "b"), ("0", "1"), 1).with_unit(X)
found = auditkit.explain.attributions.explain(scorer, X, X)
assert found.values.shape == (4, 2)
assert "shap" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
