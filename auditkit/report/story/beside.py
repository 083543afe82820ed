"""The system beside what is decided today: whom it leaves better or worse off, and both gaps."""

from collections.abc import Iterator

from auditkit.disparity import worse_off
from auditkit.metrics.registry import metrics
from auditkit.report.story import measures, words
from auditkit.report.story.comparisons import MOST_DRAWN
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
from auditkit.results import ALL, CROSS, AuditRecord, BaselineRate, Status

SYSTEM, TODAY = "system", "today"
BESIDE = "baseline"
"""Reason for which people are left out of this comparison alone: the scope of an exclusion."""


def beside_today(record: AuditRecord) -> tuple[Section, ...]:
    """Tell system and baseline side by side, the harm first; nothing without a baseline."""
    if not record.baseline:
        return ()
    first, *others = told_metrics(record)
    blocks: list[Block] = [
        Paragraph(
            f"About the same people it is also recorded what is decided today "
            f"({words.name(record.system.baseline)}). {_people(record)}"
        ),
        Paragraph(
            "The verdict is of the system alone: nothing in this section changes it. A system that "
            "does better than today can still be beyond a limit, and one within every limit can "
            "leave a group worse off than today.",
            "caution",
        ),
        *_first(record, first),
    ]
    for metric in others:
        blocks += _other(record, metric)
    blocks.append(_everyone(record))
    return (Section("beside", "Beside what is done today", "Beside today", tuple(blocks)),)


def told_metrics(record: AuditRecord) -> list[str]:
    """Name the rates told group by group: that of the harm, who is selected, those with a limit."""
    known = dict.fromkeys(r.metric for r in record.baseline if r.estimate is not None)
    wanted = [measures.primary(record), "selection_rate", *(c.metric for c in record.checks)]
    return [m for m in dict.fromkeys(wanted) if m in known] or list(known)[:1]


def rows_of(record: AuditRecord, metric: str, attribute: str) -> list[BaselineRate]:
    """List the rows of a metric by the groups of an attribute, those most worse off first."""
    rows = [r for r in record.baseline if (r.metric, r.attribute) == (metric, attribute)]
    return sorted(rows, key=lambda r: (r.change is None, r.status != Status.OK, -_harm(record, r)))


def _harm(record: AuditRecord, row: BaselineRate) -> float:
    """How much worse the system is than today, by what is decided to be harm; negative if better.

    A rate that harms nobody counts by its size.
    """
    change = row.change or 0.0
    found = worse_off(metrics()[row.metric], record.system.outcome, SYSTEM, TODAY, change)
    return {SYSTEM: abs(change), TODAY: -abs(change)}.get(found, abs(change))


def _people(record: AuditRecord) -> str:
    """Say how many people are compared, and who is not."""
    without = sum(e.rows for e in record.exclusions if e.scope == BESIDE and e.attribute == ALL)
    both = words.plural(record.rows.used - without, "person", "people")
    text = f"Both are counted on the {both} who have both decisions"
    if without:
        text += f"; {words.count(without)} with a decision of the system alone are left out here"
    return f"{text}. Rates can therefore differ from those above." if without else f"{text}."


def _first(record: AuditRecord, metric: str) -> Iterator[Block]:
    """Tell the rate of the harm: in sentences, and drawn for each attribute."""
    said = measures.words(metric, record.system)
    yield Heading(words.sentence_case(said.name))
    yield Paragraph(f"{said.sentence} {_overall(record, metric)}".strip())
    if bullets := _who(record, metric):
        yield Bullets(tuple(bullets))
        yield Paragraph(
            f"In brackets: the difference's {words.INTERVAL}. A group is called better or "
            "worse off where all of it lies on one side of 0. Each group is looked at by itself: "
            "among many, some are named by chance. The two lines of a group in the figures can "
            "overlap though their difference is clear, because both are about the same people.",
            "note",
        )
    if limited := _limited(record):
        yield Paragraph(limited, "note")
    for attribute in _attributes(record):
        yield Evidence(_chart(record, metric, attribute), _table(record, metric, attribute))


def _overall(record: AuditRecord, metric: str) -> str:
    row = next((r for r in record.baseline if (r.metric, r.attribute) == (metric, ALL)), None)
    if row is None or row.estimate is None or row.baseline is None:
        return ""
    return (
        f"Everyone: {words.rate(row.estimate, True)} by the system, "
        f"{words.rate(row.baseline, True)} today{_difference(row)}."
    )


def _difference(row: BaselineRate) -> str:
    """Say the difference and its interval behind two rates; empty where there is none."""
    if row.change is None:
        return ""
    text = f": {words.POINTS.value(row.change)}"
    if row.change_lower is None:
        return text
    return f"{text} ({words.POINTS.span(row.change_lower, row.change_upper)})"


def _who(record: AuditRecord, metric: str) -> list[str]:
    """Name the groups that the system leaves worse off than today, better off, and neither.

    Few people can show that they are worse off, but not that they are better off.
    """
    rows = [
        r for r in record.baseline
        if r.metric == metric and r.attribute != ALL and r.change is not None
    ]  # fmt: skip
    known = [r for r in rows if r.change_lower is not None and r.change_upper is not None]
    apart = [r for r in known if (r.change_lower or 0.0) > 0 or (r.change_upper or 0.0) < 0]
    worse = [r for r in apart if _harm(record, r) > 0]
    better = [r for r in apart if _harm(record, r) < 0 and r.status is Status.OK]
    if not known:
        return []
    neither = [
        r for r in known if r not in worse and r not in better and CROSS not in r.attribute
    ]  # fmt: skip
    worse.sort(key=lambda r: (CROSS in r.attribute, -_harm(record, r)))
    better.sort(key=lambda r: (CROSS in r.attribute, _harm(record, r)))
    none = "no group that was looked at, as far as these data tell"
    out = [f"Worse off than today: {words.few([*map(_named, worse)]) or none}."]
    if better:
        out.append(f"Better off than today: {words.few([*map(_named, better)])}.")
    if neither:
        named = [words.subject(r.attribute, r.group) for r in neither]
        out.append(f"Cannot tell from these data: {words.few(named)}.")
    return out


