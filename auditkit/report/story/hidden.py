"""What the data do not record of people, and how far it could move what was found."""

import math
from collections.abc import Iterator

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Cell,
    Heading,
    Paragraph,
    Section,
    cut,
    table,
)
from auditkit.report.story.unknowns import hanging
from auditkit.results import (
    CROSS,
    NOT_RECORDED,
    AuditRecord,
    Effect,
    LabelError,
    Outcome,
    Status,
    UnknownBound,
)

HANGS = {
    Outcome.WITHIN: "could lie beyond the limit",
    Outcome.BREACH: "could lie within the limit",
    Outcome.INDETERMINATE: "within the limit without the unknown people",
}
"""What an answer that hangs on unknown people could otherwise be."""


def hidden(record: AuditRecord) -> Section:
    """Tell what is not known of the people in the data, as far as it can be bounded."""
    blocks: list[Block] = [Heading("If the people not recorded were known"), *_unknown(record)]
    if record.label_error:
        blocks += [Heading("If recorded outcomes are wrong"), *_wrong(record)]
    title = "What the data do not record, and how far it could move the gaps"
    return Section("hidden", title, "Not recorded", tuple(blocks))


def _unknown(record: AuditRecord) -> Iterator[Block]:
    bounds = record.unknown_bounds
    unrecorded = [g for g in record.groups if g.group == NOT_RECORDED and g.rows]
    if not bounds and unrecorded:
        named = words.listing(list(dict.fromkeys(words.attribute(g.attribute) for g in unrecorded)))
        yield Paragraph(
            f"For some people {named} is not recorded, and no gap that is held against a limit "
            "could be bounded for it: what they would change is not known."
        )
        return
    if not bounds:
        yield Paragraph(
            "Everyone counted in a gap that is held against a limit has a recorded group, so no "
            "such gap hangs on unknown people."
        )
        return
    yield Paragraph(
        "Some people's group is not recorded. Each of them may belong to a group or to everyone "
        "else. Lowest and highest are the ends between which the gap would lie if all of them were "
        "known, whoever they are. Each end is of one group alone: not all groups can be at theirs "
        "at once. The uncertainty from the number of people comes on top: an answer, which counts "
        "it, can hang on unknown people where both ends lie inside the limit."
    )
    if record.declared_shares:
        yield Paragraph(
            "For some groups the plan declares how many of these people can be of it at most (see "
            "the section Not judged). The ends of those groups hold only if that is true."
        )
    told = hanging(bounds)
    if any(check.effect is Effect.BLOCK_UNLESS_WITHIN for check in record.checks):
        told += (
            " Where nothing less than an answer within the limit lets the system go on, a gap is "
            "called within its limit only if it is also within with the unknown people counted in "
            "the worst way."
        )
    yield Paragraph(told)
    for check in dict.fromkeys(row.check for row in bounds):
        own = [row for row in bounds if row.check == check]
        own.sort(key=lambda row: not row.could_change)
        name = measures.words(own[0].metric, record.system).name
        crossed = any(CROSS in row.attribute for row in own)
        yield table(
            f"{words.sentence_case(name)}: gap to everyone else; limit "
            f"{words.POINTS.limit(own[0].limit)} either way",
            "Group | Answer | #Gap now; lowest to highest | #Not recorded",
            [_row(row) for row in own[:MOST_ROWS]],
            " ".join(
                filter(
                    None,
                    (
                        "Not recorded = people in this rate without a recorded value of the "
                        "attribute.",
                        "In a crossing, people of whom one part is recorded are placed only where "
                        "that part allows, so the gap now may lie outside the two ends."
                        if crossed
                        else "",
                        cut(len(own)),
                    ),
                )
            ),
        )


def _row(row: UnknownBound) -> tuple[str | Cell, ...]:
    look = words.LOOKS[row.outcome]
    detail = HANGS[row.outcome] if row.could_change else ""
    span = words.POINTS.span(row.lowest, row.highest, row.limit)
    return (
        words.subject(row.attribute, row.group),
        Cell(look.text, look.tone, detail),
        Cell(
            words.POINTS.value(row.estimate, row.limit),
            detail="" if row.estimate is None else span,
        ),
        words.count(row.unknown),
    )


def _wrong(record: AuditRecord) -> Iterator[Block]:
    """Say how few wrong labels would move a gap across its limit, and which would not move it."""
    label = measures.label(record.system)
    rows = record.label_error
    if all(row.status is Status.NOT_APPLICABLE for row in rows):
        yield Paragraph(
            "How few wrong labels would move a gap across its limit was not counted: "
            f"{words.plain(rows[0].note)}."
        )
        return
    yield Paragraph(
        f"These rates take the recorded outcome ({label}) as it is. Where it is wrong, "
        "a gap may lie on the other side of its limit: beyond it instead of within, or no longer "
        "beyond it on that side. The tables say how few wrong labels would be enough, in two ways. "
        "Worst: the labels that move the gap most are wrong, depending on the decision. Unrelated "
        "to the decision: people of the other outcome were recorded as those whom the rate is "
        "among, equally often whatever was decided on them, in the group or in everyone else. It "
        "is the gap that crosses; an answer, which counts the uncertainty, may change with fewer."
    )
    yield Paragraph(
        f"Some errors move less. If people with {label} were recorded without it, equally often "
        "whatever was decided on them, the rate of a group at being missed stays as it is. That "
        "of everyone else then mixes its groups in other shares, and stays between the lowest and "
        "the highest of their rates."
    )
    for check in dict.fromkeys(row.check for row in rows):
        own = [row for row in rows if row.check == check]
        worst = {(row.attribute, row.group): row for row in own if row.error == "any"}
        unrelated = {(row.attribute, row.group): row for row in own if row.error == "unrelated"}
        pairs = [(worst[who], unrelated[who]) for who in worst]
        pairs.sort(key=lambda pair: math.inf if pair[0].share is None else pair[0].share)
        name = measures.words(own[0].metric, record.system).name
        note = "Share = of all labels recorded for the group and everyone else."
        yield table(
            f"{words.sentence_case(name)}: fewest wrong labels that move the gap across its limit "
            f"of {words.POINTS.limit(own[0].limit)}",
            "Group | Answer | #Gap now | #Worst | #Unrelated to the decision",
            [_errors(*pair) for pair in pairs[:MOST_ROWS]],
            f"{note} {cut(len(pairs))}".rstrip(),
        )


def _errors(worst: LabelError, unrelated: LabelError) -> tuple[str | Cell, ...]:
    look = words.LOOKS[worst.outcome]
    return (
        words.subject(worst.attribute, worst.group),
        Cell(look.text, look.tone),
        words.POINTS.value(worst.estimate, worst.limit),
        _fewest(worst),
        _fewest(unrelated),
    )


def _fewest(row: LabelError) -> Cell:
    """Count wrong labels in whole people, and their share."""
    if row.labels is None or row.share is None:
        return Cell(words.DASH if row.estimate is None else "no number is enough")
    return Cell(words.count(math.ceil(row.labels)), detail=words.percent(row.share))
