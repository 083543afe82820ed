"""What becomes of groups that the model is told are another, or that are given its values."""

from collections.abc import Sequence

from auditkit.report.story import words
from auditkit.report.story.comparisons import attributes
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Chart,
    Evidence,
    Heading,
    Paragraph,
    Table,
    table,
)
from auditkit.results import AuditRecord, Flip, Removal

KIND = "flips"
MOST_DRAWN = 12
"""Rows of a table of stand-ins, of those that shift most: all pairs of groups are many."""
SET, AMOUNT = "set", "amount"


def pair(row: Flip) -> str:
    """Name whose rows are given whose value: ``female → male``."""
    return f"{words.group(row.group)} → {words.group(row.toward)}"


def drawn(record: AuditRecord, attribute: str) -> tuple[Flip, ...]:
    """List what is drawn of an attribute: its own input set to another group's value."""
    return tuple(row for row in record.flips if row.attribute == attribute and row.way == SET)


def shift(row: Flip) -> tuple[float | None, float | None, float | None]:
    """Give how far a group shifts, with its interval: the share selected, or the mean amount."""
    if row.unit == AMOUNT:
        return row.mean_change, row.mean_lower, row.mean_upper
    return row.net, row.net_lower, row.net_upper


def shift_words(row: Flip) -> str:
    """Write how far a group shifts, in points or in the units of the amount."""
    size = shift(row)[0]
    if row.unit == AMOUNT:
        return words.DASH if size is None else words.quantity(size, signed=True)
    return words.POINTS.value(size)


def flipped(record: AuditRecord) -> list[Block]:
    """Tell each attribute's own input, and what may stand in for it."""
    blocks: list[Block] = [Heading("The value of another group")]
    own = [a for a in attributes(record) if drawn(record, a)]
    if not own:
        text = "No attribute is an input of the model, so no row can be given another group's value"
        blocks.append(Paragraph(f"{text}. Other inputs may stand in for it."))
    else:
        blocks.append(Bullets(tuple(_own_words(record, a) for a in own)))
    for attribute in own:
        rows = drawn(record, attribute)
        title = f"The model is told another group, by {words.attribute(attribute)}"
        blocks.append(Evidence(_chart(rows, title), _flip_table(rows, f"{title}: the numbers")))
    for attribute in attributes(record):
        stand_ins = [f for f in record.flips if f.attribute == attribute and f.way != SET]
        if stand_ins:
            blocks += _stand_ins(attribute, stand_ins)
    return blocks


def _chart(rows: Sequence[Flip], title: str) -> Chart:
    amount = rows[0].unit == AMOUNT
    what = "the mean prediction" if amount else "the share selected"
    more = "are predicted more on average" if amount else "are selected"
    mute = any(row.unanswered or row.failed for row in rows)
    without = " Rows that then get no answer are not in it; the table counts them." if mute else ""
    return Chart(
        kind=KIND,
        subject="",
        attribute=rows[0].attribute,
        title=title,
        description=(
            f"For each group, and each other that it is told to be, {what} after less that "
            f"before, with a line over the {words.INTERVAL}. The table has the same numbers."
        ),
        note=f"Right of zero, {'' if amount else 'more of '}these people {more} when the model is "
        f"told otherwise.{without}",
    )


def _own_words(record: AuditRecord, attribute: str) -> str:
    """Say which pair of groups moves most, or that none does, and what the data could miss."""
    rows = drawn(record, attribute)
    said = words.sentence_case(words.attribute(attribute))
    known = [row for row in rows if row.share is not None]
    if not known:
        return f"{said}: {words.plain(rows[0].note)}."
    most = max(known, key=lambda row: (_size(row), row.share or 0.0))
    if not most.share:
        return (
            f"{said}: no answer about a sampled row changed when the model was told another group; "
            f"a share of up to {words.percent(max(row.upper or 0.0 for row in known))} could have "
            "been missed."
        )
    which = f"the most of {len(known)} pairs: " if len(known) > 1 else ""
    return f"{said}, {which}{_counted(most)}"


def otherwise(row: Flip | Removal) -> str:
    """Say what is counted: other decisions, or other amounts."""
    return "predicted otherwise" if row.unit == AMOUNT else "decided otherwise"


def _size(row: Flip) -> float:
    """How far a mean amount shifts; of decisions, those that change count whichever way."""
    return abs(row.mean_change or 0.0) if row.unit == AMOUNT else row.share or 0.0


