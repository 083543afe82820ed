"""People compared at equal need: who is selected, how sure that is, and the need left unserved."""

import re

from auditkit.metrics.standardised import AT_EQUAL_NEED
from auditkit.report.story import measures, words
from auditkit.report.story.budgets import MOST_LINES, Line, Sweep
from auditkit.report.story.depth import at_score, depth, ranks
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Evidence,
    Heading,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.results import ALL, POOLED, AuditRecord, EqualNeed, Status

BANDS = "bands"
EQUAL = "equal_need"
_RANGE = re.compile(r"([\[(])(-?[\d.e+-]+),(-?[\d.e+-]+)([\])])")
_END = re.compile(r"(<=|>=|<|>)(-?[\d.e+-]+)")
ENDS = {"<": "under {}", "<=": "up to {}", ">": "over {}", ">=": "{} and over"}


def band(text: str) -> str:
    """Spell a band of need; a level is spelled as it is.

    >>> [band(text) for text in ("<2", "[2,3]", "(3,5)", ">=5", "much")]
    ['under 2', '2 to 3', 'over 3 to under 5', '5 and over', 'much']
    """
    if match := _END.fullmatch(text):
        return ENDS[match[1]].format(match[2])
    if match := _RANGE.fullmatch(text):
        start, end = "over " if match[1] == "(" else "", "under " if match[4] == ")" else ""
        return f"{start}{match[2]} to {end}{match[3]}"
    return words.name(text)


def at_equal_need(record: AuditRecord) -> tuple[Section, ...]:
    """Tell who is selected at equal need; nothing where need has no column of its own."""
    if not record.equal_need:
        return ()
    blocks: list[Block] = [
        Paragraph(_intro(record)),
        Paragraph(_reliability(record), "caution"),
    ]
    if told := [text for row in _pooled(record) if (text := _in_people(row))]:
        blocks.append(Bullets(tuple(told[:MOST_ROWS])))
    for attribute in _attributes(record):
        blocks.append(_pooled_table(record, attribute))
        blocks.append(_evidence(record, attribute))
    blocks += [Heading("Do the bands decide it?"), _bands_table(record), *depth(record)]
    blocks += [*at_score(record), *ranks(record)]
    return (Section("need", "At equal need", "At equal need", tuple(blocks)),)


def _intro(record: AuditRecord) -> str:
    rows = _in_bands(record)
    bands = len(dict.fromkeys(r.band for r in rows))
    missing = sum(
        e.rows for e in record.exclusions if e.reason == "no recorded need" and e.attribute == ALL
    )
    need = words.name(record.system.need)
    left = f" {words.plural(missing, 'person has', 'people have')} no recorded need and are left "
    out = f"{left}out here." if missing else ""
    return (
        f"Aid by need alone selects people with the same need alike, whatever group they are of. "
        f"Here each group is compared with everyone else in the same of {bands} bands of recorded "
        f"need ({need}), and over all bands together.{out} "
        f"{measures.standing(record, AT_EQUAL_NEED)}"
    )


def _reliability(record: AuditRecord) -> str:
    """Say what error in the measurement of need does to all of this."""
    reliability = record.system.need_reliability
    if reliability is None:
        return (
            "How reliably need was measured is not declared (data.need_reliability). Where need is "
            "measured with error, people at equal recorded need are not at equal need: a group in "
            "deeper need than others then looks better served than it is."
        )
    if reliability == 1:
        return "Need was declared to be measured without error (data.need_reliability = 1)."
    return (
        f"Need was declared to be measured with a reliability of {reliability:g}: "
        f"{words.percent(1 - reliability)} of its spread within groups is error. People at equal "
        f"recorded need are then not at equal need, and that alone makes gaps. How large they "
        f"would be is told below, and the gap without them. It holds if true need is spread "
        f"normally and the chance to be selected rises with it along a line, and takes the "
        f"reliability as known."
    )


def _pooled(record: AuditRecord, attribute: str = "") -> list[EqualNeed]:
    return [
        r
        for r in record.equal_need
        if r.banding == BANDS and r.band == POOLED and attribute in ("", r.attribute)
    ]


def _in_bands(record: AuditRecord, attribute: str = "") -> list[EqualNeed]:
    return [
        r
        for r in record.equal_need
        if r.banding == BANDS and r.band != POOLED and attribute in ("", r.attribute)
    ]


def _attributes(record: AuditRecord) -> list[str]:
    return list(dict.fromkeys(r.attribute for r in record.equal_need))


def _in_people(row: EqualNeed) -> str:
    """Tell a pooled gap as people of every 10,000, and what the interval allows."""
    if row.estimate is None or row.lower is None or row.upper is None or row.status != Status.OK:
        return ""
    who = words.sentence_case(words.subject(row.attribute, row.group))
    span = f"{_people(row.lower)} to {_people(row.upper)}"
    if row.lower <= 0 <= row.upper:
        return (
            f"{who}: these data do not tell whether fewer or more are selected than of everyone "
            f"else with the same recorded need (of every 10,000: {span})."
        )
    more = "more" if row.estimate > 0 else "fewer"
    return (
        f"{who}: of every 10,000, about {round(10_000 * abs(row.estimate)):,} {more} are selected "
        f"than of everyone else with the same recorded need ({words.INTERVAL} {span})."
    )


def _people(share: float) -> str:
    return f"{round(10_000 * share):,}".replace("-", words.MINUS)


def _raw(row: EqualNeed) -> float | None:
    if row.rate is None or row.rest_rate is None:
        return None
    return row.rate - row.rest_rate


