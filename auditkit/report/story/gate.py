"""How well the gate that was applied can tell, on the very groups of this audit."""

from auditkit.report.story import gaps, measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Heading,
    Paragraph,
    Section,
    cut,
    table,
)
from auditkit.report.story.words import THIN
from auditkit.results import CROSS, AuditRecord, Check, SelfTest

LIKELY = 0.8
"""What is called likely to be shown or found: four times in five."""


def gate(record: AuditRecord) -> tuple[Section, ...]:
    """Tell the self-test of every check that blocks or warns; nothing without one."""
    if not record.self_test:
        return ()
    by_name = {c.check: c for c in gaps.unique_checks(record)}
    tested = {(row.check, row.attribute, row.group): row for row in record.self_test}
    blocks: list[Block] = [
        Paragraph(
            "The limits of this audit were tried on groups of exactly these sizes. Every group is "
            "given the rate of everyone of its attribute, and then one group at a time a gap that "
            "is known. The figures say how often the limits would then be found broken or kept; "
            "they are computed from the sizes and the rate of everyone, not from the gaps found."
        )
    ]
    for name, check in by_name.items():
        rows = [row for (of, *_), row in tested.items() if of == name]
        if rows:
            blocks += _of(record, check, rows)
    title = "How well these data can tell"
    return (Section("gate", title, "How well", tuple(blocks)),)


def _of(record: AuditRecord, check: Check, rows: list[SelfTest]) -> list[Block]:
    said = measures.words(check.metric, record.system)
    scale = words.scale(check.statistic, True)
    limit = scale.limit(check.limit)
    single = [row for row in rows if CROSS not in row.attribute]
    kind = "Gap" if check.statistic == "difference" else "Ratio"
    name = f"{kind} in {said.name}, limit {limit}"
    return [
        Heading(name),
        Bullets(_sentences(rows)),
        table(
            f"{name}: how often it would be found kept or broken",
            "Group | #n | #No gap: found broken | #No gap: found kept | #Half the limit: found kept"
            " | #At the limit: found kept | #Twice the limit: found broken",
            [_row(row) for row in single[:MOST_ROWS]],
            "Percent of audits. The last but one column is the chance of a wrong all-clear, the "
            f"first of a wrong alarm. {cut(len(single))}".strip(),
        ),
    ]


def _sentences(rows: list[SelfTest]) -> tuple[str, ...]:
    alarm = min(sum(row.breach_0 or 0.0 for row in rows), 1.0)
    worst = max(rows, key=lambda row: row.within_1 or 0.0)
    known = [row.within_0 for row in rows if row.within_0 is not None]
    kept = sum(chance >= LIKELY for chance in known)
    found = sum((row.breach_2 or 0.0) >= LIKELY for row in rows)
    groups = words.plural(len(rows), "group")
    return (
        f"A wrong alarm: if no group had a gap, some group would be found beyond the limit in "
        f"{_at_most(alarm)} of audits.",
        f"A wrong all-clear: a group whose gap lies exactly at the limit would be found within it "
        f"in {_at_most(worst.within_1 or 0.0)} of audits (most often: "
        f"{words.subject(worst.attribute, worst.group)}).",
        f"A right all-clear: {_right(kept, len(known), len(rows))}",
        f"A right finding: a gap of twice the limit would be found four times in five or more in "
        f"{words.count(found)} of {groups}.",
    )


def _right(kept: int, known: int, of: int) -> str:
    """Say of how many groups an all-clear could be expected, and of how many that is not known."""
    said = (
        f"without any gap, {words.count(kept)} of {words.plural(known, 'group')} would be found "
        "within the limit four times in five or more. The others have too few people to show it."
    )
    if known == of:
        return said
    hidden = (
        f"for {words.plural(of - known, 'group')} it is not computed, because people whose group "
        "is not recorded are counted in the worst way first, which makes it rarer."
    )
    return f"{said} {words.sentence_case(hidden)}" if known else hidden


def _at_most(share: float) -> str:
    said = chance(share)
    return said if said.startswith("under") else f"at most {said}"


def _row(row: SelfTest) -> tuple[str | Cell, ...]:
    return (
        words.subject(row.attribute, row.group),
        words.count(row.n),
        chance(row.breach_0),
        chance(row.within_0),
        chance(row.within_half),
        chance(row.within_1),
        chance(row.breach_2),
    )


def chance(share: float | None) -> str:
    """Write how often something happens, in whole percent.

    >>> [chance(p).replace(THIN, " ") for p in (0.0, 0.004, 0.25, 0.9999)]
    ['0 %', 'under 1 %', '25 %', 'over 99 %']
    """
    if share is None:
        return words.DASH
    if 0 < share < 0.01:
        return f"under 1{THIN}%"
    if 0.99 < share < 1:
        return f"over 99{THIN}%"
    return f"{100 * share:.0f}{THIN}%"
