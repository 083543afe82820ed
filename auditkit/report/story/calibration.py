"""Whether a score means the same for everyone: at like scores, what was recorded."""

from auditkit.metrics.standardised import CALIBRATION
from auditkit.report.story import measures, words
from auditkit.report.story.budgets import MOST_LINES, Line, Sweep
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Chart,
    Evidence,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.results import ALL, POOLED, AuditRecord, Calibration, Status

KIND = "calibration"


def calibrated(record: AuditRecord) -> tuple[Section, ...]:
    """Tell what was recorded at like scores; nothing without probabilities and outcomes."""
    pooled = [row for row in record.calibration if row.band == POOLED and row.attribute != ALL]
    if not pooled:
        return ()
    positive = measures.label(record.system)
    blocks: list[Block] = [
        Paragraph(
            f"The score is read as the chance of the positive recorded outcome ({positive}). If a "
            "score of 0.3 means 30 of 100 for one group and 40 of 100 for another, one cut treats "
            "them unequally. People are compared within bands of like scores, the same bands for "
            "every group, so that a group is not judged by how many high scores it has."
        )
    ]
    if apart := [_sentence(row) for row in pooled if _is_apart(row)]:
        blocks.append(Bullets(tuple(apart)))
    else:
        blocks.append(
            Paragraph(
                "For no group do these data show that its scores are too low or too high beside "
                "those of everyone else. That is not to say that none are.",
                "note",
            )
        )
    for attribute in dict.fromkeys(row.attribute for row in pooled):
        found = curves(record, attribute)
        own = _table([row for row in pooled if row.attribute == attribute])
        blocks.append(own if found is None else Evidence(_chart(found, attribute), own))
    blocks.append(
        Paragraph(
            f"{measures.standing(record, CALIBRATION)} Where groups differ in how common the "
            "recorded outcome is, equal meaning of scores and equal rates of error cannot both "
            "be had.",
            "note",
        )
    )
    title = "Whether scores mean the same for everyone"
    return (Section("calibration", title, "Calibration", tuple(blocks)),)


def curves(record: AuditRecord, attribute: str) -> Sweep | None:
    """Lay out what was recorded over the score, with its interval, for the largest groups."""
    lines = []
    wanted = [row for row in record.calibration if row.attribute in (ALL, attribute)]
    for key in dict.fromkeys((row.attribute, row.group) for row in wanted):
        own = [row for row in wanted if (row.attribute, row.group) == key and row.band != POOLED]
        known = [row for row in own if row.observed is not None and row.mean_score is not None]
        if known:
            lines.append(
                Line(
                    key[1],
                    sum(row.n for row in known),
                    tuple(row.mean_score or 0.0 for row in known),
                    tuple(_share(row, key[1] != ALL) for row in known),
                )
            )
    groups = [line for line in lines if line.group != ALL]
    if not groups:
        return None
    largest = sorted(groups, key=lambda line: -line.n)[:MOST_LINES]
    drawn = tuple(line for line in lines if line.group == ALL or line in largest)
    what = "people with the positive recorded outcome"
    return Sweep(drawn, len(groups) - len(largest), what, None)


def _share(row: Calibration, interval: bool) -> tuple[float | None, float | None, float | None]:
    if interval and row.lower is not None and row.upper is not None:
        return row.observed, row.lower, row.upper
    return row.observed, row.observed, row.observed


def _is_apart(row: Calibration) -> bool:
    """Whether the interval of the gap leaves out that there is none."""
    known = row.gap_lower is not None and row.gap_upper is not None
    return known and ((row.gap_lower or 0.0) > 0 or (row.gap_upper or 0.0) < 0)


def _sentence(row: Calibration) -> str:
    gap = row.gap or 0.0
    few = " Few people: read with care." if row.status is Status.INSUFFICIENT else ""
    return (
        f"{words.sentence_case(words.subject(row.attribute, row.group))}: at like scores the "
        f"positive outcome was recorded {words.POINTS.number(abs(gap))} points "
        f"{'more' if gap > 0 else 'less'} often than for everyone else "
        f"({words.INTERVAL} {words.POINTS.span(row.gap_lower, row.gap_upper)}). Beside theirs, "
        f"the group's scores are too {'low' if gap > 0 else 'high'}.{few}"
    )


def _chart(found: Sweep, attribute: str) -> Chart:
    by = words.attribute(attribute)
    more = words.plural(found.left_out, "more group")
    return Chart(
        kind=KIND,
        subject="",
        attribute=attribute,
        title=f"What was recorded at each score, by {by}",
        description=(
            f"One line for each group of {by} and one for everyone: the share with the positive "
            "recorded outcome over the mean score, in ten bands. The dashed diagonal is where "
            "both agree; a band around a line is its 95 % interval."
        ),
        note=f"{more} with fewer people: audit.json has them." if found.left_out else "",
    )


def _table(rows: list[Calibration]) -> Table:
    return table(
        f"At like scores, by {words.attribute(rows[0].attribute)}",
        f"Group | #n | #Mean score | #Recorded | #Gap at like scores | #{words.INTERVAL} "
        "| #With twice the bands",
        [_row(row) for row in rows[:MOST_ROWS]],
        "Mean score and recorded outcome are over all people of the group, in percent. The gap is "
        "in points: above 0, the group's scores are too low beside those of everyone else. "
        f"{cut(len(rows))}".strip(),
    )


def _row(row: Calibration) -> tuple[str | Cell, ...]:
    return (
        Cell(words.group(row.group), detail=row.note),
        words.count(row.n),
        words.rate(row.mean_score, True),
        words.rate(row.observed, True),
        words.POINTS.value(row.gap),
        words.POINTS.span(row.gap_lower, row.gap_upper),
        words.POINTS.value(row.doubled),
    )
