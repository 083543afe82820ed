"""Which rates lie further apart than chance puts them: a scan of all of them, for exploring."""

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.report.story.words import THIN
from auditkit.results import AuditRecord, Spread

FALSE_FINDINGS = 0.05
"""Share of false findings that the scan allows on average."""


def scan(record: AuditRecord) -> tuple[Section, ...]:
    """Tell the scan; nothing where there was nothing to compare."""
    tested = [row for row in record.spreads if row.p_adjusted is not None]
    if not tested:
        return ()
    tested.sort(key=lambda row: (row.p_adjusted, row.p_value))
    beyond = [row for row in tested if (row.p_adjusted or 0.0) <= FALSE_FINDINGS]
    blocks: list[Block] = [
        Paragraph(
            f"{words.sentence_case(words.plural(len(tested), 'comparison'))} of a rate over the "
            "groups of an attribute or crossing were made, whether or not a limit is set for it. "
            "The more comparisons, the more of them differ by chance. Allowing for that, "
            f"{words.count(len(beyond))} of them show a difference that chance would hardly "
            f"explain; on average at most 1 in {round(1 / FALSE_FINDINGS)} of such findings is "
            "wrong."
        ),
        Paragraph(
            "A difference here is a reason to look, and none is not an all-clear: the groups may "
            "be too small to show one. No verdict rests on it."
        ),
    ]
    if beyond:
        blocks.append(_found(record, beyond))
    return (Section("scan", "Which rates differ beyond chance", "Scan", tuple(blocks)),)


def _found(record: AuditRecord, beyond: list[Spread]) -> Table:
    return table(
        "Rates that differ beyond chance, the surest first",
        "Rate | By | Highest and lowest | #Apart | #By chance | #Spread | #Chance alone",
        [_row(record, row) for row in beyond[:MOST_ROWS]],
        "Apart: the highest less the lowest rate, in points. By chance: what that would be on "
        "average if all groups had one rate. Spread: how far the groups typically lie from each "
        "other once chance is taken out (standard deviation, in points). Chance alone: how often "
        "chance would give as much, corrected for the number of comparisons (Benjamini and "
        f"Yekutieli). {cut(len(beyond), 'rates')}".strip(),
    )


def _row(record: AuditRecord, row: Spread) -> tuple[str | Cell, ...]:
    said = measures.words(row.metric, record.system)
    apart, chance, spread = (
        words.DASH if value is None else words.POINTS.number(value)
        for value in (row.range, row.expected_range, row.spread)
    )
    return (
        words.sentence_case(said.name),
        words.attribute(row.attribute),
        Cell(words.group(row.highest), detail=f"lowest: {words.group(row.lowest)}"),
        apart,
        chance,
        spread,
        _chance_alone(row.p_adjusted),
    )


def _chance_alone(p: float | None) -> str:
    if p is None:
        return words.DASH
    return f"under 0.1{THIN}%" if p < 0.001 else f"{100 * p:.1f}{THIN}%"
