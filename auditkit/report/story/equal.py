"""Groups compared at equal values of a declared control, and why that differs from the raw gap."""

from collections.abc import Iterator

from auditkit.report.story import measures, words
from auditkit.report.story.parts import Block, Cell, Heading, Paragraph, Section, table
from auditkit.results import POOLED, AuditRecord, StratifiedDisparity


def at_equal_control(record: AuditRecord) -> tuple[Section, ...]:
    """Tell raw and stratified gaps side by side; nothing without a control."""
    rows = record.stratified_disparities
    if not rows:
        return ()
    control = words.attribute(record.sampling.control)
    blocks: list[Block] = [
        Paragraph(
            f"Gaps between people with the same {control}, because: "
            f"{words.plain(record.sampling.control_reason)} This describes; no verdict rests on "
            f"it. Whether {control} is a legitimate reason for a gap is for people to judge."
        )
    ]
    for metric in dict.fromkeys(row.metric for row in rows):
        blocks += _metric(record, metric, control)
    return (Section("equal", f"At equal {control}", f"At equal {control}", tuple(blocks)),)


def _metric(record: AuditRecord, metric: str, control: str) -> Iterator[Block]:
    own = [row for row in record.stratified_disparities if row.metric == metric]
    pooled = [row for row in own if row.stratum == POOLED]
    name = measures.words(metric, record.system).name
    yield Heading(words.sentence_case(name))
    yield table(
        f"{words.sentence_case(name)}: gap to everyone else, raw and at equal {control}",
        f"Group | #n | #Raw gap | #At equal {control} | #{words.INTERVAL} | #Through where "
        "people are | Remark",
        [_pooled(row) for row in pooled],
        "Raw gap = gap at equal values + what comes from groups being spread differently.",
    )
    for row in pooled:
        levels = [r for r in own if r.stratum != POOLED and _who(r) == _who(row)]
        if said := _why(row, levels, control):
            yield Paragraph(said)
    yield table(
        f"{words.sentence_case(name)}: gap to everyone else at each {control}",
        f"Group | {words.sentence_case(control)} | #n | #Rate | #Everyone else | #Gap | "
        f"#{words.INTERVAL} | Remark",
        [_level(row) for row in own if row.stratum != POOLED],
    )


def _who(row: StratifiedDisparity) -> tuple[str, str]:
    return row.attribute, row.group


def _raw(row: StratifiedDisparity) -> float | None:
    if row.rate is None or row.rest_rate is None:
        return None
    return row.rate - row.rest_rate


def _pooled(row: StratifiedDisparity) -> tuple[str | Cell, ...]:
    return (
        words.subject(row.attribute, row.group),
        words.count(row.n),
        words.POINTS.value(_raw(row)),
        words.POINTS.value(row.estimate),
        words.POINTS.span(row.lower, row.upper),
        words.POINTS.value(row.between),
        words.plain(row.note),
    )


def _level(row: StratifiedDisparity) -> tuple[str | Cell, ...]:
    return (
        words.subject(row.attribute, row.group),
        words.plain(row.stratum),
        words.count(row.n),
        words.rate(row.rate, True),
        words.rate(row.rest_rate, True),
        words.POINTS.value(row.estimate),
        words.POINTS.span(row.lower, row.upper),
        words.plain(row.note),
    )


def _why(row: StratifiedDisparity, levels: list[StratifiedDisparity], control: str) -> str:
    """Say what the raw and the stratified gap differ by, and the value that adds most to it."""
    raw = _raw(row)
    if raw is None or row.estimate is None or row.between is None:
        return ""
    n, rest_n = sum(r.n for r in levels), sum(r.rest_n for r in levels)
    both = [
        (r, r.n / n, r.rest_n / rest_n, _together(r))
        for r in levels
        if n and rest_n and r.n + r.rest_n
    ]
    if not both:
        return ""
    everyone = sum((own * n + rest * rest_n) * rate for _, own, rest, rate in both) / (n + rest_n)
    most, own, rest, rate = max(both, key=lambda b: abs((b[1] - b[2]) * (b[3] - everyone)))
    who = words.subject(row.attribute, row.group)
    return (
        f"{words.sentence_case(who)}: {words.POINTS.value(raw)} raw, "
        f"{words.POINTS.value(row.estimate)} at equal {control}. They differ by "
        f"{words.POINTS.value(row.between)} because people are spread differently: "
        f"{words.rate(own, True)} of this group are at {words.plain(most.stratum)}, where the rate "
        f"is {words.rate(rate, True)}, against {words.rate(rest, True)} of everyone else."
    )


def _together(row: StratifiedDisparity) -> float:
    """Rate of the group and its rest together."""
    shares = ((row.n, row.rate), (row.rest_n, row.rest_rate))
    return sum(n * rate for n, rate in shares if rate is not None) / (row.n + row.rest_n)
