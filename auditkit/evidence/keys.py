"""Columns of a source become the keys that rows are counted by, and the amounts that are summed.

Rows are grouped by the values as the engine holds them, and only the few distinct values are then
spelled as text: counting costs the same as the engine's own, and every engine spells alike.
"""

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.sources import Source, numbers
from auditkit.plan import Above, Attribute, AuditPlan, canonical

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pandas as pd

UNPARSABLE = "(not a number)"
MISSING_TEXT = ""
FEW = 8
STRATUM, CONTROL, NEED, BASELINE, LABEL, DECISION = "s", "c", "need", "b", "y", "d"
"""Names of keys, in order: sampling stratum, control, band of need, baseline decision, recorded
outcome, decision; attributes come before them and are a0, ..."""
PREDICTED, RECORDED = "p", "r"
"""Names of a model's predicted amount and of the recorded one beside the keys of its rows."""
CHANCE = "chance"
"""Name of a model's probability beside the keys of rows that Spark scores."""
CLUSTER = "cluster_key"
"""Name of the cluster beside the keys of scored rows, which no key has."""


@dataclass(frozen=True)
class Key:
    """One column that rows are counted by.

    Attributes
    ----------
    expression : narwhals expression
        Gives the value as the engine holds it, or a code.
    names : tuple of str
        What the codes 0, 1, ... are called, -1 being something that is not a number; empty where
        the expression gives values.
    """

    expression: "nw.Expr"
    names: tuple[str, ...] = ()

    def spell(self, value: Any) -> str | None:  # noqa: ANN401
        """Spell one value as text; ``None`` is missing, and so is a text without a character."""
        import pandas as pd

        if pd.isna(value) or value == MISSING_TEXT:
            return None
        if self.names:
            code = int(value)
            return self.names[code] if code >= 0 else UNPARSABLE
        if isinstance(value, str) and not value.isascii():
            return value  # its Unicode form is looked at before it is compared in NFC
        return canonical(value)

    def spelled(self, column: "pd.Series[Any]") -> "pd.Series[Any]":
        """Spell a column by its distinct values; missing is ``None``."""
        import numpy as np
        import pandas as pd

        codes, values = pd.factorize(column)
        texts = np.array([*(self.spell(value) for value in values), None], dtype=object)
        return pd.Series(
            texts[codes], column.index, dtype=object
        )  # the code of a missing value is -1


def keys_of(plan: AuditPlan, source: Source, *, decided: bool) -> dict[str, Key]:
    """Name the keys of the count: attributes, the label, and the decision if a column holds it.

    Amounts are no keys: those of a regression are put in their place later.

    Raises
    ------
    DataError
        Columns that cannot be read as categories, or as numbers where they are cut; all at once.
    """
    import narwhals.stable.v2 as nw

    problems: list[str] = []
    keys = {
        f"a{i}": _binned(source, attribute) if attribute.bins is not None
        else _plain(source, attribute.column, problems)
        for i, attribute in enumerate(plan.measured)
    }  # fmt: skip
    if plan.data.strata is not None:
        keys[STRATUM] = _plain(source, plan.data.strata, problems)
    if plan.data.control is not None:
        keys[CONTROL] = _plain(source, plan.data.control, problems)
    if plan.data.baseline is not None:
        keys[BASELINE] = _decided(plan, source, plan.data.baseline, problems)
    label = plan.data.label
    nothing = Key(nw.lit(None).cast(nw.String))
    plain = label is not None and not plan.data.amounts
    keys[LABEL] = _plain(source, label, problems) if plain and label is not None else nothing
    if decided and not plan.data.amounts:
        assert plan.data.decision is not None  # noqa: S101
        keys[DECISION] = _decided(plan, source, plan.data.decision, problems)
    if problems:
        raise DataError(*dict.fromkeys(problems))
    return keys


def with_run(
    plan: AuditPlan, source: Source, keys: Mapping[str, Key], column: str
) -> dict[str, Key]:
    """Put the decisions of another training run in the place of the baseline's.

    Raises
    ------
    DataError
        The column cannot be read as decisions.
    """
    problems: list[str] = []
    run = _decided(plan, source, column, problems)
    if problems:
        raise DataError(*problems)
    before = {name: key for name, key in keys.items() if name not in (BASELINE, LABEL, DECISION)}
    return {**before, BASELINE: run, LABEL: keys[LABEL], DECISION: keys[DECISION]}


def _decided(plan: AuditPlan, source: Source, name: str, problems: list[str]) -> Key:
    """Read a column of decisions: its values, or which side of the plan's cut they lie on."""
    cut = plan.data.selected
    if isinstance(cut, Above):
        return _above(source, name, cut.above)
    return _plain(source, name, problems)


def _plain(source: Source, name: str, problems: list[str]) -> Key:
    import narwhals.stable.v2 as nw

    if problem := unusable_type(source, name):
        problems.append(problem)
    return Key(nw.col(name))


def _binned(source: Source, attribute: Attribute) -> Key:
    """Code the bin each number lies in; the lower edge belongs to the bin."""
    import narwhals.stable.v2 as nw

    value, unparsable = numbers(source, attribute.column)
    known = nw.when(~value.is_null()).then(cut_up([value >= cut for cut in attribute.bins or ()]))
    return Key(nw.when(unparsable).then(nw.lit(-1)).otherwise(known), attribute.groups_of_bins)


