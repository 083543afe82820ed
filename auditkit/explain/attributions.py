"""What each source column adds to the model's output, row by row.

Five methods are tried in order, and each is held against the model on every explained row. A method
that does not add up to the model's own output is not used, because shap can be wrong without saying
so (histogram gradient boosting with native categories, or with float64 backgrounds).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from auditkit.explain import shapley
from auditkit.explain.columns import RefusedError, by_source, design_matrix, unwrap
from auditkit.explain.shapley import Progress
from auditkit.explain.trees import INTERVENTIONAL, PATH_DEPENDENT, tree_attributions
from auditkit.results import ROUNDING, Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TOLERANCE = 1e-6
"""Largest gap to the model's output on any row, in the output's unit (float64 models).

Of amounts, whose unit may be anything: in standard deviations of the output.
"""
LAST_DIGITS = 2.0**-44
"""Of amounts also this share of the largest: 512 times what rounding one float can do to it."""
LEFT_OVER = 2.0**-48
"""16 times what rounding one float does: so much of the output is what sums leave over."""
NOTHING = 1e-9
"""So much of the largest attribution is nothing, too: means of large numbers leave it over."""
SINGLE_TOLERANCE = 1e-4
"""The same for models that compute in float32, in standard deviations of the output."""

BACKGROUND_RULE = (
    "background rows are drawn from the sampled rows without replacement, each in proportion to "
    "the rows it stands for, by a seeded draw from its content"
)
SUMMED = "Attributions of the encoded columns are summed over the column they were made from."
ADDITIVE = ("log-odds", "margin", "amount")
"""Units in which models that are sums are sums: no probability is one."""
ASKED = {
    "log-odds": "decision_function",
    "margin": "decision_function",
    "probability": "predict_proba",
    "amount": "predict",
}
"""The method of a model that gives each unit."""
NATIVE_ROWS = 500
"""Rows about which a boosting library is asked at a time: classes times columns for each."""
TREES = ("sklearn.ensemble", "sklearn.tree", "xgboost", "lightgbm", "catboost")


class Scorer(Protocol):
    """A model that gives one number for a row: for a class, for several together, or an amount."""

    @property
    def model(self) -> Any:  # noqa: ANN401
        """The fitted estimator."""

    @property
    def features(self) -> tuple[str, ...]:
        """Source columns in the model's order."""

    @property
    def unit(self) -> str:
        """Unit of the output."""

    @property
    def positive_is_first(self) -> bool:
        """Whether the positive class is the first of the model's two classes."""

    @property
    def places(self) -> tuple[int, ...] | None:
        """Places of the explained classes among several; None where there are two, or none."""

    def output(self, rows: "pd.DataFrame") -> "NDArray[np.float64]":
        """Give what is explained, shape (n,)."""


@dataclass(frozen=True, eq=False)
class Attributed:
    """What each source column adds to the model's output on each explained row.

    Attributes
    ----------
    features : tuple of str
        The p source columns; ``(rounding)`` is last where the model computes in float32.
    values : ndarray of float64, shape (n, p), or None
        Attributions in ``unit``; None when withheld.
    base : float or None
        What the attributions are relative to: ``base + values.sum(axis=1)`` is the output.
    output : ndarray of float64, shape (n,)
        The model's output.
    unit : str
        Of values, base and output.
    method, perturbation : str
        How they were made, and how absent columns are stood in for.
    background : int
        Background rows used; 0 where the trees' own counts are.
    additivity, tolerance : float or None
        Largest gap, over all rows, between the output and base plus attributions; what was allowed.
    noise : float or None
        Standard deviation of one sampled value over permutations; None where nothing is sampled.
    status : Status
        ``ok``, or ``undefined`` when no method agrees with the model.
    note : str
        What was tried and refused, and why.
    affordable : int or None
        How many rows the method can explain in all within its budget of work; None: any number.
    """

    features: tuple[str, ...]
    values: "NDArray[np.float64] | None"
    base: float | None
    output: "NDArray[np.float64]"
    unit: str
    method: str
    perturbation: str
    background: int
    additivity: float | None
    tolerance: float | None
    noise: float | None
    status: Status
    note: str
    affordable: int | None = None


@dataclass(frozen=True, eq=False)
class _Task:
    scorer: Scorer
    rows: "pd.DataFrame"
    background: "pd.DataFrame"
    output: "NDArray[np.float64]"
    perturbation: str
    seed: int
    progress: Progress | None
    only: str = ""
    rows_in_all: int = 0


@dataclass(frozen=True, eq=False)
class _Candidate:
    values: "NDArray[np.float64]"
    base: float
    perturbation: str
    background: int
    noise: float | None = None
    note: str = ""
    affordable: int | None = None