def _pooled_table(record: AuditRecord, attribute: str) -> Table:
    rows = _pooled(record, attribute)
    corrected = any(r.unreliability is not None for r in rows)
    limit = next((r.limit for r in rows if r.limit is not None), None)
    columns = f"Group | #n | #Gap, raw | #At equal need | #{words.INTERVAL}"
    if corrected:
        columns += " | #From unreliable need alone | #Gap without it"
    if limit is not None:
        columns += f" | Within {words.POINTS.limit(limit)}"
    cells: list[tuple[str | Cell, ...]] = []
    for r in rows[:MOST_ROWS]:
        line: tuple[str | Cell, ...] = (
            Cell(words.group(r.group), detail=words.plain(r.note)),
            words.count(r.n),
            words.POINTS.value(_raw(r)),
            words.POINTS.value(r.estimate),
            words.POINTS.span(r.lower, r.upper),
        )
        if corrected:
            without = words.POINTS.span(r.corrected_lower, r.corrected_upper)
            line += (
                words.POINTS.value(r.unreliability),
                Cell(words.POINTS.value(r.corrected), detail=without),
            )
        if limit is not None:
            line += (_shown(r),)
        cells.append(line)
    note = "Gap: share selected, minus that of everyone else; below 0, the group is selected less."
    if limit is not None:
        note += (
            f" Within {words.POINTS.limit(limit)}, the policy's limit: shown where the one-sided "
            f"95{words.THIN}% bounds of the whole, and of every band with enough people, are "
            "inside it."
        )
    title = f"Who is selected at equal need, by {words.attribute(attribute)}"
    return table(title, columns, cells, f"{note} {cut(len(rows))}".strip())


def _shown(row: EqualNeed) -> str:
    """Say what was shown, and that it was not of people whom nobody could be compared with."""
    alone = row.off_support or 0.0
    if row.shown == "within" and alone > 1e-9:
        return f"within, of the {words.rate(1 - alone, True)} compared"
    return row.shown or "too few to say"


def lines(record: AuditRecord, attribute: str) -> Sweep | None:
    """Lay out the share selected of each group over the bands of need; ``None`` if there is none.

    The lines are the groups' alone, those with most people.
    """
    rows = _in_bands(record, attribute)
    bands = list(dict.fromkeys(r.band for r in rows))
    found = []
    for group in dict.fromkeys(r.group for r in rows):
        own = {r.band: r for r in rows if r.group == group}
        rates = [own[b].rate if own[b].n else None for b in bands]
        if any(rate is not None for rate in rates):
            n = sum(r.n for r in own.values())
            places = tuple(float(k) for k in range(1, len(bands) + 1))
            found.append(Line(group, n, places, tuple((x, x, x) for x in rates)))
    largest = sorted(found, key=lambda line: -line.n)[:MOST_LINES]
    drawn = tuple(line for line in found if line in largest)
    return Sweep(drawn, len(found) - len(drawn), "people selected", None) if drawn else None


def _evidence(record: AuditRecord, attribute: str) -> Evidence | Table:
    """Pair the figure of the shares with their numbers and gaps."""
    by = words.attribute(attribute)
    rows = _in_bands(record, attribute)
    title = f"Share selected in each band of need, by {by}"
    cells = [
        (
            words.group(r.group),
            band(r.band),
            words.count(r.n),
            words.rate(r.rate, True),
            words.rate(r.rest_rate, True),
            Cell(words.POINTS.value(r.estimate), detail=words.plain(r.note)),
            words.POINTS.span(r.lower, r.upper),
        )
        for r in rows[:MOST_ROWS]
    ]
    columns = (
        Column("Group"),
        Column("Need"),
        *(Column(name, True) for name in ("n", "Selected", "Everyone else", "Gap", words.INTERVAL)),
    )
    laid = tuple(tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in cells)
    numbers = Table(f"{title}: the numbers", columns, laid, cut(len(rows), "rows"))
    found = lines(record, attribute)
    if found is None:
        return numbers
    more = words.plural(found.left_out, "more group")
    chart = Chart(
        kind=EQUAL,
        subject="",
        attribute=attribute,
        title=title,
        description=(
            f"One line for each group of {by}, over the bands of need from least to most. Where "
            "need alone decides, the lines lie on each other. The table has the same numbers."
        ),
        note=f"{more} with fewer people: audit.json has them." if found.left_out else "",
    )
    return Evidence(chart, numbers)


def _bands_table(record: AuditRecord) -> Table:
    """State the gap with twice as many bands, the test of equal gaps, and who has no match."""
    doubled = {
        (r.attribute, r.group): r
        for r in record.equal_need
        if r.banding != BANDS and r.band == POOLED
    }
    rows = _pooled(record)
    cells: list[tuple[str | Cell, ...]] = []
    for r in rows[:MOST_ROWS]:
        other = doubled.get((r.attribute, r.group))
        chance = words.DASH if r.homogeneity_p is None else _chance(r.homogeneity_p)
        cells.append(
            (
                words.subject(r.attribute, r.group),
                words.POINTS.value(r.estimate),
                words.POINTS.value(other.estimate if other else None),
                words.DASH if r.homogeneity is None else f"{r.homogeneity:.1f}",
                chance,
                words.rate(r.off_support, True),
                words.rate(r.rest_off_support, True),
            )
        )
    return table(
        "The gap at equal need with other bands, and where nobody can be compared",
        "Group | #Gap | #Gap, twice the bands | #Chi-square of equal gaps | #p | #Group without a "
        "match | #Everyone else without",
        cells,
        "Chi-square: whether the gaps of all bands could be one; a small p says that the gap "
        "differs with need. A test that finds no difference does not show that the gaps are "
        "equal. Without a match: share of people in bands of need with nobody to compare "
        f"with; of them nothing is said. {cut(len(rows))}".strip(),
    )


def _chance(p: float) -> str:
    return "under 0.001" if p < 0.001 else f"{p:.3f}"
