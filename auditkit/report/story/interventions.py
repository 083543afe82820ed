"""What one altered input changes: another group's value, a number that rises, nothing told."""

from collections.abc import Iterable, Sequence

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
    Section,
    Table,
    cut,
    table,
)
from auditkit.results import ALL, AuditRecord, Flip, Removal, Response, Status

KIND = "flips"
MOST_NAMED = 5
MOST_DRAWN = 12
"""Rows of a table of stand-ins, of those that shift most: all pairs of groups are many."""
CAUTION = (
    "Here one input of sampled rows is altered, and the model is asked again. It is the model that "
    "is tried out, not the person: what goes along with an input in life stays as it was. So these "
    "numbers tell what an input does by itself, often less than what it does together with others, "
    "and nothing of what would become of a person whose life were another. They are not causal, "
    "and no outcome in this report rests on them."
)
HOW = (
    "Rows were drawn at random in each group, at most 200 of it; those with a decision are "
    "altered. Intervals are of the group's rows in these data; weights and clusters have no part "
    "in them. A row on which the model gives no answer or fails counts as decided otherwise."
)
RISING = (
    "One number is set to several values that people have, from the 5 % to the 95 % quantile, and "
    "everything else of a row is kept. What lies beyond, or between two of the values, is not seen."
)
REMOVED = (
    "Each row gets the cell of somebody drawn from all, so that the input tells nothing of the "
    "person; inputs that go along with it still may. Inputs that change most decisions come first."
)
SET = "set"


def altered(record: AuditRecord) -> tuple[Section, ...]:
    """Tell what altered inputs change; nothing without a model."""
    if not record.removals:
        return ()
    blocks: list[Block] = [Paragraph(CAUTION, "caution")]
    if not any(row.n for row in record.removals):
        blocks.append(Paragraph(f"Not looked at: {words.plain(record.removals[0].note)}."))
    else:
        blocks += [Paragraph(HOW, "note"), *_flips(record), *_rising(record), *_removed(record)]
    title = "What changes when one input is altered"
    return (Section("altered", title, "Inputs altered", tuple(blocks)),)


def pair(row: Flip) -> str:
    """Name whose rows are given whose value: ``female → male``."""
    return f"{words.group(row.group)} → {words.group(row.toward)}"


def drawn(record: AuditRecord, attribute: str) -> tuple[Flip, ...]:
    """List what is drawn of an attribute: its own input set to another group's value."""
    return tuple(row for row in record.flips if row.attribute == attribute and row.way == SET)


def _flips(record: AuditRecord) -> list[Block]:
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
        blocks.append(
            Evidence(_chart(attribute, title), _flip_table(rows, f"{title}: the numbers"))
        )
    for attribute in attributes(record):
        stand_ins = [f for f in record.flips if f.attribute == attribute and f.way != SET]
        if stand_ins:
            blocks += _stand_ins(attribute, stand_ins)
    return blocks


def _chart(attribute: str, title: str) -> Chart:
    return Chart(
        kind=KIND,
        subject="",
        attribute=attribute,
        title=title,
        description=(
            "For each group, and each other that it is told to be, the share selected after less "
            f"that before, in points, with a line over the {words.INTERVAL}. The table has the "
            "same numbers."
        ),
        note="Right of zero, more of these people are selected when the model is told otherwise.",
    )


def _own_words(record: AuditRecord, attribute: str) -> str:
    """Say which pair of groups moves most, or that none does, and what the data could miss."""
    rows = drawn(record, attribute)
    said = words.sentence_case(words.attribute(attribute))
    known = [row for row in rows if row.share is not None]
    if not known:
        return f"{said}: {words.plain(rows[0].note)}."
    most = max(known, key=lambda row: row.share or 0.0)
    if not most.share:
        return (
            f"{said}: no decision of a sampled row changed when the model was told another group; "
            f"a share of up to {words.percent(max(row.upper or 0.0 for row in known))} could have "
            "been missed."
        )
    which = f"the most of {len(known)} pairs: " if len(known) > 1 else ""
    return f"{said}, {which}{_counted(most)}"


def _counted(row: Flip) -> str:
    text = (
        f"of {words.count(row.n)} {words.group(row.group)} told as {words.group(row.toward)}, "
        f"{words.rate(row.share, True)} are decided otherwise ({words.INTERVAL} "
        f"{words.rate_span(row.lower, row.upper, True)}): {words.count(row.gained)} newly "
        f"selected, {words.count(row.lost)} no longer"
    )
    if lost := row.unanswered + row.failed:
        text += f", {words.count(lost)} without an answer"
    return f"{text}."


