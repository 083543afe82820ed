"""A published table of counts, one line a group: attribute, group, tp, fp, fn, tn.

Such a table has margins only: groups cannot be crossed, and attributes may count different people.
"""

from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, did_you_mean, listed
from auditkit.evidence.counts import Block, Counts, GroupTable, Unrecorded
from auditkit.evidence.groups import groups_of
from auditkit.evidence.keys import Key
from auditkit.evidence.levels import Levels
from auditkit.evidence.sources import Source, numbers
from auditkit.evidence.totals import refuse_totals
from auditkit.plan import AuditPlan, canonical
from auditkit.plan.values import visible
from auditkit.results import ALL, NOT_RECORDED

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CELLS = {"tn": 0, "fp": 1, "fn": 3, "tp": 4}
"""Place of each count in the table of recorded outcome (no, yes) and decision (no, yes)."""
COLUMNS = ("attribute", "group", *CELLS)
MOST_LINES = 100_000
MOST_PEOPLE = 2.0**53


def is_wide(source: Source) -> bool:
    """Whether a source has the columns of a table of counts."""
    return set(COLUMNS) <= set(source.columns)


def refuse_other_case(source: Source) -> None:
    """Refuse a table of counts whose header is in capitals, or has blanks about its names.

    Raises
    ------
    DataError
        Its columns would be those of a table of counts if they were written so.
    """
    meant = {name.strip().casefold(): name for name in source.columns}
    if set(COLUMNS) <= set(meant) and not is_wide(source):
        written = [meant[name] for name in COLUMNS if meant[name] != name]
        raise DataError(
            f"The columns {listed(written)} are those of a table of counts, written otherwise. "
            f"Call them {listed(COLUMNS)}."
        )


def read_wide(plan: AuditPlan, source: Source) -> tuple[Counts, GroupTable, tuple[str, ...]]:
    """Read the counts of every attribute that the plan declares.

    Returns
    -------
    counts : Counts
        A cell for each line, for the digest; groups of different attributes overlap.
    groups : GroupTable
        ``(all)`` is empty if the attributes do not count the same people.
    notes : tuple of str

    Raises
    ------
    DataError
        Counts that are not whole numbers of at least 0, repeated or unknown groups, attributes
        that the table does not have; all at once.
    """
    import numpy as np

    lines, problems = _lines(source)
    notes: list[str] = []
    known = list(dict.fromkeys(lines["attribute"]))
    names, tables, levels = [], [], []
    for attribute in plan.measured:
        own = lines[lines["attribute"] == attribute.column]
        if own.empty:
            problems.append(
                f"The table of counts has no attribute '{attribute.column}'. "
                f"{did_you_mean(attribute.column, known)}"
            )
            continue
        if attribute.bins is not None:
            problems.append(
                f"Attribute '{attribute.name}' has bins, but the table of counts holds groups. "
                f"Take the bins out; use labels or merge to rename groups."
            )
            continue
        sizes: Levels = dict(zip(own["group"], own[list(CELLS)].sum(axis=1), strict=True))
        groups, places = groups_of(attribute, sizes, (), problems, notes)
        table = np.zeros((len(groups) + 1, 9), dtype=np.int64)
        for text, row in zip(own["group"], own[list(CELLS)].to_numpy(), strict=True):
            table[places[text], list(CELLS.values())] += row  # place -1 is the last: not recorded
        names.append(attribute.name)
        levels.append(groups)
        tables.append(table)
    if problems:
        raise DataError(*problems)
    for name, groups, table in zip(names, levels, tables, strict=True):
        refuse_totals(name, groups, table)
    asked = {a.column for a in plan.measured}
    unused = [name for name in known if name not in asked]
    alike = [name for name in unused if visible(name).casefold() in map(str.casefold, asked)]
    if alike:
        raise DataError(
            f"The table of counts has lines of attribute {listed(alike)}, which differs from one "
            f"that was asked for in case or blanks only. Spell it alike in every line, or its "
            f"people are left out."
        )
    if unused:
        notes.append(f"The table of counts also holds {listed(unused)}, which was not asked for.")
    return _counts(names, levels, tables), _table(names, levels, tables, notes), tuple(notes)


