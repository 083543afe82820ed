"""A model file or a fitted estimator becomes a ``Scorer``: decisions by label, output in a unit.

No code from a model file is run: a ``.skops`` file is loaded only if every type in it is on a
reviewed list, and every other kind of file is refused.
"""

import functools
import hashlib
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError, listed
from auditkit.plan import Above, AuditPlan, canonical

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TRUSTED = frozenset(
    {
        # NumPy's own scalars, and the compiled containers of scikit-learn's trees
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        # calibration keeps its fitted parts in private classes
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        # HistGradientBoosting checks its categories through a partial of check_array
        "functools.partial",
        "sklearn.utils.validation.check_array",
        # losses and links of boosting and generalised linear models
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        # a column transformer remembers what to do with the remaining columns
        "sklearn.compose._column_transformer._RemainderColsList",
        # neighbours
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
    }
)
"""Types beyond those skops trusts by itself, each read: none runs code when it is built."""


@dataclass(frozen=True)
class Scorer:
    """A model made countable.

    Attributes
    ----------
    model : estimator
        The fitted estimator.
    features : tuple of str
        Source columns in the model's order.
    classes : tuple of str
        The model's labels, spelled canonically, in its order.
    positive : int
        Place of the positive label in ``classes``.
    unit : str
        Of ``output``: ``log-odds`` where the model's margin is the logit of its probability, else
        ``probability``, ``margin`` or ``decision``; empty until a batch has been seen.
    """

    model: Any
    features: tuple[str, ...]
    classes: tuple[str, ...]
    positive: int
    unit: str = ""

    @property
    def positive_is_first(self) -> bool:
        """Whether a margin of the model speaks for the other class."""
        return self.positive == 0

    def decide(self, rows: "pd.DataFrame") -> "NDArray[np.object_]":
        """Predict labels, spelled canonically; shape (n,), ``None`` where the model gives none."""
        import numpy as np
        import pandas as pd

        predicted = self._call("predict", rows)
        codes, levels = pd.factorize(np.asarray(predicted))
        spelled = np.array([*(canonical(level) for level in levels), None], dtype=object)
        decided: NDArray[np.object_] = spelled[codes]  # the code of a missing value is -1
        return decided

    def probability(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Predict the probability of the positive label; shape (n,)."""
        import numpy as np

        if not hasattr(self.model, "predict_proba"):
            raise ModelError(
                f"data.selected cuts a probability, but {type(self.model).__name__} has no "
                f"predict_proba. Leave 'selected' out to use its own decisions."
            )
        chances: Any = np.asarray(self._call("predict_proba", rows), dtype=np.float64)
        of_positive: NDArray[np.float64] = chances[:, self.positive]
        return of_positive

    def output(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Return the model's output for the positive label, in ``unit``; shape (n,)."""
        import numpy as np

        if self.unit == "probability":
            return self.probability(rows)
        if self.unit == "decision":
            decided: NDArray[np.bool_] = self.decide(rows) == self.classes[self.positive]
            return decided.astype(np.float64)
        margin = np.asarray(self._call("decision_function", rows), dtype=np.float64).ravel()
        return -margin if self.positive_is_first else margin

    def with_unit(self, rows: "pd.DataFrame") -> "Scorer":
        """Settle the unit on a batch: a margin that is the logit of the probability is log-odds."""
        import numpy as np
        from scipy.special import expit

        margin = hasattr(self.model, "decision_function")
        probability = hasattr(self.model, "predict_proba")
        if margin and probability:
            logit = replace(self, unit="margin").output(rows)
            if logit.shape == (len(rows),) and np.allclose(
                expit(logit), self.probability(rows), rtol=1e-9, atol=1e-9
            ):
                return replace(self, unit="log-odds")
        return replace(
            self, unit="probability" if probability else "margin" if margin else "decision"
        )

    def _call(self, method: str, rows: "pd.DataFrame") -> Any:  # noqa: ANN401
        named = hasattr(self.model, "feature_names_in_")
        try:
            return getattr(self.model, method)(rows if named else rows.to_numpy())
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001  (a model may raise anything)
            told = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", str(error)).splitlines() or [""]
            raise ModelError(
                f"The model could not {method.replace('_', ' ')} ({type(error).__name__}: "
                f"{told[0][:160]}). Check that the columns it reads hold what it was fitted on."
            ) from None


def load_model(model: Any, plan: AuditPlan) -> Scorer:  # noqa: ANN401
    """Make a scorer of a fitted estimator, or of the model file that the plan names.

    Raises
    ------
    ModelError
        The file is refused, its digest differs, or the estimator is not a fitted binary classifier
        that knows the positive label and the names of its columns.
    """
    estimator = load_file(Path(model), plan) if isinstance(model, str | Path) else model
    if not hasattr(estimator, "predict"):
        raise ModelError(
            f"{type(estimator).__name__} has no predict method. Give a fitted classifier."
        )
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise ModelError(
            f"{type(estimator).__name__} has no classes_: it is not fitted, or not a classifier, "
            f"and the task is {plan.data.task} classification."
        )
    spelled = tuple(canonical(value) for value in classes)
    problems = []
    positive = plan.data.positive
    if positive is None:
        problems.append(
            "data.positive is missing: say which of the model's labels is the positive one."
        )
    elif positive not in spelled:
        problems.append(
            f"The positive label '{positive}' is not among the model's labels ({listed(spelled)})."
        )
    if len(spelled) != 2:
        problems.append(
            f"The model has {len(spelled)} labels ({listed(spelled)}), but the task is binary. "
            f"Several classes are not audited by this version."
        )
    if problems:
        raise ModelError(*problems)
    assert positive is not None  # noqa: S101
    return Scorer(estimator, _features(estimator, plan), spelled, spelled.index(positive))


def _features(estimator: Any, plan: AuditPlan) -> tuple[str, ...]:  # noqa: ANN401
    declared = tuple(plan.model.features or ())
    known = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
    count = getattr(estimator, "n_features_in_", None)
    if known:
        if declared and set(declared) != set(known):
            raise ModelError(
                f"model.features differs from the columns the model was fitted on: "
                f"missing {listed(sorted(set(known) - set(declared))) or 'none'}, "
                f"unknown {listed(sorted(set(declared) - set(known))) or 'none'}."
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
    return declared


def load_file(path: Path, plan: AuditPlan) -> Any:  # noqa: ANN401
    """Load a ``.skops`` file whose every type is on the reviewed list.

    Raises
    ------
    ModelError
        It is missing, is of another kind, holds other types, or has another digest.
    """
    if not path.is_file():
        raise ModelError(f"Model file '{path.name}' does not exist where the plan points.")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if plan.model.sha256 and plan.model.sha256.lower() != digest:
        raise ModelError(
            f"Model file '{path.name}' has the SHA-256 {digest}, but the plan expects "
            f"{plan.model.sha256.lower()}. It is another file, or it was changed."
        )
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"Model file '{path.name}' is not a .skops file. Pickle and joblib files can run any "
            f"code when loaded and are refused. Save the model with skops.io.dump, or audit a "
            f"column of its decisions."
        )
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - TRUSTED)
        if unknown:
            raise ModelError(
                f"Model file '{path.name}' holds types that are not on the reviewed list: "
                f"{listed(unknown)}. It was not loaded. Audit a column of its decisions instead."
            )
        return skops.io.loads(content, trusted=sorted(TRUSTED))
    except ModelError:
        raise
    except UntrustedTypesFoundException:
        raise ModelError(
            f"Model file '{path.name}' holds types that are not on the reviewed list."
        ) from None
    except Exception as error:  # noqa: BLE001  (a damaged file may raise anything)
        raise ModelError(
            f"Model file '{path.name}' cannot be loaded ({type(error).__name__}): it is damaged, "
            f"or was saved by another version of scikit-learn."
        ) from None


