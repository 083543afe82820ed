"""Attributions of tree models to their own inputs; the only door to shap."""

import warnings
from typing import TYPE_CHECKING, Any

from auditkit.explain.columns import RefusedError
from auditkit.explain.shapley import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INTERVENTIONAL = "interventional"
PATH_DEPENDENT = "tree_path_dependent"

WORK = 50_000_000
"""Leaves visited, rows times leaves, that one explanation may take: ten to twenty seconds."""
CHUNK = 100
"""Rows handed to shap at a time, between two reports of progress."""


def tree_attributions(
    final: Any,  # noqa: ANN401
    matrix: "NDArray[np.float64]",
    behind: "NDArray[np.float64] | None",
    positive_is_first: bool,
    progress: Progress | None = None,
) -> tuple["NDArray[np.float64]", float, int]:
    """Attribute a tree model's output for the positive class to the columns it is given.

    Parameters
    ----------
    final : estimator
        A fitted binary classifier made of trees.
    matrix : ndarray of float64, shape (n, k)
        What it is given for the rows to explain.
    behind : ndarray of float64, shape (B, k), or None
        What it is given for the background; None uses the counts of rows in the trees' own nodes.
    positive_is_first : bool
        Whether the positive class is the first of the model's classes.
    progress : callable, optional
        Called with (rows done, rows in all).

    Returns
    -------
    values : ndarray of float64, shape (n, k)
    base : float
        Both in the unit of the trees' sum: log-odds for boosting, probability for forests. Whether
        they add up to the model's output is not checked here.
    affordable : int
        How many rows can be explained in all before it takes too long.

    Raises
    ------
    RefusedError
        shap is known to be wrong for this model, or would take too long.

    Notes
    -----
    Lundberg et al. (2020), algorithms 2 (path dependent) and 3 (interventional).
    """
    import numpy as np

    if getattr(final, "is_categorical_", None) is not None:
        # a wrong turn off a row's own path does not show in its sum
        raise RefusedError("shap reads this model's native categories as ordered numbers")
    explainer = _explainer(final, behind)
    affordable = _affordable(explainer, len(matrix), 0 if behind is None else len(behind))
    parts = []
    for start in range(0, len(matrix), CHUNK):
        part = explainer.shap_values(matrix[start : start + CHUNK], check_additivity=False)
        parts.append(np.asarray(part, dtype=np.float64))
        if progress is not None:
            progress(min(start + CHUNK, len(matrix)), len(matrix))
    values, base = _for_positive(np.concatenate(parts), explainer.expected_value, positive_is_first)
    return values, base, affordable


def _explainer(final: Any, behind: "NDArray[np.float64] | None") -> Any:  # noqa: ANN401
    with warnings.catch_warnings():
        # shap builds its colour maps on import, in a way matplotlib is about to retire
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap
    if behind is None:
        return shap.TreeExplainer(final, feature_perturbation=PATH_DEPENDENT, model_output="raw")
    # without max_samples shap silently draws 100 rows of its own choice
    masker = shap.maskers.Independent(behind, max_samples=len(behind))
    return shap.TreeExplainer(
        final, masker, feature_perturbation=INTERVENTIONAL, model_output="raw"
    )


def _affordable(explainer: Any, rows: int, background: int) -> int:  # noqa: ANN401
    """Count the rows that the work allows, and refuse to explain more."""
    # a background row costs about a fifteenth of walking all paths once
    leaves = sum(int((tree.children_left < 0).sum()) for tree in explainer.model.trees or ())
    affordable = int(WORK / (max(1, leaves) * max(1.0, background / 15)))
    if rows > affordable:
        raise RefusedError(f"its {leaves:,} leaves are too many for {rows:,} rows")
    return affordable


def _for_positive(
    values: "NDArray[np.float64]",
    expected: Any,  # noqa: ANN401
    positive_is_first: bool,
) -> tuple["NDArray[np.float64]", float]:
    """Pick the positive class: one of two outputs, or the only one with its sign."""
    import numpy as np

    base = np.ravel(np.asarray(expected, dtype=np.float64))
    if values.ndim == 3 and values.shape[2] == 2:
        place = 0 if positive_is_first else 1
        return values[:, :, place], float(base[place])
    if values.ndim != 2 or len(base) != 1:
        raise RefusedError("it gives values of an unexpected shape")
    sign = -1.0 if positive_is_first else 1.0
    return sign * values, sign * float(base[0])
