"""What one altered input changes: another group's value, a number that rises, nothing told."""

from collections.abc import Iterable, Sequence

from auditkit.report.story import words
from auditkit.report.story.comparisons import attributes
from auditkit.report.story.flips import (
    AMOUNT,
    flipped,
    is_apart,
    otherwise,
    points_cell,
    quantity_cell,
    share_cell,
)
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Heading,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.results import ALL, AuditRecord, Removal, Response, Status

MOST_NAMED = 5
CAUTION = (
    "Here one input of sampled rows is altered, and the model is asked again. It is the model that "
    "is tried out, not the person: what goes along with an input in life stays as it was. So these "
    "numbers tell what an input does by itself, often less than what it does together with others, "
    "and nothing of what would become of a person whose life were another. They are not causal, "
    "and no outcome in this report rests on them."
)
HOW = (
    "Rows were drawn at random in each group, at most 200 of it; those with an answer are "
    "altered. Intervals are of the group's rows in these data; weights and clusters have no part "
    "in them. A row on which the model gives no answer or fails counts as told otherwise."
)
RISING = (
    "One number is set to several values that people have, from the 5 % to the 95 % quantile, and "
    "everything else of a row is kept. What lies beyond, or between two of the values, is not seen."
)
REMOVED = (
    "Each row gets the cell of somebody drawn from all, so that the input tells nothing of the "
    "person; inputs that go along with it still may. Inputs that change most answers come first."
)


def altered(record: AuditRecord) -> tuple[Section, ...]:
    """Tell what altered inputs change; nothing without a model."""
    if not record.removals:
        return ()
    blocks: list[Block] = [Paragraph(CAUTION, "caution")]
    if not any(row.n for row in record.removals):
        blocks.append(Paragraph(f"Not looked at: {words.plain(record.removals[0].note)}."))
    else:
        blocks += [Paragraph(HOW, "note"), *flipped(record), *_rising(record), *_removed(record)]
    title = "What changes when one input is altered"
    return (Section("altered", title, "Inputs altered", tuple(blocks)),)


def _rising(record: AuditRecord) -> list[Block]:
    """Tell which way the output goes as a number rises, and where decisions switch."""
    blocks: list[Block] = [Heading("One number rising")]
    blocks += [Bullets(need)] if (need := _need(record)) else []
    if not record.responses:
        return [*blocks, Paragraph("No input of the model is a number with an order.")]
    everyone = [row for row in record.responses if row.attribute == ALL]
    blocks += [Paragraph(RISING), Bullets(_turning(everyone)), _response_table(everyone, ALL)]
    for attribute in attributes(record):
        rows = [row for row in record.responses if row.attribute == attribute]
        moving = {r.feature for r in rows if r.both or r.loses or _mute(r) or _switches(r)}
        if rows and moving:
            blocks.append(_response_table([r for r in rows if r.feature in moving], attribute))
    return blocks


def _need(record: AuditRecord) -> tuple[str, ...]:
    """Say whether more need, as the plan names it, can lose anybody the place."""
    need = record.system.need
    if not need:
        return ()
    rows = [r for r in record.responses if r.feature == need and r.status is not Status.UNDEFINED]
    everyone = [r for r in rows if r.attribute == ALL and r.loses is not None]
    if not everyone:
        why = f"Need ({words.name(need)}) is not an input that could be raised here"
        if any(r.n for r in rows):
            why = f"Too few sampled people get an answer at every need ({words.name(need)})"
        return (f"{why}, so whether more need can lose a person the place is not known.",)
    first = everyone[0]
    losing = [r for r in rows if r.loses and r.attribute != ALL]
    missed = ""
    if mute := _mute(first):
        missed = (
            f" {words.count(mute)} more get no answer at some need, or the model fails on them: "
            "whether need loses them the place is not known."
        )
    if any(_mute(r) or r.status is not Status.OK for r in rows):
        missed += " Not every group could be looked at with enough rows; the tables say which."
    if not first.loses and not losing:
        text = (
            f"More need ({words.name(need)}) lost none of {words.count(_told(first))} sampled "
            f"people the place, at {words.count(first.points)} values; a share of up to "
            f"{words.percent(first.loses_upper or 1.0)} could have been missed."
        )
        return (text + missed,)
    named = words.few(
        [f"{r.loses:,} of {_told(r):,} {words.subject(r.attribute, r.group)}" for r in losing],
        MOST_NAMED,
    )
    text = (
        f"More need can lose people their place: as need ({words.name(need)}) rises and all else "
        f"is kept, {words.count(first.loses or 0)} of {words.count(_told(first))} sampled people "
        f"({words.INTERVAL} {words.rate_span(first.loses_lower, first.loses_upper, True)}) are "
        "selected at some need and not at a greater one"
    )
    return ((f"{text}: {named}." if named else f"{text}.") + missed,)