def _stand_ins(attribute: str, rows: Sequence[Flip]) -> list[Block]:
    """Tell what drawing one input from another group changes."""
    by = words.attribute(attribute)
    inputs = words.listing(words.name(f) for f in dict.fromkeys(row.feature for row in rows))
    text = (
        f"Inputs that carry most of the gaps by {by} in the model's answers, or that the plan "
        f"names: {inputs}. Each "
        "row keeps everything but that one input, whose value is drawn from people of the other "
        "group."
    )
    apart = [row for row in rows if row.net is not None and _is_apart(row.net_lower, row.net_upper)]
    if apart:
        most = max(apart, key=lambda row: abs(row.net or 0.0))
        text += (
            f" The largest shift whose interval leaves out zero: with {words.name(most.feature)} "
            f"drawn from {words.group(most.toward)}, the share of {words.group(most.group)} that "
            f"is selected shifts by {words.POINTS.value(most.net)} ({words.INTERVAL} "
            f"{words.POINTS.span(most.net_lower, most.net_upper)}). Of {words.count(len(rows))} "
            f"intervals {words.count(len(apart))} leave out zero; by chance alone about 1 in 20 "
            "does."
        )
    else:
        text += (
            " No shift in who is selected is so large that its interval leaves out zero, which is "
            "not to say that these inputs do nothing."
        )
    shown = sorted(rows, key=lambda row: -abs(row.net or 0.0))
    caption = f"One input drawn from another group, by {by}"
    return [
        Heading(f"Inputs that may stand in for {by}"),
        Paragraph(text),
        _flip_table(shown, caption, MOST_DRAWN),
    ]


