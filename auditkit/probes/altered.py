"""One input column is altered at a time: emptied, given a text or a number never seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.evidence.encoders import Fitted, fitted_columns
from auditkit.evidence.models import Scorer

if TYPE_CHECKING:
    import pandas as pd

UNSEEN = "(unseen)"


@dataclass(frozen=True)
class Altered:
    """A column as a probe leaves it: its cells, of the index of the rows."""

    feature: str
    probe: str
    cells: "pd.Series[Any]"


def altered(scorer: Scorer, rows: "pd.DataFrame") -> Iterator[Altered]:
    """Alter each column that the model reads, in its order.

    Numbers are altered by the range of all sampled rows: ``max + range`` and ``min - range``, where
    all are alike by 1. Other types than numbers and text are only emptied.
    """
    fitted = fitted_columns(scorer.model, scorer.features)
    for name in scorer.features:
        column = rows[name]
        yield Altered(name, "emptied", _emptied(column, fitted.get(name)))
        if (text := _unseen(column, fitted.get(name))) is not None:
            yield Altered(name, "unseen", text)
        for probe, number in _beyond(column):
            yield Altered(name, probe, number)


def _emptied(column: "pd.Series[Any]", fitted: Fitted | None) -> "pd.Series[Any]":
    """Empty a column as its reader would have found it: a missing number is a NaN."""
    import pandas as pd

    if pd.api.types.is_extension_array_dtype(column.dtype):
        return pd.Series(pd.NA, index=column.index, dtype=column.dtype)
    if column.dtype != object:
        kind = column.dtype if column.dtype.kind in "mMf" else "float64"
        return pd.Series(float("nan"), index=column.index, dtype=kind)
    missing = fitted.missing if fitted is not None else float("nan")
    return pd.Series([missing] * len(column), index=column.index, dtype=object)


def _unseen(column: "pd.Series[Any]", fitted: Fitted | None) -> "pd.Series[Any] | None":
    """Put a text that nobody has into a column of text; none where it is of another kind."""
    import pandas as pd

    categories = getattr(column.dtype, "categories", None)
    present = list(column.dropna().unique()) if categories is None else list(categories)
    if not present or not all(isinstance(value, str) for value in present):
        return None
    text = UNSEEN
    while text in present or (fitted is not None and text in fitted.levels):
        text = f"({text})"
    if categories is None:
        return pd.Series(text, index=column.index, dtype=column.dtype)
    cells = pd.Categorical(
        [text] * len(column), categories=[*present, text], ordered=column.cat.ordered
    )
    return pd.Series(cells, index=column.index)


def _beyond(column: "pd.Series[Any]") -> "Iterator[tuple[str, pd.Series[Any]]]":
    """Put a number beyond all that are there into a column of numbers."""
    import numpy as np
    import pandas as pd

    kind = column.dtype
    if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return
    low, high = float(numbers.min()), float(numbers.max())
    reach = high - low or 1.0
    whole = pd.api.types.is_integer_dtype(kind)
    for probe, value in (("above", high + reach), ("below", low - reach)):
        if not np.isfinite(value):
            continue
        # as a reader would give a number that large
        given = np.dtype(np.float64) if whole and not _fits(value, kind) else kind
        yield probe, pd.Series(value, index=column.index).astype(given)


def _fits(value: float, kind: Any) -> bool:  # noqa: ANN401
    import numpy as np

    limits = np.iinfo(getattr(kind, "numpy_dtype", kind))
    return limits.min <= value <= limits.max and abs(value) < 2.0**53