def _told(row: Response) -> int:
    """Count the rows that get an answer at every value."""
    return row.rises + row.falls + row.both + row.steady


def _mute(row: Response) -> int:
    """Count the rows without an answer at some value, of which nothing else is counted."""
    return row.unanswered + row.failed


def _turning(everyone: Sequence[Response]) -> tuple[str, ...]:
    """Name the inputs whose output goes both ways, and those with opposite ways for some."""
    known = [row for row in everyone if row.status is not Status.UNDEFINED and row.n]
    both = [row for row in known if row.both or (row.rises and row.falls)]
    said = []
    if both:
        named = words.few(
            [f"{words.name(r.feature)} ({_ways(r)}, of {_told(r):,} rows)" for r in both],
            MOST_NAMED,
        )
        said.append(f"Not one way for everybody: {named}.")
    one = [(up, row) for row in known if row not in both for up in (row.rises, -row.falls) if up]
    for sign, text in ((1, "Only ever upward"), (-1, "Only ever downward")):
        names = [words.name(row.feature) for up, row in one if up * sign > 0]
        if names:
            said.append(f"{text}, in every sampled row that it moves: {words.few(names)}.")
    still = [words.name(r.feature) for r in known if r.steady and r.steady == r.n]
    if still:
        said.append(f"No sampled row's output moved with: {words.few(still)}.")
    mute = [f"{words.name(r.feature)} ({_mute(r):,} of {r.n:,} rows)" for r in known if _mute(r)]
    if mute:
        said.append(
            f"No answer at some value, or a failure, and so none of what is said here: "
            f"{words.few(mute)}."
        )
    return tuple(said) or ("No input could be looked at.",)


def _ways(row: Response) -> str:
    ways = (("up", row.rises), ("down", row.falls), ("both", row.both))
    return words.listing(f"{number:,} {way}" for way, number in ways if number)


def _response_table(rows: Sequence[Response], attribute: str) -> Table:
    everyone, amount = attribute == ALL, rows[0].unit == AMOUNT
    unit = words.plain(next((row.unit for row in rows if row.unit), ""))
    cells: list[tuple[str | Cell, ...]] = [
        (
            Cell(words.name(r.feature), detail=words.plain(r.note) if everyone else ""),
            *([] if everyone else [Cell(words.group(r.group), detail=words.plain(r.note))]),
            words.count(r.n),
            *(words.count(number) for number in (r.rises, r.falls, r.both, r.steady)),
            *([] if amount else [_loses(r), _switch(r)]),
        )
        for r in rows[:MOST_ROWS]
    ]
    of = "everyone" if everyone else f"by {words.attribute(attribute)}"
    note = f"Rises and falls are of the output ({unit}). "
    if not amount:
        note += (
            f"Loses: selected at some value, not at a higher one, with the {words.INTERVAL} of "
            "that share. Switch: between which neighbouring values the share selected differs "
            "most, and from what to what; a dash where that may be chance. "
        )
    if any(map(_mute, rows)):
        note += (
            "Rows without an answer at some value, or on which the model fails, are in n and in "
            "none of the other numbers. "
        )
    columns = f"Input | {'' if everyone else 'Group | '}#n | #Rises | #Falls | #Both | #Steady"
    return table(
        f"What the model does as one number rises, {of}",
        columns if amount else f"{columns} | #Loses | #Decisions switch most",
        cells,
        f"{note}{cut(len(rows), 'rows')}".strip(),
    )


def _loses(row: Response) -> str | Cell:
    if row.loses is None or row.loses_lower is None:
        return words.DASH
    span = words.rate_span(row.loses_lower, row.loses_upper, True)
    return Cell(words.count(row.loses), detail=span)


def _switches(row: Response) -> bool:
    return is_apart(row.step_lower, row.step_upper)


def _switch(row: Response) -> str | Cell:
    if not _switches(row):
        return words.DASH
    place = "at a level" if row.near is None else f"near {words.quantity(row.near)}"
    before, after = words.rate(row.before, True), words.rate(row.after, True)
    return Cell(place, detail=f"{before} to {after}")


