"""Rows to explain are chosen by content while the rows are scored, the same in any order.

A row's key is a hash of its content and of how many equal rows came before it, so that equal rows
are told apart without looking at their place. The rows with the smallest keys are kept: overall, in
each group, and at least two in each cell of the joint table. Which of them are explained is settled
later, by how precise the first of them turn out to be: a quota of rows is taken from every group,
and the quota grows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.evidence.counts import Counts, GroupTable, crossings, grouping
from auditkit.evidence.quality import Quality
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
MOST_OUTPUT = 2.0**14
"""Output beyond this cannot be summed exactly beside 32 bits of fraction and 2**17 rows a batch."""


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
        Each row's stratum, a cell of the joint table of the attributes.
    strata_rows, strata_output : ndarray, shape (S,)
        Over all rows of the data: how many in each stratum, and their mean model output.
    contrasts : tuple of Contrast
        ``(all)`` first, then every group.
    finite : bool
        Whether the model's output is a number on every row; ``strata_output`` says nothing if not.
    """

    rows: "pd.DataFrame"
    stratum: "NDArray[np.int64]"
    strata_rows: "NDArray[np.int64]"
    strata_output: "NDArray[np.float64]"
    contrasts: tuple[Contrast, ...]
    finite: bool = True

    @property
    def weight(self) -> "NDArray[np.float64]":
        """How many rows of the data each row stands for, shape (n,)."""
        import numpy as np

        sampled = np.bincount(self.stratum, minlength=len(self.strata_rows))
        weight: NDArray[np.float64] = (self.strata_rows / np.maximum(sampled, 1))[self.stratum]
        return weight


class Reservoir:
    """Gathers the rows with the smallest keys batch by batch, and sums of the model's output.

    Sums are kept as whole numbers of 2**-32, so that they do not depend on the order of adding.
    """

    SCALE = 2.0**32

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self.seed = seed
        self.kept: Any = None  # a DataFrame, once a batch was seen
        self.seen: Any = None  # a Series of how often each content was seen
        self.sums: dict[tuple[str | None, ...], tuple[int, int]] = {}
        self.finite = True

    def add(
        self, cells: "pd.DataFrame", rows: "pd.DataFrame", output: "NDArray[np.float64]"
    ) -> None:
        """Take in a batch: attribute texts (n, A), features (n, p), output (n,)."""
        import numpy as np
        import pandas as pd

        summable = np.abs(output) < MOST_OUTPUT
        self.finite &= bool(summable.all())
        output = np.where(summable, output, 0.0)
        keys = list(cells.columns)
        whole = pd.Series(np.rint(output * self.SCALE).astype(np.int64), index=cells.index)
        for cell, part in whole.groupby([cells[k] for k in keys], dropna=False, sort=False):
            name = _texts(cell)
            n, total = self.sums.get(name, (0, 0))
            self.sums[name] = (n + len(part), total + int(part.sum()))
        batch = pd.concat([cells, rows], axis=1)
        batch["(key)"] = self._keys(cells, rows)
        pool = batch if self.kept is None else pd.concat([self.kept, batch], ignore_index=True)
        self.kept = self._smallest(pool, keys)

    def _keys(self, cells: "pd.DataFrame", rows: "pd.DataFrame") -> "NDArray[np.uint64]":
        """Hash content and occurrence, shape (n,); columns count by place, not by name."""
        import numpy as np
        import pandas as pd

        content = np.full(len(rows), _mix(np.uint64(self.seed)), dtype=np.uint64)
        for frame in (cells, rows):
            for place in range(frame.shape[1]):
                content = _mix(content ^ _hash_column(frame.iloc[:, place]))
        series = pd.Series(content)
        before = series.groupby(series).cumcount().to_numpy()
        counts = series.value_counts(sort=False)
        if self.seen is not None:
            before = before + self.seen.reindex(series, fill_value=0).to_numpy()
            counts = counts.add(self.seen, fill_value=0).astype(np.int64)
        self.seen = counts
        keys: NDArray[np.uint64] = _mix(content ^ _mix(before.astype(np.uint64) + np.uint64(1)))
        return keys

    def _smallest(self, pool: "pd.DataFrame", keys: Sequence[str]) -> "pd.DataFrame":
        """Keep the rows whose key is among the smallest overall, in a group or in a cell.

        All rows of a cell meet the same cuts, so those kept are the smallest of the cell: a simple
        random sample of it.
        """
        keep = pool["(key)"].rank(method="first") <= self.most
        quota = max(A_GROUP, min(self.most, MOST_A_GROUP))
        for by, most in (*(([key], quota) for key in keys), (list(keys), A_CELL)):
            groups = pool.groupby(by, dropna=False, sort=False)["(key)"]
            keep = keep | (groups.rank(method="first") <= most)
        return pool[keep]


def _texts(cell: tuple[Any, ...]) -> tuple[str | None, ...]:
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
    codes, levels = pd.factorize(column.astype(object))
    hashes = pd.util.hash_array(np.array([*map(str, levels), ""], dtype=object), categorize=False)
    return hashes[codes]


def finish(reservoir: Reservoir, quality: Quality, table: GroupTable) -> Sample | None:
    """Turn what was gathered into a sample with its strata and contrasts; ``None`` of no rows."""
    import numpy as np

    if reservoir.kept is None:
        return None
    kept = reservoir.kept.sort_values("(key)", kind="stable", ignore_index=True)
    width = len(quality.attributes)
    place = {cell: i for i, cell in enumerate(sorted(reservoir.sums, key=repr))}
    strata = [_texts(cell) for cell in kept.iloc[:, :width].itertuples(index=False, name=None)]
    totals = [reservoir.sums[cell] for cell in place]
    codes = np.array([quality.codes(cell) for cell in place], dtype=np.int64)
    cells = Counts(quality.attributes, quality.levels, codes, np.zeros((len(place), 9), np.int64))
    contrasts = tuple(_contrasts(cells, table))
    stratum = np.array([place[cell] for cell in strata], dtype=np.int64)
    quota = quotas(stratum, contrasts)
    chosen = quota <= max(A_GROUP, largest_quota(quota, reservoir.most))
    return Sample(
        rows=kept.iloc[:, width:-1][chosen].reset_index(drop=True),
        stratum=stratum[chosen],
        strata_rows=np.array([n for n, _ in totals], dtype=np.int64),
        strata_output=np.array([total / n / Reservoir.SCALE for n, total in totals]),
        contrasts=contrasts,
        finite=reservoir.finite,
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
