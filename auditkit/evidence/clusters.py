"""Who was drawn together: sums over clusters of products of cells, and how many clusters there are.

The engine returns products of the cell totals of each cluster, summed over the clusters. They are
additive and say everything that a linearised variance needs; no cluster is named, no row leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.amounts import ROOM, Amounts
from auditkit.evidence.counts import Counts, Gathered, crossings
from auditkit.evidence.keys import (
    CLUSTER,
    CONTROL,
    DECISION,
    LABEL,
    MISSING_TEXT,
    NEED,
    STRATUM,
    Key,
    among,
    attribute_names,
    expressions,
    placed,
)
from auditkit.evidence.quality import Quality
from auditkit.evidence.sources import collected, ones
from auditkit.results import ALL, CROSS

if TYPE_CHECKING:
    import duckdb
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from auditkit.metrics.registry import Mask

CELL, AMOUNT = "cell", "amount"
OUTCOMES = 9


@dataclass(frozen=True)
class Clusters:
    """Clusters, seen through the cells of a count.

    Attributes
    ----------
    first, second : ndarray of int, shape (P,)
        Pairs of flat cells (cell times 9 plus outcome) that some cluster holds both of.
    products : ndarray of float, shape (P,)
        Sum over the clusters of the product of their totals in the two.
    units : ndarray of int, shape (S,)
        Clusters in each stratum; one stratum where none were declared.
    touched : dict of (mask, attribute) to ndarray of int, shape (G, 2)
        Clusters with somebody of each group, and of its rest, in the outcome cells of the mask;
        ``(not recorded)`` last.
    """

    first: "NDArray[np.int64]"
    second: "NDArray[np.int64]"
    products: "NDArray[np.float64]"
    units: "NDArray[np.int64]"
    touched: "Mapping[tuple[bytes, str], NDArray[np.int64]]"


@dataclass(frozen=True)
class Coding:
    """Numbers the cells of a count, so that pairs of them are told by two numbers.

    The number of a cell is ``((a0 * size1 + a1) * ... + stratum) * ... * 9 + outcome``, where each
    place of an attribute or the control is moved up by one: 0 is not recorded. The engine keeps
    the places in columns ``p0``, ``p1``, ...: attributes, stratum, control, need,
    label, decision.
    """

    sizes: tuple[int, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the columns of places."""
        return [f"p{i}" for i in range(len(self.sizes) + 2)]

    def cell(self) -> "nw.Expr":
        """Tell the number of a cell from its places."""
        import narwhals.stable.v2 as nw

        cell = nw.lit(0)
        for name, size in zip(self.columns, (*self.sizes, 3, 3), strict=True):
            cell = cell * size + nw.col(name)
        return cell.cast(nw.Int64)


def clusters(
    frame: "nw.LazyFrame[Any]",
    keys: Mapping[str, Key],
    amounts: Amounts,
    column: str,
    quality: Quality,
    counts: Counts,
    depth: int,
    masks: "Sequence[Mask]",
    connection: "duckdb.DuckDBPyConnection | None" = None,
) -> Clusters:
    """Count what the design of the data says about uncertainty.

    Parameters
    ----------
    frame : LazyFrame
        Rows, or totals of rows that share cluster and keys.
    keys, amounts
        What rows are counted by, and what is summed.
    column : str
        Holds the cluster of each row.
    quality : Quality
        How texts become groups and outcomes.
    counts : Counts
        The cells that were counted.
    depth : int
        How many attributes are crossed at most.
    masks : sequence of ndarray of bool, shape (9,)
        Outcome cells in which clusters are counted.
    connection : DuckDBPyConnection, optional
        Of the frame, if DuckDB holds it.

    Raises
    ------
    DataError
        Some rows have no cluster, or clusters lie in more than one stratum.
    """
    import narwhals.stable.v2 as nw

    _refuse_missing(frame, column)
    strata = max(1, len(quality.strata))
    controls = max(1, len(quality.controls))
    needs = max(quality.needs.values(), default=-1) + 2
    coding = Coding((*(len(groups) + 1 for groups in quality.levels), strata, controls, needs))
    amount = amounts.expressions.get("w", amounts.expressions.get("n", nw.lit(1)))
    # in two steps: some engines cannot parse all of it as one expression
    rows = frame.select(
        **{CLUSTER: nw.col(column), AMOUNT: amount}, **_places(frame, keys, quality)
    ).filter(nw.col(AMOUNT) > 0)  # who has no weight makes no cluster
    summed = _summed(rows, [CLUSTER, *coding.columns], AMOUNT)
    totals = _kept(summed.with_columns(coding.cell().alias(CELL)), connection)
    units = _units(totals, coding, strata)
    first, second, products = _products(totals, amounts)
    flat = _flat(coding, counts)
    return Clusters(
        flat(first),
        flat(second),
        products,
        units,
        dict(_touched(totals, coding, counts, depth, masks)),
    )


