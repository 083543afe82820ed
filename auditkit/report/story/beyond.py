"""How the model behaves beyond the rows: asked again, and about rows with one cell altered."""

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Heading,
    Paragraph,
    Section,
    Table,
    table,
)
from auditkit.results import ALL, AuditRecord, Determinism, Probe, Status

WAYS = {
    "again": "again",
    "order": "in another order of rows",
    "halves": "in two halves",
    "alone": "about one row at a time",
    "threads": "with two threads in place of one",
}
PROBES = {
    "emptied": "emptied",
    "unseen": "a text never seen",
    "above": "a number above all sampled",
    "below": "a number below all sampled",
}
MOST_NAMED = 5
NOT_BETTER = (
    "No outcome in this report rests on this section, and no limit is set for it. A model may well "
    "decide otherwise when an input changes: that is what inputs are for. What is to be looked at "
    "is a model that fails or does not answer, and groups for whom it does so more often."
)


def behaves(record: AuditRecord) -> tuple[Section, ...]:
    """Tell how steady the model is and what altered inputs do; nothing without a model."""
    if not record.determinism:
        return ()
    blocks: list[Block] = [Paragraph(NOT_BETTER, "caution"), Heading("The same rows, asked again")]
    asked = [row for row in record.determinism if row.n]
    if not asked:
        why = words.plain(record.determinism[0].note)
        blocks.append(Paragraph(f"Not looked at: {why}."))
    else:
        blocks += [Paragraph(_steady(record, asked)), _again(record)]
    blocks.append(Heading("One input altered at a time"))
    if record.system.task == measures.REGRESSION:
        blocks.append(
            Paragraph("Not looked at: an amount is predicted, so there is no decision to change.")
        )
    elif record.probes:
        blocks += [Paragraph(_how(record)), *_found(record), *_tables(record)]
    else:
        blocks.append(
            Paragraph("Not looked at: there are no sampled rows that the model decides together.")
        )
    title = "How the model behaves beyond these rows"
    return (Section("beyond", title, "Beyond these rows", tuple(blocks)),)


def unsteady_words(record: AuditRecord) -> tuple[str, ...]:
    """Say on page 1 that a decision hangs on chance, or on how the model is asked."""
    said = []
    changed = [row for row in record.determinism if row.changed]
    if changed:
        ways = words.listing(
            f"{words.count(row.changed or 0)} of {words.count(row.n)} sampled rows otherwise when "
            f"it is asked {WAYS[row.check]}"
            for row in changed
        )
        made = measures.made(record.system)
        does = "predicts" if record.system.task == measures.REGRESSION else "decides"
        said.append(
            f"The model {does} {ways}. Its {made}s hang on chance or on how and with whom a "
            f"person is asked about, so every number here is of one asking."
        )
    failing = [row for row in record.determinism if row.status is Status.UNDEFINED]
    if failing and any(row.n for row in failing):
        ways = words.listing(WAYS[row.check] for row in failing)
        made = measures.made(record.system)
        said.append(f"The model fails when it is asked {ways} about rows that had a {made}.")
    elif failing:
        said.append(f"{words.sentence_case(words.plain(failing[0].note))}.")
    return tuple(said)


def _steady(record: AuditRecord, asked: list[Determinism]) -> str:
    made = measures.made(record.system)
    told = [row for row in asked if row.changed is not None]
    if not told or any(row.changed for row in told):
        return f"Not every way to ask gives the same {made}s; the table says which does not."
    largest = max((row.largest or 0.0 for row in told), default=0.0)
    text = f"No {made} changed in any way to ask that was tried, which is no proof that none can."
    if largest:
        unit = measures.unit(record.system, told[0].unit)
        text += f" The output moved by up to {words.quantity(largest)} ({unit})."
    return text


def _again(record: AuditRecord) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(f"Asked {WAYS[row.check]}", detail=words.plain(row.note)),
            words.count(row.n),
            words.DASH if row.changed is None else words.count(row.changed),
            words.DASH if row.largest is None else words.quantity(row.largest),
        )
        for row in record.determinism
    ]
    amounts, made = record.system.task == measures.REGRESSION, measures.made(record.system)
    told = next((row.unit for row in record.determinism if row.unit), "")
    unit = measures.unit(record.system, told)
    return table(
        f"{words.sentence_case(made)}s about the same rows when they are asked about otherwise",
        f"How | #Rows | #{'Predicted' if amounts else 'Decided'} otherwise | "
        f"#Largest change of output, {unit}",
        rows,
        f"A change of the output within 1 in 1,000,000 of {'the largest' if amounts else 'it'} is "
        f"rounding, and told as 0.",
    )


