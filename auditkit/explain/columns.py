"""Which source column each column of the matrix that meets the final estimator was made from.

Only steps that are known to keep source columns apart are walked through; a step that may mix them
is refused, and its model is explained through its source columns instead.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

ONE_TO_ONE = frozenset(
    {
        "Binarizer",
        "MaxAbsScaler",
        "MinMaxScaler",
        "OrdinalEncoder",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
        "TargetEncoder",
    }
)
"""scikit-learn transformers that make one column of each column, looking at no other."""


class RefusedError(Exception):
    """A method of explanation does not apply to this model; the message says why."""


def unwrap(model: Any) -> tuple[list[Any], Any]:  # noqa: ANN401
    """Take a model apart into the steps before its final estimator, and that estimator."""
    from sklearn.pipeline import Pipeline

    model = getattr(model, "best_estimator_", model)
    if not isinstance(model, Pipeline):
        return [], model
    before, final = unwrap(model.steps[-1][1])
    steps: list[Any] = []
    for _, step in model.steps[:-1]:
        inner, last = unwrap(step)
        steps += [*inner, last]
    return steps + before, final


def design_matrix(
    model: Any,  # noqa: ANN401
    rows: "pd.DataFrame",
) -> tuple["NDArray[np.float64]", "NDArray[np.intp]"]:
    """Transform rows as the model does, and tell which source column each column came from.

    Parameters
    ----------
    model : estimator
        A fitted estimator, or a pipeline that ends in one.
    rows : DataFrame, shape (n, p)
        The source columns in the model's order.

    Returns
    -------
    matrix : ndarray of float64, shape (n, k)
        What the final estimator is given.
    owners : ndarray of int, shape (k,)
        Position of the source column behind each column of ``matrix``.

    Raises
    ------
    RefusedError
        A step may mix source columns, so that no owner can be named with certainty.
    """
    import numpy as np

    data: Any = rows if hasattr(model, "feature_names_in_") else rows.to_numpy()
    owners = np.arange(rows.shape[1])
    for step in unwrap(model)[0]:
        names = list(data.columns) if hasattr(data, "columns") else None
        if not _is_identity(step):
            data = step.transform(data)
        owners = _owners(step, owners, names, data.shape[1])
        if len(owners) != data.shape[1]:
            raise RefusedError(f"the columns {type(step).__name__} makes are not the expected ones")
    return _dense(data), owners


def by_source(
    values: "NDArray[np.float64]", owners: "NDArray[np.intp]", sources: int
) -> "NDArray[np.float64]":
    """Sum the columns that were made from one source column.

    Parameters
    ----------
    values : ndarray, shape (n, k)
    owners : ndarray of int, shape (k,)
    sources : int

    Returns
    -------
    ndarray, shape (n, sources)
        Zero for a source column that no column was made from: the model does not read it.
    """
    import numpy as np

    belongs = (owners[:, None] == np.arange(sources)).astype(np.float64)
    return np.asarray(values @ belongs, dtype=np.float64)


def _dense(data: Any) -> "NDArray[np.float64]":  # noqa: ANN401
    import numpy as np

    if hasattr(data, "toarray"):
        data = data.toarray()
    if hasattr(data, "columns"):
        return np.ascontiguousarray(data.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.ascontiguousarray(data, dtype=np.float64)


def _is_identity(step: Any) -> bool:  # noqa: ANN401
    from sklearn.preprocessing import FunctionTransformer

    return (
        step is None
        or step == "passthrough"
        or (type(step) is FunctionTransformer and step.func is None)
    )


def _owners(
    step: Any,  # noqa: ANN401
    owners: "NDArray[np.intp]",
    names: Sequence[Any] | None,
    width: int | None,
) -> "NDArray[np.intp]":
    """Name the source of each output column of ``step``, whose inputs come from ``owners``.

    ``width`` is the number of output columns where it is known from the data.
    """
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if _is_identity(step):
        return owners
    if width is not None and len(set(owners.tolist())) == 1:
        return np.full(width, owners[0])  # whatever it does, it has only this column to do it with
    if isinstance(step, ColumnTransformer):
        return _of_blocks(step, owners, names)
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            owners = _owners(inner, owners, names, None)
            names = None
        return owners
    return _of_columns(step, owners)


def _of_blocks(
    step: Any,  # noqa: ANN401
    owners: "NDArray[np.intp]",
    names: Sequence[Any] | None,
) -> "NDArray[np.intp]":
    import numpy as np

    spans = step.output_indices_
    out = np.full(max(span.stop for span in spans.values()), -1)
    for name, transformer, chosen in step.transformers_:
        span = spans[name]
        if span.stop == span.start:
            continue
        inputs = _positions(chosen, names, len(owners))
        made = _owners(
            transformer,
            owners[inputs],
            [names[i] for i in inputs] if names is not None else None,
            span.stop - span.start,
        )
        if len(made) != span.stop - span.start:
            raise RefusedError(f"the columns of the block '{name}' are not the expected ones")
        out[span] = made
    return out


def _positions(chosen: Any, names: Sequence[Any] | None, count: int) -> "NDArray[np.intp]":  # noqa: ANN401
    """Resolve the columns of a block (names, integers, a slice, a mask) to their positions."""
    import numpy as np

    if isinstance(chosen, slice) and not isinstance(chosen.start or chosen.stop, str):
        return np.arange(count)[chosen]
    if isinstance(chosen, slice):
        raise RefusedError("a block takes its columns by a slice of names")
    listed = list(np.atleast_1d(np.asarray(chosen, dtype=object)))
    if all(isinstance(item, str) for item in listed):
        if names is None or not set(listed) <= set(names):
            raise RefusedError("a block takes columns by a name that an earlier step has changed")
        return np.array([list(names).index(item) for item in listed], dtype=np.intp)
    positions: NDArray[np.intp] = np.arange(count)[np.array(listed)]
    return positions


def _of_columns(step: Any, owners: "NDArray[np.intp]") -> "NDArray[np.intp]":  # noqa: ANN401
    """Name the sources behind a transformer of scikit-learn that treats columns one by one."""
    import numpy as np
    from sklearn.feature_selection import SelectorMixin

    # a subclass may do anything, so the type is compared and not inherited
    kind = type(step).__name__ if type(step).__module__.startswith("sklearn.") else ""
    if kind in ONE_TO_ONE:
        return owners
    if kind == "OneHotEncoder":
        return np.repeat(owners, _levels(step))
    if kind == "SimpleImputer":
        return owners[_imputed(step)]
    if kind and isinstance(step, SelectorMixin):
        return owners[np.flatnonzero(step.get_support())]
    raise RefusedError(f"{type(step).__name__} may mix columns")


def _levels(encoder: Any) -> list[int]:  # noqa: ANN401
    """Count the output columns for each input column of a fitted OneHotEncoder."""
    rare = getattr(encoder, "infrequent_categories_", [None] * len(encoder.categories_))
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(rare)
    return [
        len(levels) - (0 if few is None else len(few) - 1) - (gone is not None)
        for levels, few, gone in zip(encoder.categories_, rare, dropped, strict=True)
    ]


def _imputed(imputer: Any) -> "NDArray[np.intp]":  # noqa: ANN401
    """Give the input position behind each output column of a fitted SimpleImputer."""
    import numpy as np
    import pandas as pd

    empty = pd.isna(imputer.statistics_)
    keep = imputer.keep_empty_features or imputer.strategy == "constant"
    kept = np.arange(len(empty)) if keep else np.flatnonzero(~empty)
    if imputer.add_indicator:
        marked: NDArray[np.intp] = np.asarray(imputer.indicator_.features_, dtype=np.intp)
        return np.concatenate([kept, marked])
    return kept