def by_cluster(gathered: Gathered) -> Gathered:
    """Sum the rows that share cluster and keys, once for all who look at them in several ways.

    Clusters are counted, and weights summed, from these totals as from the rows.
    """
    import narwhals.stable.v2 as nw

    assert gathered.cluster is not None  # noqa: S101
    amounts = gathered.amounts.expressions or {"n": nw.lit(1)}
    rows = gathered.frame.select(
        **{CLUSTER: nw.col(gathered.cluster)}, **expressions(gathered.keys), **amounts
    )
    summed = rows.group_by(CLUSTER, *gathered.keys).agg(nw.col(*amounts).sum())
    totals = _kept(
        summed.with_columns(nw.col(*amounts).cast(nw.Int64)),
        gathered.connection,
        "totals_of_classes",
    )
    return Gathered(
        totals,
        {name: replace(key, expression=nw.col(name)) for name, key in gathered.keys.items()},
        replace(gathered.amounts, expressions={name: nw.col(name) for name in amounts}),
        CLUSTER,
    )


def _refuse_missing(frame: "nw.LazyFrame[Any]", column: str) -> None:
    import narwhals.stable.v2 as nw

    named, dtype = nw.col(column), frame.collect_schema()[column]
    if dtype.is_float():  # NaN is below infinity nowhere, and not every database knows it by name
        named = nw.when(named.abs() < float("inf")).then(named)
    elif dtype in (nw.String, nw.Categorical, nw.Enum, nw.Object):
        named = nw.when(named.cast(nw.String) != MISSING_TEXT).then(named)
    empty = frame.select(n=ones(named.is_null())).select(nw.col("n").sum())
    if missing := int(empty.collect("pandas").to_native().iloc[0, 0] or 0):
        raise DataError(
            f"Column '{column}' names clusters, but {missing} rows have none. Give each of them a "
            f"cluster of its own if they were drawn alone; they must not become one cluster."
        )


def _places(
    frame: "nw.LazyFrame[Any]", keys: Mapping[str, Key], quality: Quality
) -> "dict[str, nw.Expr]":
    """Place every part of a cell: attributes, stratum, control, outcome."""
    import narwhals.stable.v2 as nw

    def up(places: Mapping[str | None, int]) -> dict[str | None, int]:
        return {text: place + 1 for text, place in places.items()}

    named = zip(attribute_names(keys), quality.groups, strict=True)
    places: dict[str, Mapping[str | None, int]] = {name: up(groups) for name, groups in named}
    places |= {STRATUM: quality.strata, CONTROL: up(quality.controls), NEED: up(quality.needs)}
    places |= {LABEL: quality.actual, DECISION: quality.selected}
    return {
        f"p{i}": _placed(frame, keys[name], of) if name in keys else nw.lit(0)
        for i, (name, of) in enumerate(places.items())
    }