def _how(record: AuditRecord) -> str:
    n = max(p.n for p in record.probes)
    return (
        "Of sampled rows one cell was altered: emptied; a text put in that was never seen; or a "
        "number as far above or below all sampled ones as those are apart. Rows were drawn at "
        f"random in each group, at most {words.count(n)}; fewer where the model failed on them "
        "together and the failing ones were looked for. Shares and intervals are of the group's "
        "rows in these data; weights have no part in them. Rows without a decision as they are, or "
        "without a value in the cell, are not in them."
    )


def _found(record: AuditRecord) -> tuple[Bullets, ...]:
    """Name the inputs on which the model fails, does not answer, or decides otherwise most."""
    everyone = [p for p in record.probes if p.attribute == ALL and p.n]
    said = []
    for verb, part in (("fails", "failed"), ("gives no answer", "unanswered")):
        rows = [p for p in everyone if getattr(p, part)]
        rows.sort(key=lambda p: -getattr(p, part) / p.n)
        if rows:
            named = words.few(
                [f"{_what(p)} ({getattr(p, part):,} of {p.n:,} rows)" for p in rows], MOST_NAMED
            )
            said.append(f"It {verb} with {named}.")
    if not said:
        said.append("It answered about every altered row that a group's sample has.")
    if apart := _furthest(record):
        said.append(apart)
    return (Bullets(tuple(said)),)


def _furthest(record: AuditRecord) -> str:
    """Name the probe whose share differs most between two groups whose intervals do not meet."""
    best: tuple[float, Probe, Probe] | None = None
    for rows in _alike(record).values():
        known = [(p.share, p) for p in rows if p.share is not None and p.status is Status.OK]
        if len(known) < 2:
            continue
        (low, least), (high, most) = min(known, key=_share), max(known, key=_share)
        apart = (least.upper or 0.0) < (most.lower or 0.0)
        if apart and (best is None or high - low > best[0]):
            best = (high - low, least, most)
    if best is None:
        return ""
    _, least, most = best
    return (
        f"Groups differ most with {_what(most)}: "
        f"{words.rate(most.share, True)} of {words.subject(most.attribute, most.group)} are no "
        f"longer decided as they were, and {words.rate(least.share, True)} of "
        f"{words.subject(least.attribute, least.group)}. Among so many pairs, some differ by "
        "chance."
    )


def _share(known: tuple[float, Probe]) -> float:
    return known[0]


def _alike(record: AuditRecord) -> dict[tuple[str, str, str], list[Probe]]:
    """Gather the groups of an attribute that have the same probe."""
    found: dict[tuple[str, str, str], list[Probe]] = {}
    for p in record.probes:
        found.setdefault((p.attribute, p.feature, p.probe), []).append(p)
    return found


def _tables(record: AuditRecord) -> tuple[Table, ...]:
    return tuple(
        _by(record, attribute) for attribute in dict.fromkeys(p.attribute for p in record.probes)
    )


def _by(record: AuditRecord, attribute: str) -> Table:
    """Lay out the probes of an attribute's groups, those that do least left out if need be."""
    alike = [rows for (of, *_), rows in _alike(record).items() if of == attribute]
    kept = sorted(range(len(alike)), key=lambda i: (-_most(alike[i]), i))
    each = max(len(rows) for rows in alike)
    kept = sorted(kept[: max(1, MOST_ROWS // each)])
    shown = [p for i in kept for p in alike[i]][:MOST_ROWS]
    everyone = attribute == ALL
    names = ["Input altered", *([] if everyone else ["Group"])]
    numbers = "#n | #Otherwise | #No answer | #Fails | #Not as before"
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(_what(p), detail=words.plain(p.note) if everyone else ""),
            *([] if everyone else [Cell(words.group(p.group), detail=words.plain(p.note))]),
            words.count(p.n),
            words.count(p.changed),
            words.count(p.unanswered),
            words.count(p.failed),
            Cell(words.rate(p.share, True), detail=words.rate_span(p.lower, p.upper, True))
            if p.share is not None
            else words.DASH,
        )
        for p in shown
    ]
    note = (
        "Not as before: the share decided otherwise, without an answer or failing, with its "
        f"{words.INTERVAL}."
    )
    total = sum(map(len, alike))
    if total > len(shown):
        note += (
            f" {len(shown)} of {total:,} rows are shown, of the inputs that do most; audit.json "
            "has all of them."
        )
    return table(
        f"What becomes of decisions when one input is altered, by {words.attribute(attribute)}"
        if not everyone
        else "What becomes of decisions when one input is altered, everyone",
        f"{' | '.join(names)} | {numbers}",
        rows,
        note,
    )


def _most(rows: list[Probe]) -> float:
    return max((p.changed + p.unanswered + p.failed) / p.n if p.n else 0.0 for p in rows)


def _what(p: Probe) -> str:
    return f"{words.name(p.feature)}, {PROBES[p.probe]}"