def _counted(row: Flip) -> str:
    more, less = ("more", "less") if row.unit == AMOUNT else ("newly selected", "no longer")
    text = (
        f"of {words.count(row.n)} {words.group(row.group)} told as {words.group(row.toward)}, "
        f"{words.rate(row.share, True)} are {otherwise(row)} ({words.INTERVAL} "
        f"{words.rate_span(row.lower, row.upper, True)}): {words.count(row.gained)} {more}, "
        f"{words.count(row.lost)} {less}"
    )
    if row.unit == AMOUNT:
        text += f", by {shift_words(row)} on average"
    if lost := row.unanswered + row.failed:
        text += f", {words.count(lost)} without an answer"
    return f"{text}."


def _stand_ins(attribute: str, rows: Sequence[Flip]) -> list[Block]:
    """Tell what drawing one input from another group changes."""
    by = words.attribute(attribute)
    inputs = words.listing(words.name(f) for f in dict.fromkeys(row.feature for row in rows))
    text = (
        f"Inputs that carry most of the gaps by {by} in the model's answers, or that the plan "
        f"names: {inputs}. Each row keeps everything but that one input, whose value is drawn "
        "from people of the other group."
    )
    shown = sorted(rows, key=lambda row: -abs(shift(row)[0] or 0.0))
    apart = [row for row in shown if is_apart(*shift(row)[1:])]
    if apart:
        most = apart[0]
        what = "the mean prediction" if most.unit == AMOUNT else "the share selected"
        text += (
            f" The largest shift whose interval leaves out zero: with {words.name(most.feature)} "
            f"drawn from {words.group(most.toward)}, {what} of {words.group(most.group)} shifts "
            f"by {shift_words(most)}. Of {words.count(len(rows))} intervals "
            f"{words.count(len(apart))} leave out zero; by chance alone about 1 in 20 does."
        )
    else:
        text += (
            " No shift is so large that its interval leaves out zero, which is not to say that "
            "these inputs do nothing."
        )
    caption = f"One input drawn from another group, by {by}"
    return [
        Heading(f"Inputs that may stand in for {by}"),
        Paragraph(text),
        _flip_table(shown, caption, MOST_DRAWN),
    ]


def is_apart(lower: float | None, upper: float | None) -> bool:
    """Whether an interval leaves out zero."""
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def _flip_table(rows: Sequence[Flip], caption: str, most: int = MOST_ROWS) -> Table:
    own = all(row.way == SET for row in rows)
    units = {row.unit for row in rows if row.unit}
    amount = AMOUNT in units
    unit = f" | #Mean output, {words.plain(next(iter(units)))}" if units else ""
    cells: list[tuple[str | Cell, ...]] = [
        (
            Cell(pair(row), detail=words.plain(row.note)),
            *([] if own else [words.name(row.feature)]),
            words.count(row.n),
            share_cell(row.share, row.lower, row.upper),
            words.count(row.gained),
            words.count(row.lost),
            *([] if amount else [points_cell(row.net, row.net_lower, row.net_upper)]),
            *([quantity_cell(row.mean_change, row.mean_lower, row.mean_upper)] if units else []),
        )
        for row in rows[:most]
    ]
    lost = sum(row.unanswered + row.failed for row in rows)
    note = f"Small print under a number: its {words.INTERVAL}."
    if len(rows) > most:
        note += f" {most} of {len(rows):,} rows are shown; audit.json has all of them."
    if lost:
        note += f" {words.count(lost)} rows had no answer, or the model failed on them."
    named = "From → to" if own else "From → to | Input drawn"
    return table(
        caption,
        f"{named} | #n | #Predicted otherwise | #More | #Less{unit}"
        if amount
        else f"{named} | #n | #Decided otherwise | #Newly selected | #No longer "
        f"| #Selected, points{unit}",
        cells,
        note,
    )


def share_cell(share: float | None, lower: float | None, upper: float | None) -> str | Cell:
    """Write a share over its interval."""
    if share is None:
        return words.DASH
    return Cell(words.rate(share, True), detail=words.rate_span(lower, upper, True))


def points_cell(value: float | None, lower: float | None, upper: float | None) -> str | Cell:
    """Write a difference of shares over its interval, in points."""
    if value is None:
        return words.DASH
    return Cell(words.POINTS.number(value, signed=True), detail=words.POINTS.span(lower, upper))


def quantity_cell(value: float | None, lower: float | None, upper: float | None) -> str | Cell:
    """Write an amount with its interval; without a spread it has none."""
    if value is None:
        return words.DASH
    if lower is None or upper is None:
        return words.quantity(value, signed=True)
    return Cell(
        words.quantity(value, signed=True),
        detail=f"{words.quantity(lower)} to {words.quantity(upper)}",
    )