def _placed(frame: "nw.LazyFrame[Any]", key: Key, places: Mapping[str | None, int]) -> "nw.Expr":
    import narwhals.stable.v2 as nw

    seen = frame.select(k=key.expression).group_by("k").agg(nw.len().alias("n"))
    return placed(key, collected(seen)["k"], places, 0)


def _kept(
    totals: "nw.LazyFrame[Any]",
    connection: "duckdb.DuckDBPyConnection | None",
    name: str = "cluster_totals",
) -> "nw.LazyFrame[Any]":
    """Let DuckDB keep the totals in memory, where they are read many times."""
    import narwhals.stable.v2 as nw

    if connection is None or totals.implementation.value != "duckdb":
        return totals
    totals.to_native().create(name)
    return nw.from_native(connection.table(name)).lazy()


def _units(totals: "nw.LazyFrame[Any]", coding: Coding, strata: int) -> "NDArray[np.int64]":
    """Count the clusters of each stratum.

    Raises
    ------
    DataError
        Some clusters lie in more than one stratum.
    """
    import narwhals.stable.v2 as nw
    import numpy as np

    pairs = totals.select(CLUSTER, stratum=nw.col(coding.columns[-5])).unique()
    table = pairs.group_by("stratum").agg(nw.len().alias("n")).collect("pandas").to_native()
    units = np.zeros(strata, dtype=np.int64)
    units[table["stratum"].to_numpy(dtype=np.int64)] = table["n"].to_numpy(dtype=np.int64)
    alone = totals.select(CLUSTER).unique().select(nw.len().alias("n")).collect("pandas")
    whole = int(alone.to_native().iloc[0, 0])
    if units.sum() > whole:
        held = pairs.group_by(CLUSTER).agg(nw.len().alias("n")).filter(nw.col("n") > 1)
        several = held.select(nw.len().alias("n")).collect("pandas").to_native().iloc[0, 0]
        raise DataError(
            f"{several} of {whole} clusters lie in more than one stratum. A cluster is "
            f"drawn within one stratum; look at data.cluster and data.strata."
        )
    return units