def background(
    rows: "pd.DataFrame",
    size: int,
    seed: int,
    weights: "NDArray[np.float64] | None" = None,
) -> "pd.DataFrame":
    """Choose background rows among the sampled rows, the same whatever their order.

    Parameters
    ----------
    rows : DataFrame, shape (n, p)
        Sampled rows.
    size : int
        How many to choose; all of them if there are no more.
    seed : int
        Seed of the draw, not negative.
    weights : ndarray, shape (n,), optional
        How many rows of the data each stands for. Without them all count the same, and a group that
        was sampled more densely is over-represented.

    Returns
    -------
    DataFrame, shape (min(size, n), p)
        In the order of the draw, so that its first rows are a smaller background of the same kind.

    Notes
    -----
    Weighted draw without replacement by exponential keys: Efraimidis and Spirakis (2006).
    """
    import numpy as np

    keys = np.array([draw.exponential() for draw in shapley.generators(rows, seed)])
    if weights is not None:
        keys = keys / weights
    return rows.iloc[np.argsort(keys, kind="stable")[:size]].reset_index(drop=True)


def explain(
    scorer: Scorer,
    rows: "pd.DataFrame",
    background: "pd.DataFrame",
    *,
    perturbation: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
    only: str = "",
    rows_in_all: int = 0,
) -> Attributed:
    """Attribute the model's output on each row to the source columns.

    Parameters
    ----------
    scorer : Scorer
        The model, its source columns and the unit of its output.
    rows : DataFrame, shape (n, p)
        Rows to explain, as the model gets them; text, categories and missing values are kept.
    background : DataFrame, shape (B, p)
        What absent columns are replaced from.
    perturbation : {"auto", "interventional"}
        ``auto`` lets tree models use the counts of rows in their own nodes.
    seed : int
        Seed of the permutations, where they are sampled.
    progress : callable, optional
        Called with (rows done, rows in all).
    only : str
        The one method to use, as ``Attributed.method`` names it; empty: the first that adds up.
    rows_in_all : int
        How many rows may come to be explained, where these are the first of them: a method is taken
        that can do as many, and not the most exact one for a few.

    Returns
    -------
    Attributed
        With ``status`` undefined and no values when no method adds up to the model's output.

    Raises
    ------
    ValueError
        There is no row, no column or no background, or the perturbation is unknown.
    ModelError
        The model cannot score the rows.

    Notes
    -----
    Linear models: Lundberg and Lee (2017), section 4.1. Trees: Lundberg et al. (2020). Others:
    ``auditkit.explain.shapley``.
    """
    if perturbation not in ("auto", INTERVENTIONAL):
        raise ValueError(f"perturbation is 'auto' or '{INTERVENTIONAL}', not '{perturbation}'.")
    if not (len(rows) and len(background) and scorer.features):
        raise ValueError("To explain a model takes at least one row, column and background row.")
    from threadpoolctl import threadpool_limits

    columns = list(scorer.features)
    rows = rows[columns].reset_index(drop=True)
    background = background[columns].reset_index(drop=True)
    task = _Task(
        scorer, rows, background, scorer.output(rows), perturbation, seed, progress, only,
        rows_in_all,
    )  # fmt: skip
    # measured: on a busy machine two threads made boosting up to four times slower, and never
    # twice as fast on an idle one
    with threadpool_limits(limits=1):
        return _first_that_adds_up(task)


def _first_that_adds_up(task: _Task) -> Attributed:
    import numpy as np

    unit, tolerance, refused = task.scorer.unit, _allowed(task), ""
    error: float | None = None
    for name, method in _methods(task):
        if task.only not in ("", name):
            continue
        try:
            found = method(task)
            found = replace(found, values=without_left_overs(found.values, task.output))
            off = float(np.abs(found.base + found.values.sum(axis=1) - task.output).max())
            error = off if np.isfinite(off) else None
            if error is None:
                raise RefusedError("the model's output is no finite number on rows put together")
            if error > tolerance:
                raise RefusedError(f"off by up to {error:.3g} {unit} on a row")
        except RefusedError as why:
            refused += f"Not used: {name} ({why}). "
        except Exception as why:  # noqa: BLE001  (shap and models may raise anything)
            # not its message, which may quote a row
            refused += f"Not used: {name} (stopped with {type(why).__name__}). "
        else:
            return _attributed(
                task, name, found, error, tolerance, f"{refused}{found.note}".strip()
            )
    return Attributed(
        task.scorer.features, None, None, task.output, unit, "", "", 0, error, tolerance, None,
        Status.UNDEFINED,
        f"Withheld: no method adds up to the model's output on every row. {refused}".strip(),
    )  # fmt: skip


