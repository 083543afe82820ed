"""A lazy frame, or scored batches, become ``Counts``: the one table everything is derived from.

Counts are additive over any split of the rows, so engines, batches and workers can each count their
share. The joint table of a fine crossing can be a person; it stays in memory and is never written.
"""

import hashlib
import itertools
import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.amounts import UNIT, Amounts
from auditkit.evidence.keys import Key, expressions
from auditkit.evidence.levels import Levels
from auditkit.evidence.sources import collected
from auditkit.metrics.registry import OutcomeCells
from auditkit.results import ALL, CROSS, NOT_RECORDED

if TYPE_CHECKING:
    import duckdb
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from auditkit.evidence.design import Design

NO, YES, UNKNOWN = 0, 1, 2
"""What is known of an outcome or a decision."""

Cell = tuple[str | None, ...]
Tally = dict[Cell, tuple[int, ...]]
"""How many people, and if they are weighted the sums of weights and of their squares, by the text
of each key; ``None`` is missing."""

MOST_CELLS = 500_000
MOST_GROUPS = 2_000
"""Groups of all attributes and crossings together."""


@dataclass(frozen=True)
class Counts:
    """People by group and outcome.

    Attributes
    ----------
    attributes : tuple of str
        Names of the A measured attributes.
    levels : tuple of tuple of str
        The groups of each attribute in order, those without rows included.
    codes : ndarray of int, shape (C, A)
        Each cell's place in ``levels``; -1 where the attribute is not recorded.
    table : ndarray of int, shape (C, 9) or (C, 27)
        People by recorded outcome (no, yes, unknown) and, within it, decision (no, yes, unknown);
        of 27, all that by baseline decision (no, yes, unknown).
    weight, square : ndarray of float, shape of ``table``, or None
        Sums of the sampling weights and of their squares; None where nobody is weighted.
    strata, controls : ndarray of int, shape (C,), or None
        The sampling stratum of each cell, and its place in ``control_levels``, -1 being not
        recorded; None where none were declared.
    control_levels : tuple of str
        Values of the control, at which groups are compared.
    needs : ndarray of int, shape (C,), or None
        The fine band of need of each cell, -1 being not recorded; None where need has no column.
    need_sums : mapping of str to ndarray of float, shape of ``table``
        Sums of need by the names that ``Amounts.need`` has for them; empty where need is no number.
    """

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: "NDArray[np.int64]"
    table: "NDArray[np.int64]"
    weight: "NDArray[np.float64] | None" = None
    square: "NDArray[np.float64] | None" = None
    strata: "NDArray[np.int64] | None" = None
    controls: "NDArray[np.int64] | None" = None
    control_levels: tuple[str, ...] = ()
    needs: "NDArray[np.int64] | None" = None
    need_sums: "Mapping[str, NDArray[np.float64]]" = field(default_factory=dict)

    def digest(self, *, decisions: bool) -> str:
        """Digest the content, whatever the order of rows: with the decisions, or without them."""
        return self.digested(lambda cell: _outcomes(cell, decisions))

    def digested(self, told: "Callable[[NDArray[Any]], Any]") -> str:
        """Digest the content, whatever the order of rows, with the outcomes of a cell as told."""
        parts = [t for t in (self.table, self.weight, self.square) if t is not None]
        parts += self.need_sums.values()
        placed = [k for k in (self.strata, self.controls, self.needs) if k is not None]
        content = sorted(
            json.dumps(
                [
                    [None if c < 0 else lv[c] for lv, c in zip(self.levels, row, strict=True)],
                    *(told(part[place]) for part in parts),
                    *(int(k[place]) for k in placed),
                ],
                ensure_ascii=False,
            )
            for place, row in enumerate(self.codes.tolist())
            if self.table[place].any()
        )
        return hashlib.sha256("\n".join([*self.attributes, *content]).encode()).hexdigest()


def _outcomes(cell: "NDArray[Any]", decisions: bool) -> Any:  # noqa: ANN401
    square = cell.reshape(-1, 3)
    return square.tolist() if decisions else square.sum(axis=1).tolist()


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


def paired_cells() -> tuple[OutcomeCells, OutcomeCells]:
    """Return the masks over 27 cells of the system's decision, and of the baseline's.

    The baseline decision (no, yes, unknown) is parted first, and the nine cells within it.
    """
    import numpy as np

    before, nine = np.divmod(np.arange(27), 9)
    actual, decision = np.divmod(nine, 3)
    system, baseline = (
        OutcomeCells(
            actual=actual == YES,
            selected=chosen == YES,
            labelled=actual != UNKNOWN,
            decided=chosen != UNKNOWN,
        )
        for chosen in (decision, before)
    )
    return system, baseline


