"""A lazy frame, or scored batches, become ``Counts``: the one table everything is derived from.

Counts are additive over any split of the rows, so engines, batches and workers can each count their
share. The joint table of a fine crossing can be a person; it stays in memory and is never written.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.metrics.registry import OutcomeCells
from auditkit.results import ALL, CROSS, NOT_RECORDED

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import numpy as np
    from numpy.typing import NDArray

NO, YES, UNKNOWN = 0, 1, 2
"""What is known of an outcome or a decision."""

Cell = tuple[str | None, ...]
Tally = dict[Cell, int]
"""Rows by the text of each attribute, of the label and of the decision; ``None`` is missing."""

MOST_CELLS = 500_000


@dataclass(frozen=True)
class Counts:
    """Rows by group and outcome.

    Attributes
    ----------
    attributes : tuple of str
        Names of the A measured attributes.
    levels : tuple of tuple of str
        The groups of each attribute in order, those without rows included.
    codes : ndarray of int, shape (C, A)
        Each cell's place in ``levels``; -1 where the attribute is not recorded.
    table : ndarray of int, shape (C, 9)
        Rows by recorded outcome (no, yes, unknown) and, within it, decision (no, yes, unknown).
    """

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: "NDArray[np.int64]"
    table: "NDArray[np.int64]"

    def digest(self, *, decisions: bool) -> str:
        """Digest the content, whatever the order of rows: with the decisions, or without them."""
        cells = self.table.reshape(-1, 3, 3)
        content = sorted(
            json.dumps(
                [
                    [None if c < 0 else lv[c] for lv, c in zip(self.levels, row, strict=True)],
                    cell.tolist() if decisions else cell.sum(axis=1).tolist(),
                ],
                ensure_ascii=False,
            )
            for row, cell in zip(self.codes.tolist(), cells, strict=True)
            if cell.any()
        )
        return hashlib.sha256("\n".join([*self.attributes, *content]).encode()).hexdigest()


def outcome_cells() -> OutcomeCells:
    """Return the masks over the nine outcome cells that metrics are written in."""
    import numpy as np

    actual, selected = np.divmod(np.arange(9), 3)
    return OutcomeCells(
        actual=actual == YES,
        selected=selected == YES,
        labelled=actual != UNKNOWN,
        decided=selected != UNKNOWN,
    )


def tally(frame: "nw.LazyFrame[Any]", keys: Sequence[str]) -> Tally | None:
    """Count rows by the texts of the key columns, inside the engine.

    Returns ``None`` if there are more than 500,000 cells: some key is not a category.
    """
    import narwhals.stable.v2 as nw
    import pandas as pd

    grouped = frame.group_by(*keys).agg(nw.len().alias("n")).head(MOST_CELLS + 1)
    table = grouped.collect("pandas").to_native()
    if len(table) > MOST_CELLS:
        return None
    cells = table[list(keys)].astype(object)
    cells = cells.where(~cells.map(pd.isna), None)
    out: Tally = {}
    for cell, n in zip(cells.itertuples(index=False, name=None), table["n"].tolist(), strict=True):
        out[cell] = out.get(cell, 0) + int(n)
    return out


def add(total: Tally, more: Tally) -> None:
    """Add one tally to another, in place."""
    for cell, n in more.items():
        total[cell] = total.get(cell, 0) + n


@dataclass(frozen=True)
class GroupTable:
    """Counts of every group that the plan declares, and of what each is held against.

    Attributes
    ----------
    names : tuple of (attribute, group)
        ``(all)``/``(all)`` first, then attributes and crossings in the plan's order.
    own, rest : ndarray of int, shape (G, 9)
        Rows of the group, and of everybody else whose attribute is recorded.
    """

    names: tuple[tuple[str, str], ...]
    own: "NDArray[np.int64]"
    rest: "NDArray[np.int64]"

    def of(self, attribute: str) -> list[int]:
        """List the rows of an attribute's groups, without ``(not recorded)``."""
        return [i for i, (a, g) in enumerate(self.names) if a == attribute and g != NOT_RECORDED]

    def attributes(self) -> list[str]:
        """List attributes and crossings in order, without ``(all)``."""
        return list(dict.fromkeys(a for a, _ in self.names if a != ALL))


def crossings(counts: Counts, depth: int) -> Iterator[tuple[int, ...]]:
    """Enumerate attributes, then their crossings up to ``depth``, as places in ``attributes``."""
    for size in range(1, depth + 1):
        yield from itertools.combinations(range(len(counts.attributes)), size)


def grouping(counts: Counts, places: tuple[int, ...]) -> "tuple[str, list[str], NDArray[np.int64]]":
    """Name the groups of one attribute or crossing, and place every cell in one of them.

    Returns
    -------
    attribute : str
    groups : list of str
    codes : ndarray of int, shape (C,)
        Place in ``groups``; -1 where any part is not recorded.
    """
    import numpy as np

    codes = np.zeros(len(counts.codes), dtype=np.int64)
    recorded = np.ones(len(codes), dtype=bool)
    for place in places:
        codes = codes * len(counts.levels[place]) + counts.codes[:, place]
        recorded &= counts.codes[:, place] >= 0
    groups = [CROSS.join(parts) for parts in itertools.product(*(counts.levels[p] for p in places))]
    return CROSS.join(counts.attributes[p] for p in places), groups, np.where(recorded, codes, -1)


def tabulate(counts: Counts, depth: int) -> GroupTable:
    """Sum the cells of every group and of its rest; a row is in one group of each attribute."""
    import numpy as np

    total = counts.table.sum(axis=0)
    names, own, rest = [(ALL, ALL)], [total[None]], [np.zeros_like(total)[None]]
    for places in crossings(counts, depth):
        attribute, groups, codes = grouping(counts, places)
        sums = np.zeros((len(groups) + 1, counts.table.shape[1]), dtype=np.int64)
        np.add.at(sums, codes, counts.table)  # code -1 is the last row: not recorded
        recorded = sums[:-1].sum(axis=0)
        names += [(attribute, group) for group in groups]
        own.append(sums[:-1])
        rest.append(recorded - sums[:-1])
        if sums[-1].any():
            names.append((attribute, NOT_RECORDED))
            own.append(sums[-1:])
            rest.append(recorded[None])
    return GroupTable(tuple(names), np.concatenate(own), np.concatenate(rest))
