"""Through which inputs a gap in the model's error comes: words, and the table they are of."""

import math

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Heading,
    Paragraph,
    Table,
    cut,
    table,
)
from auditkit.results import CROSS, OUTCOME, SAMPLING, AuditRecord, ErrorAttribution, Status

MOST_NAMED = 2
LEAST = 0.01
"""Share of a gap that an input must carry at least to be named."""
LINES = {
    OUTCOME: "what outcomes alone do, if no input is known",
    SAMPLING: "what all rows have against the explained ones",
}

Rows = list[ErrorAttribution]


def error_gaps(record: AuditRecord, assumed: str) -> tuple[Block, ...]:
    """Tell where gaps in error come through; nothing without a model and recorded outcomes.

    ``assumed`` is what attributions take for granted of how rows were drawn.
    """
    e = record.error_explanation
    if e.status is Status.NOT_APPLICABLE:
        return ()
    heading = Heading("Where the gap in the model's errors comes through")
    if e.status is not Status.OK:
        return heading, Paragraph(f"{words.sentence_case(words.plain(e.note)).rstrip('.')}.")
    single = [row for row in record.error_attributions if CROSS not in row.attribute]
    groups: dict[tuple[str, str], Rows] = {}
    for row in single:
        groups.setdefault((row.attribute, row.group), []).append(row)
    return (
        heading,
        Paragraph(" ".join(part for part in (_how(record), assumed) if part)),
        Bullets(tuple(_worst(record, attribute, groups) for attribute in _attributes(single))),
        _table(record, groups),
    )


def _attributes(rows: Rows) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.attribute for row in rows))


def _how(record: AuditRecord) -> str:
    e = record.error_explanation
    made = measures.made(record.system)
    losses = {
        "Brier score": (
            "the squared distance of the model's probability of the recorded outcome "
            f"({words.name(record.system.positive)}) from what was recorded, 1 or 0; its mean is "
            "the Brier score"
        ),
        "error rate": f"1 where the {made} is not what was recorded, and 0 where it is",
        "amount": f"how far the predicted amount is off, {measures.units(record.system)}",
    }
    other = "" if e.unit == record.explanation.unit else " and in another unit"
    return (
        f"The error of a row is {losses[e.unit]}. A part above 0 is error that the group has more "
        f"of than everyone else once the model is told the input. Explained "
        f"{words.count(e.rows)} of {words.count(e.rows_of)} rows with a recorded outcome, against "
        f"{words.count(e.background)} background rows, by {words.plain(e.method)}. These are parts "
        f"of the error, not of the output{other}: they are not to be compared with the "
        f"attributions above. Recorded outcomes may be wrong themselves."
    )


def gap(rows: Rows) -> float | None:
    """Add up the parts of a group's gap in mean error; none where they are withheld."""
    parts = [row.contribution for row in rows]
    return None if None in parts else math.fsum(part for part in parts if part is not None)


def _worst(record: AuditRecord, attribute: str, groups: dict[tuple[str, str], Rows]) -> str:
    """Say of whom the model is most wrong, and which inputs carry it beyond doubt."""
    known = [
        (size, rows)
        for (of, _), rows in groups.items()
        if of == attribute and (size := gap(rows)) is not None
    ]
    by = words.sentence_case(words.attribute(attribute))
    if not known:
        return f"{by}: no group has enough explained rows with a recorded outcome."
    size, rows = max(known, key=lambda pair: pair[0])
    unit = measures.unit(record.system, rows[0].unit)
    text = (
        f"{by}: the mean error about {words.group(rows[0].group)} is {words.quantity(abs(size))} "
        f"({unit}) {'higher' if size >= 0 else 'lower'} than about everyone else."
    )
    clear = [row for row in rows if row.feature not in LINES and _carries(row, size)]
    clear.sort(key=lambda row: -(row.contribution or 0.0))
    if not clear:
        return f"{text} No input is shown to carry any of it with this many rows."
    parts = words.listing(f"{_part(row)} through {_input(row)}" for row in clear[:MOST_NAMED])
    return f"{text} What the inputs carry of it: {parts}."


def _carries(row: ErrorAttribution, size: float) -> bool:
    """Whether an input carries more error in the group than in its rest, with 95 % confidence.

    What rounding leaves of an input that the model does not read is none.
    """
    return row.lower is not None and row.lower > LEAST * abs(size)


def _part(row: ErrorAttribution) -> str:
    return (
        f"{words.quantity(row.contribution or 0.0, signed=True)} "
        f"({words.quantity(row.lower or 0.0, signed=True)} to "
        f"{words.quantity(row.upper or 0.0, signed=True)})"
    )


def _input(row: ErrorAttribution) -> str:
    return row.feature if row.feature in LINES else words.name(row.feature)


def _table(record: AuditRecord, groups: dict[tuple[str, str], Rows]) -> Table:
    """Lay out the parts of every group, the groups about whom the model is most wrong first."""
    sizes = [(gap(rows), rows) for rows in groups.values()]
    sizes.sort(key=lambda pair: math.inf if pair[0] is None else -pair[0])
    found = [row for _, rows in sizes for row in rows]
    digits = words.decimals(max((abs(row.contribution or 0.0) for row in found), default=0.0))
    lines: list[tuple[str | Cell, ...]] = [
        (
            words.subject(row.attribute, row.group),
            _input(row),
            words.amount(row.contribution, digits),
            words.DASH
            if row.lower is None or row.upper is None
            else f"{words.amount(row.lower, digits)} to {words.amount(row.upper, digits)}",
            words.count(row.n),
        )
        for row in found[:MOST_ROWS]
    ]
    note = (
        "Over all lines of a group, the contributions add up to its gap in mean error over all "
        "rows with a recorded outcome. "
        + "".join(f"{name}: {what}. " for name, what in LINES.items())
        + "Every interval holds by itself: among many lines, some "
        "leave out 0 by chance. Crossed groups are in the record, audit.json."
    )
    if len(found) > MOST_ROWS:
        note += f" {cut(len(found), 'lines')}"
    unit = measures.unit(record.system, record.error_explanation.unit)
    return table(
        f"How much of each group's gap in mean error goes through each input, in {unit}",
        f"Group, against everyone else | Input | #Contribution | #{words.INTERVAL} | #Rows",
        lines,
        note,
    )
