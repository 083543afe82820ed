"""Several classes, each against all others: what was decided of whom, and for which group less."""

from collections.abc import Iterator

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    Block,
    Bullets,
    Cell,
    Heading,
    Paragraph,
    Section,
    Table,
    table,
)
from auditkit.results import (
    ALL,
    CROSS,
    MACRO,
    AuditRecord,
    ClassDisparity,
    ClassMeasurement,
    ConfusionCell,
    Status,
)

RECALL = "true_positive_rate"
MOST_COLUMNS = 5
"""Groups side by side in one table; more are told in another table below it."""
MOST_GAPS = 6
MOST_CONFUSED = 8
"""Classes of which everybody's decisions are laid out; more are no table to read."""


def class_by_class(record: AuditRecord) -> tuple[Section, ...]:
    """Tell recall class by class and group by group; nothing where the task is binary."""
    if not record.class_measurements:
        return ()
    names = classes(record)
    blocks: list[Block] = [
        Paragraph(
            f"Label and decision have {len(names)} classes: "
            f"{words.few([words.name(name) for name in names])}. The verdict reads one question "
            f"out of them: {_question(record)}. Here every class stands against all others; "
            f"nothing in this section changes the verdict."
        ),
        *_gaps(record),
        _everyone(record, names),
        *_confused(record, names),
    ]
    for attribute in dict.fromkeys(m.attribute for m in record.class_measurements):
        if attribute != ALL and CROSS not in attribute:
            blocks += _by(record, attribute, names)
    blocks.append(
        Paragraph(
            "Other rates of each class, their gaps, crossed groups and what was decided of whom "
            "in each group are in the record, audit.json, tables class_measurements, "
            "class_disparities and confusion.",
            "note",
        )
    )
    return (Section("classes", "Class by class", "Classes", tuple(blocks)),)


def classes(record: AuditRecord) -> list[str]:
    """Name the classes in order."""
    return [name for name in dict.fromkeys(m.class_ for m in record.class_measurements)
            if name != MACRO]  # fmt: skip


def _question(record: AuditRecord) -> str:
    """Say which binary question the verdict reads out of the classes."""
    selected = f"who is selected ({measures.rule(record.system)})"
    if not record.system.label:
        return selected
    return f"who is recorded as {measures.label(record.system)}, and {selected}"


def _named(name: str) -> str:
    return "mean over the classes" if name == MACRO else words.name(name)


def _gaps(record: AuditRecord) -> Iterator[Block]:
    """Name classes and groups whose people are decided as recorded less often than the rest."""
    known = [
        d
        for d in record.class_disparities
        if d.metric == RECALL and d.difference is not None and d.status is Status.OK
    ]
    if not known:
        return
    lower = [d for d in known if d.upper is not None and d.upper < 0 and d.class_ != MACRO]
    lower.sort(key=lambda d: (CROSS in d.attribute, d.difference))
    yield Heading("Who is decided as recorded less often than everyone else")
    if not lower:
        yield Paragraph(
            "Of no class, no group is clearly decided as recorded less often than everyone "
            "else, as far as these data tell. Groups with few people could be without showing it."
        )
        return
    yield Bullets(tuple(_sentence(record, d) for d in lower[:MOST_GAPS]))
    more = len(lower) - MOST_GAPS
    yield Paragraph(
        (f"{words.count(more)} more are in the record. " if more > 0 else "")
        + f"In brackets: the difference's {words.INTERVAL}, all of it below 0. Each class "
        "and group is looked at by itself: among many, some are named by chance.",
        "note",
    )


def _sentence(record: AuditRecord, gap: ClassDisparity) -> str:
    who, name = words.subject(gap.attribute, gap.group), words.name(gap.class_)
    own = next(m for m in _recalls(record, gap.attribute)
               if (m.class_, m.group) == (gap.class_, gap.group))  # fmt: skip
    others = None if own.estimate is None else own.estimate - (gap.difference or 0.0)
    text = (
        f"{words.sentence_case(who)}: of {words.plural(own.n, 'person', 'people')} recorded as "
        f"{name}, {words.rate(own.estimate, True)} were decided as {name}, of everyone else "
        f"{words.rate(others, True)}: {words.POINTS.value(gap.difference)} "
        f"({words.POINTS.span(gap.lower, gap.upper)})."
    )
    instead = [
        c
        for c in record.confusion
        if (c.attribute, c.group, c.actual) == (gap.attribute, gap.group, gap.class_)
        and c.decided != gap.class_
        and c.share
    ]
    if not instead:
        return text
    most = max(instead, key=lambda c: c.share or 0.0)
    return (
        f"{text} Decided otherwise, they were most often decided as {words.name(most.decided)} "
        f"({words.rate(most.share, True)})."
    )


