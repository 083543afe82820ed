"""What every model in the other process answers with, and how its rows are laid out for it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

NO_ANSWER, STRANGE = -1, -2
"""Places among the labels that are none: no decision, and one that is no label of the model."""


def both(chance: "NDArray[Any]", labels: int) -> "NDArray[Any]":
    """Lay out the chance of the second of two labels as that of both; shape (n, labels)."""
    import numpy as np

    if chance.ndim > 1:
        return chance
    if labels != 2:
        return np.full((len(chance), labels), np.nan)
    return np.stack([1.0 - chance, chance], axis=1)


def by_place(columns: int) -> list[str]:
    """Name columns that a file does not name."""
    return [str(place) for place in range(columns)]


def as_places(found: "NDArray[Any]") -> "NDArray[np.int64]":
    """Write places among the labels as whole numbers, -1 where there is no answer."""
    import numpy as np

    places: NDArray[np.int64] = np.nan_to_num(found, nan=NO_ANSWER).astype(np.int64)
    return places


def where(
    asked: "NDArray[np.bool_]", rows: "pd.DataFrame", answer: Callable[..., "NDArray[Any]"]
) -> "NDArray[Any]":
    """Ask about the rows that can be asked about; the others have no answer."""
    import numpy as np

    if asked.all():
        return answer(rows)
    some = answer(rows[asked]) if asked.any() else np.empty(0)
    out = np.full((len(rows), *some.shape[1:]), np.nan)
    out[asked] = some
    return out


def numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Read a column as numbers, NaN where it is empty."""
    import pandas as pd

    return pd.to_numeric(column).astype("float64")


def whole(value: Any) -> str:  # noqa: ANN401
    """Spell a value as text; a whole number that became a float is whole again."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
