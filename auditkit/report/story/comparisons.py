"""Rates by group, gaps against the limits, and every number that was measured, as tables."""

from collections.abc import Iterable, Iterator

from auditkit.measure import ONE_SIDED
from auditkit.report.story import gaps, measures, words
from auditkit.report.story.gaps import GapRow
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
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
from auditkit.results import (
    ALL,
    CROSS,
    NOT_RECORDED,
    RANGE,
    AuditRecord,
    Effect,
    Measurement,
    Requirement,
    Status,
)

MOST_CROSSED = 24
"""Figures of crossings in one report, those of the largest harm."""
MOST_DRAWN = 40
"""Groups in one figure; the table beside it has all of them."""

READING = (
    "How to read the figures: the shaded band is the policy's limit, in both directions. The thick "
    "bar runs between the two one-sided bounds that judge; the thin line is the 95\u202f% "
    "interval. ▲ the whole bar lies beyond the limit on one side; ● it lies inside; ◆ it crosses "
    "the edge, so these data cannot tell. Where a group has no bar, the reason stands in its place."
)


def unstratified(record: AuditRecord, metric: str, attribute: str) -> list[Measurement]:
    """List the measurements of one metric by the groups of an attribute, in the record's order."""
    return [
        m
        for m in record.measurements
        if (m.metric, m.attribute) == (metric, attribute) and m.stratum in gaps.UNSTRATIFIED
    ]


def worst_first(measured: list[Measurement], record: AuditRecord) -> list[Measurement]:
    """Order groups by how far their rate lies from everyone's; few people or no rate come last."""
    whole = overall(record, measured[0].metric) if measured else None
    middle = whole.estimate if whole and whole.estimate is not None else 0.0
    return sorted(
        measured,
        key=lambda m: (
            m.estimate is None,
            m.status != Status.OK,
            -abs((m.estimate or 0.0) - middle),
            m.group,
        ),
    )


def told_metrics(record: AuditRecord) -> tuple[str, ...]:
    """Name the metrics that apply to these data, in the record's order.

    Of two rates that add up to 100 % only one is told, unless a check is on the other.
    """
    applying = {m.metric for m in record.measurements if m.status != Status.NOT_APPLICABLE}
    checked = {c.metric for c in record.checks}
    order = dict.fromkeys(m.metric for m in record.measurements if m.metric in applying)
    return tuple(
        metric
        for metric in order
        if metric in checked or measures.COMPLEMENTS.get(metric) not in applying
    )


def overall(record: AuditRecord, metric: str) -> Measurement | None:
    """Find a metric's measurement on everyone."""
    return next(iter(unstratified(record, metric, ALL)), None)


def attributes(record: AuditRecord) -> tuple[str, ...]:
    """Name the attributes that have groups, single ones before crossings, in the record's order."""
    found = dict.fromkeys(g.attribute for g in record.groups if g.attribute != ALL)
    return tuple(sorted(found, key=lambda a: a.count(CROSS)))


# ------------------------------------------------------------------------------------ performance


def performance(record: AuditRecord) -> Section:
    """Tell the rates: of everyone, and of each group where it matters most."""
    metric = measures.primary(record)
    said = measures.words(metric, record.system)
    harm = (
        "Being selected is a burden, so the first question is who is selected without the recorded "
        "outcome."
        if record.system.outcome == "burden"
        else "Being selected is a benefit, so the first question is who is left out."
    )
    blocks: list[Block] = [
        Paragraph(f"{harm} {said.sentence}"),
        *(rates_by(record, metric, a) for a in attributes(record) if CROSS not in a),
        everyone(record),
    ]
    return Section("performance", "How the decisions turn out", "Performance", tuple(blocks))


def rates_by(record: AuditRecord, metric: str, attribute: str) -> Evidence:
    """Pair the figure of a metric on the groups of an attribute with its table."""
    said = measures.words(metric, record.system)
    by = words.attribute(attribute)
    measured = worst_first(unstratified(record, metric, attribute), record)
    shares = measures.is_share(record, metric)
    chart = Chart(
        kind="rates",
        subject=metric,
        attribute=attribute,
        title=f"{words.sentence_case(said.name)}, by {by}",
        description=(
            f"One line for each group of {by}: a dot at its rate, a line over its 95{words.THIN}% "
            "interval, and a dashed line at the rate of everyone. The table has the same numbers."
        ),
        note=_cut(len(measured)).strip(),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (words.group(m.group), *rate_cells(m, shares), remark(m, record.policy.floor))
        for m in measured[:MOST_ROWS]
    ]
    return Evidence(
        chart,
        table(
            f"{words.sentence_case(said.name)}, by {by}: the numbers",
            f"Group | #n | #of them | #Rate | #{words.INTERVAL} | Remark",
            rows,
            f"n: {said.among or 'rows counted'}. Of them: those who {said.event or 'count'}. "
            f"{cut(len(measured))}".strip(),
        ),
    )


