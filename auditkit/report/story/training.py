"""How far the audit hangs on the training run that was audited."""

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Cell,
    Heading,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.results import ALL, CROSS, AuditRecord, SeedSpread


def training(record: AuditRecord) -> tuple[Section, ...]:
    """Tell how the rate of the harm and its gaps differ between runs; nothing without others."""
    metric = measures.primary(record)
    rows = [row for row in record.seeds if row.metric == metric]
    if not rows:
        metric = "selection_rate"
        rows = [row for row in record.seeds if row.metric == metric]
    if not rows:
        return ()
    runs = rows[0].runs
    said = measures.words(metric, record.system)
    everyone = next((row for row in rows if row.attribute == ALL), None)
    blocks: list[Block] = [
        Paragraph(
            f"The decisions of {words.plural(runs - 1, 'other training run')} about the same "
            "people are set beside those of the audited run. They differ in the seed of the "
            f"training alone. {_changed(everyone)}".strip()
        ),
        Paragraph(
            "Lowest and highest are what was seen in these runs; another run can lie beyond them. "
            "The verdict is of the audited run.",
            "caution",
        ),
        Heading(words.sentence_case(said.name)),
    ]
    attributes = dict.fromkeys(row.attribute for row in rows)
    blocks += [
        _table([row for row in rows if row.attribute == attribute], said.name)
        for attribute in attributes
        if attribute != ALL and CROSS not in attribute
    ]
    return (Section("training", "Over other training runs", "Training runs", tuple(blocks)),)


def _changed(row: SeedSpread | None) -> str:
    if row is None or row.changed is None:
        return ""
    return (
        f"Of everyone counted in the rate below, {words.rate(row.changed, True)} get another "
        "decision from another run, on average."
    )


def _table(rows: list[SeedSpread], name: str) -> Table:
    attribute = rows[0].attribute
    return table(
        f"{words.sentence_case(name)} and its gap over training runs, by "
        f"{words.attribute(attribute)}",
        "Group | #n | #Rate, audited run | #Lowest to highest | #Gap, audited run "
        "| #Lowest to highest | #Decided otherwise",
        [_row(row) for row in rows[:MOST_ROWS]],
        "Gap: the group's rate less that of everyone else whose group is recorded, in points. "
        "Decided otherwise: people of the group about whom another run decides differently. "
        f"{cut(len(rows))}".strip(),
    )


def _row(row: SeedSpread) -> tuple[str | Cell, ...]:
    return (
        Cell(words.group(row.group), detail=row.note),
        words.count(row.n),
        words.rate(row.estimate, True),
        _between(words.rate(row.lowest, True), words.rate(row.highest, True)),
        words.POINTS.value(row.gap),
        words.POINTS.span(row.gap_lowest, row.gap_highest),
        words.rate(row.changed, True),
    )


def _between(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
