"""Rows to explain are chosen by content while the rows are scored, the same in any order.

A row's key is a hash of its content, of what is recorded of it, and of how many equal rows came
before it, so that equal rows are told apart without looking at their place. The rows with the
smallest keys are kept: overall, in each group, and at least two in each cell of the joint table.
Which of them are explained is settled later, by how precise the first of them turn out to be: a
quota of rows is taken from every group, and the quota grows.

What is recorded of the rows kept stays in memory: it says how wrong the model is about them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.counts import Counts, GroupTable, crossings, grouping
from auditkit.evidence.quality import Quality
from auditkit.evidence.sums import exact_sums, mean
from auditkit.results import ALL, CROSS, NOT_RECORDED

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

A_GROUP = 200
"""Rows to explain in each group: the pilot of statistics.md 33."""
MOST_A_GROUP = 5_000
"""Rows of a group kept at most for its own sake: fifty groups are then 250,000 rows in memory."""
A_CELL = 2
"""Rows to explain in each cell of the joint table, so that none is without a share."""
MOST_OUTPUT = 1e60
"""Output beyond this has squares that cannot be summed."""


@dataclass(frozen=True)
class Contrast:
    """A group and its rest, as masks of shape (S,) over the strata."""

    attribute: str
    group: str
    members: "NDArray[np.bool_]"
    rest: "NDArray[np.bool_]"


@dataclass(frozen=True)
class Sample:
    """Rows to explain, and what they stand for.

    Attributes
    ----------
    rows : DataFrame, shape (n, p)
        The source columns as the model gets them.
    stratum : ndarray of int, shape (n,)
        Each row's stratum: a cell of the joint table of the attributes, cut in two where an outcome
        is recorded of some of its rows only.
    strata_rows, strata_output : ndarray, shape (S,)
        Over all rows of the data: how many in each stratum, and their mean model output.
    contrasts : tuple of Contrast
        ``(all)`` first, then every group.
    finite : bool
        Whether the model's output is a number on every row; ``strata_output`` says nothing if not.
    errors : Errors or None
        How wrong the model is about the rows whose outcome is recorded; ``None`` without a label.
    """

    rows: "pd.DataFrame"
    stratum: "NDArray[np.int64]"
    strata_rows: "NDArray[np.int64]"
    strata_output: "NDArray[np.float64]"
    contrasts: tuple[Contrast, ...]
    finite: bool = True
    errors: "Errors | None" = None

    @property
    def weight(self) -> "NDArray[np.float64]":
        """How many rows of the data each row stands for, shape (n,)."""
        import numpy as np

        sampled = np.bincount(self.stratum, minlength=len(self.strata_rows))
        weight: NDArray[np.float64] = (self.strata_rows / np.maximum(sampled, 1))[self.stratum]
        return weight


@dataclass(frozen=True)
class Errors:
    """What is recorded of the rows of a sample, and the model's loss over the data.

    Attributes
    ----------
    recorded : ndarray of float64, shape (n,)
        Of each row of the sample: 1 or 0, or an amount; NaN where nothing is recorded.
    strata_loss : ndarray of float64, shape (S,)
        Mean loss over all rows of each stratum that have a recorded outcome, NaN where none has.
    finite : bool
        Whether there is a loss on each of them.
    """

    recorded: "NDArray[np.float64]"
    strata_loss: "NDArray[np.float64]"
    finite: bool


@dataclass
class _Total:
    """Rows of a stratum, and exact sums of their output and of their loss."""

    rows: int = 0
    output: int = 0
    loss: int = 0


class Reservoir:
    """Gathers the rows with the smallest keys batch by batch, and sums of the model's output.

    Sums are exact, so that they do not depend on the order of adding.
    """

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self.seed = seed
        self.kept: Any = None  # a DataFrame, once a batch was seen
        self.inputs: list[Any] = []  # names of the model's inputs; what is kept counts by place
        self.seen: Any = None  # a Series of how often each content was seen
        self.sums: dict[tuple[tuple[str | None, ...], bool], _Total] = {}
        self.finite = True
        self.losses = False
        self.finite_loss = True

    def add(
        self,
        cells: "pd.DataFrame",
        rows: "pd.DataFrame",
        output: "NDArray[np.float64]",
        recorded: "NDArray[np.float64] | None" = None,
        loss: "NDArray[np.float64] | None" = None,
    ) -> None:
        """Take in a batch.

        Parameters
        ----------
        cells : DataFrame, shape (n, A)
            Texts of the attributes.
        rows : DataFrame, shape (n, p)
            Source columns as the model gets them.
        output : ndarray, shape (n,)
            What the model gives for them.
        recorded, loss : ndarray, shape (n,), optional
            What is recorded, NaN where nothing is, and how wrong the model is about it.
        """
        import numpy as np
        import pandas as pd

        known = np.zeros(len(rows), dtype=bool)
        if recorded is not None and loss is not None:
            self.losses, known = True, ~np.isnan(recorded)
            loss = np.where(known, loss, 0.0)
        self._sum(cells, known, output, loss if loss is not None else np.zeros(len(rows)))
        self.inputs = [*rows.columns]
        batch = pd.concat([cells, rows], axis=1)
        batch.columns = pd.RangeIndex(batch.shape[1])  # an input may be called anything
        batch["(recorded)"] = np.nan if recorded is None else recorded
        batch["(key)"] = self._keys(cells, rows, recorded)
        pool = batch if self.kept is None else pd.concat([self.kept, batch], ignore_index=True)
        self.kept = self._smallest(pool, range(cells.shape[1]))

    def _sum(
        self,
        cells: "pd.DataFrame",
        known: "NDArray[np.bool_]",
        output: "NDArray[np.float64]",
        loss: "NDArray[np.float64]",
    ) -> None:
        import numpy as np
        import pandas as pd

        summable = np.abs(output) < MOST_OUTPUT
        self.finite &= bool(summable.all())
        measurable = np.abs(loss) < MOST_OUTPUT
        self.finite_loss &= bool(measurable.all())
        by = [*(cells[name] for name in cells.columns), pd.Series(known, index=cells.index)]
        strata = cells.groupby(by, dropna=False, sort=False)
        codes = np.asarray(strata.ngroup(), dtype=np.int64)
        outputs = exact_sums(codes, np.where(summable, output, 0.0))
        losses = exact_sums(codes, np.where(measurable, loss, 0.0))
        sizes = strata.size()
        for code, (named, n) in enumerate(zip(sizes.index.tolist(), sizes.tolist(), strict=True)):
            total = self.sums.setdefault((_texts(named[:-1]), bool(named[-1])), _Total())
            total.rows += n
            total.output += outputs[code]
            total.loss += losses[code]

    def _keys(
        self,
        cells: "pd.DataFrame",
        rows: "pd.DataFrame",
        recorded: "NDArray[np.float64] | None",
    ) -> "NDArray[np.uint64]":
        """Hash content and occurrence, shape (n,); columns count by place, not by name."""
        import numpy as np
        import pandas as pd

        content = np.full(len(rows), _mix(np.uint64(self.seed)), dtype=np.uint64)
        for frame in (cells, rows):
            for place in range(frame.shape[1]):
                content = _mix(content ^ _hash_column(frame.iloc[:, place]))
        if recorded is not None:  # else which of two equal rows is kept hangs on their order
            content = _mix(content ^ _hash_column(pd.Series(recorded)))
        series = pd.Series(content)
        before = series.groupby(series).cumcount().to_numpy()
        counts = series.value_counts(sort=False)
        if self.seen is not None:
            before = before + self.seen.reindex(series, fill_value=0).to_numpy()
            counts = counts.add(self.seen, fill_value=0).astype(np.int64)
        self.seen = counts
        keys: NDArray[np.uint64] = _mix(content ^ _mix(before.astype(np.uint64) + np.uint64(1)))
        return keys

    def _smallest(self, pool: "pd.DataFrame", keys: Sequence[int]) -> "pd.DataFrame":
        """Keep the rows whose key is among the smallest overall, in a group or in a stratum.

        All rows of a stratum meet the same cuts, so those kept are the smallest of the stratum: a
        simple random sample of it.
        """
        keep = pool["(key)"].rank(method="first") <= self.most
        quota = max(A_GROUP, min(self.most, MOST_A_GROUP))
        strata = [*(pool[key] for key in keys), pool["(recorded)"].notna()]
        for by, most in (*(([pool[key]], quota) for key in keys), (strata, A_CELL)):
            groups = pool.groupby(by, dropna=False, sort=False)["(key)"]
            keep = keep | (groups.rank(method="first") <= most)
        return pool[keep]


def _texts(cell: Sequence[Any]) -> tuple[str | None, ...]:
    return tuple(value if isinstance(value, str) else None for value in cell)


def _mix(value: Any) -> Any:  # noqa: ANN401
    """Scramble 64-bit integers (SplitMix64, Steele et al. 2014)."""
    import numpy as np

    with np.errstate(over="ignore"):
        value = np.asarray(value, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def _hash_column(column: "pd.Series[Any]") -> "NDArray[np.uint64]":
    """Hash values, shape (n,): numbers by value, everything else by its text."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
        numbers[np.isnan(numbers)] = np.nan
        return numbers.view(np.uint64)
    try:
        codes, levels = pd.factorize(column.astype(object))
    except TypeError:
        raise DataError(
            f"Column '{column.name}' holds lists, mappings or the like, which cannot be told apart "
            f"as values. Give each cell one number, text, truth or date."
        ) from None
    hashes = pd.util.hash_array(np.array([*map(str, levels), ""], dtype=object), categorize=False)
    return hashes[codes]


