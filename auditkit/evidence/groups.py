"""The values of an attribute become groups: merges, labels, bins, and what is wrong with them."""

import re
from collections.abc import Mapping, Sequence

from auditkit.errors import MOST_SHOWN, listed, looks_personal, seen
from auditkit.evidence.keys import UNPARSABLE
from auditkit.evidence.levels import (
    FEW_NUMBERS,
    MOST_EXAMPLES,
    Levels,
    alike,
    natural,
    shown,
    taken_for_missing,
    values_of,
)
from auditkit.plan import NUMBER, Attribute, canonical, unusable_group, visible

MOST_LEVELS = 500
FEW_WORDS = 4  # and still are with a word or two among them, one to this many numbers
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
DATE_LIKE = re.compile(rf"(?:\d{{1,2}}[-/ ](?:{MONTHS})|(?:{MONTHS})[-/ ]\d{{1,2}})", re.IGNORECASE)
RANGE_LIKE = re.compile(r"\d+\s*[-–]\s*\d+")


def groups_of(
    attribute: Attribute,
    levels: Levels,
    declared: Sequence[str],
    problems: list[str],
    notes: list[str],
) -> tuple[tuple[str, ...], dict[str | None, int]]:
    """Name an attribute's groups in order, and place every text in one of them."""
    name = attribute.column
    recorded = {text: n for text, n in levels.items() if text is not None}
    if not recorded:
        problems.append(
            f"Column '{name}' has no recorded value in {sum(levels.values())} rows. If attribute "
            f"'{attribute.name}' was not collected, say so: state = \"not_collected\"."
        )
        return (), {None: -1}
    if attribute.bins is not None:
        if bad := recorded.get(UNPARSABLE):
            problems.append(
                f"Column '{name}' is binned, but {bad} rows hold something that is not a finite "
                f"number. Mend or empty those cells."
            )
        order = list(attribute.groups_of_bins)
        group_of = {text: text for text in recorded}
    else:
        group_of, order = _named_groups(attribute, recorded, declared, problems, notes)
    if attribute.reference is not None and attribute.reference not in order:
        sizes = dict.fromkeys(order, 0)
        for text, group in group_of.items():
            sizes[group] = sizes.get(group, 0) + recorded[text]
        problems.append(
            f"Attribute '{attribute.name}' has no group '{attribute.reference}' to be the "
            f"reference. Its groups: {seen(sizes)}."
        )
    places = {group: i for i, group in enumerate(order)}
    texts: dict[str | None, int] = {t: places.get(g, -1) for t, g in group_of.items()}
    return tuple(order), {None: -1, **texts}


def _named_groups(
    attribute: Attribute,
    recorded: dict[str, int],
    declared: Sequence[str],
    problems: list[str],
    notes: list[str],
) -> tuple[dict[str, str], list[str]]:
    """Carry out merges and labels, and look at what names remain."""
    labels = attribute.labels if isinstance(attribute.labels, dict) else {}
    merged = {v: group for group, values in (attribute.merge or {}).items() for v in values}

    def group(value: str) -> str:
        value = merged.get(value, value)
        return labels.get(value, value)

    spelled, rows = values_of(recorded)
    if problem := _identifier(attribute.column, {group(value): n for value, n in rows.items()}):
        problems.append(problem)  # and nothing more, because anything more would quote people
        return {text: text for text in recorded}, list(recorded)
    absent = [v for v in merged if v not in rows]
    if absent:
        notes.append(f"Attribute '{attribute.name}': merged values without rows: {listed(absent)}.")
    notes += [
        f"Attribute '{attribute.name}': {listed(values)} were counted as '{target}'."
        for target, values in (attribute.merge or {}).items()
    ]
    group_of = {text: group(value) for text, value in spelled.items()}
    levels = {text for level in declared if (text := canonical(level))}
    names = {*group_of.values(), *map(group, levels)}
    names |= {group(value) for value in labels} | set(attribute.merge or {}) - set(labels)
    known = {*rows, *levels} - set(merged)
    problems += [
        f"Attribute '{attribute.name}': the label '{label}' of '{value}' is also a value of "
        f"column '{attribute.column}' ({rows.get(label, 0)} rows). If they are one group, say so: "
        f'merge = {{ "{label}" = [...] }}; else choose another label.'
        for value, label in labels.items()
        if label != value and label in known
    ]
    loose = {value: n for value, n in rows.items() if value not in labels and value not in merged}
    problems += _unusable(attribute.column, sorted(names), personal=_personal(rows))
    problems += _scale(attribute.column, loose)
    problems += _look_alikes(attribute.column, sorted(names), personal=_personal(rows))
    notes += taken_for_missing(f"Attribute '{attribute.name}'", names, "a group")
    dates = sorted(g for g in names if DATE_LIKE.search(g))
    if dates and any(RANGE_LIKE.search(g) for g in names):
        notes.append(
            f"Attribute '{attribute.name}': {listed(dates)} may be a range that a spreadsheet "
            f"turned into a date."
        )
    return group_of, sorted(names, key=natural)


