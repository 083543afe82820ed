"""The levels of a column, by text and rows: how they are spelled, ordered and told apart by eye."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from auditkit.errors import listed
from auditkit.plan import canonical, visible
from auditkit.results import NOT_RECORDED

MOST_OUTCOMES = 2
FEW_NUMBERS = 12  # more distinct numbers than this are a scale, not a set of codes
MOST_EXAMPLES = 3

LOOKS_MISSING = frozenset({"na", "n/a", "nan", "none", "null", "nil", "?", "-", ".", "unknown", ""})

Levels = dict[str | None, int]
"""Rows by the text of one column; ``None`` is missing."""


def values_of(levels: Levels | dict[str, int]) -> tuple[dict[str, str], dict[str, int]]:
    """Spell the recorded texts of a column canonically, and count the rows of each value."""
    spelled = {text: canonical(text) for text in levels if text is not None}
    rows = dict.fromkeys(sorted(set(spelled.values()), key=natural), 0)
    for text, value in spelled.items():
        rows[value] += levels[text]
    return spelled, rows


def natural(text: str) -> tuple[tuple[int, float, str], ...]:
    """Sort numbers inside text by size, so that 5-17 comes before 18-59."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return tuple((0, float(p), "") if i % 2 else (1, 0.0, p) for i, p in enumerate(parts))


def alike(values: Sequence[str]) -> list[list[str]]:
    """Find values that differ only in case, spaces or what cannot be seen: two and more each."""
    found: dict[str, list[str]] = {}
    for value in values:
        folded = visible(unicodedata.normalize("NFKC", value)).casefold()
        found.setdefault(" ".join(folded.split()), []).append(value)
    return [same for same in found.values() if len(same) > 1]


def shown(text: str) -> str:
    """Write what cannot be seen as its number in Unicode."""
    if visible(text) == text.strip():
        return text
    seen_by_eye = set(visible(text)) | {" "}
    return "".join(c if c in seen_by_eye else f"<U+{ord(c):04X}>" for c in text)


def taken_for_missing(who: str, values: Iterable[str], as_what: str) -> list[str]:
    """Note values that may stand for a missing one."""
    marks = sorted(v for v in values if visible(v).lower() in LOOKS_MISSING)
    if not marks:
        return []
    return [
        f"{who}: {listed(marks)} may stand for a missing value; it was counted as {as_what}. "
        f"Only empty cells count as {NOT_RECORDED}."
    ]
