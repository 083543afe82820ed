"""A fitted estimator, a function or a model file becomes a scorer, or is refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditkit.errors import ModelError, listed
from auditkit.evidence.model_files import Opened, open_model
from auditkit.evidence.models import Decide, Scorer
from auditkit.plan import AuditPlan, canonical
from auditkit.results import NO_INPUTS


@dataclass(frozen=True)
class AllowedPickle:
    """The path of a pickle, and the SHA-256 of the one that a person allows to run its code."""

    path: Path
    sha256: str


def load_model(model: Any, plan: AuditPlan) -> Scorer:  # noqa: ANN401
    """Make a scorer of a fitted estimator, a function, or the model file that the plan names.

    Raises
    ------
    ModelError
        The file is refused, its digest differs, or the estimator is not a fitted binary classifier
        that knows the positive label and the names of its columns; or, where the task is
        multiclass, one of several classes.
    """
    if isinstance(model, str | Path):
        model = open_model(Path(model), plan)
    elif isinstance(model, AllowedPickle):
        model = open_model(model.path, plan, model.sha256)
    elif callable(model) and not hasattr(model, "predict"):
        model = Decide(model, plan)
    if isinstance(model, Opened):
        return replace(_scorer(model.model, plan), file=model)
    return _scorer(model, plan)


def _scorer(estimator: Any, plan: AuditPlan) -> Scorer:  # noqa: ANN401
    if not hasattr(estimator, "predict"):
        raise ModelError(
            f"{type(estimator).__name__} has no predict method. Give a fitted classifier."
        )
    import numpy as np

    given = getattr(estimator, "classes_", None)
    if plan.data.amounts:  # CatBoost's regressors have an empty list of classes
        return _regressor(estimator, plan, classifies=given is not None and np.size(given) > 0)
    if given is None:
        raise ModelError(
            f"{type(estimator).__name__} has no classes_: it is not fitted, or not a classifier, "
            f"and the task is {plan.data.task} classification. If it predicts an amount, set "
            f'data.task = "regression".'
        )
    if np.ndim(given) == 0 or any(np.ndim(value) for value in given):
        raise ModelError(
            f"{type(estimator).__name__} predicts several outcomes at once, or names no labels in "
            f"classes_. Give a classifier with one outcome of two labels."
        )
    spelled = tuple(canonical(value) for value in given)
    problems = [*_unfit_labels(spelled, plan)]
    features = _features(estimator, plan)
    if plan.data.label in features:
        problems.append(_told_the_outcome(plan))
    if problems:
        raise ModelError(*problems)
    positives = tuple(spelled.index(positive) for positive in plan.data.positives)
    return Scorer(
        estimator, features, spelled, positives[0], places=_selecting(spelled, plan),
        positives=positives,
    )  # fmt: skip


def _selecting(labels: tuple[str, ...], plan: AuditPlan) -> tuple[int, ...] | None:
    """Place the classes that select, where there are several."""
    if not plan.data.several_classes:
        return None
    chosen = plan.data.selected if isinstance(plan.data.selected, tuple) else plan.data.positives
    return tuple(place for place, label in enumerate(labels) if label in chosen)


def _told_the_outcome(plan: AuditPlan) -> str:
    return (
        f"The model reads the label column '{plan.data.label}': it is told the outcome it is "
        f"to find, so its errors say nothing. Give the model that is used, and its own columns."
    )


def _regressor(estimator: Any, plan: AuditPlan, *, classifies: bool) -> Scorer:  # noqa: ANN401
    """Make a scorer of a model that predicts an amount."""
    if classifies:
        raise ModelError(
            f"{type(estimator).__name__} is a classifier, but data.task is 'regression'. Give a "
            f'fitted regressor, or set data.task = "binary".'
        )
    features = _features(estimator, plan)
    if plan.data.label in features:
        raise ModelError(_told_the_outcome(plan))
    return Scorer(estimator, features, (), 0)


def _unfit_labels(labels: tuple[str, ...], plan: AuditPlan) -> Iterator[str]:
    """Say why the labels of a model do not fit the plan."""
    if not plan.data.positives:
        yield "data.positive is missing: say which of the model's labels is the positive one."
    for positive in plan.data.positives:
        if positive not in labels:
            told = listed(labels)
            numbered = all(label.isdigit() for label in labels) and plan.model.classes is None
            hint = " If they are numbered by place, name them in that order under model.classes."
            yield (
                f"The positive label '{positive}' is not among the model's labels ({told})."
                f"{hint if numbered else ''}"
            )
    if "" in labels:
        yield "A label of the model is an empty text, which counts as missing."
    elif len(set(labels)) < len(labels):
        yield f"Labels of the model are spelled alike: {listed(labels)}."
    elif plan.data.several_classes and len(labels) <= 2:
        yield (
            f"The model has {len(labels)} labels ({listed(labels)}), but the task is multiclass, "
            f'which means more than two. Leave task out: it is "binary" then.'
        )
    elif not plan.data.several_classes and len(labels) != 2:
        yield (
            f"The model has {len(labels)} labels ({listed(labels)}), but the task is binary. "
            f'If they are classes, say so: task = "multiclass".'
        )


def _features(estimator: Any, plan: AuditPlan) -> tuple[str, ...]:  # noqa: ANN401
    declared = tuple(plan.model.features or ())
    known = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
    count = getattr(estimator, "n_features_in_", None)
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise ModelError(
            f"The model was fitted on more than one column named {listed(twice)}, so the columns "
            f"of the data cannot be told apart. Fit it on columns of different names."
        )
    if words := sorted(NO_INPUTS & {*known, *declared}):
        raise ModelError(
            f"The model reads {listed(words)}, but that is a word of the tables, which put other "
            f"things under it. Give the column another name, in the model and in the data."
        )
    if known:
        _refuse_strange_stand_ins(plan, known)
        partial = isinstance(plan.model.features, Mapping)  # says how columns are read, not which
        absent = [] if partial else sorted(set(known) - set(declared))
        unknown = sorted(set(declared) - set(known))
        if declared and (absent or unknown):
            raise ModelError(
                f"model.features differs from the columns the model was fitted on: "
                f"missing {listed(absent) or 'none'}, unknown {listed(unknown) or 'none'}."
            )
        return known
    if not declared:
        raise ModelError(
            "The model was fitted without column names, so their order cannot be checked. "
            "List its columns in its order under model.features."
        )
    if count is not None and count != len(declared):
        raise ModelError(
            f"model.features lists {len(declared)} columns, but the model reads {count}."
        )
    _refuse_strange_stand_ins(plan, declared)
    return declared


def _refuse_strange_stand_ins(plan: AuditPlan, features: tuple[str, ...]) -> None:
    if unknown := [name for name in plan.explain.stand_ins if name not in features]:
        raise ModelError(
            f"explain.stand_ins names {listed(unknown)}, which the model does not read. Its "
            f"inputs: {listed(features)}."
        )