def _attributed(
    task: _Task, name: str, found: _Candidate, error: float, tolerance: float, note: str
) -> Attributed:
    import numpy as np

    features, values = task.scorer.features, found.values
    if error > of_double(task.scorer.unit, task.output):
        remainder = task.output - found.base - values.sum(axis=1)
        features, values = (*features, ROUNDING), np.column_stack([values, remainder])
    return Attributed(
        features=features,
        values=values,
        base=found.base,
        output=task.output,
        unit=task.scorer.unit,
        method=name,
        perturbation=found.perturbation,
        background=found.background,
        additivity=error,
        tolerance=tolerance,
        noise=found.noise,
        status=Status.OK,
        note=note,
        affordable=found.affordable,
    )


def together(first: Attributed, more: Attributed) -> Attributed:
    """Put rows explained later by the same method, against the same background, after the first.

    Parameters
    ----------
    first, more : Attributed
        Neither withheld.

    Returns
    -------
    Attributed
        Of n + m rows, its additivity the largest over all of them.
    """
    import numpy as np

    parts = [found.values for found in (first, more) if found.values is not None]
    count = len([name for name in first.features if name != ROUNDING])
    values = np.concatenate([part[:, :count] for part in parts])
    output = np.concatenate([first.output, more.output])
    remainder = output - (first.base or 0.0) - values.sum(axis=1)
    error, features = float(np.abs(remainder).max()), first.features[:count]
    if error > of_double(first.unit, output):
        features, values = (*features, ROUNDING), np.column_stack([values, remainder])
    return replace(first, features=features, values=values, output=output, additivity=error)


