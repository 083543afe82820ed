"""Files of boosting libraries, as those libraries write them; opened in the other process.

Each class answers ``told`` (what the file says of itself), ``predict`` (places among its labels,
or amounts) and ``predict_proba``. What a row cannot be asked about is answered with -1 or NaN, as
the library itself would fail on it: such people have no decision, and are counted.
"""

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from auditkit.errors import ModelError
from auditkit.evidence.model_files.answers import (
    NO_ANSWER,
    as_places,
    both,
    by_place,
    numbers,
    where,
    whole,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NOT_AUDITED = (
    "predicts neither a class nor an amount ({what}). Audit a column of its decisions or scores."
)


class Booster:
    """What the files of all boosting libraries have in common."""

    model = ""
    features: Sequence[str] | None = None
    n_features = 0
    classes: Sequence[Any] | None = None
    n_classes = 0
    """None for an amount."""
    probable = True
    logit = False
    """Whether the margins make the probabilities: as log-odds, or of several classes by softmax."""
    saved_with = ""
    read_with = ""
    note = ""
    """What a reader must know of how the file was read."""
    asks: ClassVar[Mapping[str, Mapping[str, Any]]]
    """How the library is asked for each of its answers."""

    def __init__(self) -> None:
        self.levels: dict[str, list[Any]] = {}

    def told(self) -> dict[str, Any]:
        """Say what the file says of itself, in what JSON can hold."""
        return {
            "model": self.model,
            "features": self.features,
            "n_features": self.n_features,
            "classes": self.classes,
            "n_classes": self.n_classes,
            "probable": bool(self.n_classes) and self.probable,
            "logit": self.logit,
            "shares": self.logit or not self.n_classes,
            "levels": self.levels,
            "saved_with": self.saved_with,
            "read_with": self.read_with,
            "note": self.note,
        }

    def _raw(self, rows: "pd.DataFrame", **how: Any) -> "NDArray[Any]":  # noqa: ANN401
        """Ask the library; rows it would fail on are answered with NaN."""
        raise NotImplementedError

    def predict_proba(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict the probability of each label; shape (n, k)."""
        return both(self._raw(rows, **self.asks["chance"]), self.n_classes)

    def amounts(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict amounts; shape (n,)."""
        return self._raw(rows, **self.asks["amount"])

    def decision_function(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Give log-odds of the second label, or margins, if ``logit``; shape (n,) or (n, k)."""
        return self._raw(rows, **self.asks["margin"])

    def contributions(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Share margins or the amount out among the columns, as the library does.

        The last column is what is left where nothing is known of a row. Lundberg et al. (2020),
        algorithm 2: the counts of rows in the trees' own nodes stand in for absent columns.

        Returns
        -------
        ndarray, shape (n, p + 1), or (n, k, p + 1) of k classes
        """
        shared = self._raw(rows, **self.asks["shares"])
        if self.n_classes <= 2 or shared.ndim > 2:
            return shared
        return shared.reshape(len(shared), self.n_classes, -1)  # LightGBM puts classes in a row

    def places(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict places among the labels; shape (n,), -1 where there is no answer."""
        import numpy as np

        chance = self.predict_proba(rows)
        return np.where(np.isnan(chance).any(axis=1), NO_ANSWER, np.argmax(chance, axis=1))

    def predict(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict places among the labels, or amounts; shape (n,)."""
        return self.places(rows) if self.n_classes else self.amounts(rows)


def categorical(rows: "pd.DataFrame", levels: Mapping[str, list[Any]]) -> "pd.DataFrame":
    """Lay rows out as they were when the model was fitted: numbers, and categories by level."""
    import pandas as pd

    made = {
        name: pd.Categorical(rows[name].astype(object), categories=levels[name])
        if name in levels
        else numbers(rows[name]).to_numpy()
        for name in rows.columns
    }
    return pd.DataFrame(made, index=rows.index, columns=rows.columns)


class XGBoostFile(Booster):
    """XGBoost's JSON or binary JSON."""

    model = "XGBoost model"
    asks: ClassVar = {
        "chance": {},
        "amount": {},
        "margin": {"output_margin": True},
        "shares": {"pred_contribs": True},
    }

    def __init__(self, content: bytes) -> None:
        import xgboost

        super().__init__()
        self.booster = xgboost.Booster()
        self.booster.load_model(bytearray(content))
        config = json.loads(self.booster.save_config())
        learner = config["learner"]
        objective = str(learner["objective"]["name"])
        self.n_features = self.booster.num_features()
        self.features = self.booster.feature_names
        self.saved_with = _version(content)
        self.read_with = f"XGBoost {xgboost.__version__}"
        self.rounds = self._rounds()
        if int(learner["learner_model_param"].get("num_target", 1)) > 1:
            raise ModelError(NOT_AUDITED.format(what="several outcomes at once"))
        classes = {"binary:logistic": 2, "binary:hinge": 2}
        if objective.startswith("multi:"):
            self.n_classes = int(learner["learner_model_param"]["num_class"])
        elif objective in classes:
            self.n_classes = classes[objective]
        elif not objective.startswith(("reg:", "count:")):
            raise ModelError(NOT_AUDITED.format(what=f"objective {objective[:60]}"))
        self.probable = objective in ("binary:logistic", "multi:softprob")
        self.logit = objective in ("binary:logistic", "multi:softprob")
        self.of_places = objective in ("binary:hinge", "multi:softmax")
        types = self.booster.feature_types or ()
        if "c" in types:
            self._take_levels(types)

    def _rounds(self) -> tuple[int, int]:
        """Say which rounds decide: as the library itself does, (0, 0) for all of them.

        Its scikit-learn estimators stop at the best round, its own ``predict`` does not.
        """
        best, whole = self.booster.attr("best_iteration"), self.booster.num_boosted_rounds()
        if best is None or int(best) + 1 >= whole:
            return 0, 0
        if self.booster.attr("scikit_learn") is not None:
            return 0, int(best) + 1
        self.note = (
            f"The model file marks round {int(best) + 1} of {whole} as its best. All {whole} were "
            f"used, as XGBoost's own predict does; a system that stops at the best decides "
            f"otherwise."
        )
        return 0, 0

    def _take_levels(self, types: Sequence[str]) -> None:
        names = self.features or by_place(self.n_features)
        get = getattr(self.booster, "get_categories", None)
        held = get(export_to_arrow=True).to_arrow() if get is not None else ()
        known = {name: values for name, values in held if values is not None}
        for name, kind in zip(names, types, strict=True):
            if kind == "c" and name not in known:
                raise ModelError(
                    f"reads '{name}' by the numbers of its categories, and does not say which is "
                    f"which. Save it anew with XGBoost 3.1 or later, fitted on named categories."
                )
            if kind == "c":
                self.levels[name] = known[name].to_pylist()

    def _raw(self, rows: "pd.DataFrame", **how: bool) -> "NDArray[Any]":
        """Ask the booster; a level it has not seen makes XGBoost fail, so nobody is asked of it."""
        import numpy as np
        import xgboost

        seen = np.ones(len(rows), dtype=bool)
        for name, levels in self.levels.items():
            seen &= (rows[name].isin(levels) | rows[name].isna()).to_numpy()

        def answer(some: "pd.DataFrame") -> "NDArray[Any]":
            laid = categorical(some, self.levels)
            matrix = xgboost.DMatrix(laid, enable_categorical=True, feature_names=self.features)
            found: NDArray[Any] = self.booster.predict(
                matrix, iteration_range=self.rounds, validate_features=False, **how
            )
            return found

        return where(seen, rows, answer)

    def places(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict places among the labels; shape (n,)."""
        return as_places(self._raw(rows)) if self.of_places else super().places(rows)


def _version(content: bytes) -> str:
    """Say with which XGBoost a file was saved, in JSON or binary JSON; empty if it does not."""
    if text := re.search(rb'"version":\[(\d+),(\d+),(\d+)\]', content):
        return "XGBoost " + b".".join(text.groups()).decode()
    if small := re.search(rb"\x07version\[#L\x00{7}\x03i(.)i(.)i(.)", content, re.DOTALL):
        return "XGBoost " + ".".join(str(part[0]) for part in small.groups())
    return ""


class LightGBMFile(Booster):
    """LightGBM's text file."""

    model = "LightGBM model"
    asks: ClassVar = {
        "chance": {},
        "amount": {},
        "margin": {"raw_score": True},
        "shares": {"pred_contrib": True},
    }

    def __init__(self, content: bytes) -> None:
        import lightgbm

        super().__init__()
        text = content.decode("utf-8")
        self.booster = lightgbm.Booster(model_str=text)
        head = text[: text.index("\n\n")] if "\n\n" in text else text
        fields = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
        self.n_features = self.booster.num_feature()
        names = list(self.booster.feature_name())
        if names == [f"Column_{place}" for place in range(len(names))]:
            names = by_place(len(names))
        self.features = None if names == by_place(len(names)) else names
        self.read_with = f"LightGBM {lightgbm.__version__}"
        objective = fields.get("objective", "").split(" ")[0]
        if objective in ("multiclass", "multiclassova"):
            self.n_classes = int(fields["num_class"])
            self.logit = objective == "multiclass"
        elif objective == "binary":
            self.n_classes = 2
            self.logit = fields["objective"].split(" ")[1:] == ["sigmoid:1"]
        elif objective not in AMOUNTS:
            raise ModelError(NOT_AUDITED.format(what=f"objective '{objective[:60]}'"))
        self._take_levels(names, fields.get("feature_infos", "").split(" "))

    def _take_levels(self, names: Sequence[str], infos: Sequence[str]) -> None:
        """Match the categories at the end of the file with the columns they are of.

        The file names none of these columns. Their order is that of the columns, and a column's
        own line says what its codes can have been; where that leaves a choice, nothing is guessed.
        """
        levels = self.booster.pandas_categorical or []
        if not levels:
            return
        told = dict(zip(names, infos, strict=True))
        coded = [name for name in names if told[name] != "none" and told[name][:1] != "["]
        alike = [name for name in names if name in coded or told[name] == "none"]
        # columns split as categories first; then those too that were the same in every row
        found = _in_order(coded, levels, told) or _in_order(alike, levels, told)
        unsure = len(found) != 1 or any(
            _could_be(told[other], held) and not _is_text(held)
            for name, held in zip(found[0], levels, strict=True)
            for other in names
            if other != name
        )
        if unsure:
            raise ModelError(
                f"was fitted on {len(levels)} columns of categories, and does not say which they "
                f"are. Fit it on categories that are texts, and on no column that is the same in "
                f"every row, or audit a column of its decisions."
            )
        self.levels = dict(zip(found[0], levels, strict=True))

    def _raw(self, rows: "pd.DataFrame", **how: bool) -> "NDArray[Any]":
        import numpy as np

        for name, levels in self.levels.items():
            held = rows[name].dropna()
            if len(held) and not held.isin(levels).any():  # the match of names may be wrong
                raise ModelError(
                    f"reads '{name}' by categories of which the data hold none. Check that the "
                    f"column is spelled as it was when the model was fitted."
                )
        return np.asarray(self.booster.predict(categorical(rows, self.levels), **how))


def _could_be(info: str, levels: Sequence[Any]) -> bool:
    """Whether what a column's line says could be codes of these levels."""
    if info == "none":
        return True
    # -1 stands for what is missing
    ends = [float(end) for end in info.strip("[]").split(":") if end != "-1"] or [0.0]
    return min(ends) >= 0 and max(ends) < len(levels) and all(end.is_integer() for end in ends)


def _is_text(levels: Sequence[Any]) -> bool:
    """Whether levels are texts, so that rows show whether they are of the right column."""
    return all(isinstance(level, str) for level in levels)


def _in_order(
    columns: Sequence[str], levels: Sequence[Sequence[Any]], told: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """List the ways in which levels can be of columns, in order; at most two, to tell one."""
    if math.comb(len(columns), len(levels)) > MOST_WAYS:
        return []
    ways = (
        chosen
        for chosen in itertools.combinations(columns, len(levels))
        if all(_could_be(told[n], held) for n, held in zip(chosen, levels, strict=True))
    )
    return list(itertools.islice(ways, 2))


MOST_WAYS = 10_000
AMOUNTS = (
    "regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma",
    "tweedie",
)  # fmt: skip
"""LightGBM's objectives that predict an amount."""


class CatBoostFile(Booster):
    """CatBoost's own binary file, which names its labels and its columns."""

    model = "CatBoost model"
    asks: ClassVar = {
        "chance": {"kind": "Probability"},
        "amount": {"kind": "RawFormulaVal"},
        "margin": {"kind": "RawFormulaVal"},
        "shares": {"kind": "ShapValues"},
    }

    def __init__(self, content: bytes) -> None:
        import catboost

        super().__init__()
        self.booster = catboost.CatBoost()
        self.booster.load_model(blob=content)
        self.features = list(self.booster.feature_names_)
        self.n_features = len(self.features)
        if self.features == by_place(self.n_features):
            self.features = None
        info = self.booster.get_metadata().get("catboost_version_info") or ""
        written = re.search(r"tags/v([\d.]+)", info)
        self.saved_with = f"CatBoost {written[1]}" if written else ""
        self.read_with = f"CatBoost {catboost.__version__}"
        loss = str(self.booster.get_all_params().get("loss_function", "")).split(":")[0]
        if loss in ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll"):
            labels = getattr(self.booster, "classes_", ())
            known = [getattr(label, "item", lambda label=label: label)() for label in labels]
            self.classes = known or None
            self.n_classes = len(known) or 2
            self.logit = loss in ("Logloss", "CrossEntropy", "MultiClass")
        elif loss not in CATBOOST_AMOUNTS:
            raise ModelError(NOT_AUDITED.format(what=f"loss function '{loss[:60]}'"))
        if self.booster.get_text_feature_indices() or self.booster.get_embedding_feature_indices():
            raise ModelError(
                "reads columns of text or embeddings. Audit a column of its decisions."
            )
        self.places_of_levels = self.booster.get_cat_feature_indices()
        names = self.features or by_place(self.n_features)
        self.levels = {names[place]: [] for place in self.places_of_levels}  # it keeps only hashes

    def _raw(self, rows: "pd.DataFrame", **how: str) -> "NDArray[Any]":
        """Ask the booster; it fails on an empty category, so nobody is asked of it."""
        import catboost
        import numpy as np
        import pandas as pd

        kind, known = how["kind"], np.ones(len(rows), dtype=bool)
        for place in self.places_of_levels:
            known &= rows.iloc[:, place].notna().to_numpy()

        def answer(some: "pd.DataFrame") -> "NDArray[Any]":
            made = {
                place: some.iloc[:, place].map(_as_text)
                if place in self.places_of_levels
                else numbers(some.iloc[:, place])
                for place in range(some.shape[1])
            }
            laid = pd.DataFrame(made).set_axis(some.columns, axis=1)
            pool = catboost.Pool(laid, cat_features=self.places_of_levels)
            if kind == "ShapValues":
                return np.asarray(self.booster.get_feature_importance(pool, type=kind))
            found = np.asarray(self.booster.predict(pool, prediction_type=kind, thread_count=1))
            if kind != "Class":
                return found
            labels = [str(label) for label in self.classes or range(self.n_classes)]
            return np.array([labels.index(str(label)) for label in found.ravel().tolist()])

        return where(known, rows, answer)

    def places(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict places among the labels; shape (n,). Its file may hold a cut of its own."""
        return as_places(self._raw(rows, kind="Class"))


CATBOOST_AMOUNTS = ("RMSE", "MAE", "Quantile", "MAPE", "Huber", "LogCosh", "Lq", "Expectile")
"""CatBoost's loss functions whose raw output is the amount itself."""


def _as_text(value: Any) -> str:  # noqa: ANN401
    """Spell a category as CatBoost does: truths are 0 and 1."""
    if type(value).__name__.startswith("bool"):
        return str(int(value))
    text = whole(value)
    if text.lower() in ("true", "false"):
        raise ModelError(
            "reads a column of true and false as categories, and does not say whether it learned "
            "them as texts or as truths. Give the rows as Parquet, or the column as 0 and 1."
        )
    return text