def _recalls(record: AuditRecord, attribute: str) -> list[ClassMeasurement]:
    return [m for m in record.class_measurements
            if (m.metric, m.attribute) == (RECALL, attribute)]  # fmt: skip


def _everyone(record: AuditRecord, names: list[str]) -> Table:
    """State the rates of every class among everybody, and their means beside them."""
    told = {(m.class_, m.metric): m for m in record.class_measurements if m.attribute == ALL}
    columns = (RECALL, "precision", "false_positive_rate", "base_rate", "selection_rate")
    rows: list[tuple[str | Cell, ...]] = [
        (_named(name), *(_rate(told.get((name, metric)), record) for metric in columns))
        for name in (*names, MACRO)
    ]
    return table(
        "Everyone, class by class",
        "Class | #Decided as recorded (recall) | #Recorded as decided (precision) | #Decided so "
        "though recorded otherwise | #Share recorded so | #Share decided so",
        rows,
        f"Recall: of people recorded as the class, the share decided as it. Precision: of people "
        f"decided as the class, the share recorded as it. Under each: its 95{words.THIN}% "
        f"interval, where there is one. The mean counts every class alike, however few its people.",
    )


def _rate(m: ClassMeasurement | None, record: AuditRecord) -> Cell:
    if m is None:
        return Cell(words.DASH)
    if m.estimate is None:
        return Cell(words.DASH, detail="nobody to count" if m.status is Status.UNDEFINED else "")
    span = words.rate_span(m.lower, m.upper, True)
    few = f"few: at least {record.policy.floor} wanted" * (m.status is Status.INSUFFICIENT)
    details = [part for part in ("" if span == words.DASH else span, few) if part]
    return Cell(words.rate(m.estimate, True), detail="; ".join(details))


def _confused(record: AuditRecord, names: list[str]) -> Iterator[Block]:
    cells = {(c.actual, c.decided): c for c in record.confusion if c.attribute == ALL}
    if not cells or len(names) > MOST_CONFUSED:
        return
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(words.name(actual), detail=words.plural(cells[actual, actual].actual_n, "person",
                                                         "people")),
            *(_share(cells[actual, decided]) for decided in names),
        )
        for actual in names
    ]  # fmt: skip
    decided = " | ".join(f"#{_column(name)}" for name in names)
    yield table(
        "Everyone: what was decided of people recorded as each class",
        f"Recorded as | {decided}",
        rows,
        f"A row adds up to 100{words.THIN}%. Under a share: how many people.",
    )


def _column(name: str) -> str:
    """Spell a name for the head of a column, where ``|`` and ``#`` have a meaning."""
    return words.name(name).replace("|", "¦").lstrip("#") or words.REPLACEMENT


def _share(cell: ConfusionCell) -> Cell:
    return Cell(words.rate(cell.share, True), detail=words.count(cell.n))


def _by(record: AuditRecord, attribute: str, names: list[str]) -> Iterator[Block]:
    """Lay out recall with the classes as rows and the groups as columns."""
    told = {(m.class_, m.group): m for m in _recalls(record, attribute)}
    if all(m.status is Status.NOT_APPLICABLE for m in told.values()):
        return  # no outcome is recorded
    groups = list(dict.fromkeys(group for _, group in told))
    wide = -(-len(groups) // -(-len(groups) // MOST_COLUMNS))  # tables of about one width
    parts = [groups[i : i + wide] for i in range(0, len(groups), wide)]
    yield Heading(f"By {words.attribute(attribute)}")
    for place, some in enumerate(parts, start=1):
        rows: list[tuple[str | Cell, ...]] = [
            (_named(name), *(_with_n(told[name, group], record) for group in some))
            for name in (*names, MACRO)
        ]
        which = f" ({place} of {len(parts)})" if len(parts) > 1 else ""
        heads = " | ".join(f"#{_column_of(group)}" for group in some)
        yield table(
            f"Decided as recorded (recall), by {words.attribute(attribute)}{which}",
            f"Class | {heads}",
            rows,
            f"Of people recorded as the class, the share decided as it; under it the "
            f"{words.INTERVAL} and how many people it is of.",
        )


def _column_of(group: str) -> str:
    return words.group(group).replace("|", "¦").lstrip("#") or words.REPLACEMENT


def _with_n(m: ClassMeasurement, record: AuditRecord) -> Cell:
    cell = _rate(m, record)
    counted = f"n = {words.count(m.n)}" if m.n else ""
    return Cell(cell.text, detail="; ".join(part for part in (cell.detail, counted) if part))
