"""The values of label and decision become classes, or it is said why they are none."""

from collections.abc import Mapping, Sequence

from auditkit.errors import listed, looks_personal, seen
from auditkit.evidence.classes import Classing
from auditkit.evidence.keys import DECISION, LABEL
from auditkit.evidence.levels import (
    FEW_NUMBERS,
    MOST_EXAMPLES,
    MOST_OUTCOMES,
    Levels,
    alike,
    natural,
    shown,
    values_of,
)
from auditkit.plan import NUMBER, AuditPlan
from auditkit.results import MACRO

MOST_CLASSES = 50


def classing(
    plan: AuditPlan,
    columns: Mapping[str, Levels],
    problems: list[str],
    notes: list[str],
    *,
    model: bool,
) -> Classing:
    """Name the classes: every value of the label and of the decision, and place each text.

    A value that only one of the two has is a class too, because to leave it out would hide people;
    it is told, since it may be another spelling.
    """
    named = {
        LABEL: f"Label column '{plan.data.label}'",
        DECISION: "The model's decisions" if model else f"Column '{plan.data.decision}'",
    }
    found = {role: values_of(columns[role]) for role in (LABEL, DECISION)}
    rows = {role: counted for role, (_, counted) in found.items() if counted}
    names = sorted({value for counted in rows.values() for value in counted}, key=natural)
    scales = [
        problem for role, counted in rows.items() if (problem := _no_classes(named[role], counted))
    ]
    problems += scales
    if not scales and len(names) <= MOST_OUTCOMES:
        problems.append(
            f"The task is multiclass, but {len(names)} classes were found. With two, leave task "
            f'out: it is "binary" then.'
        )
    if not scales:
        people = sum(map(sum, (counted.values() for counted in rows.values())))
        problems += _classes_alike(names, personal=looks_personal(len(names), people))
        if MACRO in names:
            problems.append(f"A class is called '{MACRO}', a word of the tables. Rename it.")
        notes += _one_sided(rows, named)
    if not scales and len(rows) == len(found) and not set(rows[LABEL]) & set(rows[DECISION]):
        problems.append(
            f"The task is multiclass, but label and decision have no class in common: "
            f"{seen(rows[LABEL])} beside {seen(rows[DECISION])}. Write both in the same words."
        )
    place = {name: at for at, name in enumerate(names)}

    def placed(role: str) -> dict[str | None, int]:
        spelled: dict[str, str] = found[role][0]
        return {None: len(names)} | {text: place[value] for text, value in spelled.items()}

    return Classing(tuple(names), placed(LABEL), placed(DECISION))


def _no_classes(who: str, rows: Mapping[str, int]) -> str:
    """Say why the values of a column are no classes; empty if they can be."""
    values = [value for value in rows if NUMBER.fullmatch(value)]
    if any(not float(value).is_integer() for value in values) or len(values) > FEW_NUMBERS:
        return (
            f"{who} holds {len(values)} different numbers: an amount or a score, which is a task "
            f"of regression or ranking, but the task is multiclass. If they are codes of classes, "
            f"write names instead."
        )
    if len(rows) > MOST_CLASSES:
        return (
            f"{who} holds {len(rows)} different values, but at most {MOST_CLASSES} classes are "
            f"told apart. Put them into fewer."
        )
    return ""


def _classes_alike(names: Sequence[str], *, personal: bool) -> list[str]:
    """Refuse classes that differ only in what cannot be told by eye: one class made two."""
    if personal and (same := alike(names)):
        return [
            f"{sum(map(len, same))} classes of label and decision differ from another only in "
            f"case, spaces or characters that cannot be seen. If they are one class, spell them "
            f"alike in both columns."
        ]
    return [
        f"Classes of label and decision differ only in case, spaces or characters that cannot be "
        f"seen: {listed([shown(value) for value in values], MOST_EXAMPLES)}. If they are one "
        f"class, spell them alike in both columns."
        for values in alike(names)
    ]


def _one_sided(rows: Mapping[str, Mapping[str, int]], named: Mapping[str, str]) -> list[str]:
    """Note classes that only the label or only the decision has, with their rows."""
    if len(rows) < len(named):
        return []
    never = {LABEL: "were never decided", DECISION: "are no recorded outcome"}
    other = {LABEL: rows[DECISION], DECISION: rows[LABEL]}
    alone = {
        role: {value: n for value, n in counted.items() if value not in other[role]}
        for role, counted in rows.items()
    }
    return [
        f"{named[role]} holds classes that {never[role]}: {seen(values)}. They are counted as "
        f"classes of their own; look whether one is another spelling."
        for role, values in alone.items()
        if values
    ]
