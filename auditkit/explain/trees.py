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
    progress: Progress | None = None,
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]", int]:
    """Attribute a tree model's own outputs to the columns it is given.

    Parameters
    ----------
    final : estimator
        A fitted classifier or regressor made of trees.
    matrix : ndarray of float64, shape (n, k)
        What it is given for the rows to explain.
    behind : ndarray of float64, shape (B, k), or None
        What it is given for the background; None uses the counts of rows in the trees' own nodes.
    progress : callable, optional
        Called with (rows done, rows in all).

    Returns
    -------
    values : ndarray of float64, shape (n, k, outputs)
    base : ndarray of float64, shape (outputs,)
        Both in the unit of the trees' sum: margins for boosting, probabilities for forests, one for
        each class or one of the second of two; or the amount. Whether they add up to the model's
        output is not checked here.
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
    values = np.concatenate(parts)
    values = values[:, :, None] if values.ndim == 2 else values
    base = np.ravel(np.asarray(explainer.expected_value, dtype=np.float64))
    if values.ndim != 3 or values.shape[2] != len(base):
        raise RefusedError("it gives values of an unexpected shape")
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
