"""Who is over- or underestimated, and by how much: what is told first where an amount is predicted.

All amounts are in the label's units. An error is what was predicted minus what is recorded.
"""

from collections.abc import Iterator

from auditkit.report.story import measures, words
from auditkit.report.story.comparisons import (
    attributes,
    everyone,
    overall,
    rates_by,
    remark,
    unstratified,
    worst_first,
)
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Cell,
    Fact,
    Heading,
    Paragraph,
    Section,
    Table,
    cut,
    table,
)
from auditkit.report.story.words import INTERVAL
from auditkit.results import (
    CROSS,
    NOT_RECORDED,
    REST,
    AuditRecord,
    Disparity,
    Measurement,
    Status,
)

TOO_LOW, TOO_HIGH = "underestimated_beyond_tolerance", "overestimated_beyond_tolerance"
MEAN, SIZE, BEYOND = "mean_error", "mean_absolute_error", "error_beyond_tolerance"
QUANTILES = (
    "error_quantile_10",
    "error_median",
    "error_quantile_90",
    "absolute_error_median",
    "absolute_error_quantile_90",
)


def amounts_off(record: AuditRecord) -> Section:
    """Tell how far predictions are off: for everyone, and group by group."""
    by = [a for a in attributes(record) if CROSS not in a]
    blocks: list[Block] = [Paragraph(" ".join((*_of_everyone(record), *lead(record))))]
    for attribute in by:
        blocks.append(Heading(f"By {words.attribute(attribute)}"))
        blocks.append(rates_by(record, measures.primary(record), attribute))
        blocks += [_errors(record, attribute), _quantiles(record, attribute)]
    blocks.append(everyone(record, "Predictions and errors of everyone"))
    title = "Who is over- or underestimated, and by how much"
    return Section("performance", title, "Errors", tuple(blocks))


def harm(record: AuditRecord) -> str:
    """Say which direction of an error harms."""
    if record.system.outcome == "burden":
        return "The amount is a burden to the person: a prediction that is too high harms."
    return "The amount is a benefit to the person: a prediction that is too low harms."


def _of_everyone(record: AuditRecord) -> Iterator[str]:
    """Say how far predictions are off on average, and in which direction."""
    yield harm(record)
    mean, size = overall(record, MEAN), overall(record, SIZE)
    units = measures.units(record.system)
    if mean is not None and mean.estimate is not None:
        direction = "above" if mean.estimate > 0 else "below"
        yield (
            f"On average, predictions lie {words.quantity(abs(mean.estimate))} {direction} what is "
            f"recorded{_interval(mean)}, {units}."
        )
    if size is not None and size.estimate is not None:
        yield f"In either direction, they are off by {words.quantity(size.estimate)} on average."
    yield from _beyond(record)


def _beyond(record: AuditRecord) -> Iterator[str]:
    tolerance = record.system.tolerance
    if tolerance is None:
        yield (
            "The plan names no error that harms (data.tolerance), so no share of people is "
            "counted as wrong."
        )
        return
    low, high = overall(record, TOO_LOW), overall(record, TOO_HIGH)
    if low is None or high is None or low.estimate is None or high.estimate is None:
        return
    yield (
        f"More than {tolerance:g} too low are {words.percent(low.estimate)} of predictions, more "
        f"than {tolerance:g} too high {words.percent(high.estimate)}."
    )


def towards_harm(record: AuditRecord) -> list[Disparity]:
    """List the gaps in mean error of groups that are worse off than everyone else, furthest first.

    A group counts if enough people are in it; one whose interval leaves out 0 comes before others.
    """
    told = [
        d
        for d in record.disparities
        if (d.metric, d.against, d.worse_off) == (MEAN, REST, d.group)
        and d.status is Status.OK
        and d.group != NOT_RECORDED
        and d.lower is not None
        and d.upper is not None
        and CROSS not in d.attribute
    ]
    return sorted(told, key=lambda d: (not _apart(d), -abs(d.estimate or 0.0)))


def lead(record: AuditRecord) -> tuple[str, ...]:
    """Name the group whose errors lie furthest towards harm, with its gap, interval and n."""
    told = towards_harm(record)
    if not told and record.sampling.cluster:
        return (
            "People were drawn in clusters, where intervals of errors are not computed yet, so no "
            "group is named as furthest off: the tables have the estimates alone.",
        )
    if not told:
        return ("No group's errors could be told from those of everyone else.",)
    furthest = told[0]
    gap = furthest.estimate or 0.0
    direction, word = ("higher", "over") if gap > 0 else ("lower", "under")
    who = words.subject(furthest.attribute, furthest.group)
    sentence = (
        f"Most {word}estimated relative to everyone else: {who}. Measured against what is "
        f"recorded, its predictions lie {words.quantity(abs(gap))} {direction} than those of "
        f"everyone else{_interval(furthest)}, n {words.count(furthest.n)}."
    )
    if _apart(furthest):
        looked = words.plural(len(told), "gap")
        return (sentence, f"It is the furthest of {looked} of that direction; no limit is set.")
    return (sentence, "The interval holds 0: these data do not tell such a gap from none.")


