"""Every rate and every gap that was measured, as tables."""

from auditkit.report.story import measures, words
from auditkit.report.story.comparisons import (
    attributes,
    rate_cells,
    remark,
    told_metrics,
    unstratified,
)
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
from auditkit.results import CROSS, REST, AuditRecord, Disparity


def tables(record: AuditRecord) -> Section:
    """Lay out every measured rate and its gap to everyone else, attribute by attribute.

    Crossings are told where a limit is set; the rest of them would be thousands of cells that
    nobody reads, and stays in the record.
    """
    amounts = record.system.task == measures.REGRESSION
    blocks: list[Block] = [
        Paragraph(
            "Every measure of every group, whether or not a limit is set for it. Gaps without a "
            "limit are for exploring: among so many, some are large by chance. Crossed groups are "
            "in the record, audit.json."
        )
        if amounts
        else Paragraph(
            "Every rate of every group, whether or not a limit is set for it; of two rates that "
            f"add up to 100{words.THIN}%, one. Gaps without a limit are for exploring: among so "
            "many, some are large by chance. Crossed groups are in Disparities for each rate with "
            "a limit; their other rates are in the record, audit.json."
        ),
        _metric_list(record),
        _sizes(record),
    ]
    for attribute in (a for a in attributes(record) if CROSS not in a):
        blocks.append(Heading(f"By {words.attribute(attribute)}"))
        blocks += [_every_rate(record, metric, attribute) for metric in told_metrics(record)]
    title = f"Every {'measure' if amounts else 'rate'} and gap, in numbers"
    return Section("tables", title, "Tables", tuple(blocks))


def _metric_list(record: AuditRecord) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for metric in told_metrics(record):
        said = measures.words(metric, record.system)
        rows.append((said.name, said.sentence, metric))
    what = "measures" if record.system.task == measures.REGRESSION else "rates"
    return table(f"What the {what} are called", "Name | In a sentence | In the record", rows)


def _sizes(record: AuditRecord) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            words.subject(g.attribute, g.group),
            words.count(g.rows),
            words.count(g.decided),
            words.count(g.labelled),
        )
        for g in record.groups[:MOST_ROWS]  # single attributes come first
    ]
    columns = "Group | #People | #with a decision | #with decision and recorded outcome"
    if record.system.task == measures.REGRESSION:
        columns = "Group | #People | #with a prediction | #with prediction and recorded amount"
    return table(
        "How many people each group has",
        columns,
        rows,
        cut(len(record.groups)),
    )


def _every_rate(record: AuditRecord, metric: str, attribute: str) -> Table:
    gap_of: dict[str, Disparity] = {
        d.group: d
        for d in record.disparities
        if (d.metric, d.attribute, d.against, d.statistic)
        == (metric, attribute, REST, "difference")
    }
    shares, said = measures.is_share(record, metric), measures.words(metric, record.system)
    scale = words.scale("difference", shares)
    rows: list[tuple[str | Cell, ...]] = []
    measured = unstratified(record, metric, attribute)
    for m in measured[:MOST_ROWS]:
        gap = gap_of.get(m.group)
        rows.append(
            (
                words.group(m.group),
                *rate_cells(m, shares),
                words.DASH if gap is None else scale.value(gap.estimate),
                words.DASH if gap is None else scale.span(gap.lower, gap.upper),
                remark(m, record.policy.floor),
            )
        )
    amount = record.system.task == measures.REGRESSION and not shares
    told = "Value" if amount else "Rate"
    return table(
        f"{words.sentence_case(said.name)}, by {words.attribute(attribute)}",
        f"Group | #n | #of them | #{told} | #{words.INTERVAL} "
        f"| #Gap to everyone else | #{words.INTERVAL} | Remark",
        rows,
        cut(len(measured)),
    )
