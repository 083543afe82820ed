"""Need in a column of its own becomes bands that rows are counted by, and exact sums.

Bands are cut once, by the need of all rows, before anybody is counted: at most twenty with about as
many people each, of which two neighbours make one of at least ten. Where no more than twenty levels
occur, each is a band.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.errors import DataError, looks_personal, seen
from auditkit.evidence.amounts import Amounts, need_sums
from auditkit.evidence.histograms import BINS
from auditkit.evidence.keys import BASELINE, LABEL, NEED, Key, cut_up, unusable_type
from auditkit.evidence.scores import ScoreColumn
from auditkit.evidence.sources import Source, collected, numbers, ones
from auditkit.plan import Above, AuditPlan, canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FINE, COARSE = 20, 10
"""Bands at most, and at least where so many levels occur."""
LARGEST_NEED = 1e60
MOST_OFFSET = 1e6
"""So many times what it varies by, need may be: squares beyond that hold no spread any more."""


@dataclass(frozen=True)
class Cut:
    """Where a band begins: at a value, or right above it."""

    value: float
    above: bool = False

    def below(self, first: bool) -> str:
        """Name what ends here."""
        sign = ("<=" if self.above else "<") if first else ""
        return f"{sign}{canonical(self.value)}{'' if first else ']' if self.above else ')'}"


@dataclass(frozen=True)
class NeedBands:
    """How need is put into F fine bands, least need first.

    Attributes
    ----------
    names : tuple of str
        Of the fine bands; of levels, the levels.
    cuts : tuple of Cut
        Where fine bands after the first begin; empty for levels in words.
    pairs : tuple of int
        The coarse band of each fine one, shape (F,).
    levels : bool
        Whether each fine band is one level of need.
    first_in_need : int or None
        The first fine band of people in need; ``F`` where nobody is, ``None`` if it is not said.
    low, high : float
        Least and largest need; NaN for levels in words.
    """

    names: tuple[str, ...]
    cuts: tuple[Cut, ...]
    pairs: tuple[int, ...]
    levels: bool
    first_in_need: int | None
    low: float = math.nan
    high: float = math.nan

    @property
    def numeric(self) -> bool:
        """Whether need is a number, so that it can be added up."""
        return not math.isnan(self.low)

    @property
    def coarse(self) -> tuple[str, ...]:
        """Names of the coarse bands."""
        if len(set(self.pairs)) == len(self.names):
            return self.names
        starts = [i for i, p in enumerate(self.pairs) if i and p != self.pairs[i - 1]]
        return band_names([self.cuts[i - 1] for i in starts])

    @property
    def places(self) -> dict[str | None, int]:
        """The fine band of each name; -1 is no recorded need."""
        return {None: -1, **{name: i for i, name in enumerate(self.names)}}


def band_names(cuts: list[Cut]) -> tuple[str, ...]:
    """Name the bands that cuts make: ``<2``, ``[2,5)``, ``>=5``; right above a value ``(``, ``>``.

    >>> band_names([Cut(2.0), Cut(3.0, above=True)])
    ('<2', '[2,3]', '>3')
    """
    if not cuts:
        return ("any",)
    names = [cuts[0].below(first=True)]
    for start, end in itertools.pairwise(cuts):
        opens = "(" if start.above else "["
        names.append(f"{opens}{canonical(start.value)},{end.below(first=False)}")
    last = cuts[-1]
    return (*names, f"{'>' if last.above else '>='}{canonical(last.value)}")


def need_bands(plan: AuditPlan, source: Source, amounts: Amounts) -> NeedBands:
    """Look at all values of need, and cut them into bands.

    Raises
    ------
    DataError
        No value, values that are not numbers or not in the declared order, or nobody in need.
    """
    name = plan.data.need
    assert name is not None  # noqa: S101
    if plan.data.need_order is not None:
        return _ladder(plan, source, name, plan.data.need_order)
    values, people, exact = _spread(source, name, amounts)
    chosen = plan.data.in_need
    above = chosen.above if isinstance(chosen, Above) else None
    if above is not None and not values[-1] > above:
        raise DataError(
            f"Nobody is in need: column '{name}' holds no number above {above:g} "
            f"(data.in_need). Look at the cut, or at the column."
        )
    return _cut(values, people, exact, above)


def _ladder(plan: AuditPlan, source: Source, name: str, order: tuple[str, ...]) -> NeedBands:
    """Take the declared levels, of which no other may occur."""
    import narwhals.stable.v2 as nw

    if problem := unusable_type(source, name):
        raise DataError(problem)
    key = Key(nw.col(name))
    grouped = source.frame.select(k=key.expression).group_by("k").agg(nw.len().alias("n"))
    table = collected(grouped)
    rows: dict[str, int] = {}
    for text, n in zip(key.spelled(table["k"]), table["n"].tolist(), strict=True):
        if text is not None:
            rows[canonical(text)] = rows.get(canonical(text), 0) + int(n)
    other = {value: n for value, n in sorted(rows.items()) if value not in order}
    if other:
        told = seen(other)
        if looks_personal(len(rows), sum(rows.values())):
            told = f"{len(other)} other values"
        raise DataError(
            f"Column '{name}' is need, but {sum(other.values())} rows hold {told}, not in "
            f"data.need_order. Add each value where it belongs, least need first, or empty those "
            f"cells."
        )
    if not rows:
        raise DataError(f"Column '{name}' is need, but no row has a value in it.")
    chosen = plan.data.in_need
    first = len(order) - len(set(chosen)) if isinstance(chosen, tuple) else None
    if first is not None and not any(level in rows for level in order[first:]):
        raise DataError(
            f"Nobody is in need: column '{name}' never holds a level of data.in_need. Values seen: "
            f"{seen(rows)}."
        )
    return NeedBands(order, (), tuple(range(len(order))), True, first)


def _spread(source: Source, name: str, amounts: Amounts) -> "tuple[Floats, Floats, bool]":
    """Find the values of need and the people at each; of too many, the starts of fine bins."""
    import narwhals.stable.v2 as nw
    import numpy as np

    low, high = _ends(source, name)
    column = ScoreColumn(source, name, low, high)
    exact = low == high or column.distinct() is not None
    n = amounts.expressions.get("n", nw.lit(1).cast(nw.Int64))
    rows = source.frame.select(v=column.value if exact else column.bin, n=n)
    grouped = rows.group_by("v").agg(nw.col("n").sum())
    table = collected(grouped.with_columns(nw.col("n").cast(nw.Int64)))
    table = table[table["v"].notna()]
    found = table["v"].to_numpy(dtype=np.float64) + 0.0  # -0 is 0
    people = table["n"].to_numpy(dtype=np.float64)
    if not exact:
        people, found = people[found <= BINS], found[found <= BINS]
        found = low + (high - low) * (found / BINS)
    values, at = np.unique(found, return_inverse=True)
    return values, np.bincount(at, people).astype(np.float64), exact


def _ends(source: Source, name: str) -> tuple[float, float]:
    """Find the least and the largest need, and refuse what is no number."""
    import narwhals.stable.v2 as nw

    value, unparsable = numbers(source, name)
    seen_ = source.frame.select(v=value, bad=ones(unparsable))
    row = collected(
        seen_.select(
            nw.len().alias("rows"),
            nw.col("v").min().alias("least"),
            nw.col("v").max().alias("most"),
            nw.col("bad").sum(),
        )
    ).iloc[0]
    if bad := int(row["bad"]):
        raise DataError(
            f"Column '{name}' is need, but {bad} of {int(row['rows'])} values are not finite "
            f"numbers. Mend or empty those cells; if they are levels, list them in "
            f"data.need_order, least need first."
        )
    low, high = float(row["least"]), float(row["most"])
    if math.isnan(low):
        raise DataError(f"Column '{name}' is need, but no row has a value in it.")
    if max(abs(low), abs(high)) > LARGEST_NEED:
        raise DataError(
            f"Column '{name}' is need, with numbers beyond {LARGEST_NEED:g}, which cannot be added "
            f"up exactly. Write it in another unit."
        )
    largest = max(abs(low), abs(high))
    if 0 < largest < 1 / LARGEST_NEED:
        raise DataError(
            f"Column '{name}' is need, with no number beyond {1 / LARGEST_NEED:g}, and numbers so "
            f"small cannot be added up exactly. Write it in another unit."
        )
    if 0 < high - low < largest / MOST_OFFSET:
        raise DataError(
            f"Column '{name}' is need, with numbers that differ too little for their size to tell "
            f"how they spread. Take the same number from all of them."
        )
    return low, high


def _cut(values: "Floats", people: "Floats", exact: bool, above: float | None) -> NeedBands:
    """Cut values into at most 20 bands with about as many people each; in need is an edge.

    A value that more people share than a band would have takes a band of its own, and the rest
    are shared out anew. Two neighbours on one side of the edge make a coarse band.
    """
    low, high = float(values[0]), float(values[-1])
    edge = len(values) if above is None else int((values <= above).sum())
    if exact and len(values) <= FINE:
        shares = (edge, len(values) - edge)
    else:
        shares = _shares(edge, len(values), float(people[:edge].sum() / people.sum()))
    starts: list[int] = []
    pairs: list[int] = []
    for start, end, size in ((0, edge, shares[0]), (edge, len(values), shares[1])):
        found = _starts(people[start:end], size)
        base = pairs[-1] + 1 if pairs else 0
        alone = exact and len(values) < FINE
        pairs += [base + (i if alone else i // 2) for i in range(len(found))]
        starts += [start + i for i in found]
    cuts = tuple(
        Cut(above, above=True) if above is not None and i == edge else Cut(_between(values, i))
        for i in starts[1:]
    )
    first = None if above is None else sum(1 for i in starts if i < edge)
    levels = exact and len(values) <= FINE
    names = tuple(canonical(float(v)) for v in values) if levels else band_names([*cuts])
    return NeedBands(names, cuts, tuple(pairs), levels, first, low, high)


def _shares(edge: int, size: int, share: float) -> tuple[int, int]:
    """Share 20 bands out to values up to an edge and behind it, by the people there."""
    if edge in (0, size):
        return min(edge, FINE), min(size - edge, FINE)
    below = min(max(2 * round(share * FINE / 2), 2), FINE - 2)
    below = min(below, edge)
    above = min(FINE - below, size - edge)
    return min(FINE - above, edge), above


def _starts(people: "Floats", bands: int) -> list[int]:
    """Give the first value of each band, so that bands have about as many people."""
    starts: list[int] = []
    at, left = 0, float(people.sum())
    for remaining in range(bands, 0, -1):
        starts.append(at)
        target, held, last = left / remaining, 0.0, len(people) - remaining
        while at <= last:
            more = float(people[at])
            if held and held + more / 2 > target:
                break
            held += more
            at += 1
        left -= held
    return starts


def _between(values: "Floats", i: int) -> float:
    """Choose the shortest number above one value and up to the next: it is nobody's own value."""
    low, high = float(values[i - 1]), float(values[i])
    digits = -math.ceil(math.log10(max(abs(low), abs(high), 1e-300)))
    for places in range(digits, digits + 17):
        for near in (high, (low + high) / 2):
            found = round(near, places)
            if low < found <= high:
                return found + 0.0
    return high


def need_key(plan: AuditPlan, source: Source, bands: NeedBands) -> Key:
    """Count rows by their band of need."""
    import narwhals.stable.v2 as nw

    assert plan.data.need is not None  # noqa: S101
    if not bands.numeric:
        return Key(nw.col(plan.data.need))
    value, _ = numbers(source, plan.data.need)
    beyond = [value > cut.value if cut.above else value >= cut.value for cut in bands.cuts]
    return Key(nw.when(~value.is_null()).then(cut_up(beyond)), bands.names)


def in_need_key(plan: AuditPlan, source: Source) -> Key:
    """Read who is in need, where that is the recorded outcome: ``true`` or ``false``."""
    import narwhals.stable.v2 as nw

    name, chosen, order = plan.data.need, plan.data.in_need, plan.data.need_order
    assert name is not None  # noqa: S101
    if order is not None and isinstance(chosen, tuple):
        return Key(nw.col(name))
    assert isinstance(chosen, Above)  # noqa: S101
    value, _ = numbers(source, name)
    side = nw.when(value > chosen.above).then(nw.lit(1)).otherwise(nw.lit(0))
    return Key(nw.when(~value.is_null()).then(side), ("false", "true"))


def with_need(
    plan: AuditPlan, source: Source, keys: Mapping[str, Key], amounts: Amounts, bands: NeedBands
) -> tuple[dict[str, Key], Amounts]:
    """Add the band of need to the keys, and exact sums of need to the amounts."""
    out: dict[str, Key] = {}
    for name, key in keys.items():
        if name in (BASELINE, LABEL) and NEED not in out:
            out[NEED] = need_key(plan, source, bands)
        out[name] = key
    if plan.data.label is None and plan.data.in_need is not None:
        out[LABEL] = in_need_key(plan, source)
    if not bands.numeric:
        return out, amounts
    assert plan.data.need is not None  # noqa: S101
    largest = max(abs(bands.low), abs(bands.high)) or 1.0
    sums, bits = need_sums(plan, source, plan.data.need, largest)
    return out, replace(amounts, need=sums, need_bits=bits)