def tally(
    frame: "nw.LazyFrame[Any]",
    keys: "Mapping[str, Key]",
    amounts: Amounts = UNIT,
    seen: "dict[str, pd.Series[Any]] | None" = None,
) -> Tally | None:
    """Sum over the rows with the same values of the keys, inside the engine; spell the values.

    Returns ``None`` if there are more than 500,000 cells: some key is not a category. ``seen`` is
    filled with the distinct values of each key as the engine holds them.
    """
    import narwhals.stable.v2 as nw

    sums = {"n": nw.len(), **{name: nw.col(name).sum() for name in amounts.columns}}
    rows = frame.select(**expressions(keys), **amounts.columns)
    grouped = rows.group_by(*keys).agg(**sums).head(MOST_CELLS + 1)
    # an engine may sum 64-bit integers to a wider kind, which pandas would only hold as a float
    table = collected(grouped.with_columns(nw.col(*sums).cast(nw.Int64)))
    if len(table) > MOST_CELLS:
        return None
    if seen is not None:
        seen |= {name: table[name].drop_duplicates() for name in keys}
    spelled = [key.spelled(table[name]).tolist() for name, key in keys.items()]
    out: Tally = {}
    totals = zip(*(table[name].tolist() for name in sums), strict=True)
    for cell, total in zip(zip(*spelled, strict=True), totals, strict=True):
        _count_in(out, cell, total)
    return out


def levels(found: Tally, keys: Iterable[str]) -> dict[str, Levels]:
    """Count the people of each text of each key."""
    columns: dict[str, Levels] = {name: {} for name in keys}
    for cell, sums in found.items():
        for rows, text in zip(columns.values(), cell, strict=True):
            rows[text] = rows.get(text, 0) + sums[0]
    return columns


@dataclass(frozen=True)
class Gathered:
    """Rows with their decisions, or sums of rows that share all keys, ready to be counted.

    ``cluster`` names the column of the frame that says who was drawn together, and ``connection``
    is that of the frame if DuckDB holds it.
    """

    frame: "nw.LazyFrame[Any]"
    keys: "Mapping[str, Key]"
    amounts: Amounts
    cluster: str | None = None
    connection: "duckdb.DuckDBPyConnection | None" = None


def add(total: Tally, more: Tally) -> None:
    """Add one tally to another, in place."""
    for cell, sums in more.items():
        _count_in(total, cell, sums)


def _count_in(total: Tally, cell: Cell, sums: tuple[int, ...]) -> None:
    before = total.get(cell)
    total[cell] = sums if before is None else tuple(map(operator.add, before, sums))


@dataclass(frozen=True)
class Unrecorded:
    """People who are in no group of an attribute or crossing, by what is recorded of them.

    Attributes
    ----------
    codes : ndarray of int, shape (C,)
        Their kind in each cell of the count; -1 where people are in a group.
    people : ndarray of int, shape (P, 9)
        People of each kind. An attribute has one kind, a crossing one for each set of values that
        is recorded in part.
    possible : ndarray of bool, shape (P, G)
        Whether people of a kind may be of a group: nothing recorded of them says otherwise.
    shares : ndarray of float, shape (G,), or None
        The largest share of all these people that may be of each group, where that is declared.
    """

    codes: "NDArray[np.int64]"
    people: "NDArray[np.int64]"
    possible: "NDArray[np.bool_]"
    shares: "NDArray[np.float64] | None" = None

    @classmethod
    def of(cls, counts: Counts, places: tuple[int, ...]) -> "Unrecorded | None":
        """Sort the people without a group; ``None`` where everybody has one."""
        import numpy as np

        parts = counts.codes[:, places]
        missing = (parts < 0).any(axis=1)
        if not missing.any():
            return None
        kinds, kind = np.unique(parts[missing], axis=0, return_inverse=True)
        codes = np.full(len(parts), -1, dtype=np.int64)
        codes[missing] = kind.ravel()
        people = np.zeros((len(kinds), counts.table.shape[1]), dtype=np.int64)
        np.add.at(people, codes[missing], counts.table[missing])
        groups = np.indices([len(counts.levels[p]) for p in places]).reshape(len(places), -1).T
        possible = np.ones((len(kinds), len(groups)), dtype=bool)
        for known, level in zip(kinds.T, groups.T, strict=True):
            possible &= (known[:, None] < 0) | (known[:, None] == level[None])
        return cls(codes, people, possible)


