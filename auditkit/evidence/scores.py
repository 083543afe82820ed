"""Scores are counted, exactly or in fine bins, inside the engine or batch by batch.

The rule depends on the data, never on the engine, the batches or the order of rows: at most 65,536
distinct values are counted as they are, more in 4,096 bins of equal width (and the top value for
itself). Only a scale by a power of two and ``floor`` make a bin, so every engine makes the same.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.amounts import Amounts
from auditkit.evidence.counts import NO, UNKNOWN, YES
from auditkit.evidence.histograms import BINS, CELL, VALUE, Cells, Pass, Rule, histograms
from auditkit.evidence.keys import DECISION, LABEL, NEED, Key, attribute_names
from auditkit.evidence.sources import Source, collected, numbers, ones
from auditkit.metrics.histogram import Histogram, Outcomes
from auditkit.results import CROSS, Exclusion

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MOST_VALUES = 65_536
FIRST_ROWS = 100_000
"""If so many rows hold too many values, all rows do: a look at the first is proof enough."""
MOST_ENTRIES = 2_000_000
"""Cells times values up to which one pass counts them all; else each attribute has its own."""
NO_BIN, KINDS = BINS + 2, BINS + 3
"""Bins are 0 to 4096; one above them is beyond the range, and behind that no score at all."""
ROUNDING = 1e-9
"""So far past 0 or 1 a probability is taken for rounding."""


@dataclass(frozen=True)
class Extremes:
    """Where the scores of the selected end, and where those of everybody else do.

    Attributes
    ----------
    lowest_selected, highest_other : float
        NaN where nobody with a score was selected, or nobody was not.
    selected_unscored : int
        Rows that were selected without a score.
    """

    lowest_selected: float
    highest_other: float
    selected_unscored: int


@dataclass(frozen=True)
class ScoreCounts:
    """Scores of every declared group; those of finer cells are not kept.

    Attributes
    ----------
    histograms : tuple of Histogram
        One for each group of the table, in its order.
    rule : Rule
    exclusions : tuple of Exclusion
        People with a decision but no score.
    unscored : tuple of Outcomes
        The same people, one for each group of the table.
    extremes : Extremes or None
        Whether decisions part the scores; ``None`` where nobody looked, or nobody had to.
    """

    histograms: tuple[Histogram, ...]
    rule: Rule
    exclusions: tuple[Exclusion, ...]
    unscored: tuple[Outcomes, ...]
    extremes: Extremes | None = None

    def digest(self) -> str:
        """Digest the content: who has which score in each group, whatever the order of rows."""
        digest = hashlib.sha256(f"{self.rule.low!r} {self.rule.high!r} {self.rule.binned}".encode())
        for histogram in self.histograms:
            digest.update(histogram.left.astype("<f8").tobytes())
            digest.update(histogram.people.astype("<i8").tobytes())
            digest.update(histogram.weight.astype("<f8").tobytes())
        return digest.hexdigest()

    @property
    def notes(self) -> tuple[str, ...]:
        """Say how scores were counted."""
        if not self.rule.binned:
            return (f"Scores: at most {MOST_VALUES:,} distinct values, each counted by itself.",)
        return (
            f"Scores: more than {MOST_VALUES:,} distinct values, counted in {BINS:,} bins of equal "
            f"width from {self.rule.low:g} to {self.rule.high:g}. Intervals are widened by what "
            f"that can cost.",
        )


@dataclass(frozen=True)
class ScoreColumn:
    """A column of scores between ``low`` and ``high``, as an engine is asked for it."""

    source: Source
    name: str
    low: float
    high: float

    @property
    def value(self) -> "nw.Expr":
        """The score; what cannot be counted is one value above all others, refused when met."""
        import narwhals.stable.v2 as nw

        score, within, missing = self._read()
        beyond = nw.when(~missing).then(nw.lit(2 * self.high - self.low))
        return nw.when(within).then(score).otherwise(beyond)

    @property
    def bin(self) -> "nw.Expr":
        """The number of the bin, which makes one integer with the cell: grouped fastest."""
        import narwhals.stable.v2 as nw

        score, within, missing = self._read()
        if (self.low, self.high) != (0.0, 1.0):
            score = (score - self.low) / (self.high - self.low)
        number = (score * float(BINS)).floor().cast(nw.Int64)
        other = nw.when(missing).then(nw.lit(NO_BIN)).otherwise(nw.lit(BINS + 1))
        return nw.when(within).then(number).otherwise(other)

    def _read(self) -> "tuple[nw.Expr, nw.Expr, nw.Expr]":
        """Tell the score, whether it lies between the limits, and whether there is none."""
        import narwhals.stable.v2 as nw

        schema = self.source.frame.collect_schema()
        if self.source.connection is not None and schema[self.name].is_numeric():
            # DuckDB knows the range of a bare column; to it NaN is above all numbers
            score = nw.col(self.name).cast(nw.Float64)
            within = (score >= self.low) & (score <= self.high)
            return score, within, score.is_null() | score.is_nan()
        value, unparsable = numbers(self.source, self.name)
        within = (value >= self.low) & (value <= self.high)
        score = nw.when(within).then(value).otherwise(nw.lit(self.low))
        return score, within, value.is_null() & ~unparsable

    def _counted(self) -> "nw.Expr":
        """Tell the score of a column of which every value is known to be one, null if missing.

        To look at each text once more takes several times as long as all else.
        """
        import narwhals.stable.v2 as nw

        if self.source.frame.collect_schema()[self.name] == nw.String:
            return nw.col(self.name).str.strip_chars().cast(nw.Float64)
        score, _, missing = self._read()
        return nw.when(~missing).then(score)

    def distinct(self) -> int | None:
        """Count distinct values; ``None`` if they are more than are counted exactly."""
        return None if self.many_at_first else self._distinct(self.source.frame)

    @cached_property
    def many_at_first(self) -> bool:
        """Whether the first rows hold more values than are counted exactly: then all rows do."""
        return self._distinct(self.source.frame.head(FIRST_ROWS)) is None

    def _distinct(self, frame: "nw.LazyFrame[Any]") -> int | None:
        import narwhals.stable.v2 as nw

        # grouped, because to find distinct rows some engines sort them first
        rows = frame.select(**{VALUE: self.value}).filter(~nw.col(VALUE).is_null())
        some = rows.group_by(VALUE).agg(n=nw.len()).head(MOST_VALUES + 1)
        found = int(collected(some.select(n=nw.len()))["n"].iloc[0])
        return None if found > MOST_VALUES else found

    def ends(
        self, decision: Key, amounts: Amounts, between: tuple[float, float] | None = None
    ) -> "pd.DataFrame":
        """Find the lowest and the highest score, and rows without one, for each decision.

        Of scores ``between`` a lowest and a highest alone, if that is given. All scores have been
        counted before, so they are known to be numbers within the limits.
        """
        import narwhals.stable.v2 as nw

        rows, score = self.source.frame, self._counted()
        if between is not None:
            rows = rows.filter(score >= between[0], score <= between[1])
        rows = rows.select(d=decision.expression, v=score, **amounts.expressions)
        if "n" in amounts.expressions:
            rows = rows.filter(nw.col("n") > 0)  # a row may stand for nobody
        return _ends(rows, decision)

    def refuse(self) -> ScoreCounts:
        """Say what is wrong with the scores."""
        import narwhals.stable.v2 as nw

        value, unparsable = numbers(self.source, self.name)
        outside = ((value < self.low) | (value > self.high)).fill_null(value=False)
        seen = self.source.frame.select(unparsable=ones(unparsable), outside=ones(outside))
        row = collected(seen.select(nw.col("unparsable", "outside").sum())).iloc[0]
        problems = []
        if bad := int(row["unparsable"]):
            problems.append(
                f"Column '{self.name}' holds scores, but {bad} values are not finite numbers. Mend "
                f"or empty those cells."
            )
        if wide := int(row["outside"]):
            problems.append(
                f"Column '{self.name}' holds scores, but {wide} of them lie outside {self.low:g} "
                f"to {self.high:g}. Declare where they lie: score_range = [low, high]."
            )
        raise DataError(*problems)


def score_counts(
    column: ScoreColumn, cells: Cells, seen: "Mapping[str, pd.Series[Any]]"
) -> ScoreCounts:
    """Count the scores of a column by group and recorded outcome, inside the engine.

    Parameters
    ----------
    column : ScoreColumn
    cells : Cells
    seen : mapping of str to Series
        Distinct values of each key as the engine holds them.

    Raises
    ------
    DataError
        Scores that are no numbers or lie outside the limits; no score at all.
    """
    distinct = column.distinct()
    if distinct == 0:
        raise DataError(f"Column '{column.name}' holds scores, but no row has a value in it.")
    found = _in_engine(column, cells, seen, distinct)
    if found is None:
        return column.refuse()
    ends = column.ends(cells.keys[DECISION], cells.amounts)
    return replace(found, extremes=extremes(ends, cells))


def scores_by_need(
    column: ScoreColumn, cells: Cells, seen: "Mapping[str, pd.Series[Any]]"
) -> ScoreCounts | None:
    """Count the scores of a column by group and band of need, after they were counted by outcome.

    More than 4,096 distinct values are counted in bins: there are as many tables as bands.
    """
    distinct = column.distinct()
    exact = distinct is not None and distinct <= BINS
    return _in_engine(column, cells, seen, distinct if exact else None)


def _in_engine(
    column: ScoreColumn,
    cells: Cells,
    seen: "Mapping[str, pd.Series[Any]]",
    distinct: int | None,
) -> ScoreCounts | None:
    """Count scores, each value by itself if it is said how many they are; ``None`` if unusable."""
    rule = Rule(column.low, column.high, binned=distinct is None)
    held = len({tuple(row) for row in cells.counts.codes.tolist()})
    together = held * (distinct or BINS) * cells.kinds <= 3 * MOST_ENTRIES
    whole = tuple(range(len(cells.counts.attributes)))

    def passes() -> Iterator[Pass]:
        for places in [whole] if together else cells.crossings:
            cell = cells.number(places, seen)
            keys = {CELL: cell, VALUE: column.value}
            if rule.binned:
                keys = {CELL: cell * KINDS + column.bin}
            rows = column.source.frame.select(**keys, **cells.amounts.expressions)
            table = summed(rows, [*keys], cells.amounts)
            if rule.binned:
                table[CELL], found = table[CELL].divmod(KINDS)
                table[VALUE] = found.where(found != NO_BIN).astype("float64")
            table = table[table[CELL] >= 0]
            yield cells.crossings if together else [places], cells.numbered(table, places)

    return counted(passes(), rule, cells)


def _ends(rows: "nw.LazyFrame[Any]", decision: Key) -> "pd.DataFrame":
    """Find where the scores ``v`` of each decision ``d`` begin and end; decisions are spelled."""
    import narwhals.stable.v2 as nw

    some = rows.with_columns(none=ones(nw.col("v").is_null()))
    columns = (nw.col("v").min().alias("low"), nw.col("v").max().alias("high"))
    table = collected(some.group_by("d").agg(*columns, nw.col("none").sum()))
    return table.assign(d=decision.spelled(table["d"]))


def extremes(ends: "pd.DataFrame", cells: Cells) -> Extremes:
    """Put the ends of all decisions that select together, and those of all that do not."""
    places = ends["d"].map(lambda text: cells.quality.selected.get(text, UNKNOWN))
    selected, other = ends[places == YES], ends[places == NO]
    return Extremes(
        float(selected["low"].min()), float(other["high"].max()), int(selected["none"].sum())
    )


def summed(frame: "nw.LazyFrame[Any]", by: Sequence[str], amounts: Amounts) -> "pd.DataFrame":
    """Sum people and weights by keys."""
    import narwhals.stable.v2 as nw

    sums = {"n": nw.len(), **{name: nw.col(name).sum() for name in amounts.expressions}}
    grouped = frame.group_by(*by).agg(**sums)
    return collected(grouped.with_columns(nw.col(*sums).cast(nw.Int64)))


def counted(passes: Iterable[Pass], rule: Rule, cells: Cells) -> ScoreCounts | None:
    """Make the histograms of all groups; ``None`` if a score lies outside its range."""
    made = histograms(passes, rule, cells)
    if made is None:
        return None
    found, without = made
    exclusions = (
        Exclusion("no score", "score_metrics", *name, rows)
        for name, unscored in zip(cells.groups.names, without, strict=True)
        if CROSS not in name[0] and (rows := int(unscored.people.sum()))
    )
    return ScoreCounts(found, rule, tuple(exclusions), without)


class ScoreTally:
    """Adds up the scores that a model gives batch by batch; holds sums by cell, no row.

    Values are exact until more than 65,536 distinct ones were seen, and bins from then on: bins of
    exact values are the bins of the rows.
    """

    def __init__(self) -> None:
        self.table: pd.DataFrame | None = None
        self.binned = False
        self.ends: list[pd.DataFrame] = []

    def add(
        self,
        cells: "pd.DataFrame",
        keys: Mapping[str, Key],
        chance: "NDArray[np.float64]",
        amounts: Amounts,
    ) -> None:
        """Add a batch of key texts and amounts, shape (n, k), and its probabilities, shape (n,)."""
        import narwhals.stable.v2 as nw
        import numpy as np
        import pandas as pd

        near = np.clip(chance, 0.0, 1.0)
        score = np.where(np.abs(chance - near) < ROUNDING, near, chance)
        batch = cells.assign(**{VALUE: _bins(score) if self.binned else score})
        decided = batch[batch[DECISION].notna()]
        scores = pd.DataFrame({"d": batch[DECISION], "v": score})[batch[DECISION].notna()]
        self.ends.append(_ends(nw.from_native(scores).lazy(), keys[DECISION]))
        by = [*attribute_names(keys), *([NEED] if NEED in keys else []), LABEL, VALUE]
        new = summed(nw.from_native(decided).lazy(), by, amounts)
        table = new if self.table is None else pd.concat([self.table, new])
        if not self.binned and table[VALUE].nunique() > MOST_VALUES:
            self.binned = True
            table[VALUE] = _bins(table[VALUE].to_numpy())
        grouped = table.groupby(by, dropna=False, sort=False, as_index=False)
        self.table = grouped.sum()

    def counts(self, cells: Cells) -> ScoreCounts | None:
        """Make the histograms of the groups; ``None`` if the model gives no probabilities.

        Raises
        ------
        DataError
            What it calls probabilities lie outside 0 to 1.
        """
        import pandas as pd

        if self.table is None:
            return None
        table, binned = self.table, self.binned
        if cells.by == NEED and not binned and table[VALUE].nunique() > BINS:
            table, binned = table.assign(**{VALUE: _bins(table[VALUE].to_numpy())}), True
        score = table[VALUE]
        rule = Rule(0.0, 1.0, binned=binned)
        if (score < 0).any() or (score > rule.most).any():
            raise DataError("The model gives probabilities outside 0 to 1. Mend the model.")
        found = counted([(cells.crossings, cells.spelled(table))], rule, cells)
        if cells.by == NEED:
            return found
        return found and replace(found, extremes=extremes(pd.concat(self.ends), cells))


def _bins(score: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    bins: NDArray[np.float64] = np.floor(score * BINS)
    return bins
