"""Keys and binned scores, counted in one pass where a look at the first rows tells how.

The first rows show which values the keys have, and that the scores are too many to be counted one
by one. A value that only later rows have ends the attempt: then keys and scores are counted one
after the other, and nothing is guessed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.evidence.amounts import Amounts
from auditkit.evidence.counts import Tally, levels, tally
from auditkit.evidence.histograms import BINS, CELL, VALUE
from auditkit.evidence.keys import NEED, Key, among
from auditkit.evidence.levels import Levels
from auditkit.evidence.scores import FIRST_ROWS, KINDS, MOST_ENTRIES, NO_BIN, ScoreColumn, summed

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

LARGEST_NUMBER = 2**62
"""What the numbers of cells and bins, 64-bit integers in the engine, may reach."""


def counted_together(
    column: ScoreColumn,
    keys: Mapping[str, Key],
    amounts: Amounts,
    seen: "dict[str, pd.Series[Any]]",
) -> "tuple[Tally, pd.DataFrame] | None":
    """Count keys, and scores by keys, in one pass.

    Parameters
    ----------
    column : ScoreColumn
    keys : mapping of str to Key
    amounts : Amounts
    seen : dict
        Filled with the distinct values of each key as the engine holds them.

    Returns
    -------
    tally : Tally
    table : DataFrame
        A row for each score of each cell: the texts of its keys, the bin in ``v`` (NaN is no
        score), and what is summed.

    ``None`` where the first rows do not tell enough.
    """
    import numpy as np
    import pandas as pd

    if NEED in keys or not column.needs_bins():
        return None
    found: dict[str, pd.Series[Any]] = {}
    held = tally(column.source.frame.head(FIRST_ROWS), keys, amounts, found)
    if held is None or len(held) * BINS > MOST_ENTRIES:
        return None
    if math.prod(map(len, found.values())) * KINDS > LARGEST_NUMBER:
        return None
    rows_of = levels(held, keys)
    coded = {name: _Coded.of(key, found[name], rows_of[name]) for name, key in keys.items()}
    rows = column.source.frame.select(
        **{CELL: _number(coded) * KINDS + column.bin}, **amounts.expressions
    )
    table = summed(rows, [CELL], amounts)
    if table[CELL].isna().any():
        return None
    number, score = np.divmod(table.pop(CELL).to_numpy(dtype=np.int64), KINDS)
    cells, of_row = np.unique(number, return_inverse=True)
    texts = _texts(cells, coded)
    seen |= found
    spelled = zip(*(texts[name] for name in keys), strict=True)
    sums = table.groupby(of_row).sum().itertuples(index=False, name=None)
    table[VALUE] = np.where(score == NO_BIN, np.nan, score)
    for name, of_cell in texts.items():
        table[name] = pd.Categorical(of_cell)[of_row]  # thousands of rows, but few texts
    return dict(zip(spelled, sums, strict=True)), table


@dataclass(frozen=True)
class _Coded:
    """The values of a key that were seen, by the text they are spelled as, the rarest first.

    An engine asks for the last first, and most rows need no further question.
    """

    key: Key
    values: Mapping[str | None, list[Any]]

    @classmethod
    def of(cls, key: Key, seen: "pd.Series[Any]", rows: Levels) -> "_Coded":
        values: dict[str | None, list[Any]] = {
            text: [] for text in sorted(rows, key=lambda text: rows[text])
        }
        for value, text in zip(seen.tolist(), key.spelled(seen).tolist(), strict=True):
            values[text].append(value)
        return cls(key, values)

    @property
    def place(self) -> "nw.Expr":
        """Tell the place of the value of a row; null if it was not seen."""
        import narwhals.stable.v2 as nw
        import pandas as pd

        value = self.key.expression
        out = nw.lit(None).cast(nw.Int64)
        for place, held in enumerate(self.values.values()):
            given = [one for one in held if not pd.isna(one)]
            if given:
                out = nw.when(among(value, given)).then(nw.lit(place)).otherwise(out)
            if len(given) < len(held):
                out = nw.when(value.is_null()).then(nw.lit(place)).otherwise(out)
        return out


def _number(coded: Mapping[str, _Coded]) -> "nw.Expr":
    """Make one number of the places of all keys; null if a value was not seen."""
    import narwhals.stable.v2 as nw

    number = nw.lit(0).cast(nw.Int64)
    for key in coded.values():
        number = number * len(key.values) + key.place
    return number


def _texts(
    numbers: "NDArray[np.int64]", coded: Mapping[str, _Coded]
) -> "dict[str, NDArray[np.object_]]":
    """Spell the keys of numbered cells, shape (C,) each."""
    import numpy as np

    out = {}
    for name, key in reversed([*coded.items()]):
        numbers, places = np.divmod(numbers, len(key.values))
        out[name] = np.array([*key.values], dtype=object)[places]
    return out