def fact(record: AuditRecord) -> tuple[Fact, ...]:
    """State the gap that is named first as a number of page 1."""
    return tuple(
        Fact(
            words.quantity(d.estimate or 0.0, signed=True),
            f"mean error: {words.subject(d.attribute, d.group)}, against everyone else"
            f"{_interval(d)}, {measures.units(record.system)}, n {words.count(d.n)}",
        )
        for d in towards_harm(record)[:1]
    )


def _apart(row: Disparity) -> bool:
    return bool(row.lower and row.lower > 0) or bool(row.upper and row.upper < 0)


def _interval(row: Measurement | Disparity) -> str:
    if row.lower is None or row.upper is None:
        return ""
    low, high = words.quantity(row.lower), words.quantity(row.upper)
    return f" ({INTERVAL} {low} to {high})"


def _errors(record: AuditRecord, attribute: str) -> Table:
    """Lay out the mean error of each group, its gap, and the shares beyond the tolerance."""
    shares = record.system.tolerance is not None
    gaps = {
        d.group: d
        for d in record.disparities
        if (d.metric, d.attribute, d.against) == (MEAN, attribute, REST)
    }
    of = {name: _by_group(record, name, attribute) for name in (SIZE, TOO_LOW, TOO_HIGH)}
    measured = worst_first(unstratified(record, MEAN, attribute), record)
    rows: list[tuple[str | Cell, ...]] = [
        (
            words.group(m.group),
            Cell(words.count(m.n), detail=words.told_by(m.effective_n)),
            _signed(m),
            _signed(gaps.get(m.group)),
            _plain(of[SIZE].get(m.group)),
            *(_share(of[name].get(m.group)) for name in (TOO_LOW, TOO_HIGH) if shares),
            remark(m, record.policy.floor),
        )
        for m in measured[:MOST_ROWS]
    ]
    limit = f"{record.system.tolerance:g}" if shares else ""
    beyond = f" | #More than {limit} too low | #More than {limit} too high" if shares else ""
    return table(
        f"Errors by {words.attribute(attribute)}, {measures.units(record.system)}",
        f"Group | #n | #Mean error | #Gap to everyone else | #Mean size{beyond} | Remark",
        rows,
        f"Mean error: predicted minus recorded. Second lines: {INTERVAL}s. Those of means "
        f"are approximate: of few people with very unequal errors they are too narrow. "
        f"{cut(len(measured))}".strip(),
    )


def _quantiles(record: AuditRecord, attribute: str) -> Table:
    """Lay out how errors are spread within each group."""
    of = {name: _by_group(record, name, attribute) for name in QUANTILES}
    groups = unstratified(record, MEAN, attribute)
    rows: list[tuple[str | Cell, ...]] = [
        (
            words.group(m.group),
            words.count(m.n),
            *(_signed(of[name].get(m.group)) for name in QUANTILES[:3]),
            *(_plain(of[name].get(m.group)) for name in QUANTILES[3:]),
        )
        for m in groups[:MOST_ROWS]
    ]
    return table(
        f"How errors are spread, by {words.attribute(attribute)}, {measures.units(record.system)}",
        "Group | #n | #Lowest tenth of errors, up to | #Lower half, up to | #Lower nine tenths, "
        "up to | #Half are off by at most | #Nine tenths are off by at most",
        rows,
        f"Second lines: {INTERVAL}s that assume nothing of how errors are spread; a dash "
        f"where so few people give no bound. {cut(len(groups))}".strip(),
    )


def _by_group(record: AuditRecord, metric: str, attribute: str) -> dict[str, Measurement]:
    return {m.group: m for m in unstratified(record, metric, attribute)}


def _signed(row: Measurement | Disparity | None) -> Cell:
    if row is None or row.estimate is None:
        return Cell(words.DASH)
    return Cell(words.quantity(row.estimate, signed=True), detail=_bounds(row))


def _plain(row: Measurement | None) -> Cell:
    if row is None or row.estimate is None:
        return Cell(words.DASH)
    return Cell(words.quantity(row.estimate), detail=_bounds(row))


def _share(row: Measurement | None) -> Cell:
    if row is None or row.estimate is None:
        return Cell(words.DASH)
    return Cell(words.percent(row.estimate), detail=words.rate_span(row.lower, row.upper, True))


def _bounds(row: Measurement | Disparity) -> str:
    """Write an interval; of a quantile either end may be missing."""
    if row.lower is None and row.upper is None:
        return ""
    low, high = (words.DASH if b is None else words.quantity(b) for b in (row.lower, row.upper))
    return f"{low} to {high}"