def text_features(estimator: Any) -> Mapping[str, str]:  # noqa: ANN401
    """Say which source columns the model's encoders were fitted on as text, which as numbers.

    Only what the encoders themselves hold is told; a column that meets no encoder is left out.
    """
    out: dict[str, str] = {}
    steps = [step for _, step in getattr(estimator, "steps", [])] or [estimator]
    for name, transformer, columns in getattr(steps[0], "transformers_", []):
        if name == "remainder" or isinstance(transformer, str):
            continue
        inner = [step for _, step in getattr(transformer, "steps", [])] or [transformer]
        holder = next((step for step in inner if hasattr(step, "categories_")), None)
        if holder is None or isinstance(columns, str | slice | functools.partial):
            continue
        for column, levels in zip(columns, holder.categories_, strict=False):
            if isinstance(column, str):
                number = all(isinstance(v, int | float) for v in levels.tolist() if v is not None)
                out[column] = "number" if number else "text"
    return out


def selects(scorer: Scorer, plan: AuditPlan, rows: "pd.DataFrame") -> "NDArray[np.object_]":
    """Decide each row as the plan says; shape (n,), canonical text, ``None`` where undecided."""
    import numpy as np

    if not isinstance(plan.data.selected, Above):
        return scorer.decide(rows)
    chance = scorer.probability(rows)
    above = np.where(chance > plan.data.selected.above, "true", "false").astype(object)
    above[np.isnan(chance)] = None
    return above