def _removed(record: AuditRecord) -> list[Block]:
    """Tell what becomes of decisions and gaps without each input."""
    everyone = [row for row in record.removals if row.attribute == ALL]
    cells: list[tuple[str | Cell, ...]] = [
        (
            Cell(words.name(row.feature), detail=words.plain(row.note)),
            words.count(row.n),
            words.count(row.unanswered + row.failed),
            share_cell(row.changed, row.lower, row.upper),
        )
        for row in everyone[:MOST_ROWS]
    ]
    told = otherwise(everyone[0])
    blocks: list[Block] = [
        Heading("An input's information taken away"),
        Paragraph(REMOVED),
        Bullets(_without(record, everyone)),
        table(
            "Answers without the information of one input, everyone",
            f"Input | #n | #Askings without an answer | #{words.sentence_case(told)}",
            cells,
            f"Small print under a number: its {words.INTERVAL}. {cut(len(everyone), 'inputs')}",
        ),
    ]
    return [*blocks, *(_gap_table(record, attribute) for attribute in attributes(record)
                       if any(row.attribute == attribute for row in record.removals))]  # fmt: skip


def _without(record: AuditRecord, everyone: Iterable[Removal]) -> tuple[str, ...]:
    """Name the inputs that change most, those that change nothing, the gap that moves most."""
    known = [row for row in everyone if row.changed is not None]
    some = [row for row in known if row.changed]
    none = [words.name(row.feature) for row in known if not row.changed]
    said = []
    if some:
        named = words.few(
            [f"{words.name(r.feature)} ({words.rate(r.changed, True)})" for r in some[:3]]
        )
        said.append(f"Most answers change without: {named}.")
    if none:
        upper = max(row.upper or 0.0 for row in known if not row.changed)
        said.append(
            f"No answer about everyone's sampled rows changed without: {words.few(none)}; a share "
            f"of up to {words.percent(upper)} could have been missed."
        )
    moved = [row for row in record.removals if is_apart(*_gap(row)[2:])]
    if moved:
        most = max(moved, key=lambda row: abs(_gap(row)[1] or 0.0))
        gap, change, low, high = _gap(most)
        scale = words.UNITS if most.unit == AMOUNT else words.POINTS
        said.append(
            f"The gap that moves most: without {words.name(most.feature)}, that of "
            f"{words.subject(most.attribute, most.group)} to everyone else is "
            f"{scale.value((gap or 0.0) + (change or 0.0))} and no longer {scale.value(gap)} "
            f"(change {scale.value(change)}, {words.INTERVAL} {scale.span(low, high)}). Among "
            "so many gaps, some move by chance."
        )
    return tuple(said) or ("Nothing could be counted.",)


def _gap(row: Removal) -> tuple[float | None, float | None, float | None, float | None]:
    """Give the gap in who is selected, or in mean amount, and its change with the interval."""
    if row.unit == AMOUNT:
        return row.output_gap, row.output_change, row.output_lower, row.output_upper
    return row.gap, row.gap_change, row.gap_lower, row.gap_upper


def _gap_table(record: AuditRecord, attribute: str) -> Table:
    rows = [row for row in record.removals if row.attribute == attribute]
    unit = words.plain(next((row.unit for row in rows if row.unit), ""))
    cells: list[tuple[str | Cell, ...]] = [
        (
            words.name(row.feature),
            Cell(words.group(row.group), detail=words.plain(row.note)),
            words.count(row.n),
            share_cell(row.changed, row.lower, row.upper),
            *(
                []
                if unit == AMOUNT
                else [
                    words.POINTS.number(row.gap, signed=True),
                    points_cell(row.gap_change, row.gap_lower, row.gap_upper),
                ]
            ),
            *(
                [
                    words.DASH if row.output_gap is None else words.quantity(row.output_gap, True),
                    quantity_cell(row.output_change, row.output_lower, row.output_upper),
                ]
                if unit
                else []
            ),
        )
        for row in rows[:MOST_ROWS]
    ]
    points = "" if unit == AMOUNT else " | #Gap selected, points | #Change of it"
    more = f" | #Gap in mean output, {unit} | #Change of it" if unit else ""
    return table(
        f"The gap to everyone else without the information of one input, by "
        f"{words.attribute(attribute)}",
        f"Input | Group | #n | #{words.sentence_case(otherwise(rows[0]))}{points}{more}",
        cells,
        f"Gaps are of the sampled rows. Small print under a number: its {words.INTERVAL}. "
        f"{cut(len(rows), 'rows')}".strip(),
    )