def without_left_overs(
    values: "NDArray[np.float64]", output: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Put 0 where a column has, on every row, only what sums of floats leave over.

    Else an input that the model does not read would carry something of a gap, with an interval that
    leaves out 0.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
    output : ndarray of float64, shape (n,)
        What they are parts of.
    """
    import numpy as np

    size = np.abs(values)
    least = max(LEFT_OVER * np.abs(output).max(), NOTHING * size.max(initial=0.0))
    return np.where(size.max(axis=0, initial=0.0) <= least, 0.0, values)


def of_double(unit: str, output: "NDArray[np.float64]") -> float:
    """Allow models in float64 1e-6, or of amounts 1e-6 standard deviations and their last digits.

    Parameters
    ----------
    unit : str
    output : ndarray of float64, shape (n,)

    Returns
    -------
    float
        In ``unit``.
    """
    import numpy as np

    if unit != "amount":
        return TOLERANCE
    return max(TOLERANCE * float(output.std()), LAST_DIGITS * float(np.abs(output).max()))


def _allowed(task: _Task) -> float:
    """Allow that, or 1e-4 standard deviations where the model itself computes in float32."""
    import numpy as np

    plain = of_double(task.scorer.unit, task.output)
    asked = ASKED.get(task.scorer.unit, "")
    if not hasattr(task.scorer.model, asked):
        return plain
    named = hasattr(task.scorer.model, "feature_names_in_")
    own = task.rows.copy(deep=False)  # a model that writes into its rows does not change ours
    try:  # the very rows it has answered about: some models fail on a single one
        told = getattr(task.scorer.model, asked)(own if named else own.to_numpy())
    except Exception:  # noqa: BLE001  (a model may raise anything, and quote a row in it)
        return plain
    single = np.asarray(told).dtype == np.float32
    return max(plain, SINGLE_TOLERANCE * float(task.output.std())) if single else plain


def _methods(task: _Task) -> Iterator[tuple[str, Callable[[_Task], _Candidate]]]:
    """Name the methods that may apply, the closest to the model's own form first."""
    final = unwrap(task.scorer.model)[1]
    additive = task.scorer.unit in ADDITIVE
    if additive and hasattr(final, "coef_"):
        yield "exact linear attributions", _linear
    if additive and hasattr(task.scorer.model, "contributions"):
        yield "the boosting library's own attributions", _native
    if type(final).__module__.startswith(TREES):
        yield "shap TreeExplainer", _tree
    yield "exact Shapley values over all sets of source columns", _exact
    if len(task.scorer.features) > 1:
        yield "Shapley values from sampled permutations, each with its reverse", _sampled


def _shares(scorer: Scorer, outputs: int) -> "NDArray[np.float64]":
    """Say how the explained output is made of a model's own outputs, shape (outputs,).

    One output speaks for the second of two classes, or is the amount. A margin among several is
    taken from the mean of all: only differences between them decide.

    Raises
    ------
    RefusedError
        The model has another number of outputs than it has classes.
    """
    import numpy as np

    if scorer.places is None and outputs == 1:
        return np.array([-1.0 if scorer.positive_is_first else 1.0])
    places = (0 if scorer.positive_is_first else 1,) if scorer.places is None else scorer.places
    if max(places, default=0) >= outputs or (scorer.places is None and outputs != 2):
        raise RefusedError("it gives values of an unexpected shape")
    shares = np.zeros(outputs)
    shares[list(places)] = 1.0
    if scorer.places is not None and scorer.unit == "margin":
        shares -= shares.mean()
    return shares


def _linear(task: _Task) -> _Candidate:
    """phi_j = coef_j (x_j - mean of the background's x_j), summed over the source's columns."""
    import numpy as np

    final = unwrap(task.scorer.model)[1]
    coef = np.asarray(final.coef_, dtype=np.float64)
    coef = coef.reshape(-1, coef.shape[-1])
    coef = _shares(task.scorer, len(coef)) @ coef
    matrix, owners = design_matrix(task.scorer.model, task.rows)
    behind, _ = design_matrix(task.scorer.model, task.background)
    values = by_source((matrix - behind.mean(axis=0)) * coef, owners, len(task.scorer.features))
    base = float(task.scorer.output(task.background).mean())
    return _Candidate(values, base, INTERVENTIONAL, len(task.background))


def _native(task: _Task) -> _Candidate:
    """Take what a boosting library itself gives; its columns are the source columns."""
    import numpy as np

    if task.perturbation == INTERVENTIONAL:
        raise RefusedError("it knows no background")
    parts, n = [], len(task.rows)
    for start in range(0, n, NATIVE_ROWS):
        some = task.rows.iloc[start : start + NATIVE_ROWS]
        found = np.asarray(task.scorer.model.contributions(some), dtype=np.float64)
        found = found.reshape(len(found), -1, found.shape[-1])  # (rows, outputs, p + 1)
        parts.append(np.einsum("k,nkp->np", _shares(task.scorer, found.shape[1]), found))
        if task.progress is not None:
            task.progress(min(start + NATIVE_ROWS, n), n)
    shared = np.concatenate(parts)
    if shared.shape != (n, len(task.scorer.features) + 1):
        raise RefusedError("it gives values of an unexpected shape")
    base = shared[:, -1]
    if not np.allclose(base, base[0]):
        raise RefusedError("what it starts from differs between rows")
    return _Candidate(shared[:, :-1], float(base[0]), PATH_DEPENDENT, 0)


def _tree(task: _Task) -> _Candidate:
    """Attributions of the tree ensemble to its own inputs, summed over the source's columns."""
    matrix, owners = design_matrix(task.scorer.model, task.rows)
    behind = None
    if task.perturbation == INTERVENTIONAL:
        behind = design_matrix(task.scorer.model, task.background)[0]
    final = unwrap(task.scorer.model)[1]
    raw, bases, affordable = tree_attributions(final, matrix, behind, task.progress)
    shares = _shares(task.scorer, len(bases))
    return _Candidate(
        by_source(raw @ shares, owners, len(task.scorer.features)),
        float(bases @ shares),
        PATH_DEPENDENT if behind is None else INTERVENTIONAL,
        0 if behind is None else len(behind),
        note=SUMMED if len(set(owners.tolist())) < len(owners) else "",
        affordable=affordable,
    )


def _exact(task: _Task) -> _Candidate:
    each = shapley.exact_cost(1, task.rows.shape[1], len(task.background))
    if each * max(len(task.rows), task.rows_in_all) > shapley.EVALUATIONS:
        raise RefusedError(f"it would take over {shapley.EVALUATIONS:,} model outputs")
    play = shapley.game(task.rows, task.background, task.scorer.output)
    values = shapley.exact(play, task.progress)
    affordable = shapley.EVALUATIONS // max(1, each)
    return _Candidate(values, play.base, INTERVENTIONAL, play.background, affordable=affordable)


def _sampled(task: _Task) -> _Candidate:
    n, p = task.rows.shape
    kept = shapley.affordable_background(max(n, task.rows_in_all), p, len(task.background))
    play = shapley.game(task.rows, task.background.iloc[:kept], task.scorer.output)
    values = shapley.sampled(play, task.seed, task.progress)
    noise = shapley.sampling_noise(play, values, task.seed)
    affordable = shapley.EVALUATIONS // max(1, shapley.sampled_cost(1, p, kept))
    return _Candidate(
        values, play.base, INTERVENTIONAL, play.background, noise, affordable=affordable
    )