def _is_apart(lower: float | None, upper: float | None) -> bool:
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def _flip_table(rows: Sequence[Flip], caption: str, most: int = MOST_ROWS) -> Table:
    own = all(row.way == SET for row in rows)
    units = {row.unit for row in rows if row.unit}
    unit = f" | #Mean output, {words.plain(next(iter(units)))}" if units else ""
    cells: list[tuple[str | Cell, ...]] = [
        (
            Cell(pair(row), detail=words.plain(row.note)),
            *([] if own else [words.name(row.feature)]),
            words.count(row.n),
            _share(row.share, row.lower, row.upper),
            words.count(row.gained),
            words.count(row.lost),
            _points(row.net, row.net_lower, row.net_upper),
            *([_quantity(row.mean_change, row.mean_lower, row.mean_upper)] if units else []),
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
        f"{named} | #n | #Decided otherwise | #Newly selected | #No longer | #Selected, points"
        f"{unit}",
        cells,
        note,
    )


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
        moving = {r.feature for r in rows if r.both or r.loses or r.failed or _switches(r)}
        if rows and moving:
            blocks.append(_response_table([r for r in rows if r.feature in moving], attribute))
    return blocks


def _need(record: AuditRecord) -> tuple[str, ...]:
    """Say whether more need, as the plan names it, can lose anybody the place."""
    need = record.system.need
    if not need:
        return ()
    rows = [r for r in record.responses if r.feature == need and r.status is not Status.UNDEFINED]
    everyone = [r for r in rows if r.attribute == ALL and r.n]
    if not everyone:
        text = f"Need ({words.name(need)}) is not an input that could be raised here, so whether "
        return (f"{text}more need can lose a person the place is not known.",)
    first = everyone[0]
    losing = [r for r in rows if r.loses and r.attribute != ALL]
    if not first.loses and not losing:
        return (
            f"More need ({words.name(need)}) lost none of {words.count(first.n)} sampled people "
            f"the place, at {words.count(first.points)} values.",
        )
    named = words.few(
        [f"{r.loses:,} of {r.n:,} {words.subject(r.attribute, r.group)}" for r in losing],
        MOST_NAMED,
    )
    text = (
        f"More need can lose people their place: as need ({words.name(need)}) rises and all else "
        f"is kept, {words.count(first.loses)} of {words.count(first.n)} sampled people are "
        "selected at some need and not at a greater one"
    )
    return (f"{text} ({named})." if named else f"{text}.",)


def _turning(everyone: Sequence[Response]) -> tuple[str, ...]:
    """Name the inputs whose output goes both ways, and those with opposite ways for some."""
    known = [row for row in everyone if row.status is not Status.UNDEFINED and row.n]
    both = [row for row in known if row.both or (row.rises and row.falls)]
    said = []
    if both:
        named = words.few(
            [f"{words.name(r.feature)} ({_ways(r)}, of {r.n:,} rows)" for r in both], MOST_NAMED
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
    return tuple(said) or ("No input could be looked at.",)


def _ways(row: Response) -> str:
    ways = (("up", row.rises), ("down", row.falls), ("both", row.both))
    return words.listing(f"{number:,} {way}" for way, number in ways if number)


def _response_table(rows: Sequence[Response], attribute: str) -> Table:
    everyone = attribute == ALL
    unit = words.plain(next((row.unit for row in rows if row.unit), ""))
    cells: list[tuple[str | Cell, ...]] = [
        (
            Cell(words.name(r.feature), detail=words.plain(r.note) if everyone else ""),
            *([] if everyone else [Cell(words.group(r.group), detail=words.plain(r.note))]),
            words.count(r.n),
            *(words.count(number) for number in (r.rises, r.falls, r.both, r.steady, r.loses)),
            _switch(r),
        )
        for r in rows[:MOST_ROWS]
    ]
    of = "everyone" if everyone else f"by {words.attribute(attribute)}"
    note = (
        f"Rises and falls are of the output ({unit}). Loses: selected at some value, not at a "
        "higher one. Switch: between which neighbouring values the share selected differs most, "
        "and from what to what; a dash where that may be chance. "
    )
    return table(
        f"What the model does as one number rises, {of}",
        f"Input | {'' if everyone else 'Group | '}#n | #Rises | #Falls | #Both | #Steady | #Loses "
        "| #Decisions switch most",
        cells,
        f"{note}{cut(len(rows), 'rows')}".strip(),
    )


def _switches(row: Response) -> bool:
    return _is_apart(row.step_lower, row.step_upper)


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
            _share(row.changed, row.lower, row.upper),
        )
        for row in everyone[:MOST_ROWS]
    ]
    blocks: list[Block] = [
        Heading("An input's information taken away"),
        Paragraph(REMOVED),
        Bullets(_without(record, everyone)),
        table(
            "Decisions without the information of one input, everyone",
            "Input | #n | #Askings without an answer | #Decided otherwise",
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
        said.append(f"Most decisions change without: {named}.")
    if none:
        upper = max(row.upper or 0.0 for row in known if not row.changed)
        said.append(
            f"No sampled decision of everyone's changed without: {words.few(none)}; a share of up "
            f"to {words.percent(upper)} could have been missed."
        )
    moved = [
        r for r in record.removals if r.gap is not None and _is_apart(r.gap_lower, r.gap_upper)
    ]
    if moved:
        most = max(moved, key=lambda row: abs(row.gap_change or 0.0))
        after = (most.gap or 0.0) + (most.gap_change or 0.0)
        said.append(
            f"The gap that moves most: without {words.name(most.feature)}, that of "
            f"{words.subject(most.attribute, most.group)} to everyone else is "
            f"{words.POINTS.value(after)} and no longer {words.POINTS.value(most.gap)} (change "
            f"{words.POINTS.value(most.gap_change)}, {words.INTERVAL} "
            f"{words.POINTS.span(most.gap_lower, most.gap_upper)}). Among so many gaps, some move "
            "by chance."
        )
    return tuple(said) or ("Nothing could be counted.",)


def _gap_table(record: AuditRecord, attribute: str) -> Table:
    rows = [row for row in record.removals if row.attribute == attribute]
    unit = words.plain(next((row.unit for row in rows if row.unit), ""))
    cells: list[tuple[str | Cell, ...]] = [
        (
            words.name(row.feature),
            Cell(words.group(row.group), detail=words.plain(row.note)),
            words.count(row.n),
            _share(row.changed, row.lower, row.upper),
            words.POINTS.number(row.gap, signed=True),
            _points(row.gap_change, row.gap_lower, row.gap_upper),
            *(
                [
                    words.DASH if row.output_gap is None else words.quantity(row.output_gap, True),
                    _quantity(row.output_change, row.output_lower, row.output_upper),
                ]
                if unit
                else []
            ),
        )
        for row in rows[:MOST_ROWS]
    ]
    more = f" | #Gap in mean output, {unit} | #Change of it" if unit else ""
    return table(
        f"The gap to everyone else without the information of one input, by "
        f"{words.attribute(attribute)}",
        f"Input | Group | #n | #Decided otherwise | #Gap selected, points | #Change of it{more}",
        cells,
        f"Gaps are of the sampled rows. Small print under a number: its {words.INTERVAL}. "
        f"{cut(len(rows), 'rows')}".strip(),
    )


def _share(share: float | None, lower: float | None, upper: float | None) -> str | Cell:
    if share is None:
        return words.DASH
    return Cell(words.rate(share, True), detail=words.rate_span(lower, upper, True))


def _points(value: float | None, lower: float | None, upper: float | None) -> str | Cell:
    if value is None:
        return words.DASH
    return Cell(words.POINTS.number(value, signed=True), detail=words.POINTS.span(lower, upper))


def _quantity(value: float | None, lower: float | None, upper: float | None) -> str | Cell:
    """Write an amount with its interval; without a spread it has none."""
    if value is None:
        return words.DASH
    if lower is None or upper is None:
        return words.quantity(value, signed=True)
    return Cell(
        words.quantity(value, signed=True),
        detail=f"{words.quantity(lower)} to {words.quantity(upper)}",
    )
