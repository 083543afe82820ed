"""The need that is left without, and whether more need comes first by score."""

from collections.abc import Iterator

from auditkit.report.story import words
from auditkit.report.story.parts import MOST_ROWS, Block, Cell, Heading, Paragraph, cut, table
from auditkit.results import CROSS, AuditRecord, NeedDepth, NeedRank, Status

SHARES = {
    "missed_need": ("people in need who are not selected", "People in need"),
    "unserved_share": ("the group's need that people not selected have", "People"),
}
MEANS = {
    "mean_need_missed": "People in need who are not selected",
    "mean_need_selected": "People who are selected",
    "mean_need_not_selected": "People who are not selected",
}
AT_SCORE = "mean_need_at_score"
RANKED = {
    "in_need": "One in need and one not",
    "bands": "One in a higher band of need than the other",
}
BESIDE = f"| #Everyone else | #Gap | #{words.INTERVAL}"


def depth(record: AuditRecord) -> Iterator[Block]:
    """Tell the need that is left unserved, and the mean need at the same decision."""
    rows = [r for r in record.need_depth if CROSS not in r.attribute]
    known = [r for r in rows if r.status != Status.NOT_APPLICABLE]
    yield Heading("How deep is the need that is left without?")
    for measure, (what, who) in SHARES.items():
        own = [r for r in known if r.measure == measure]
        if own:
            yield table(
                f"Share of {what}",
                f"Group | #{who} | #Share | #{words.INTERVAL} {BESIDE}",
                [_beside(r, words.POINTS) for r in own[:MOST_ROWS]],
                cut(len(own)),
            )
    means = [r for r in known if r.measure in MEANS]
    if means:
        yield Paragraph(
            "Mean need of people with the same decision. A group in deeper need than others has a "
            "higher mean on both sides of the decision even where need alone decides, so a gap "
            "here describes who was left out; it does not show why."
        )
    for measure, who in MEANS.items():
        own = [r for r in means if r.measure == measure]
        if own and not (measure == "mean_need_missed" and not record.system.in_need):
            yield table(
                f"Mean need: {who[0].lower()}{who[1:]}",
                f"Group | #n | #Mean need | #{words.INTERVAL} {BESIDE}",
                [_beside(r, words.UNITS) for r in own[:MOST_ROWS]],
                cut(len(own)),
            )
    reasons = dict.fromkeys(r.note for r in rows if r.status == Status.NOT_APPLICABLE)
    yield from (Paragraph(f"Not measured: {words.plain(reason)}.", "note") for reason in reasons)


def at_score(record: AuditRecord) -> Iterator[Block]:
    """Tell who is in deeper need at the same score."""
    rows = [r for r in record.need_depth if r.measure == AT_SCORE]
    if not rows:
        return
    yield Heading("At the same score, who is in deeper need?")
    yield Paragraph(
        "Mean need of people whom the system gives about the same score (ten bands of scores). A "
        "group with a gap above 0 is in deeper need than its scores say: with the same score its "
        "people are worse off than everyone else's."
    )
    yield table(
        "Mean need at the same score",
        f"Group | #n | #Mean need {BESIDE}",
        [_beside(r, words.UNITS, interval=False) for r in rows[:MOST_ROWS]],
        cut(len(rows)),
    )


def ranks(record: AuditRecord) -> Iterator[Block]:
    """Tell who comes first by score when one of two people has more need."""
    if not record.need_ranks:
        return
    yield Heading("Does more need come first, whatever the group?")
    yield Paragraph(
        "Take two people, one of the group and one of everyone else, of whom one has more need. "
        "How often has the one with more need the higher score (a tie is half)? It should be the "
        "same whichever of the two is of the group. A difference below 0: need in the group is "
        "put first less often than need of everyone else."
    )
    for comparison, title in RANKED.items():
        rows = [r for r in record.need_ranks if r.comparison == comparison]
        if rows:
            yield table(
                title,
                f"Group | #n | #Group's need first | #Others' need first | #Difference | "
                f"#{words.INTERVAL} | #Comparable pairs",
                [_cells_ranked(r) for r in rows[:MOST_ROWS]],
                f"Comparable pairs: share of all pairs of people with unequal need whose two needs "
                f"both sides have. {cut(len(rows))}".strip(),
            )


def _cells_ranked(row: NeedRank) -> tuple[str | Cell, ...]:
    return (
        _named(row),
        words.count(row.n),
        words.rate(row.own_first, True),
        words.rate(row.rest_first, True),
        words.POINTS.value(row.estimate),
        words.POINTS.span(row.lower, row.upper),
        words.rate(row.common, True),
    )


def _beside(row: NeedDepth, scale: words.Scale, *, interval: bool = True) -> tuple[str | Cell, ...]:
    """Set a share or a mean of a group beside that of everyone else."""
    share = scale == words.POINTS
    own = (words.rate_span(row.lower, row.upper, share),) if interval else ()
    return (
        _named(row),
        words.count(row.n),
        words.rate(row.estimate, share),
        *own,
        words.rate(row.rest, share),
        scale.value(row.gap),
        scale.span(row.gap_lower, row.gap_upper),
    )


def _named(row: NeedDepth | NeedRank) -> Cell:
    return Cell(words.subject(row.attribute, row.group), detail=words.plain(row.note))
