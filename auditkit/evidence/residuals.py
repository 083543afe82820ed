"""Predicted amounts are held against recorded ones where the rows live, and their errors counted.

Which side of the tolerance an error lies on is a key of the count, so that shares are exact. The
errors, predictions and recorded amounts themselves are counted by one rule that depends on the data
alone: at most 65,536 distinct values each by itself, more in at most 4,096 bins whose width is a
power of two. Within a bin the distance from its edge is summed in whole units of 2^-b of the bin
(of a weight, where people are weighted), with b as large as the number of people allows: means lose
next to nothing to binning, and no sum depends on the order of rows. No sum overflows: n people add
up to at most n 2^b < 2^62, and a weighted distance is never more than the weight, whose sum was
proven to fit.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.evidence.amounts import EXACT, ROOM
from auditkit.evidence.counts import grouping
from auditkit.evidence.histograms import BINS, CELL, VALUE, Cells
from auditkit.evidence.predictions import QUANTITIES, AmountColumns
from auditkit.evidence.scores import MOST_ENTRIES, MOST_VALUES
from auditkit.evidence.sources import collected
from auditkit.metrics.distribution import SUMS, Distribution
from auditkit.results import ALL, NOT_RECORDED

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Residuals:
    """How errors, predictions and recorded amounts are spread over the people of every group.

    Attributes
    ----------
    spread : dict of str to tuple of Distribution
        By quantity; one for each group of the table, in its order.
    rest : dict of str to tuple of Distribution
        Errors of everybody else whose attribute is recorded, in the same order; nobody for all.
    widths : dict of str to float
        Width of a bin of each quantity; 0 where values were counted.
    ends : dict of str to (float, float)
        The least and the largest value of each quantity.
    """

    spread: dict[str, tuple[Distribution, ...]]
    rest: dict[str, tuple[Distribution, ...]]
    widths: dict[str, float]
    ends: dict[str, tuple[float, float]]

    @property
    def one_prediction(self) -> bool:
        """Whether everybody has the same prediction."""
        low, high = self.ends["prediction"]
        return low == high

    @property
    def notes(self) -> tuple[str, ...]:
        """Say how amounts were counted, and what is odd about them."""
        out = []
        if self.one_prediction:
            out.append(
                "Every prediction is the same number: nobody's prediction depends on anything."
            )
        elif self.ends["error"] == (0.0, 0.0):
            out.append(
                "Every prediction equals the recorded amount. Look whether one was copied from the "
                "other: such data say nothing about errors."
            )
        told = {"error": "Errors", "prediction": "Predictions", "recorded": "Recorded amounts"}
        out += [
            f"{told[name]}: more than {MOST_VALUES:,} distinct values, counted in bins of width "
            f"{width:g}. Intervals of quantiles are widened by what that can cost."
            for name, width in self.widths.items()
            if width
        ]
        return tuple(out)

    def digest(self, *, decisions: bool) -> str:
        """Digest the recorded amounts of the groups, and with ``decisions`` what was predicted."""
        digest = hashlib.sha256()
        for name in QUANTITIES if decisions else ("recorded",):
            for one in self.spread[name]:
                for values in (one.left, *(getattr(one, part) for part in SUMS)):
                    digest.update(values.tobytes() + b"|")
        return digest.hexdigest()


@dataclass(frozen=True)
class Grid:
    """Bins of a width that is a power of two, numbered from the one that holds the least value."""

    power: int
    base: int

    @classmethod
    def over(cls, low: float, high: float) -> "Grid":
        """Choose the finest grid of at most 4,096 bins.

        >>> Grid.over(-3.0, 1020.0), Grid.over(0.0, 1.0)
        (Grid(power=-2, base=-12), Grid(power=-11, base=0))
        """
        power = math.frexp((high - low) / BINS)[1] - 1
        while math.floor(high * 2.0**-power) - math.floor(low * 2.0**-power) >= BINS:
            power += 1
        return cls(power, math.floor(low * 2.0**-power))

    @property
    def width(self) -> float:
        """Width of a bin."""
        return 2.0**self.power

    def edges(self, bins: "Floats") -> "tuple[Floats, Floats]":
        """Return where bins begin and end, shape (V,)."""
        left = (bins + self.base) * self.width
        return left, left + self.width


def residuals(
    columns: AmountColumns,
    cells: Cells,
    seen: "Mapping[str, pd.Series[Any]]",
) -> Residuals:
    """Count errors, predictions and recorded amounts of every group.

    Parameters
    ----------
    columns : AmountColumns
    cells : Cells
        Its label and decision are the keys of ``columns``.
    seen : mapping of str to Series
        Distinct values of each key as the engine holds them.

    Raises
    ------
    DataError
        Amounts are too large, or the label is no amount.
    """
    ends = columns.ends()
    spread: dict[str, tuple[Distribution, ...]] = {}
    widths: dict[str, float] = {}
    for name in QUANTITIES:
        distinct = columns.distinct(name)
        grid = Grid.over(*ends[name]) if distinct is None else None
        widths[name] = grid.width if grid is not None else 0.0
        spread[name] = _Count(columns, name, cells, seen, grid, distinct or BINS).by_group()
    return Residuals(spread, {"error": _rest(spread["error"], cells)}, widths, ends)


def _rest(spread: Sequence[Distribution], cells: Cells) -> tuple[Distribution, ...]:
    """Put together who each group is held against."""
    from auditkit.metrics.distribution import merged

    groups = cells.groups
    nobody = merged(*spread[:1]).without(spread[0])
    out = [nobody] * len(spread)
    for attribute in groups.attributes():
        recorded = groups.of(attribute)
        everybody = merged(*(spread[i] for i in recorded))
        for i, (name, group) in enumerate(groups.names):
            if name == attribute:
                out[i] = everybody if group == NOT_RECORDED else everybody.without(spread[i])
    return tuple(out)


@dataclass(frozen=True)
class _Count:
    """One quantity, about to be counted by group."""

    columns: AmountColumns
    name: str
    cells: Cells
    seen: "Mapping[str, pd.Series[Any]]"
    grid: Grid | None
    values: int

    def by_group(self) -> tuple[Distribution, ...]:
        """Count all groups, in the order of the table: together, or each attribute by itself."""
        cells = self.cells
        held = len({tuple(row) for row in cells.counts.codes.tolist()})
        whole = tuple(range(len(cells.counts.attributes)))
        together = held * self.values <= MOST_ENTRIES
        found: dict[tuple[str, str], Distribution] = {}
        for places in [whole] if together else cells.crossings:
            table = self._summed(places)
            codes = cells.codes(table[CELL].to_numpy(dtype="int64"), places)
            wanted = cells.crossings if together else [places]
            found |= self._distributions(
                codes, table[VALUE].to_numpy(dtype="float64"), self._sums(table), wanted, found
            )
        return tuple(found[name] for name in cells.groups.names)

    @property
    def bits(self) -> int:
        """Bits of a distance within a bin, so that everybody's still add up without overflow."""
        people = int(self.cells.counts.table.sum())
        return min(EXACT, ROOM - math.ceil(math.log2(max(people, 2))) - 1)

    def _summed(self, places: tuple[int, ...]) -> "pd.DataFrame":
        """Sum people, weights and distances from the edge by cell and value, in the engine."""
        import narwhals.stable.v2 as nw

        value, amounts = self.columns.values[self.name], self.cells.amounts
        keys = {CELL: self.cells.number(places, self.seen), VALUE: value}
        sums = {name: nw.col(name).sum() for name in amounts.expressions}
        distances = {}
        if self.grid is not None:
            scaled = value * 2.0**-self.grid.power
            keys[VALUE] = scaled.floor() - float(self.grid.base)
            distances = self._distances(scaled - scaled.floor())
        rows = self.columns.source.frame.select(**keys, **amounts.expressions, **distances)
        grouped = rows.group_by(CELL, VALUE).agg(
            **{"n": nw.len(), **sums}, **{name: nw.col(name).sum() for name in distances}
        )
        whole = ["n", *(name for name in sums if name != "n"), *distances]
        table = collected(grouped.with_columns(nw.col(*whole).cast(nw.Int64)))
        return table[(table[CELL] >= 0) & table[VALUE].notna()].reset_index(drop=True)

    def _distances(self, off: "nw.Expr") -> "dict[str, nw.Expr]":
        """Scale the distance from the left edge, in bins, and its square to whole numbers."""
        import narwhals.stable.v2 as nw

        amounts = self.cells.amounts
        if amounts.weighted:
            per = {name: _float(amounts.expressions[name]) for name in ("w", "w2")}
        else:
            people = amounts.expressions.get("n")
            unit = 2.0**self.bits
            per = {"w": nw.lit(unit) if people is None else _float(people) * unit}
        return {
            f"{name}_{power}": (factor * (off if power == 1 else off * off))
            .floor()
            .fill_null(0.0)
            .cast(nw.Int64)
            for name, factor in per.items()
            for power in (1, 2)
        }

    def _sums(self, table: "pd.DataFrame") -> "dict[str, Ints]":
        """Take people, weights and distances from a table of whole sums, each of shape (E,)."""
        import numpy as np

        weighted = self.cells.amounts.weighted
        of = ("w", "w2") if weighted else ("w", "w")
        held = {
            "people": "n",
            "weight": "w" if weighted else "n",
            "square": "w2" if weighted else "n",
            "first": f"{of[0]}_1",
            "second": f"{of[0]}_2",
            "square_first": f"{of[1]}_1",
            "square_second": f"{of[1]}_2",
        }
        nothing = np.zeros(len(table), dtype=np.int64)
        return {
            name: table[column].to_numpy(dtype=np.int64) if column in table else nothing
            for name, column in held.items()
        }

    def _distributions(
        self,
        codes: "Ints",
        values: "Floats",
        sums: "dict[str, Ints]",
        wanted: list[tuple[int, ...]],
        found: Mapping[tuple[str, str], Distribution],
    ) -> dict[tuple[str, str], Distribution]:
        import numpy as np

        nobody = np.zeros((len(values), self.cells.counts.table.shape[1]), dtype=np.int64)
        coded = replace(self.cells.counts, codes=codes, table=nobody)
        blocks = [grouping(coded, places) for places in wanted]
        if not found:
            blocks.append((ALL, [ALL], np.zeros(len(values), dtype=np.int64)))
        out: dict[tuple[str, str], Distribution] = {}
        for attribute, names, places in blocks:
            group = np.where(places < 0, len(names), places)
            made = self._by_group(group, len(names) + 1, values, sums)
            ordered = [(attribute, name) for name in (*names, NOT_RECORDED)]
            out |= dict(zip(ordered, made, strict=True))
        return out

    def _by_group(
        self, group: "Ints", size: int, values: "Floats", sums: "dict[str, Ints]"
    ) -> Iterator[Distribution]:
        """Add up the entries of each of ``size`` groups; sums are whole, so in any order alike."""
        import numpy as np

        order = np.lexsort((values, group))
        group, value = group[order], values[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (group[1:] != group[:-1]) | (value[1:] != value[:-1])
        begins = np.flatnonzero(first)
        total = {
            name: np.add.reduceat(part[order], begins) if len(begins) else part[:0]
            for name, part in sums.items()
        }
        left = right = value[first] + 0.0
        if self.grid is not None:
            left, right = self.grid.edges(left)
        starts = np.searchsorted(group[first], np.arange(size + 1))
        for some in map(slice, starts[:-1], starts[1:]):
            yield self._distribution(
                left[some], right[some], {k: v[some] for k, v in total.items()}
            )

    def _distribution(
        self, left: "Floats", right: "Floats", sums: "dict[str, Ints]"
    ) -> Distribution:
        """Give whole sums back their units."""
        amounts = self.cells.amounts
        width = 0.0 if self.grid is None else self.grid.width
        bits, squares = amounts.bits, amounts.square_bits
        far, square_far = (bits, squares) if amounts.weighted else (self.bits, self.bits)
        return Distribution(
            left,
            right,
            sums["people"],
            sums["weight"] / 2.0**bits,
            sums["square"] / 2.0**squares,
            sums["first"] / 2.0**far * width,
            sums["second"] / 2.0**far * width**2,
            sums["square_first"] / 2.0**square_far * width,
            sums["square_second"] / 2.0**square_far * width**2,
            width * 2.0**-far,
        )


def _float(expression: "nw.Expr") -> "nw.Expr":
    """Read whole numbers as floats, which hold all of them exactly."""
    import narwhals.stable.v2 as nw

    return expression.cast(nw.Float64)
