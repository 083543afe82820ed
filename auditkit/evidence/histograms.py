"""Sums by cell, recorded outcome and score become a histogram of every declared group."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.evidence.amounts import Amounts
from auditkit.evidence.counts import UNKNOWN, Counts, GroupTable, crossings, grouping
from auditkit.evidence.keys import DECISION, LABEL, NEED, Key, placed
from auditkit.evidence.quality import Quality
from auditkit.metrics.histogram import Histogram, Outcomes
from auditkit.results import ALL, CROSS, NOT_RECORDED

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

BINS = 4096
CELL, VALUE = "cell", "v"


@dataclass(frozen=True)
class Rule:
    """How scores between ``low`` and ``high`` are counted: each value, or in bins."""

    low: float
    high: float
    binned: bool

    @property
    def most(self) -> float:
        """The largest value or bin that a score can have."""
        return BINS if self.binned else self.high

    def edges(self, values: "Floats") -> "tuple[Floats, Floats]":
        """Return the least score of each value or bin, and where the next begins, shape (V,)."""
        import numpy as np

        if not self.binned:
            return values, values
        width = self.high - self.low
        ends = np.minimum(values + 1, BINS)  # the bin of the highest score holds nothing else
        return self.low + width * (values / BINS), self.low + width * (ends / BINS)


@dataclass(frozen=True)
class Entries:
    """Sums over people with a decision who share attributes, recorded outcome and score, by score.

    Attributes
    ----------
    codes : ndarray of int, shape (E, A)
        Places in the groups of each attribute; -1 is not recorded, or not looked at.
    outcome : ndarray of int, shape (E,)
        Recorded outcome: no, yes, unknown; or the band of need, unknown last.
    score : ndarray of float, shape (E,)
        Value or bin; NaN is no score.
    sums : ndarray of int, shape (E, 1 or 3)
        People, and if they are weighted the sums of weights and their squares.
    kinds : int
        How many outcomes there are.
    """

    codes: "Ints"
    outcome: "Ints"
    score: "Floats"
    sums: "Ints"
    kinds: int = 3

    def without(self, group: "Ints", size: int, amounts: Amounts) -> list[Outcomes]:
        """Count the people without a score in each of ``size`` groups."""
        import numpy as np

        missing = np.isnan(self.score)
        table = np.zeros((self.sums.shape[1], size, self.kinds), dtype=np.int64)
        for total, part in zip(table, self.sums[missing].T, strict=True):
            np.add.at(total, (group[missing], self.outcome[missing]), part)
        return [Outcomes(*_amounts(table[:, at], amounts)) for at in range(size)]

    def by_group(
        self, group: "Ints", size: int, rule: Rule, amounts: Amounts
    ) -> Iterator[Histogram]:
        """Add up the entries of each of ``size`` groups; sums are whole, so in any order alike."""
        import numpy as np

        order = np.argsort(group.astype(np.int16), kind="stable")  # by group, then by score
        order = order[~np.isnan(self.score[order])]
        group, score = group[order], self.score[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (group[1:] != group[:-1]) | (score[1:] != score[:-1])
        at = np.cumsum(first) - 1
        table = np.zeros((self.sums.shape[1], self.kinds, int(first.sum())), dtype=np.int64)
        for total, part in zip(table, self.sums[order].T, strict=True):
            np.add.at(total, (self.outcome[order], at), part)
        left, right = rule.edges(score[first])
        starts = np.searchsorted(group[first], np.arange(size + 1))
        for some in map(slice, starts[:-1], starts[1:]):
            yield Histogram(left[some], right[some], *_amounts(table[:, :, some], amounts))


def _amounts(sums: "Ints", amounts: Amounts) -> "tuple[Ints, Floats, Floats]":
    """Return people, weights and squares of weights from whole sums, shape (1 or 3, ...)."""
    import numpy as np

    people = sums[0]
    if not amounts.weighted:
        plain = people.astype(np.float64)
        return people, plain, plain
    return people, sums[1] / 2.0**amounts.bits, sums[2] / 2.0**amounts.square_bits


@dataclass(frozen=True)
class Cells:
    """How keys become the groups of an audit."""

    keys: Mapping[str, Key]
    amounts: Amounts
    quality: Quality
    counts: Counts
    groups: GroupTable
    by: str = LABEL

    @property
    def outcomes(self) -> Mapping[str | None, int]:
        """The outcome of each text: recorded, or with ``by`` the key of need its band."""
        if self.by == LABEL:
            return self.quality.actual
        unknown = 1 + max(self.quality.needs.values())
        return {text: unknown if p < 0 else p for text, p in self.quality.needs.items()}

    @property
    def kinds(self) -> int:
        """How many outcomes there are, the unknown one last."""
        return 3 if self.by == LABEL else 1 + max(self.outcomes.values())

    @property
    def crossings(self) -> list[tuple[int, ...]]:
        """The declared attributes and crossings, as places in ``counts.attributes``."""
        depth = 1 + max(block.attribute.count(CROSS) for block in self.groups.blocks)
        return list(crossings(self.counts, depth))

    def number(self, places: tuple[int, ...], seen: "Mapping[str, pd.Series[Any]]") -> "nw.Expr":
        """Tell the number of the cell of a row, so that engines group by one integer.

        The number is ``((a0 * size1 + a1) * ...) * kinds + outcome``, where 0 is not recorded; -1
        is no decision. ``seen`` holds the distinct values of each key as the engine does.
        """
        import narwhals.stable.v2 as nw

        cell = nw.lit(0).cast(nw.Int64)
        for place in places:
            up = {text: code + 1 for text, code in self.quality.groups[place].items()}
            name = f"a{place}"
            cell = cell * self._size(place) + placed(self.keys[name], seen[name], up, UNKNOWN)
        kinds, key = self.kinds, self.keys[self.by]
        if self.by == NEED and key.names:  # codes are places already, and need no look at each
            band = nw.when(key.expression.is_null()).then(kinds - 1).otherwise(key.expression)
        else:
            band = placed(key, seen[self.by], self.outcomes, kinds - 1)
        cell = cell * kinds + band
        decision = placed(self.keys[DECISION], seen[DECISION], self.quality.selected, UNKNOWN)
        if self.counts.table[:, UNKNOWN::3].any():
            cell = nw.when(decision == UNKNOWN).then(nw.lit(-1)).otherwise(cell)
        return cell

    def _size(self, place: int) -> int:
        return len(self.counts.levels[place]) + 1

    def numbered(self, table: "pd.DataFrame", places: tuple[int, ...]) -> Entries:
        """Take the numbers of cells in a table apart."""
        import numpy as np

        cell = table[CELL].to_numpy(dtype=np.int64)
        return self._entries(table, self.codes(cell, places), cell % self.kinds)

    def codes(self, cell: "Ints", places: tuple[int, ...]) -> "Ints":
        """Read the groups out of the numbers of cells, shape (E, A); -1 is not recorded."""
        import numpy as np

        codes = np.full((len(cell), len(self.counts.attributes)), -1, dtype=np.int64)
        rest = cell // self.kinds
        for place in reversed(places):
            codes[:, place] = rest % self._size(place) - 1
            rest = rest // self._size(place)
        return codes

    def spelled(self, table: "pd.DataFrame") -> Entries:
        """Place the texts of keys in a table."""
        return self._entries(table, *self.places(table))

    def places(self, texts: "pd.DataFrame") -> "tuple[Ints, Ints]":
        """Place texts of keys in groups, shape (E, A), and in recorded outcomes, shape (E,)."""
        import numpy as np

        groups = enumerate(self.quality.groups)
        codes = [placed_texts(texts[f"a{i}"], of) for i, of in groups]
        return np.stack(codes, 1), placed_texts(texts[self.by], self.outcomes)

    def _entries(self, table: "pd.DataFrame", codes: "Ints", outcome: "Ints") -> Entries:
        import numpy as np

        columns = ["n", *(["w", "w2"] if self.amounts.weighted else [])]
        score = table[VALUE].to_numpy(dtype=np.float64, na_value=np.nan)
        sums = table[columns].to_numpy(dtype=np.int64)
        order = np.argsort(score)
        return Entries(codes[order], outcome[order], score[order], sums[order], self.kinds)


def placed_texts(texts: "pd.Series[Any]", places: Mapping[str | None, int]) -> "Ints":
    """Place texts, shape (E,)."""
    import numpy as np
    import pandas as pd

    codes, values = pd.factorize(texts)
    of_values = [places[value] for value in values]
    return np.array([*of_values, places.get(None, UNKNOWN)], dtype=np.int64)[codes]


Pass = tuple[list[tuple[int, ...]], Entries]
"""What was counted together, and the attributes and crossings that it is to be used for."""


def histograms(
    passes: Iterable[Pass], rule: Rule, cells: Cells
) -> tuple[tuple[Histogram, ...], tuple[Outcomes, ...]] | None:
    """Make the histograms of all groups, in the order of the table.

    Returns
    -------
    histograms : tuple of Histogram
    without : tuple of Outcomes
        The people of each group who have a decision but no score.

    ``None`` if a score lies outside its range.
    """
    import numpy as np

    found: dict[tuple[str, str], Histogram] = {}
    without: dict[tuple[str, str], Outcomes] = {}
    for wanted, entries in passes:
        if (entries.score > rule.most).any():
            return None
        size = len(entries.score)
        nobody = np.zeros((size, 9), dtype=np.int64)
        coded = replace(cells.counts, codes=entries.codes, table=nobody)
        blocks = [grouping(coded, places) for places in wanted]
        if not found:
            blocks.append((ALL, [ALL], np.zeros(size, dtype=np.int64)))
        for attribute, names, codes in blocks:
            ordered = [(attribute, name) for name in (*names, NOT_RECORDED)]
            group = np.where(codes < 0, len(names), codes)
            made = entries.by_group(group, len(ordered), rule, cells.amounts)
            found |= zip(ordered, made, strict=True)
            unscored = entries.without(group, len(ordered), cells.amounts)
            without |= zip(ordered, unscored, strict=True)
    order = cells.groups.names
    return tuple(found[name] for name in order), tuple(without[name] for name in order)