@dataclass(frozen=True)
class Block:
    """The groups of one attribute or crossing: a stretch of a group table.

    Attributes
    ----------
    attribute : str
    start : int
        Place of the first group in the table.
    groups : int
        How many groups it has, without ``(not recorded)``.
    codes : ndarray of int, shape (C,)
        The group of each cell of the count; -1 is not recorded.
    unrecorded : Unrecorded or None
        Who is in none of its groups, if anybody is.
    """

    attribute: str
    start: int
    groups: int
    codes: "NDArray[np.int64]"
    unrecorded: Unrecorded | None = None

    @property
    def stop(self) -> int:
        """Place behind the last group, ``(not recorded)`` included if anybody is in it."""
        return self.start + self.groups + bool((self.codes < 0).any())


@dataclass(frozen=True)
class Errors:
    """That an amount is predicted, so that errors are counted where else outcomes are.

    Attributes
    ----------
    tolerance : float or None
        The largest error that does no harm; without it no error is beyond it.
    one_prediction : bool
        Whether everybody has the same prediction.
    """

    tolerance: float | None
    one_prediction: bool


@dataclass(frozen=True)
class GroupTable:
    """Counts of every group that the plan declares, and of what each is held against.

    Attributes
    ----------
    names : tuple of (attribute, group)
        ``(all)``/``(all)`` first, then attributes and crossings in the plan's order.
    own, rest : ndarray of int, shape (G, 9), or (G, 27) with a baseline, or (G, P) pairs of classes
        People of the group, and everybody else whose attribute is recorded.
    blocks : tuple of Block
        Which cells of the count each of them holds, one block an attribute or crossing.
    design : Design or None
        How the rows were drawn, if that is not one by one and with the same weight.
    errors : Errors or None
        Where an amount is predicted, and nobody is selected.
    """

    names: tuple[tuple[str, str], ...]
    own: "NDArray[np.int64]"
    rest: "NDArray[np.int64]"
    blocks: "tuple[Block, ...]" = ()
    design: "Design | None" = None
    errors: Errors | None = None
    tallied: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was tallied by metric, so that it is done once for all who ask."""

    @property
    def task(self) -> str:
        """Name the task: ``binary``, or ``regression`` where an amount is predicted."""
        return "binary" if self.errors is None else "regression"

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


def refuse_fine_crossings(counts: Counts, depth: int) -> None:
    """Refuse more groups than anybody can look at: most would hold one person or none.

    Raises
    ------
    DataError
        A crossing, or all of them together, has more than 2,000 groups.
    """
    sizes = {
        CROSS.join(counts.attributes[p] for p in places): (
            math.prod(len(counts.levels[p]) for p in places)
        )
        for places in crossings(counts, depth)
    }
    total = sum(sizes.values())
    if total <= MOST_GROUPS:
        return
    largest = max(sizes, key=lambda name: sizes[name])
    raise DataError(
        f"The attributes and their crossings have {total:,} groups, {sizes[largest]:,} of them in "
        f"'{largest}'; at most {MOST_GROUPS:,} are compared. Merge or bin the values of those "
        f"attributes, declare fewer, or set groups.intersections to {max(1, depth - 1)}."
    )


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


def tabulate(counts: Counts, depth: int, design: "Design | None" = None) -> GroupTable:
    """Sum the cells of every group and of its rest; a row is in one group of each attribute."""
    import numpy as np

    total = counts.table.sum(axis=0)
    names, own, rest = [(ALL, ALL)], [total[None]], [np.zeros_like(total)[None]]
    blocks = []
    for places in crossings(counts, depth):
        attribute, groups, codes = grouping(counts, places)
        unrecorded = Unrecorded.of(counts, places)
        blocks.append(Block(attribute, len(names), len(groups), codes, unrecorded))
        sums = np.zeros((len(groups) + 1, counts.table.shape[1]), dtype=np.int64)
        np.add.at(sums, codes, counts.table)  # code -1 is the last row: not recorded
        recorded = sums[:-1].sum(axis=0)
        names += [(attribute, group) for group in groups]
        own.append(sums[:-1])
        rest.append(recorded - sums[:-1])
        if (codes < 0).any():
            names.append((attribute, NOT_RECORDED))
            own.append(sums[-1:])
            rest.append(recorded[None])
    return GroupTable(
        tuple(names), np.concatenate(own), np.concatenate(rest), tuple(blocks), design
    )
