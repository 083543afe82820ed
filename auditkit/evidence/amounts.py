"""What is summed over the rows of a cell: how many they are, and their weights as whole numbers.

Sums of floats depend on the order of adding, and so on threads and engines. Weights are therefore
cut to whole multiples of a power of two, chosen from the data so that no sum can overflow.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditkit.errors import DataError
from auditkit.evidence.sources import Source, collected, numbers, ones
from auditkit.plan import AuditPlan

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

ROOM = 62
"""Bits of a sum in an engine's 64-bit integer, the sign and one in reserve left out."""
EXACT = 52
"""Bits of the largest weight that a float holds without doubt."""
SMALLEST, LARGEST = 1e-60, 1e60
"""Between which the largest weight may lie, so that its square is a number too."""
LARGEST_COUNT = 2.0**53


@dataclass(frozen=True)
class Amounts:
    """Columns to be summed by cell, all of them whole numbers.

    Attributes
    ----------
    expressions : dict of str to narwhals expression
        ``n`` where a column says how many people a row stands for; ``w`` and ``w2`` where rows are
        weighted, in units of ``2 ** -bits`` and ``2 ** -square_bits``.
    need : dict of str to narwhals expression
        Sums of need, ``need_bits`` of each being those of its fraction: ``v`` and ``v2`` of need
        and its square, each times people or weight; where rows are weighted ``wv`` and ``wv2`` of
        both times the squared weight.
    """

    expressions: "dict[str, nw.Expr]"
    bits: int = 0
    square_bits: int = 0
    need: "dict[str, nw.Expr]" = field(default_factory=dict)
    need_bits: Mapping[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> "dict[str, nw.Expr]":
        """All that is summed."""
        return {**self.expressions, **self.need}

    @property
    def weighted(self) -> bool:
        """Whether rows are weighted."""
        return "w" in self.expressions


UNIT = Amounts({})
"""Every row counts once."""


@dataclass(frozen=True)
class _Facts:
    rows: int
    missing: int
    unparsable: int
    negative: int
    broken: int
    largest: float
    total: float


def counted(source: Source, name: str) -> Amounts:
    """Sum a column that says how many people each row stands for.

    Raises
    ------
    DataError
        Some of its values are missing, negative, not whole, or not numbers.
    """
    import narwhals.stable.v2 as nw

    facts = _facts(source, name)
    problems = _problems(facts, name, "counts people")
    if facts.broken:
        problems.append(
            f"Column '{name}' counts people, but {facts.broken} of {facts.rows} values are not "
            f"whole numbers. If they are weights, declare them as data.weight."
        )
    if not problems and not facts.total > 0:
        problems.append(f"Column '{name}' counts nobody: its sum is 0.")
    if not problems and facts.total >= LARGEST_COUNT:
        problems.append(f"Column '{name}' counts {facts.total:g} people, too many to be exact.")
    if problems:
        raise DataError(*problems)
    return Amounts({"n": numbers(source, name)[0].cast(nw.Int64)})


def weighted(source: Source, name: str) -> Amounts:
    """Sum a column of sampling weights, and their squares.

    Raises
    ------
    DataError
        Some of its values are missing, negative or not numbers, all are 0, or they are too large.
    """
    import narwhals.stable.v2 as nw

    facts = _facts(source, name)
    if problems := _problems(facts, name, "holds weights"):
        raise DataError(*problems)
    if not facts.largest > 0:
        raise DataError(f"Column '{name}' holds weights, but all {facts.rows} of them are 0.")
    if not SMALLEST < facts.largest < LARGEST:
        size = (
            f"holds weights of {LARGEST:g} or more, which"
            if facts.largest > 1
            else f"holds no weight above {SMALLEST:g}, and weights so small"
        )
        raise DataError(
            f"Column '{name}' {size} cannot be summed exactly. Divide them by their mean."
        )
    bits, square_bits = (_bits(facts.rows, facts.largest**power) for power in (1, 2))
    value = numbers(source, name)[0]
    return Amounts(
        {
            "w": (value * 2.0**bits).floor().cast(nw.Int64),
            # rounded up: beside one huge weight the squares of others would be 0, and intervals
            # that rest on them would have no width
            "w2": -(-(value * value * 2.0**square_bits)).floor().cast(nw.Int64),
        },
        bits,
        square_bits,
    )


def need_sums(
    plan: AuditPlan, source: Source, name: str, largest: float
) -> "tuple[dict[str, nw.Expr], dict[str, int]]":
    """Sum a column of need, whose largest size is known; who has none adds nothing.

    Returns
    -------
    expressions : dict of str to narwhals expression
        As :class:`Amounts` has them.
    bits : dict of str to int
    """
    import narwhals.stable.v2 as nw

    need = numbers(source, name)[0].fill_null(0.0)
    times, people, heaviest = nw.lit(1.0), 0.0, 1.0
    column = plan.data.count or plan.data.weight
    if column is not None:
        facts = _facts(source, column)
        times = numbers(source, column)[0]
        people = facts.total if plan.data.count is not None else float(facts.rows)
        heaviest = 1.0 if plan.data.count is not None else facts.largest
    else:
        people = float(collected(source.frame.select(nw.len().alias("n")))["n"].iloc[0])
    terms = {
        "v": (times * need, heaviest * largest),
        "v2": (times * need * need, heaviest * largest**2),
    }
    if plan.data.weight is not None:
        terms["wv"] = (times * times * need, heaviest**2 * largest)
        terms["wv2"] = (times * times * need * need, heaviest**2 * largest**2)
    bits = {key: _bits(max(2, math.ceil(people)), most) for key, (_, most) in terms.items()}
    return {
        key: (term * 2.0 ** bits[key]).floor().cast(nw.Int64) for key, (term, _) in terms.items()
    }, bits


def _bits(rows: int, largest: float) -> int:
    """Bits of fraction with which ``rows`` values of ``largest`` still sum without overflow.

    They count from the largest value, so that weights in other units give the same audit.
    """
    return min(EXACT, ROOM - math.ceil(math.log2(rows)) - 1) - math.ceil(math.log2(largest))


def _facts(source: Source, name: str) -> _Facts:
    import narwhals.stable.v2 as nw

    value, unparsable = numbers(source, name)
    filled = value.fill_null(0.0)
    # larger numbers are whole, and a database may not be able to cut them
    small = nw.when(filled.abs() < LARGEST_COUNT).then(filled).otherwise(nw.lit(0.0))
    seen = source.frame.select(
        v=filled,
        missing=ones(value.is_null() & ~unparsable),
        unparsable=ones(unparsable),
        negative=ones(filled < 0),
        broken=ones(small != small.floor()),
    )
    columns = ("missing", "unparsable", "negative", "broken")
    totals = seen.select(
        nw.len().alias("rows"),
        nw.col("v").max().alias("largest"),
        nw.col("v").sum().alias("total"),
        *(nw.col(column).sum() for column in columns),
    )
    row = collected(totals).iloc[0]
    whole = {column: int(row[column]) for column in ("rows", *columns)}
    return _Facts(**whole, largest=float(row["largest"]), total=float(row["total"]))


def _problems(facts: _Facts, name: str, does: str) -> list[str]:
    what = {
        "are missing": facts.missing,
        "are not finite numbers": facts.unparsable,
        "are negative": facts.negative,
    }
    return [
        f"Column '{name}' {does}, but {n} of {facts.rows} values {fault}. Mend those cells, or "
        f"leave those rows out and say so."
        for fault, n in what.items()
        if n
    ]