def finish(reservoir: Reservoir, quality: Quality, table: GroupTable) -> Sample | None:
    """Turn what was gathered into a sample with its strata and contrasts; ``None`` of no rows."""
    import numpy as np

    if reservoir.kept is None:
        return None
    kept = reservoir.kept.sort_values("(key)", kind="stable", ignore_index=True)
    width = len(quality.attributes)
    strata = sorted(reservoir.sums, key=repr)
    place = {stratum: i for i, stratum in enumerate(strata)}
    cells = kept.iloc[:, :width].itertuples(index=False, name=None)
    recorded = kept["(recorded)"].to_numpy(dtype=np.float64)
    own = zip(map(_texts, cells), (~np.isnan(recorded)).tolist(), strict=True)
    stratum = np.array([place[one] for one in own], dtype=np.int64)
    totals = [reservoir.sums[one] for one in strata]
    codes = np.array([quality.codes(cell) for cell, _ in strata], dtype=np.int64)
    joint = Counts(quality.attributes, quality.levels, codes, np.zeros((len(strata), 9), np.int64))
    contrasts = tuple(_contrasts(joint, table))
    losses = [
        mean(t.loss, t.rows) if has else np.nan for t, (_, has) in zip(totals, strata, strict=True)
    ]
    quota = quotas(stratum, contrasts)
    chosen = quota <= max(A_GROUP, largest_quota(quota, reservoir.most))
    errors = Errors(recorded[chosen], np.array(losses), reservoir.finite_loss)
    rows = kept.iloc[:, width:-2].set_axis(reservoir.inputs, axis=1)
    return Sample(
        rows=rows[chosen].reset_index(drop=True),
        stratum=stratum[chosen],
        strata_rows=np.array([total.rows for total in totals], dtype=np.int64),
        strata_output=np.array([mean(total.output, total.rows) for total in totals]),
        contrasts=contrasts,
        finite=reservoir.finite,
        errors=errors if reservoir.losses else None,
    )