def cut_up(beyond: "Sequence[nw.Expr]") -> "nw.Expr":
    """Count the cuts that a value lies beyond, of rising ones, by halves: see ``placed``."""
    import narwhals.stable.v2 as nw

    def code(first: int, last: int) -> "nw.Expr":
        if first == last:
            return nw.lit(first)
        middle = (first + last) // 2
        return nw.when(beyond[middle]).then(code(middle + 1, last)).otherwise(code(first, middle))

    return code(0, len(beyond))


def _above(source: Source, name: str, cut: float) -> Key:
    import narwhals.stable.v2 as nw

    value, unparsable = numbers(source, name)
    side = nw.when(value > cut).then(nw.lit(1)).otherwise(nw.lit(0))
    known = nw.when(~value.is_null()).then(side)
    return Key(nw.when(unparsable).then(nw.lit(-1)).otherwise(known), ("false", "true"))


def unusable_type(source: Source, name: str) -> str:
    """Say why the values of a column cannot be categories; empty if they can."""
    import narwhals.stable.v2 as nw

    dtype = source.frame.collect_schema()[name]
    if dtype.is_nested() or dtype in (nw.Binary, nw.Duration):
        return (
            f"Column '{name}' holds values of type {dtype}, which name no group. Give a column of "
            f"text, numbers, dates or true and false."
        )
    native = source.frame.to_native()
    if not source.is_pandas:
        return ""
    column = native[name]
    if column.dtype == "float16":
        return f"Column '{name}' holds numbers of half precision. Cast it to float64."
    values = column.cat.categories.to_series() if hasattr(column, "cat") else column
    if values.dtype != object:
        return ""
    kinds = values.dropna().map(type).value_counts()
    families = {_family(kind) for kind in kinds.index}
    if unusable := sorted(families & UNUSABLE):
        return f"Column '{name}' holds values of type {', '.join(unusable)}. Give plain values."
    if families == {"text"} and (broken := sum(map(_is_broken, values.dropna()))):
        return (
            f"Column '{name}' holds text of a broken encoding in {broken} rows. Write it anew as "
            f"UTF-8."
        )
    if len(families) <= 1:
        return ""
    counts = ", ".join(
        f"{n} of type {kind}" for kind, n in sorted((k.__name__, n) for k, n in kinds.items())
    )
    return (
        f"Column '{name}' mixes types ({counts}), so that 1 and '1' would print alike. "
        f"Cast it to one type."
    )


UNUSABLE = frozenset({"list", "dict", "set", "tuple", "bytes", "ndarray", "timedelta"})


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _family(kind: type) -> str:
    """Name the kind of value that a type holds: values of one kind are spelled apart."""
    import datetime as dt
    from decimal import Decimal

    import numpy as np

    families: dict[str, tuple[type, ...]] = {
        "true or false": (bool, np.bool_),
        "timedelta": (dt.timedelta, np.timedelta64),
        "number": (int, float, np.number, Decimal),
        "text": (str,),
        "date": (dt.date,),
    }
    named = (name for name, kinds in families.items() if issubclass(kind, kinds))
    return next(named, kind.__name__)


def placed(
    key: Key, values: "pd.Series[Any]", places: "Mapping[str | None, int]", missing: int
) -> "nw.Expr":
    """Place the values of a key, all of which are given, as the texts they are spelled as."""
    import narwhals.stable.v2 as nw

    held: dict[int, list[Any]] = {}
    for value, text in zip(values.tolist(), key.spelled(values).tolist(), strict=True):
        if text is not None:
            held.setdefault(places[text], []).append(value)
    return looked_up(key.expression, list(held.items()), nw.lit(places.get(None, missing)))


def looked_up(value: "nw.Expr", held: "list[tuple[int, list[Any]]]", other: "nw.Expr") -> "nw.Expr":
    """Give the number that stands with a value, or what is said of any other.

    Many are looked up by halves, because engines give up on a long chain of conditions; a few are
    faster one after the other.
    """
    import narwhals.stable.v2 as nw

    if len(held) <= FEW:
        place = other
        for code, same in reversed(held):
            place = nw.when(among(value, same)).then(nw.lit(code)).otherwise(place)
        return place
    middle = len(held) // 2
    first = [one for _, same in held[:middle] for one in same]
    return (
        nw.when(among(value, first))
        .then(looked_up(value, held[:middle], other))
        .otherwise(looked_up(value, held[middle:], other))
    )


def among(value: "nw.Expr", same: list[Any]) -> "nw.Expr":
    """Whether a value is one of some; a few comparisons are much faster than a look into a list."""
    if len(same) > FEW:
        return value.is_in(same)
    compared: nw.Expr = functools.reduce(operator.or_, (value == one for one in same))
    return compared


def expressions(keys: Mapping[str, Key]) -> "dict[str, nw.Expr]":
    """List the expressions of keys by name."""
    return {name: key.expression for name, key in keys.items()}


def attribute_names(keys: Iterable[str]) -> Sequence[str]:
    """Name the keys that are attributes, in order."""
    return [name for name in keys if name.startswith("a")]
