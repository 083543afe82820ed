"""Compiled parts of scikit-learn believe the numbers they are given; a file can give them any.

A tree whose branch leads outside itself, or a support vector machine that counts more vectors than
it has, would read memory that is not its own; a text of numbers that are no letters breaks Python;
a counter of words can be told to open the files that cells name. What was built from a file is
looked at once, here.
"""

import sys
from collections.abc import Iterator
from typing import Any

DEEPEST, NESTED = 100, 12
"""So deep may values lie within each other, and so deep estimators: each may ask the next twice."""


def is_sound(model: Any) -> bool:  # noqa: ANN401
    """Whether every part of a model stays inside the arrays it holds, and opens no file.

    Raises
    ------
    RecursionError
        Its parts lie within each other deeper than any honest model's.
    """
    return all(check(part, columns) for check, part, columns in _parts(model, None, set(), 0, 0))


def _parts(
    value: Any,  # noqa: ANN401
    columns: int | None,
    seen: set[int],
    depth: int,
    within: int,
) -> Iterator[Any]:
    """Find the compiled parts of a model, each with its check and the columns it is given."""
    if id(value) in seen or isinstance(value, str | bytes | int | float | type(None)):
        return
    seen.add(id(value))
    within += hasattr(value, "get_params")
    if depth > DEEPEST or within > NESTED:
        raise RecursionError
    if (check := _check(value)) is not None:
        yield check, value, columns
        return
    inner = _held(value)
    if inner is None:
        inner = list(vars(value).values()) if hasattr(value, "__dict__") else []
        own = getattr(value, "n_features_in_", None)
        columns = own if isinstance(own, int) else columns
        for sign, look in SIGNS.items():
            if hasattr(value, sign):
                yield look, value, columns
    for one in inner:
        yield from _parts(one, columns, seen, depth + 1, within)


def _check(value: Any) -> Any:  # noqa: ANN401
    """Find the check of a compiled part, or of an array of texts."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "U":
        return _letters
    return CHECKS.get(type(value).__name__)


def _held(value: Any) -> list[Any] | None:  # noqa: ANN401
    """List what a container holds; ``None`` of anything else."""
    import numpy as np

    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else []
    return list(value) if isinstance(value, list | tuple | set) else None


def _letters(texts: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether every letter of an array of texts is one: Python trusts the numbers it finds."""
    import numpy as np

    if not texts.size or not texts.itemsize:
        return True
    whole = np.dtype(np.uint32).newbyteorder(texts.dtype.byteorder)
    return bool((np.ascontiguousarray(texts).reshape(-1).view(whole) <= sys.maxunicode).all())


def _tree(tree: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether every branch leads onward inside the tree, and asks for a column there is."""
    widths = [tree.n_features, *([] if columns is None else [columns])]
    return _onward(
        tree.children_left, tree.children_right, tree.feature, tree.children_left == -1, min(widths)
    )


def _boosted(tree: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether the same holds of a tree of histogram gradient boosting, and of its category sets."""
    import numpy as np

    nodes = tree.nodes
    leaf = nodes["is_leaf"].astype(bool)
    left, right, feature = (nodes[k].astype(np.int64) for k in ("left", "right", "feature_idx"))
    sets = nodes["bitset_idx"][nodes["is_categorical"].astype(bool) & ~leaf]
    held = min(len(tree.binned_left_cat_bitsets), len(tree.raw_left_cat_bitsets))
    return bool((sets < held).all()) and _onward(left, right, feature, leaf, columns or 0)


def _onward(left: Any, right: Any, feature: Any, leaf: Any, columns: int) -> bool:  # noqa: ANN401
    import numpy as np

    nodes, here = len(left), np.arange(len(left))[~leaf]
    branches = [(side[~leaf] > here) & (side[~leaf] < nodes) for side in (left, right)]
    asked = feature[~leaf]
    known = (asked >= 0) & (asked < columns)
    return nodes > 0 and all(bool(part.all()) for part in (*branches, known))


def _neighbours(tree: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether a tree of neighbours points at rows and nodes that it has."""
    data, places, nodes, bounds = tree.get_arrays()
    state = tree.__getstate__()
    levels, count = state[5], state[6]
    ends = (nodes["idx_start"], nodes["idx_end"])
    inside = all(bool(((end >= 0) & (end <= len(data))).all()) for end in ends)
    rows = bool(((places >= 0) & (places < len(data))).all()) and len(places) == len(data)
    width = columns is None or data.shape[1] == columns == bounds.shape[2]
    return inside and rows and width and count == len(nodes) == 2**levels - 1 == bounds.shape[1]


def _machine(machine: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether a support vector machine counts the vectors that it has."""
    counts, held = machine._n_support, machine.support_vectors_.shape[0]
    weights = machine._dual_coef_.shape
    many = len(counts) > 1 and hasattr(machine, "classes_")
    pairs = len(counts) * (len(counts) - 1) // 2 if many else 1
    return bool(
        (counts >= 0).all()
        and (not many or counts.sum() == held)
        and weights[1] == held == len(machine.support_)
        and weights[0] == max(len(counts) - 1, 1)
        and len(machine._intercept_) == pairs
        and machine.support_vectors_.shape[1] in (columns, 0)
    )


def _stages(boosting: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether every tree of gradient boosting reads as many columns as it is given.

    Boosting hands its rows to the trees without asking them, whatever they say of themselves.
    """
    trees = [one.tree_ for one in boosting.estimators_.ravel()]
    return all(tree.n_features == boosting.n_features_in_ for tree in trees)


def _texts(vectorizer: Any, columns: int | None) -> bool:  # noqa: ANN401
    """Whether words are counted in texts themselves, and not in the files that they name."""
    return bool(getattr(vectorizer, "input", "") == "content")


CHECKS = {"Tree": _tree, "TreePredictor": _boosted, "KDTree": _neighbours, "BallTree": _neighbours}
"""Compiled parts by the name of their type, which is on the reviewed list."""
SIGNS = {
    "_raw_predict_init": _stages,
    "_n_support": _machine,
    "decode_error": _texts,
}
"""Other parts by an attribute that tells them."""