def rate_cells(m: Measurement, shares: bool) -> tuple[Cell, str, str, str]:
    """State n, numerator, estimate and interval."""
    numerator = words.DASH if m.numerator is None else words.count(m.numerator)
    if m.denominator is not None and m.denominator != m.n:
        numerator += f" of {words.count(m.denominator)}"
    return (
        Cell(words.count(m.n), detail=words.told_by(m.effective_n)),
        numerator,
        words.rate(m.estimate, shares),
        words.rate_span(m.lower, m.upper, shares),
    )


def remark(m: Measurement, floor: int) -> str:
    """Say why a rate is worth less than others, or is none."""
    if m.note == ONE_SIDED:
        return m.note
    remarks = {
        Status.INSUFFICIENT: f"few: at least {floor} wanted",
        Status.UNDEFINED: "nobody to count" if not m.n else "no number can be formed",
        Status.NOT_APPLICABLE: "does not apply",
    }
    return remarks.get(m.status, "")


def _cut(groups: int) -> str:
    if groups <= MOST_DRAWN:
        return ""
    rest = "the table has all" if groups <= MOST_ROWS else "audit.json has all"
    return f" Drawn: the {MOST_DRAWN} of {groups} groups furthest apart; {rest}."


def everyone(record: AuditRecord, caption: str = "Rates of everyone") -> Table:
    """Lay out every metric that is told, for everyone."""
    rows: list[tuple[str | Cell, ...]] = []
    for metric in told_metrics(record):
        m = overall(record, metric)
        if m is not None:
            sentence = measures.words(metric, record.system).sentence
            rows.append((sentence, *rate_cells(m, measures.is_share(record, metric))))
    first, second = ("Rate", "Rate")
    if record.system.task == measures.REGRESSION:
        first, second = ("Measure", "Value")
    return table(
        caption,
        f"{first} | #n | #of them | #{second} | #{words.INTERVAL}",
        rows,
    )


# ------------------------------------------------------------------------------------ disparities


def disparities(record: AuditRecord) -> Section:
    """Tell each check group by group, requirement by requirement."""
    number = record.policy.hypotheses
    told, left_out = _told(record)
    blocks: list[Block] = [
        Paragraph(
            "Each group is compared with everyone else: all people with another recorded value of "
            f"the same attribute. The policy makes {words.plural(number, 'comparison')} that could "
            "hold the system back, and a breach is judged the more strictly for it."
        ),
        Paragraph(READING, "note"),
    ]
    for requirement in record.requirements:
        blocks += _requirement(requirement, record, told)
    if left_out:
        blocks.append(
            Paragraph(
                f"{words.plural(left_out, 'more figure')} of crossed groups would not fit on a "
                f"page that can be sent; audit.json has their numbers.",
                "note",
            )
        )
    if len(blocks) == 2:
        blocks.append(Paragraph("No check of the policy was made on these data."))
    return Section(
        "disparities", "Groups held against the policy's limits", "Disparities", tuple(blocks)
    )


def _told(record: AuditRecord) -> tuple[set[tuple[str, str]], int]:
    """Choose the checks and attributes that are drawn: single ones, and crossings by their harm.

    Returns
    -------
    told : set of (check, attribute)
    left_out : int
        How many crossings would make the page too large.
    """
    harm: dict[tuple[str, str], tuple[bool, bool, float]] = {}
    for row in gaps.rows(record, (c for c in gaps.unique_checks(record) if c.against != RANGE)):
        c = row.check
        if c.attribute not in ("", ALL):
            weight = (row.look is words.BEYOND, c.effect.blocks, row.harm)
            key = (c.check, c.attribute)
            harm[key] = max(weight, harm.get(key, weight))
    crossed = sorted((k for k in harm if CROSS in k[1]), key=lambda k: harm[k], reverse=True)
    single = {key for key in harm if CROSS not in key[1]}
    return single | set(crossed[:MOST_CROSSED]), max(0, len(crossed) - MOST_CROSSED)


def _requirement(
    requirement: Requirement, record: AuditRecord, told: set[tuple[str, str]]
) -> Iterator[Block]:
    checks = {
        check: [c for c in gaps.unique_checks(record) if c.check == check]
        for check in requirement.checks
    }
    if not any(checks.values()):
        return
    yield Heading(words.plain(f"{requirement.title} ({requirement.id})"))
    yield Paragraph(
        words.plain(f"{requirement.text} Standing of this requirement: {requirement.status}."),
        "note",
    )
    for check, found in checks.items():
        for c in found:
            if c.attribute in ("", ALL):
                said = measures.words(c.metric, record.system)
                look = words.LOOKS[c.outcome]
                reason = words.plain(c.note) or "no reason is recorded"
                asked = said.sentence
                if not measures.suits(c.metric, record.system):  # its words are of another task
                    asked = f"{words.sentence_case(words.spelled(check))}."
                yield Paragraph(
                    f"{asked} {look.symbol} {words.sentence_case(look.phrase)}: {reason}."
                )
        drawn = dict.fromkeys(
            c.attribute for c in found if c.attribute not in ("", ALL) and c.against != RANGE
        )
        for attribute in sorted(drawn, key=lambda a: a.count(CROSS)):
            if (check, attribute) not in told:
                continue
            yield evidence(record, check, attribute)
            if text := _range(record, check, attribute):
                yield Paragraph(text, "note")


