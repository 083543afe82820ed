"""Protected attributes that are kept apart are joined one to one, and nobody is lost on the way."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.sources import Source, collected, ones
from auditkit.results import NOT_RECORDED

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

KEY, MATCHED = "auditkit_key", "auditkit_matched"
"""Columns that the join adds."""


def joined(data: Source, protected: Source, key: str, attributes: Sequence[str]) -> Source:
    """Give each row the attributes of the protected row with the same key.

    Keys are compared as text, so ``01`` and ``1`` differ. A row without a match stays, with its
    attributes not recorded; rows without a match are counted on both sides.

    Raises
    ------
    DataError
        Keys occur more than once, cannot be compared as text, or match nowhere.
    """
    import narwhals.stable.v2 as nw

    sides = {"the data": data, "the protected source": protected}
    texts = {where: _text(side, key, where) for where, side in sides.items()}
    problems = [
        f"Column '{key}' is the key, but in {where} {rows:,} rows share {values:,} of its values. "
        f"Give each row a value of its own."
        for where, side in sides.items()
        for rows, values in [_repeated(side, texts[where])]
        if rows
    ]
    if problems:
        raise DataError(*problems)
    ours, theirs = texts.values()
    one, other = (side.frame.collect_schema()[key] for side in sides.values())
    # pandas would match missing with missing
    known = protected.frame.filter(~theirs.is_null())
    if one == other and (one == nw.String or one.is_integer()):
        # what is equal as it is, is equal as text, and databases look a plain column up faster
        ours = theirs = nw.col(key)
    left = data.frame.with_columns(ours.alias(KEY))
    right = known.select(*attributes, theirs.alias(KEY), nw.lit(1).alias(MATCHED))
    frame = left.join(right, on=KEY, how="left")
    total, matched = _counts(frame)
    beside = _rows(protected)
    if not matched:  # else it would be told that the attributes are not recorded, which they are
        raise DataError(
            f"Column '{key}' is the key, but none of the {total:,} rows of the data has a match "
            f"among the {beside:,} rows of the protected source. Keys are compared as text, so "
            f"that 01 and 1, k1 and K1, or a blank more make two keys: spell them alike in both."
        )
    return replace(
        data,
        frame=frame,
        columns=(*data.columns, *attributes),
        files=(*data.files, *protected.files),
        notes=(*data.notes, _account(key, total, matched, beside)),
        unmatched=total - matched,
        unmatched_protected=beside - matched,
    )


def repeated(data: Source, key: str) -> Source:
    """Note how many rows share a key: people or households that were counted more than once."""
    rows, values = _repeated(data, _text(data, key, "the data"))
    if not rows:
        return data
    note = (
        f"Column '{key}' is declared as the key, but {rows:,} rows share {values:,} of its values. "
        f"Rows that belong together are not independent, so the intervals are too narrow."
    )
    return replace(data, notes=(*data.notes, note))


def _text(source: Source, key: str, where: str) -> "nw.Expr":
    """Spell a key as text; the empty text is missing."""
    import narwhals.stable.v2 as nw

    dtype = source.frame.collect_schema()[key]
    column = nw.col(key)
    if dtype.is_integer() or dtype in (nw.Categorical, nw.Enum):
        column = column.cast(nw.String)
    elif dtype != nw.String:
        raise DataError(
            f"Column '{key}' is the key, but in {where} its type is {dtype}, which cannot be "
            f"compared as text. Make it text or whole numbers. In pandas missing values turn whole "
            f"numbers into fractions: use astype('Int64')."
        )
    return nw.when(column != "").then(column)


def _repeated(source: Source, text: "nw.Expr") -> tuple[int, int]:
    """Count the rows whose key others have too, and the values they share."""
    import narwhals.stable.v2 as nw

    keys = source.frame.select(text.alias(KEY)).filter(~nw.col(KEY).is_null())
    shared = keys.group_by(KEY).agg(nw.len().alias("n")).filter(nw.col("n") > 1)
    row = collected(shared.select(nw.col("n").sum().alias("rows"), nw.len().alias("values")))
    values = int(row["values"].iloc[0])
    return (int(row["rows"].iloc[0]), values) if values else (0, 0)


def _counts(frame: "nw.LazyFrame[Any]") -> tuple[int, int]:
    import narwhals.stable.v2 as nw

    marks = frame.select(ones(~nw.col(MATCHED).is_null()).alias("m"))
    row = collected(marks.select(nw.len().alias("n"), nw.col("m").sum()))
    return int(row["n"].iloc[0]), int(row["m"].iloc[0])


def _rows(source: Source) -> int:
    import narwhals.stable.v2 as nw

    return int(collected(source.frame.select(nw.len().alias("n")))["n"].iloc[0])


def _account(key: str, total: int, matched: int, beside: int) -> str:
    """Say in words what the join did with the rows of both sides."""
    return (
        f"Protected attributes were joined by column '{key}': {total - matched:,} of {total:,} "
        f"rows of the data have no match and count as {NOT_RECORDED}; {beside - matched:,} of "
        f"{beside:,} rows of the protected source belong to no row of the data."
    )
