"""What a model's own encoders say of the columns it was fitted on: text or numbers, which values.

A file of text does not say whether ``1`` is a number or a code, nor which kind of missing value a
model knows. The fitted encoders do, however deep they lie: in pipelines, column transformers,
searches, calibration and ensembles.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WITHIN = ("best_estimator_", "estimator_", "estimator", "_preprocessor")
"""Where a search, a threshold, a calibrated part or a boosting keeps what it wraps."""
DEEPEST = 20


@dataclass(frozen=True)
class Fitted:
    """What an encoder was fitted on in one column.

    Attributes
    ----------
    kind : {"text", "number"}
        True and false are numbers.
    levels : tuple
        The values it knows.
    missing : None or float
        What it takes for a missing value: ``None`` if it was fitted on that, else NaN.
    """

    kind: str
    levels: tuple[object, ...]
    missing: float | None

    @classmethod
    def of(cls, levels: Sequence[object]) -> "Fitted":
        """Look at the values an encoder knows."""
        absent = [level for level in levels if level is None or level != level]
        known = [level for level in levels if level is not None and level == level]
        number = all(isinstance(level, int | float) for level in known)
        only_none = bool(absent) and all(level is None for level in absent)
        missing = None if only_none else float("nan")
        return cls("number" if number else "text", tuple(levels), missing)


def fitted_columns(model: Any, names: Sequence[str]) -> Mapping[str, Fitted]:  # noqa: ANN401
    """Say what the encoders of a model were fitted on, by source column.

    A column that meets no encoder is left out. A model in another process says so itself.
    """
    if (told := getattr(model, "fitted_columns_", None)) is not None:
        known: Mapping[str, Fitted] = told
        return known
    return {name: fitted for name, fitted, _ in _walk(model, tuple(names), 0)}


def hides_encoders(model: Any, names: Sequence[str]) -> bool:  # noqa: ANN401
    """Whether the model holds an encoder of which nobody can say what columns it was fitted on."""
    if hasattr(model, "hides_encoders_"):
        return bool(model.hides_encoders_)
    placed = {id(encoder) for _, _, encoder in _walk(model, tuple(names), 0)}
    return any(id(encoder) not in placed for encoder in _encoders(model, set(), 0))


def _walk(model: Any, names: tuple[str, ...], depth: int) -> Iterator[tuple[str, Fitted, Any]]:  # noqa: ANN401
    """Follow the columns ``names`` into a model: column, what it was fitted on, by which part."""
    import numpy as np

    if depth > DEEPEST or isinstance(model, str):
        return
    names = tuple(str(name) for name in getattr(model, "feature_names_in_", names))
    if len(names) != getattr(model, "n_features_in_", len(names)):
        return  # the columns are others than those that came in
    if hasattr(model, "categories_"):
        for name, levels in zip(names, model.categories_, strict=False):
            yield name, Fitted.of(np.asarray(levels).tolist()), model
        return
    for part, columns in _parts(model, names):
        yield from _walk(part, columns, depth + 1)


def _parts(model: Any, names: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:  # noqa: ANN401
    """List what a model is made of, each with the columns that reach it."""
    for _, step in getattr(model, "steps", ()):
        yield step, names
        if hasattr(step, "transformers_") or hasattr(step, "transformer_list"):
            break  # what follows reads made columns, not these
    for label, part, columns in getattr(model, "transformers_", ()):
        picked = _picked(columns, names)
        if label != "remainder" and picked is not None:
            yield part, picked
    for _, part in getattr(model, "transformer_list", ()):
        yield part, names
    for part in _wrapped(model):
        yield part, names


def _wrapped(model: Any) -> Iterator[Any]:  # noqa: ANN401
    """List the estimators that a model hands all of its columns to."""
    yield from getattr(model, "calibrated_classifiers_", ())
    if not hasattr(model, "estimators_features_"):  # bagging gives each part columns of its own
        yield from list(getattr(model, "estimators_", ()))
    for inner in WITHIN:
        if (part := getattr(model, inner, None)) is not None:
            yield part


def _picked(columns: Any, names: tuple[str, ...]) -> tuple[str, ...] | None:  # noqa: ANN401
    """Name the columns a column transformer hands to a part; ``None`` if that cannot be told."""
    import numpy as np

    if isinstance(columns, str | int):
        columns = [columns]
    if isinstance(columns, slice):
        if not all(isinstance(end, int | None) for end in (columns.start, columns.stop)):
            return None
        return names[columns]
    if callable(columns):
        return None
    chosen = list(columns)
    if all(isinstance(c, bool | np.bool_) for c in chosen):
        return tuple(name for name, kept in zip(names, chosen, strict=False) if kept)
    if all(isinstance(c, int | np.integer) for c in chosen):
        return tuple(names[c] for c in chosen)
    return tuple(str(c) for c in chosen)


def _encoders(value: Any, seen: set[int], depth: int) -> Iterator[Any]:  # noqa: ANN401
    """Find every fitted encoder a model holds, wherever it keeps it."""
    if id(value) in seen or depth > DEEPEST:
        return
    seen.add(id(value))
    if hasattr(value, "categories_"):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _encoders(item, seen, depth + 1)
    elif hasattr(value, "get_params") or hasattr(value, "predict"):
        yield from _encoders(vars(value) if hasattr(value, "__dict__") else (), seen, depth + 1)
