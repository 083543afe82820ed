"""Metrics that somebody gave as functions: their values, and how far groups lie apart."""

from collections.abc import Iterator

from auditkit.report.story import words
from auditkit.report.story.parts import MOST_ROWS, Block, Paragraph, Section, Table, cut, table
from auditkit.results import ALL, CROSS, AuditRecord, OwnMetric, Status


def of_user(record: AuditRecord) -> tuple[Section, ...]:
    """Tell the user's own metrics attribute by attribute; nothing where there are none."""
    if not record.own_metrics:
        return ()
    blocks: list[Block] = [
        Paragraph(
            "These numbers come from functions that were given to this audit. What they mean is "
            "for whoever wrote them to say; nothing in this section changes the verdict."
        )
    ]
    for metric in dict.fromkeys(row.metric for row in record.own_metrics):
        blocks += _tables(record, metric)
    return (Section("own", "Metrics given to this audit", "Own metrics", tuple(blocks)),)


def _tables(record: AuditRecord, metric: str) -> Iterator[Table]:
    rows = [row for row in record.own_metrics if row.metric == metric]
    everyone = next(row for row in rows if row.attribute == ALL)
    for attribute in dict.fromkeys(row.attribute for row in rows):
        if attribute == ALL or CROSS in attribute:
            continue
        values = [r for r in rows if r.attribute == attribute and not r.against]
        gaps = {r.group: r for r in rows if r.attribute == attribute and r.against}
        yield table(
            f"{words.sentence_case(words.spelled(metric))}, by {words.attribute(attribute)}",
            f"Group | #n | #Value | #{words.INTERVAL} | #Minus everyone else | "
            f"#{words.INTERVAL} | Remark",
            [_row(record, value, gaps[value.group]) for value in values[:MOST_ROWS]],
            f"Everyone: {words.rate(everyone.estimate, False)} "
            f"({words.rate_span(everyone.lower, everyone.upper, False)}). Crossed groups are in "
            f"the record, audit.json, table own_metrics. {cut(len(values))}".strip(),
        )


def _row(record: AuditRecord, value: OwnMetric, gap: OwnMetric) -> tuple[str, ...]:
    remark = ""
    if value.status is Status.INSUFFICIENT:
        remark = f"few: at least {record.policy.floor} of each recorded outcome wanted"
    elif value.status is Status.UNDEFINED:
        remark = words.plain(value.note)
    return (
        words.group(value.group),
        words.count(value.n),
        words.rate(value.estimate, False),
        words.rate_span(value.lower, value.upper, False),
        words.UNITS.value(gap.estimate),
        words.UNITS.span(gap.lower, gap.upper),
        remark,
    )
