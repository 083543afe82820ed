"""Transformed columns are traced to their source with certainty, or not at all."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

from auditkit.explain.columns import RefusedError, by_source, design_matrix, unwrap

NUMBERS = ["age", "income", "size"]
TEXT = ["region", "camp"]


class ShiftedScaler(StandardScaler):
    """A subclass, which may do anything."""

    def transform(self, X, copy=None):
        return super().transform(X, copy)[:, ::-1]


def one_hot(**options):
    return OneHotEncoder(sparse_output=False, handle_unknown="ignore", **options)


MAPPABLE = {
    "one-hot, the rest scaled": lambda: make_column_transformer(
        (one_hot(), TEXT), remainder=make_pipeline(SimpleImputer(), StandardScaler())
    ),
    "sparse one-hot": lambda: ColumnTransformer(
        [
            ("text", OneHotEncoder(), TEXT),
            (
                "numbers",
                make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
                NUMBERS,
            ),
        ],
        sparse_threshold=1.0,
    ),
    "rare levels together": lambda: make_column_transformer(
        (one_hot(min_frequency=55), TEXT), (SimpleImputer(), NUMBERS)
    ),
    "a level dropped": lambda: make_column_transformer(
        (one_hot(drop="first"), TEXT), (SimpleImputer(), NUMBERS)
    ),
    "a column dropped, another passed through": lambda: ColumnTransformer(
        [("d", "drop", ["income"]), ("p", "passthrough", [0]), ("t", one_hot(), TEXT)],
        remainder="passthrough",
    ),
    "any step on one column": lambda: make_column_transformer(
        (make_pipeline(KNNImputer(), KBinsDiscretizer(4, quantile_method="linear")), ["income"]),
        (FunctionTransformer(lambda x: np.hstack([np.asarray(x), np.asarray(x) ** 2])), ["age"]),
        (OrdinalEncoder(encoded_missing_value=-1), TEXT),
    ),
    "blocks out of order, by slices and masks": lambda: ColumnTransformer(
        [
            ("camp", one_hot(), [4]),
            ("mask", SimpleImputer(), [True, False, True, False, False]),
            ("slice", SimpleImputer(), slice(1, 2)),
        ]
    ),
    "blocks by selectors": lambda: make_column_transformer(
        (one_hot(), make_column_selector(dtype_exclude="number")),
        (SimpleImputer(), make_column_selector(dtype_include="number")),
    ),
    "means of the label, then a selection": lambda: make_pipeline(
        make_column_transformer((TargetEncoder(), TEXT), (SimpleImputer(), NUMBERS)),
        SelectKBest(k=3),
    ),
    "blocks of blocks, frames kept": lambda: make_pipeline(
        make_column_transformer(
            (one_hot(), TEXT), (SimpleImputer(), NUMBERS), verbose_feature_names_out=False
        ).set_output(transform="pandas"),
        make_column_transformer((StandardScaler(), ["size", "age"]), remainder="passthrough"),
    ),
}


@pytest.mark.parametrize("name", MAPPABLE)
def test_a_source_moves_only_the_columns_it_owns(name, people):
    rows, label = people
    model = make_pipeline(MAPPABLE[name](), LogisticRegression(max_iter=5000)).fit(rows, label)
    matrix, owners = design_matrix(model, rows)
    assert matrix.shape == (len(rows), len(owners))
    assert matrix.dtype == np.float64
    for place, column in enumerate(rows):
        moved = rows.copy()
        moved[column] = rows[column].to_numpy()[::-1]
        changed = (design_matrix(model, moved)[0] != matrix).any(axis=0)
        changed &= ~(np.isnan(matrix)).any(axis=0)
        assert set(owners[changed]) <= {place}
        # and what it owns does move
        assert changed.any() == (place in owners)


REFUSED = {
    "components": (lambda: make_pipeline(SimpleImputer(), PCA(2)), "PCA may mix"),
    "a function of two columns": (
        lambda: FunctionTransformer(lambda x: np.nan_to_num(np.asarray(x)) @ np.ones((3, 3))),
        "FunctionTransformer may mix",
    ),
    "products": (
        lambda: make_pipeline(SimpleImputer(), PolynomialFeatures(2)),
        "PolynomialFeatures may mix",
    ),
    "neighbours": (KNNImputer, "KNNImputer may mix"),
    "a subclass": (
        lambda: make_pipeline(SimpleImputer(), ShiftedScaler()),
        "ShiftedScaler may mix",
    ),
    "mixed inside a block": (
        lambda: make_column_transformer((make_pipeline(SimpleImputer(), PCA(2)), ["age", "size"])),
        "PCA may mix",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_step_that_may_mix_columns_is_refused(name, people):
    rows, label = people
    step, why = REFUSED[name]
    model = make_pipeline(step(), LogisticRegression(max_iter=5000)).fit(rows[NUMBERS], label)
    with pytest.raises(RefusedError, match=why):
        design_matrix(model, rows[NUMBERS])


def test_names_that_an_earlier_step_has_changed_are_refused(people):
    rows, label = people
    first = make_column_transformer((SimpleImputer(), ["size", "age"])).set_output(
        transform="pandas"
    )
    second = make_column_transformer((StandardScaler(), ["simpleimputer__age"]))
    nested = make_column_transformer((make_pipeline(first, second), ["age", "size"]))
    model = make_pipeline(nested, LogisticRegression()).fit(rows, label)
    with pytest.raises(RefusedError, match="earlier step"):
        design_matrix(model, rows)


def test_a_model_fitted_without_names_is_given_none(people):
    rows, label = people
    frame = rows[NUMBERS].fillna(0.0)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame.to_numpy(), label)
    matrix, owners = design_matrix(model, frame)  # a warning about names would be an error
    assert owners.tolist() == [0, 1, 2]
    assert matrix.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-12)


def test_searches_and_nested_pipelines_are_unwrapped(people):
    rows, label = people
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(
        Pipeline([("fill", SimpleImputer()), ("rest", inner)]),
        {"rest__logisticregression__C": [0.1, 1.0]},
        cv=2,
    ).fit(rows[NUMBERS], label)
    steps, final = unwrap(search)
    assert [type(step) for step in steps] == [SimpleImputer, StandardScaler]
    assert isinstance(final, LogisticRegression)


def test_values_are_summed_over_the_columns_of_a_source():
    values = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    summed = by_source(values, np.array([2, 0, 2]), 3)
    assert summed.tolist() == [[2.0, 0.0, 5.0], [16.0, 0.0, 40.0]]


def test_missing_values_of_nullable_columns_reach_the_matrix_as_nan():
    rows = pd.DataFrame({"a": pd.array([1, 3, None], dtype="Int64"), "b": [True, False, True]})
    model = LogisticRegression().fit(rows.iloc[:2], [0, 1])
    matrix, _ = design_matrix(model, rows)
    assert np.isnan(matrix[2, 0])
    assert matrix[0].tolist() == [1.0, 1.0]