def quotas(stratum: "NDArray[np.int64]", contrasts: "Sequence[Contrast]") -> "NDArray[np.int64]":
    """Say how many rows of every group must be taken for a row to be among them.

    Parameters
    ----------
    stratum : ndarray of int, shape (n,)
        Each row's stratum, the rows in order of their keys.
    contrasts : sequence of Contrast

    Returns
    -------
    ndarray of int, shape (n,)
        0 for the first rows of each cell, which are taken in any case. Everyone is a group too. All
        rows of a cell are in the same groups, so those up to a quota are its first ones: a simple
        random sample of the cell.
    """
    import numpy as np
    import pandas as pd

    quota = np.full(len(stratum), len(stratum) + 1, dtype=np.int64)
    for contrast in contrasts:
        if CROSS in contrast.attribute:
            continue
        places = np.flatnonzero(contrast.members[stratum])
        if contrast.attribute != ALL:  # of a group no more were kept for its own sake
            places = places[:MOST_A_GROUP]
        quota[places] = np.minimum(quota[places], np.arange(1, len(places) + 1))
    quota[(pd.Series(stratum).groupby(stratum).cumcount() < A_CELL).to_numpy()] = 0
    return quota


def largest_quota(quota: "NDArray[np.int64]", most: int) -> int:
    """Give the largest quota that takes at most so many rows, 0 if the cells alone take more."""
    import numpy as np

    if len(quota) <= most:
        return int(quota.max(initial=0))
    return max(0, int(np.sort(quota)[most]) - 1)


def _contrasts(cells: Counts, table: GroupTable) -> "Iterator[Contrast]":
    import numpy as np

    whole = np.ones(len(cells.codes), dtype=bool)
    yield Contrast(ALL, ALL, whole, ~whole)
    depth = max(attribute.count(CROSS) for attribute, _ in table.names) + 1
    for places in crossings(cells, depth):
        attribute, groups, codes = grouping(cells, places)
        for place, group in enumerate(groups):
            yield Contrast(attribute, group, codes == place, (codes >= 0) & (codes != place))
        if (codes < 0).any():
            yield Contrast(attribute, NOT_RECORDED, codes < 0, codes >= 0)