def _named(row: BaselineRate) -> str:
    return (
        f"{words.subject(row.attribute, row.group)}, {words.rate(row.estimate, True)} instead of "
        f"{words.rate(row.baseline, True)}{_difference(row).replace(':', ',', 1)}"
    )


def _limited(record: AuditRecord) -> str:
    """Say once why numbers stand without their intervals."""
    s = record.sampling
    if s.cluster:
        return (
            "People were drawn in clusters. This version has no intervals for two decisions about "
            "the same people then, so the numbers here stand without them: do not read small "
            "differences."
        )
    if s.weight or s.strata:
        how = "are weighted" if s.weight else "were drawn by strata"
        return (
            f"People {how}. This version has no interval of the difference then: do not read small "
            "differences."
        )
    return ""


def _attributes(record: AuditRecord) -> list[str]:
    found = dict.fromkeys(r.attribute for r in record.baseline)
    return [a for a in found if a != ALL and CROSS not in a]


def _chart(record: AuditRecord, metric: str, attribute: str) -> Chart:
    name = words.sentence_case(measures.words(metric, record.system).name)
    by = words.attribute(attribute)
    groups = len(rows_of(record, metric, attribute))
    return Chart(
        kind="beside",
        subject=metric,
        attribute=attribute,
        title=f"{name}: the system and today, by {by}",
        description=(
            f"Two lines for each group of {by}: a dot at the system's rate and below it a square "
            f"at today's, each with its {words.INTERVAL}. The table has the same numbers."
        ),
        note=f"Drawn: {MOST_DRAWN} of {groups} groups." if groups > MOST_DRAWN else "",
    )


def _other(record: AuditRecord, metric: str) -> Iterator[Block]:
    said = measures.words(metric, record.system)
    yield Heading(words.sentence_case(said.name))
    yield Paragraph(f"{said.sentence} {_overall(record, metric)}".strip())
    for attribute in _attributes(record):
        yield _table(record, metric, attribute)


def _table(record: AuditRecord, metric: str, attribute: str) -> Table:
    name = words.sentence_case(measures.words(metric, record.system).name)
    rows = rows_of(record, metric, attribute)
    interval = words.INTERVAL
    note = (
        f"Under a rate or difference: its {interval}, where there is one. Gaps: to everyone else."
    )
    if all(r.status is Status.NOT_APPLICABLE for r in rows):
        note += f" {OTHERS}"
    return table(
        f"{name}: the system and today, by {words.attribute(attribute)}",
        "Group | #n | #System | #Today | #System minus today | #Gap, system | #Gap, today",
        [_cells(r, record.policy.floor) for r in rows[:MOST_ROWS]],
        f"{note} {cut(len(rows))}".strip(),
    )


OTHERS = (
    "There is no difference to give where the decision says who is counted: the two rates are then "
    "among different people."
)


def _cells(row: BaselineRate, floor: int) -> tuple[str | Cell, ...]:
    return (
        Cell(words.group(row.group), detail=_remark(row, floor)),
        _n(row),
        *_rates(row),
        words.POINTS.value(row.gap),
        words.POINTS.value(row.baseline_gap),
    )


def _n(row: BaselineRate) -> Cell:
    """How many people; two numbers where the rates are among different people."""
    other = f"today {words.count(row.baseline_n)}" if row.baseline_n != row.n else ""
    return Cell(words.count(row.n), detail=other)


def _rates(row: BaselineRate) -> tuple[Cell, Cell, Cell]:
    def under(lower: float | None, upper: float | None) -> str:
        return "" if lower is None or upper is None else words.rate_span(lower, upper, True)

    change = words.POINTS.span(row.change_lower, row.change_upper)
    return (
        Cell(words.rate(row.estimate, True), detail=under(row.lower, row.upper)),
        Cell(words.rate(row.baseline, True), detail=under(row.baseline_lower, row.baseline_upper)),
        Cell(words.POINTS.value(row.change), detail="" if change == words.DASH else change),
    )


def _remark(row: BaselineRate, floor: int) -> str:
    if row.status is Status.INSUFFICIENT:
        return f"few: at least {floor} wanted"
    return "nobody to count" if row.status is Status.UNDEFINED else ""


def _everyone(record: AuditRecord) -> Table:
    """State every rate of everyone; of two that add up to 100 %, one."""
    known = {r.metric for r in record.baseline if r.estimate is not None}
    rows: list[tuple[str | Cell, ...]] = [
        (measures.words(r.metric, record.system).sentence, _n(r), *_rates(r))
        for r in record.baseline
        if r.attribute == ALL
        and r.metric in known
        and (
            r.metric == measures.primary(record) or measures.COMPLEMENTS.get(r.metric) not in known
        )
    ]
    return table(
        "Everyone: every rate of the system and of today",
        "Rate | #n | #System | #Today | #System minus today",
        rows,
        f"{OTHERS} Crossed groups are in the record, audit.json, table baseline.",
    )