def _lines(source: Source) -> "tuple[pd.DataFrame, list[str]]":
    """Read the whole table, which holds no person, and look at every count."""
    import narwhals.stable.v2 as nw
    import numpy as np
    import pandas as pd

    frame = source.frame.select(
        "attribute",
        "group",
        **{name: numbers(source, name)[0] for name in CELLS},
        **{f"bad_{name}": numbers(source, name)[1] for name in CELLS},
    )
    lines = frame.head(MOST_LINES + 1).collect("pandas").to_native()
    problems = []
    if len(lines) > MOST_LINES:
        problems.append(f"The table of counts has more than {MOST_LINES:,} lines.")
    for name in ("attribute", "group"):
        lines[name] = Key(nw.col(name)).spelled(lines[name])
    composed = [text and canonical(text) for text in lines["group"]]
    lines["group"] = pd.Series(composed, lines.index, dtype=object)
    for name in CELLS:
        value = lines[name].to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = ~(value >= 0) | (value != np.floor(value)) | (value > 2.0**53)
        if wrong.any():
            problems.append(
                f"Column '{name}' of the table of counts holds {int(wrong.sum())} values of "
                f"{len(lines)} that are not whole numbers of at least 0. Mend those cells."
            )
        lines[name] = np.where(wrong, 0, value).astype(np.int64)
    if not problems and lines[list(CELLS)].to_numpy(dtype=float).sum() > MOST_PEOPLE:
        problems.append("The table of counts adds up to more people than can be counted exactly.")
    if unnamed := int(lines["attribute"].isna().sum()):
        problems.append(f"{unnamed} lines of the table of counts name no attribute.")
    twice = lines[lines.duplicated(["attribute", "group"], keep=False)]
    if len(twice):
        shown = twice.drop_duplicates(["attribute", "group"])
        first = [f"{a}: {g}" for a, g in zip(shown["attribute"], shown["group"], strict=True)]
        problems.append(
            f"{len(twice)} lines of the table of counts repeat a group ({listed(first)}), so that "
            f"people would count twice. Keep one line a group."
        )
    return lines.drop_duplicates(["attribute", "group"]), problems


def _counts(names: list[str], levels: Any, tables: "list[NDArray[np.int64]]") -> Counts:  # noqa: ANN401
    import numpy as np

    width = len(names)
    codes = np.concatenate(
        [
            np.where(np.arange(width) == k, np.r_[np.arange(len(table) - 1), -1][:, None], -1)
            for k, table in enumerate(tables)
        ]
    )
    return Counts(tuple(names), tuple(levels), codes, np.concatenate(tables))


def _table(
    names: list[str],
    levels: Any,  # noqa: ANN401
    tables: "list[NDArray[np.int64]]",
    notes: list[str],
) -> GroupTable:
    import numpy as np

    totals = [table.sum(axis=0) for table in tables]
    same = all((total == totals[0]).all() for total in totals)
    if not same:
        sizes = "; ".join(f"{n}: {int(t.sum()):,}" for n, t in zip(names, totals, strict=True))
        notes.append(
            f"The attributes do not count the same people ({sizes}), so nothing is said of "
            f"everybody, and each attribute is compared within its own people."
        )
    rows = [(ALL, ALL)]
    own, rest = [(totals[0] if same else np.zeros_like(totals[0]))[None]], [0 * totals[0][None]]
    blocks = []
    for name, groups, table in zip(names, levels, tables, strict=True):
        recorded = table[:-1].sum(axis=0)
        places = np.arange(len(groups))
        unrecorded = Unrecorded(
            np.full(len(groups), -1), table[-1:], np.ones((1, len(groups)), dtype=bool)
        )
        some = bool(table[-1].any())
        blocks.append(Block(name, len(rows), len(groups), places, unrecorded if some else None))
        rows += [(name, group) for group in groups]
        own.append(table[:-1])
        rest.append(recorded - table[:-1])
        if some:
            rows.append((name, NOT_RECORDED))
            own.append(table[-1:])
            rest.append(recorded[None])
    return GroupTable(tuple(rows), np.concatenate(own), np.concatenate(rest), tuple(blocks))