def chart_title(row: GapRow, record: AuditRecord) -> str:
    """Name the figure of one check on one attribute."""
    said = measures.words(row.check.metric, record.system)
    kind = "ratio" if row.check.statistic == "ratio" else "gap"
    return (
        f"{words.sentence_case(said.name)}, by {words.attribute(row.check.attribute)}: "
        f"{kind} to everyone else"
    )


def evidence(record: AuditRecord, check: str, attribute: str) -> Evidence:
    """Pair the figure of one check on one attribute with its table."""
    rows = gaps.gap_rows(record, check, attribute)
    first = rows[0]
    title = chart_title(first, record)
    said = measures.words(first.check.metric, record.system)
    weight = {
        Effect.WARN: "This check warns; it does not hold the system back.",
        Effect.EXPLAIN: "This check is to be explained; it does not hold the system back.",
        Effect.NOTE: "This check is to be noted; it does not hold the system back.",
    }.get(first.check.effect, "This check can hold the system back.")
    chart = Chart(
        kind="gaps",
        subject=check,
        attribute=attribute,
        title=title,
        description=_description(rows),
        note=f"{said.sentence} Limit {first.limit} either way. {weight}{_cut(len(rows))}",
    )
    return Evidence(chart, _gap_table(f"{title}: the numbers", rows))


def _description(rows: list[GapRow]) -> str:
    """Describe a figure for those who cannot see it."""
    count = {look: sum(row.look.phrase == look for row in rows) for look in _phrases(rows)}
    told = words.listing(f"{n} {phrase}" for phrase, n in count.items())
    lead = rows[0]
    most = f" The largest gap is that of {lead.group}, {lead.gap}." if lead.judged else ""
    return f"Of {words.plural(len(rows), 'group')}: {told}.{most} The table has the same numbers."


def _phrases(rows: Iterable[GapRow]) -> dict[str, None]:
    return dict.fromkeys(row.look.phrase for row in rows)


def _gap_table(caption: str, rows: list[GapRow]) -> Table:
    word = "Ratio" if rows[0].scale.kind == "times" else "Gap"
    detectable = any(row.check.detectable is not None for row in rows)
    columns = (
        f"Group | Against the limit of {rows[0].limit} | #Rate "
        f"| #{word}, {words.INTERVAL} | #Bounds that judge"
        f"{' | #Detectable gap' if detectable else ''}"
    )
    cells: list[tuple[str | Cell, ...]] = [
        (
            row.group,
            gaps.verdict(row),
            Cell(row.rate, detail=row.counted),
            Cell(row.gap, detail="" if row.check.estimate is None else row.interval),
            row.bounds,
            *((row.detectable,) if detectable else ()),
        )
        for row in rows[:MOST_ROWS]
    ]
    notes = dict.fromkeys(
        f"{row.group}: {words.plain(row.check.note)}"
        for row in rows[:MOST_ROWS]
        if row.judged and row.check.note
    )
    told = [*(f"{note.rstrip('.')}." for note in notes), cut(len(rows))]
    return table(caption, columns, cells, " ".join(filter(None, told)))


def _range(record: AuditRecord, check: str, attribute: str) -> str:
    """Describe the distance between the two groups furthest apart; no verdict rests on it."""
    first = next(c for c in record.checks if c.check == check)
    found = next(
        (
            d
            for d in record.disparities
            if (d.metric, d.attribute, d.against, d.statistic)
            == (first.metric, attribute, RANGE, first.statistic)
        ),
        None,
    )
    if found is None or found.estimate is None:
        return ""
    scale = words.scale(found.statistic, measures.is_share(record, found.metric))
    named = [
        m
        for m in unstratified(record, found.metric, attribute)
        if m.estimate is not None and m.group != NOT_RECORDED
    ]
    high = max(named, key=lambda m: m.estimate or 0.0)
    low = min(named, key=lambda m: m.estimate or 0.0)
    few = [words.group(m.group) for m in named if m.n < record.policy.floor]
    lead = "Lowest over highest rate" if found.statistic == "ratio" else "Highest minus lowest rate"
    text = (
        f"{lead}: {scale.value(found.estimate).lstrip('+')} (interval "
        f"{scale.span(found.lower, found.upper)}), between {words.group(high.group)} and "
        f"{words.group(low.group)}. This describes the groups furthest apart; no "
        "verdict rests on it."
    )
    return f"{text} Few people are counted in {words.listing(few)}." if few else text