def _personal(rows: Mapping[str, int]) -> bool:
    return looks_personal(len(rows), sum(rows.values()))


def _identifier(name: str, rows: Mapping[str, int]) -> str:
    """Say why a column tells people apart, not groups; empty if it does not."""
    values, people = len(rows), sum(rows.values())
    scale = sum(bool(NUMBER.fullmatch(value)) for value in rows) == values
    if scale or values <= min(MOST_LEVELS, max(MOST_SHOWN, people / 2)):
        return ""
    return (
        f"Column '{name}' has {values} values in {people} rows: it looks like an identifier, not a "
        f"group. Put numbers into bins, merge values, or choose another column."
    )


def _unusable(name: str, groups: Sequence[str], *, personal: bool) -> list[str]:
    """Refuse values that cannot name a group; a few are told, of people's none."""
    bad = [problem for group in groups if (problem := unusable_group(group))]
    if bad and personal:
        return [
            f"Column '{name}' has {len(bad)} values that cannot name a group: they hold '*', are "
            f"words of the tables, or show nothing. Merge them under other names."
        ]
    shown = [f"Column '{name}': {problem}." for problem in bad[:MOST_EXAMPLES]]
    if more := len(bad) - len(shown):
        shown.append(f"Column '{name}' has {more} more such values.")
    return shown


def _scale(name: str, rows: Mapping[str, int]) -> list[str]:
    """Refuse numbers that were not put into bins: each would be a group of its own."""
    values = sorted(float(text) for text in rows if NUMBER.fullmatch(text))
    words = {text: n for text, n in rows.items() if not NUMBER.fullmatch(text)}
    if len(values) <= FEW_NUMBERS or len(words) * FEW_WORDS > len(values):
        return []
    what, cuts = "", "[18, 61]"
    if len(values) <= sum(rows.values()) / 2:  # else each number may be one person's
        what = f", from {values[0]:g} to {values[-1]:g}"
        cuts = str(sorted({round(values[len(values) * k // 4]) for k in (1, 2, 3)}))
    beside = ""
    if words:
        beside = (
            f" Beside them are {seen(words)}, {sum(words.values())} rows in all; bins want those "
            f"cells mended or empty."
        )
    return [
        f"Column '{name}' holds {len(values)} different numbers{what}. Put them into bins, such as "
        f"bins = {cuts}; if they are codes, give each a label.{beside}"
    ]


def _look_alikes(name: str, groups: Sequence[str], *, personal: bool) -> list[str]:
    """Refuse values that differ only in what cannot be told by eye: one group made two."""
    same = alike(groups)
    if same and personal:
        return [
            f"Column '{name}' has {sum(map(len, same))} values that differ from another only in "
            f"case, spaces or characters that cannot be seen. If they are one group, merge them."
        ]
    told = [
        f"Column '{name}' has values that differ only in case, spaces or characters that cannot be "
        f"seen: {listed([shown(value) for value in values], MOST_EXAMPLES)}. If they are one "
        f'group, say so: merge = {{ "{visible(values[0])}" = [...] }}.'
        for values in same[:MOST_EXAMPLES]
    ]
    if more := len(same) - len(told):
        told.append(f"Column '{name}' has {more} more sets of such values.")
    return told