def _products(
    totals: "nw.LazyFrame[Any]", amounts: Amounts
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]":
    """Sum products of cell totals over the clusters, as whole numbers that cannot overflow."""
    import narwhals.stable.v2 as nw
    import numpy as np

    of_cluster = _summed(totals, [CLUSTER], AMOUNT)
    sums = of_cluster.select(
        nw.col(AMOUNT).max().alias("largest"), nw.col(AMOUNT).sum().alias("total")
    )
    seen = sums.collect("pandas").to_native().iloc[0]
    bits = int(seen["largest"]).bit_length() + int(seen["total"]).bit_length()
    dropped = max(0, -(-(bits - ROOM) // 2))  # bits that each factor gives up
    cut = totals.select(CLUSTER, CELL, AMOUNT)
    if dropped:
        cut = cut.with_columns((nw.col(AMOUNT) // 2**dropped).cast(nw.Int64))
    other = cut.rename({CELL: "second", AMOUNT: "other"})
    pairs = cut.join(other, on=CLUSTER, how="inner").with_columns(
        product=nw.col(AMOUNT) * nw.col("other")
    )
    table = _summed(pairs, [CELL, "second"], "product").collect("pandas").to_native()
    scale = 2.0 ** (dropped - amounts.bits)
    return (
        table[CELL].to_numpy(dtype=np.int64),
        table["second"].to_numpy(dtype=np.int64),
        table["product"].to_numpy(dtype=np.float64) * scale**2,
    )


def _summed(frame: "nw.LazyFrame[Any]", by: Sequence[str], name: str) -> "nw.LazyFrame[Any]":
    """Sum whole numbers by group; an engine that sums to a wider kind is told to come back."""
    import narwhals.stable.v2 as nw

    return frame.group_by(*by).agg(nw.col(name).sum()).with_columns(nw.col(name).cast(nw.Int64))


def _flat(coding: Coding, counts: Counts) -> Any:  # noqa: ANN401
    """Return the way from numbers of cells to their places in the flattened table of the count."""
    import numpy as np

    number = np.zeros(len(counts.codes), dtype=np.int64)
    strata = number if counts.strata is None else counts.strata
    controls = number if counts.controls is None else counts.controls + 1
    needs = number if counts.needs is None else counts.needs + 1
    parts = [*(counts.codes.T + 1), strata, controls, needs]
    for place, size in zip(parts, coding.sizes, strict=True):
        number = number * size + place
    order = np.argsort(number)

    def flat(cells: "NDArray[np.int64]") -> "NDArray[np.int64]":
        at = order[np.searchsorted(number[order], cells // OUTCOMES)]
        return at * OUTCOMES + cells % OUTCOMES

    return flat


def _touched(
    totals: "nw.LazyFrame[Any]",
    coding: Coding,
    counts: Counts,
    depth: int,
    masks: "Sequence[Mask]",
) -> "Iterator[tuple[tuple[bytes, str], NDArray[np.int64]]]":
    """Count the clusters with somebody of a group, and of its rest, by attribute and crossing.

    A cluster has nobody of a group's rest if all its recorded people are of the group. First come
    the clusters with anybody.
    """
    import narwhals.stable.v2 as nw
    import numpy as np

    *parts, label, decision = (nw.col(name) for name in coding.columns)
    outcome = 3 * label + decision
    flags = {
        f"m{i}": ones(among(outcome, np.flatnonzero(mask).tolist())) for i, mask in enumerate(masks)
    }
    anybody = totals.select(CLUSTER, **flags).group_by(CLUSTER).agg(nw.col(*flags).max())
    held_at_all = anybody.select(nw.col(*flags).sum()).collect("pandas").to_native().iloc[0]
    for i, mask in enumerate(masks):
        everybody = np.array([[int(held_at_all[f"m{i}"] or 0), 0]], dtype=np.int64)
        yield (np.asarray(mask).tobytes(), ALL), everybody
    for places in crossings(counts, depth):
        code, recorded, groups = nw.lit(0), nw.lit(True), 1
        for place in places:
            code = code * len(counts.levels[place]) + parts[place] - 1
            recorded = recorded & (parts[place] > 0)
            groups *= len(counts.levels[place])
        group = nw.when(recorded).then(code).otherwise(nw.lit(-1))
        by_group = (
            totals.select(CLUSTER, group=group, **flags)
            .group_by(CLUSTER, "group")
            .agg(*(nw.col(name).max() for name in flags))
        )
        held = by_group.filter(nw.col("group") >= 0)
        held_by = held.group_by(CLUSTER).agg(*(nw.col(m).sum().alias(f"of_{m}") for m in flags))
        both = held.join(held_by, on=CLUSTER, how="inner").with_columns(
            **{f"only_{m}": nw.col(m) * ones(nw.col(f"of_{m}") == 1) for m in flags}
        )
        own = _sums(by_group, list(flags))
        only = _sums(both, [f"only_{m}" for m in flags])
        everyone = held_by.select(**{m: ones(nw.col(f"of_{m}") > 0) for m in flags})
        whole = everyone.select(nw.col(*flags).sum()).collect("pandas").to_native().iloc[0]
        attribute = CROSS.join(counts.attributes[p] for p in places)
        for i, mask in enumerate(masks):
            table = np.zeros((groups + 1, 2), dtype=np.int64)
            table[:, 1] = int(whole[f"m{i}"] or 0)
            table[own["group"], 0] = own[f"m{i}"]  # group -1 is the last: not recorded
            table[only["group"], 1] -= only[f"only_m{i}"].to_numpy(dtype=np.int64)
            yield (np.asarray(mask).tobytes(), attribute), table


def _sums(frame: "nw.LazyFrame[Any]", names: list[str]) -> "pd.DataFrame":
    import narwhals.stable.v2 as nw

    grouped = frame.group_by("group").agg(nw.col(*names).sum())
    table: pd.DataFrame = grouped.collect("pandas").to_native()
    return table.astype("int64")
