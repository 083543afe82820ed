"""A model made countable: decisions by label, outputs in a unit, the same for every kind."""

import contextlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError, listed, seen
from auditkit.evidence.encoders import fitted_columns
from auditkit.evidence.model_files import FileModel, Opened, Worker
from auditkit.plan import Above, AuditPlan, canonical

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

ROUNDING = 1e-5
"""How far a probability in single precision may lie outside of 0 to 1."""
AGREE = 0.9
"""Share of rows on which the largest margin must be the decision: ties may be decided otherwise."""
PROBABLE = ("log-odds", "probability")
"""Units of a model that gives probabilities."""


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
        ``probability``, ``margin`` or ``decision``; ``amount`` where one is predicted; empty until
        a batch has been seen.
    file : Opened or None
        The file it came out of.
    counting : bool
        Failures are counted, so what causes one is not looked for.
    places : tuple of int, or None
        Where there are several classes, the places of those that select: ``output`` is theirs.
    positives : tuple of int
        Places of the labels that are the positive outcome.
    """

    model: Any
    features: tuple[str, ...]
    classes: tuple[str, ...]
    positive: int
    unit: str = ""
    file: Opened | None = None
    counting: bool = False
    places: tuple[int, ...] | None = None
    positives: tuple[int, ...] = ()

    @property
    def explained(self) -> tuple[str, ...]:
        """The classes whose output is explained; none where an amount is predicted."""
        if self.places is not None:
            return tuple(self.classes[place] for place in self.places)
        return self.classes[self.positive : self.positive + 1]

    @property
    def worker(self) -> Worker | None:
        """The process that holds the model, if it is not this one."""
        return self.model.worker if isinstance(self.model, FileModel) else None

    def close(self) -> None:
        """Let go of the process that holds the model, if one does."""
        if self.worker is not None:
            self.worker.close()

    @property
    def positive_is_first(self) -> bool:
        """Whether a margin of the model speaks for the other class."""
        return self.positive == 0 and bool(self.classes)

    def decide(self, rows: "pd.DataFrame") -> "NDArray[np.object_]":
        """Predict labels, spelled canonically; shape (n,), ``None`` where the model gives none.

        Raises
        ------
        ModelError
            It predicts something that is not one of its own labels: such a row would count as not
            selected, whatever the model meant.
        """
        import numpy as np
        import pandas as pd

        predicted = self._call("predict", rows)
        codes, levels = pd.factorize(predicted)
        spelled = np.array([*(canonical(level) for level in levels), None], dtype=object)
        rows_of = np.bincount(codes[codes >= 0], minlength=len(levels)).tolist()
        strange = {
            text: n
            for text, n in zip(spelled.tolist(), rows_of, strict=False)
            if text not in self.classes
        }
        if strange:
            raise ModelError(
                f"The model predicts what is not among its labels ({listed(self.classes)}) in "
                f"{sum(strange.values())} of {len(rows)} rows: {seen(strange)}. Give a model whose "
                f"predict returns its labels; a probability is cut by selected = {{ above = 0.5 }}."
            )
        decided: NDArray[np.object_] = spelled[codes]  # the code of a missing value is -1
        return decided

    def amounts(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Predict amounts; shape (n,), not all of them finite."""
        return self._numbers("predict", rows).astype("float64")

    def probability(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Predict the probability of the positive label; shape (n,), NaN where there is none."""
        return self._chance(rows).astype("float64")

    def probabilities(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Predict the probability of every label; shape (n, k), NaN where there is none."""
        return self._within("predict_proba", rows).astype("float64")

    def together(self, rows: "pd.DataFrame", places: tuple[int, ...]) -> "NDArray[np.float64]":
        """Predict the probability of some labels together; shape (n,), NaN where there is none."""
        summed: NDArray[np.float64] = self.probabilities(rows)[:, list(places)].sum(axis=1)
        return summed

    def above(self, rows: "pd.DataFrame", cut: float) -> "tuple[NDArray[Any], NDArray[Any]]":
        """Say whose probability lies above a cut, and who has none; shapes (n,).

        A model that computes in single precision is held against the cut in single precision: its
        0.3 is not above 0.3.
        """
        import numpy as np

        chance = self._chance(rows)
        at = np.float32(cut) if chance.dtype == np.float32 else cut
        return chance > at, np.isnan(chance)

    def _chance(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict the probability of the positive label, as precisely as the model gives it."""
        if not hasattr(self.model, "predict_proba"):
            raise ModelError(
                f"data.selected cuts a probability, but {type(self.model).__name__} has no "
                f"predict_proba. Leave 'selected' out to use its own decisions."
            )
        return self._within("predict_proba", rows, self.positive)

    def _within(
        self, method: str, rows: "pd.DataFrame", place: int | None = None
    ) -> "NDArray[Any]":
        """Ask for probabilities, of all labels or of one; each must be one."""
        import numpy as np

        chance = self._numbers(method, rows)
        chance = chance if place is None else chance[:, place]
        if chance.dtype == np.float32:  # its sums may end a little beyond 0 or 1
            near = (chance > -ROUNDING) & (chance < 1 + ROUNDING)
            chance = np.where(near, np.clip(chance, 0, 1), chance)
        outside = int(((chance < 0) | (chance > 1)).reshape(len(rows), -1).any(axis=1).sum())
        if outside:
            raise ModelError(
                f"The model's predict_proba gives {outside} of {len(rows)} rows a number below 0 "
                f"or above 1, which is no probability. Leave 'selected' out to use its decisions."
            )
        return chance

    def output(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Return what is explained, in ``unit``; shape (n,).

        Of two classes it is the positive label's. Of several it is the probability of those that
        select together, or the margin of the one that does, taken from the mean margin of all: only
        differences between margins decide. Or it is 1 where the model decides so, or the amount.
        """
        import numpy as np

        if self.unit == "amount":
            return self.amounts(rows)
        if self.unit == "decision":
            return np.isin(self.decide(rows), self.explained).astype(np.float64)
        if self.places is None:
            chance = self.unit == "probability"
            return self.probability(rows) if chance else self._margin(rows).astype(np.float64)
        if self.unit == "probability":
            return self.together(rows, self.places)
        margins = self._numbers("decision_function", rows).astype(np.float64)
        own: NDArray[np.float64] = margins[:, self.places[0]] - margins.mean(axis=1)
        return own

    def with_unit(self, rows: "pd.DataFrame") -> "Scorer":
        """Settle the unit on a batch: a margin that is the logit of the probability is log-odds."""
        import numpy as np
        from scipy.special import expit

        if not self.classes:
            return replace(self, unit="amount")
        if self.places is not None:
            return replace(self, unit=self._unit_of_several(rows))
        margin = hasattr(self.model, "decision_function")
        probability = hasattr(self.model, "predict_proba")
        if margin and probability:
            logit, chance = self._margin(rows), self.probability(rows)
            near = 1e-5 if logit.dtype == np.float32 else 1e-9
            logit = logit.astype(np.float64)
            if np.allclose(expit(logit), chance, rtol=near, atol=near, equal_nan=True):
                return replace(self, unit="log-odds")
        return replace(
            self, unit="probability" if probability else "margin" if margin else "decision"
        )

    def _unit_of_several(self, rows: "pd.DataFrame") -> str:
        """Settle the unit of several classes.

        A margin is used where one class selects, and the margins make the probabilities, or where
        there are none, the decisions. Verdicts rest on decisions alone, so a model that fails to
        give anything else is explained by them.
        """
        import numpy as np
        from scipy.special import softmax

        chance = margin = None
        with contextlib.suppress(ModelError):
            if hasattr(self.model, "predict_proba"):
                chance = self.probabilities(rows)
        with contextlib.suppress(ModelError):
            if hasattr(self.model, "decision_function") and len(self.places or ()) == 1:
                margin = self._numbers("decision_function", rows)
        if margin is not None and chance is not None:
            near = 1e-5 if margin.dtype == np.float32 else 1e-9
            same = softmax(margin.astype(np.float64), axis=1)
            if np.allclose(same, chance, rtol=near, atol=near, equal_nan=True):
                return "margin"
        elif margin is not None:
            # margins of pairs of classes are as many as there are classes, where these are three
            decided = np.array(self.classes, dtype=object)[np.argmax(margin, axis=1)]
            if np.mean(decided == self.decide(rows)) > AGREE:
                return "margin"
        return "decision" if chance is None else "probability"

    def _margin(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Give the margin for the positive label, as precisely as the model gives it."""
        margin = self._numbers("decision_function", rows)
        return -margin if self.positive_is_first else margin

    def _numbers(self, method: str, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Ask for numbers: of single precision where the model gives such, else of double."""
        return _real(self._call(method, rows), f"The model's {method}")

    def _call(self, method: str, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Ask the model about rows; what it gives must speak for each of them, in their order."""
        import pandas as pd

        named = hasattr(self.model, "feature_names_in_")
        try:
            own = rows.copy(deep=False)  # a model that writes into its rows does not change ours
            given = getattr(self.model, method)(own if named else own.to_numpy())
            found = _unmasked(given)
        except ModelError:
            raise  # of a model in another process: it says why
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a model may raise anything)
            # its text may quote a row, so none of it is told
            why = "" if self.counting else self._suspects(rows)
            raise ModelError(
                f"The model's {method} failed ({type(error).__name__}). {why}"
            ) from None
        several = method == "decision_function" and self.places is not None
        each = method == "predict_proba" or several
        wanted = (len(rows), len(self.classes)) if each else (len(rows),)
        if found.shape != wanted:
            raise ModelError(
                f"The model's {method} gives shape {found.shape} for {len(rows)} rows, where "
                f"{wanted} is needed. Give a {_kind(self)} that answers once for each row."
            )
        if isinstance(given, pd.Series | pd.DataFrame) and not given.index.equals(rows.index):
            raise ModelError(
                f"The model's {method} gives a {type(given).__name__} with another index than the "
                f"rows it was asked about. Let it keep their index, or return an array."
            )
        return found

    def _suspects(self, rows: "pd.DataFrame") -> str:
        """Say in which columns the rows differ from what the model was fitted on, by counts."""
        known = fitted_columns(self.model, self.features)
        doubts = []
        for name in self.features:
            column = rows[name]
            empty = int(column.isna().sum())
            if name in known and known[name].levels:
                strange = int((~column.isin(list(known[name].levels)) & column.notna()).sum())
                if strange:
                    doubts.append(f"'{name}' holds values it was not fitted on ({strange})")
            elif name not in known and column.map(lambda value: isinstance(value, str)).any():
                doubts.append(f"'{name}' holds text that no encoder of the model reads")
            if empty:
                doubts.append(f"'{name}' is empty ({empty})")
        told = f" Of {len(rows)} rows: {'; '.join(doubts[:5])}." if doubts else ""
        return f"Check that the columns it reads hold what it was fitted on.{told}"


def _unmasked(given: Any) -> "NDArray[Any]":  # noqa: ANN401
    """Make an array of an answer; what is masked in it is no answer, ``None``."""
    import numpy as np

    if not isinstance(given, np.ma.MaskedArray):
        return np.asarray(given)
    held: NDArray[np.object_] = np.ma.getdata(given).astype(object)
    held[np.ma.getmaskarray(given)] = None
    return held


def size_in_bytes(model: Any) -> int | None:  # noqa: ANN401
    """Size of a model written down, in bytes; ``None`` if it cannot be."""
    try:
        return len(pickle.dumps(model, protocol=5))
    except Exception:  # noqa: BLE001  (whatever its parts raise)
        return None


def called(model: Any) -> str:  # noqa: ANN401
    """Name a model for a reader."""
    if isinstance(model, Decide):
        return "function"
    return model.kind if isinstance(model, FileModel) else type(model).__name__


def _kind(scorer: Scorer) -> str:
    return "binary classifier" if scorer.classes else "regressor"


class Decide:
    """A function of the user's, with the interface of a fitted estimator.

    It is given the rows as a frame and returns a label for each of them, shape (n,); an amount
    where the task is regression; or, where the plan cuts a probability, that of the positive label.
    """

    def __init__(self, function: Callable[["pd.DataFrame"], Any], plan: AuditPlan) -> None:
        self.function = function
        self.feature_names_in_ = tuple(plan.model.features or ())
        self.predict = function
        self.hides_encoders_ = True  # nobody can tell which columns it knows as texts
        if plan.data.amounts:
            return
        if isinstance(plan.data.selected, Above):
            positive = plan.data.positives[0] if plan.data.positives else ""
            self.classes_: tuple[str, ...] = ("(any other)", positive)
            self.predict_proba = self._both
            return
        if plan.model.classes is None:
            raise ModelError(
                "The model is a function, so the labels it can return are not known. List them: "
                "classes=[...], or model.classes in a plan."
            )
        self.classes_ = plan.model.classes

    def _both(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        import numpy as np

        chance = _real(_unmasked(self.function(rows)), "The function").astype(np.float64)
        if chance.shape != (len(rows),):
            raise ModelError(
                f"The function gives shape {chance.shape} for {len(rows)} rows, where the plan "
                f"cuts the probability of the positive label: one number for each row."
            )
        return np.stack([1 - chance, chance], axis=1)


def _real(given: "NDArray[Any]", who: str) -> "NDArray[Any]":
    """Take values as real numbers; complex ones and dates are none."""
    import numpy as np

    try:
        if given.dtype.kind in "cmM":
            raise TypeError  # the imaginary part would be lost, and a date become a count
        return given.astype(np.float32 if given.dtype == np.float32 else np.float64, copy=False)
    except (TypeError, ValueError):
        raise ModelError(f"{who} gives values of type {given.dtype}, not numbers.") from None


def selects(scorer: Scorer, plan: AuditPlan, rows: "pd.DataFrame") -> "NDArray[np.object_]":
    """Decide each row as the plan says; shape (n,), canonical text, ``None`` where undecided."""
    import numpy as np

    if not isinstance(plan.data.selected, Above):
        return scorer.decide(rows)
    above, unknown = scorer.above(rows, plan.data.selected.above)
    decided = np.where(above, "true", "false").astype(object)
    decided[unknown] = None
    return decided
