"""Keys and bins of scores are counted together, where the first rows show what the keys hold.

Without that, rows are counted once by the values of their keys, whatever those are, and once more
by cell and bin as one whole number, which engines group fastest. Here the first rows show the
values. Where a later row holds another, nothing of this pass is used.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.evidence.counts import NO, UNKNOWN, YES, Cell, Gathered, Tally, add, tally
from auditkit.evidence.histograms import CELL, Cells, Entries, Rule, placed_texts
from auditkit.evidence.keys import DECISION, Key, looked_up
from auditkit.evidence.scores import (
    FIRST_ROWS,
    KINDS,
    NO_BIN,
    Extremes,
    ScoreColumn,
    ScoreCounts,
    counted,
    extremes,
    summed,
)

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Seen = dict[str, pd.Series[Any]]

MOST_NUMBERS = 2**22
"""Cells times bins that one pass counts: DuckDB groups by so many in an array."""
OTHER = 0
"""Code of a value that the first rows do not have; null would keep DuckDB from using an array."""


@dataclass(frozen=True, eq=False)
class Together:
    """Sums over the rows that share all keys and the bin of the score.

    Attributes
    ----------
    names : tuple of str
        Of the keys.
    spelled : tuple of Cell
        The values of the keys as text, C cells.
    cell, bins : ndarray of int, shape (E,)
        Place in ``spelled``, and the bin of the score.
    table : DataFrame, shape (E, 1 or 3)
        People, and sums of weights and their squares.
    """

    names: tuple[str, ...]
    spelled: tuple[Cell, ...]
    cell: "NDArray[np.int64]"
    bins: "NDArray[np.int64]"
    table: "pd.DataFrame"

    @property
    def tally(self) -> Tally:
        """Sum over the bins."""
        found: Tally = {}
        sums = self.table.groupby(self.cell).sum()
        for place, total in zip(sums.index, sums.itertuples(index=False), strict=True):
            add(found, {self.spelled[place]: tuple(map(int, total))})
        return found

    def entries(self, cells: Cells) -> Entries:
        """Place the cells in the groups of the audit; who has no decision is left out."""
        import numpy as np

        codes, outcome = cells.places(self._texts())
        decided = self._decided(cells.quality.selected)[self.cell] != UNKNOWN
        order = np.flatnonzero(decided)
        order = order[np.argsort(self.bins[order], kind="stable")]
        cell, bins = self.cell[order], self.bins[order]
        score = np.where(bins == NO_BIN, np.nan, bins.astype(np.float64))
        return Entries(codes[cell], outcome[cell], score, self.table.to_numpy()[order], cells.kinds)

    def ends(self, selected: Mapping[str | None, int]) -> tuple[int | None, int | None, int]:
        """Find the lowest bin of the selected, the highest of the others, and rows without one."""
        decision = self._decided(selected)[self.cell]
        scored = self.bins != NO_BIN
        chosen, others = self.bins[(decision == YES) & scored], self.bins[(decision == NO) & scored]
        unscored = self.table["n"].to_numpy()[(decision == YES) & ~scored].sum()
        return (
            int(chosen.min()) if len(chosen) else None,
            int(others.max()) if len(others) else None,
            int(unscored),
        )

    def _texts(self) -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame(list(self.spelled), columns=list(self.names), dtype=object)

    def _decided(self, selected: Mapping[str | None, int]) -> "NDArray[np.int64]":
        return placed_texts(self._texts()[DECISION], selected)


def counted_together(gathered: Gathered, column: ScoreColumn, seen: "Seen") -> Together | None:
    """Count keys and bins of scores in one pass, inside the engine.

    ``seen`` is filled with the distinct values of each key as the engine holds them.

    Returns
    -------
    Together or None
        ``None`` where scores may have few enough values to be counted each, where the cells are too
        many, or where the first rows do not show every value of the keys.
    """
    import numpy as np

    if gathered.connection is None or gathered.amounts.need or not column.many_at_first:
        return None
    first: Seen = {}
    if tally(gathered.frame.head(FIRST_ROWS), gathered.keys, seen=first) is None:
        return None
    sizes = [1 + len(values) for values in first.values()]
    if math.prod(sizes) * KINDS > MOST_NUMBERS:
        return None
    number = _number(gathered.keys, first)
    rows = gathered.frame.select(
        **{CELL: number * KINDS + column.bin}, **gathered.amounts.expressions
    )
    table = summed(rows, [CELL], gathered.amounts)
    cell, bins = np.divmod(table.pop(CELL).to_numpy(), KINDS)
    held, place = np.unique(cell, return_inverse=True)
    codes = np.stack(np.unravel_index(held, sizes), axis=1)
    if (codes == OTHER).any():
        return None
    seen |= first
    texts = [[None, *key.spelled(first[name]).tolist()] for name, key in gathered.keys.items()]
    spelled = (
        tuple(text[code] for text, code in zip(texts, row, strict=True)) for row in codes.tolist()
    )
    return Together(tuple(gathered.keys), tuple(spelled), place, bins, table)


def _number(keys: Mapping[str, Key], first: "Seen") -> "nw.Expr":
    """Tell the number of the cell of a row, its keys' codes one after the other."""
    import narwhals.stable.v2 as nw
    import pandas as pd

    number = nw.lit(0).cast(nw.Int64)
    for name, key in keys.items():
        values = list(enumerate(first[name].tolist(), 1))
        held = [(code, [value]) for code, value in values if not pd.isna(value)]
        other = nw.lit(OTHER)
        for missing in [code for code, value in values if pd.isna(value)][:1]:
            other = nw.when(key.expression.is_null()).then(nw.lit(missing)).otherwise(other)
        number = number * (1 + len(values)) + looked_up(key.expression, held, other)
    return number


def scores_of(held: Together, column: ScoreColumn, cells: Cells) -> ScoreCounts:
    """Make the histograms of all groups of what was counted together.

    Raises
    ------
    DataError
        Scores that are no numbers or lie outside the limits.
    """
    rule = Rule(column.low, column.high, binned=True)
    found = counted([(cells.crossings, held.entries(cells))], rule, cells)
    if found is None:
        return column.refuse()
    return replace(found, extremes=_extremes(held, column, cells, rule))


def _extremes(held: Together, column: ScoreColumn, cells: Cells, rule: Rule) -> Extremes | None:
    """Look where decisions part the scores; ``None`` where the bins say already that they do not.

    Only rows of the bins where they meet are looked at, and of one more on either side.
    """
    import numpy as np

    lowest, highest, unscored = held.ends(cells.quality.selected)
    if lowest is None or highest is None or lowest < highest:
        return None
    left, right = rule.edges(np.array([highest - 1.0, lowest + 1.0]))
    between = float(left[0]), float(right[1])
    ends = column.ends(cells.keys[DECISION], cells.amounts, between)
    return replace(extremes(ends, cells), selected_unscored=unscored)
