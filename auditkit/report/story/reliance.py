"""What the model relies on: attributions, behind the sentence that says what they are not."""

import math
from collections.abc import Iterable, Iterator, Sequence

from auditkit.report.story import measures, words
from auditkit.report.story.comparisons import attributes
from auditkit.report.story.error_gaps import error_gaps
from auditkit.report.story.parts import (
    Block,
    Bullets,
    Cell,
    Chart,
    Evidence,
    Heading,
    Paragraph,
    Section,
    Table,
    table,
)
from auditkit.report.story.proxies import left_out, other_inputs, stand_in
from auditkit.report.story.quality_of_explanation import enough, order, rank, relied
from auditkit.report.story.unknowns import STATES
from auditkit.results import (
    ALL,
    CROSS,
    ROUNDING,
    SAMPLING,
    Attribution,
    AuditRecord,
    DisparityAttribution,
    Status,
)

MOST_FEATURES = 8
MOST_GROUPS = 6
"""What one figure of attributions can hold; the table beside it has everything."""
LEFT_OVER = {
    SAMPLING: "what all rows have against the explained ones",
    ROUNDING: "what the model's own arithmetic leaves over",
}
MOST_CARRIERS = 3
"""Inputs named in the sentence about a gap."""
NOTHING_CARRIED = (
    "No input is shown to carry a gap of a single group: every interval takes in zero, or too few "
    "rows are explained."
)
CAVEAT = (
    "Attributions describe the model, not the world. They say how much the model's output moves "
    "with each input, relative to a set of background rows; they say nothing of why people differ "
    "and are not causal. No outcome in this report rests on them."
)


def relies(record: AuditRecord) -> Section:
    """Tell what the model relies on, after what that can and cannot mean."""
    blocks: list[Block] = [Paragraph(CAVEAT, "caution"), Bullets(inputs(record))]
    explanation = record.explanation
    if explanation.status != Status.OK:
        reason = words.plain(explanation.note).rstrip(".") or "there is no model to explain"
        lead = (
            "Attributions are withheld"
            if explanation.status == Status.UNDEFINED
            else "There are no attributions"
        )
        blocks.append(Paragraph(f"{lead}: {reason}."))
    else:
        blocks.append(Paragraph(_how(record)))
        blocks += order(record)
        blocks += [_means(record, attribute) for attribute in explained(record)]
        if record.disparity_attributions:
            blocks += [Heading("Where the gap in the model's output comes through")]
            blocks += _gaps(record)
        blocks += relied(record)
    blocks += error_gaps(record, as_if(record))
    blocks += stand_in(record)
    return Section("relies", "What the model relies on", "What it relies on", tuple(blocks))


def inputs(record: AuditRecord) -> tuple[str, ...]:
    """Say of each attribute whether the model reads it, and that reading is not influence."""
    sentences = []
    for info in record.attributes:
        said = words.sentence_case(words.attribute(info.name))
        if info.state in STATES:
            sentences.append(f"{said}: no data, so what the model's inputs say of it is not known.")
        elif not record.system.model:
            sentences.append(
                f"{said}: only {measures.made(record.system)}s were given, no model, so whether it "
                "is an input is not known."
            )
        elif info.model_input:
            sentences.append(f"{said} is an input of the model.{left_out(record, info.name)}")
        else:
            sentences.append(
                f"{said} is not an input of the model. That is not the same as no influence: "
                f"{other_inputs(record, info.name)}"
            )
    return tuple(sentences)


def explained(record: AuditRecord) -> tuple[str, ...]:
    """Name the single attributes that have attributions by group."""
    found = {a.attribute for a in record.attributions}
    return tuple(a for a in attributes(record) if a in found and CROSS not in a)


def features(record: AuditRecord, attribute: str) -> tuple[str, ...]:
    """Rank the inputs by mean absolute attribution over everyone, largest first."""
    everyone = {a.feature: a.mean_abs or 0.0 for a in record.attributions if a.attribute == ALL}
    of_groups = [a for a in record.attributions if a.attribute == attribute]
    weight = dict(everyone)
    for a in of_groups:
        if a.feature not in everyone:
            weight[a.feature] = max(weight.get(a.feature, 0.0), a.mean_abs or 0.0)
    named = {a.feature for a in of_groups}
    return tuple(sorted(named, key=lambda f: (f == SAMPLING, -weight[f], f)))


def groups_of(record: AuditRecord, attribute: str) -> tuple[str, ...]:
    """Name the groups that have attributions, those with most explained rows first."""
    size: dict[str, int] = {}
    for a in record.attributions:
        if a.attribute == attribute:
            size[a.group] = max(size.get(a.group, 0), a.n)
    return tuple(sorted(size, key=lambda g: (-size[g], g)))


def by_cell(record: AuditRecord, attribute: str) -> dict[tuple[str, str], Attribution]:
    """Index the attributions of one attribute by feature and group."""
    return {(a.feature, a.group): a for a in record.attributions if a.attribute == attribute}


def _how(record: AuditRecord) -> str:
    e = record.explanation
    text = (
        f"{_what(record)} Method: {words.plain(e.method)}. Unit: "
        f"{measures.unit(record.system, e.unit)}. Explained {words.count(e.rows)} of "
        f"{words.count(e.rows_of)} rows, "
    )
    text += (
        f"against {words.count(e.background)} background rows."
        if e.background
        else "relative to the rows that the model's own trees have counted."
    )
    if e.additivity is not None and e.tolerance is not None:
        text += (
            f" On every explained row the attributions add up to the model's own output, to within "
            f"{e.additivity:.2g} (allowed: {e.tolerance:.2g})."
        )
    if drawn := as_if(record):
        text += f" {drawn}"
    note = words.plain(e.note).rstrip(".")
    text = f"{text} {words.sentence_case(note)}." if note else text
    return f"{text} {enough(e)}".strip()


def _what(record: AuditRecord) -> str:
    """Say which output of the model is explained, of which class."""
    e = record.explanation
    if e.unit == "amount":
        return "Explained is the predicted amount."
    if not e.classes:
        return "Explained is the model's output."
    named = words.listing(f'"{words.name(label)}"' for label in e.classes)
    several = record.system.task == measures.MULTICLASS
    output = {
        "probability": f"probability of {named}" + ", together" * (len(e.classes) > 1),
        "log-odds": f"log-odds of {named}",
        "margin": f"margin of {named}" + ", over the mean margin of all classes" * several,
        "decision": f"decision for {named}: 1 where it is made, 0 where it is not",
    }
    return f"Explained is the model's {output.get(e.unit, 'output')}."


def as_if(record: AuditRecord) -> str:
    """Say what attributions take for granted of rows that were weighted, drawn together or counted.

    They describe the model on these rows. Weights would describe it on a population, and rows drawn
    together tell less than the intervals take them for.
    """
    drawn, said = record.sampling, []
    if drawn.weight or drawn.count:
        what = f"how many people each stands for ({words.name(drawn.count or drawn.weight)})"
        said.append(f"every row counts once here, whatever {what}")
    if drawn.cluster or drawn.strata:
        what = words.listing(words.name(part) for part in (drawn.cluster, drawn.strata) if part)
        said.append(f"intervals take rows as drawn one by one, although the plan names {what}")
    return f"{words.sentence_case('; '.join(said))}." if said else ""


def _means(record: AuditRecord, attribute: str) -> Evidence:
    unit = measures.unit(record.system, record.explanation.unit)
    by = words.attribute(attribute)
    shown, groups = features(record, attribute), groups_of(record, attribute)
    title = f"Mean attribution of each input, by {by}"
    cuts = []
    if len(shown) > MOST_FEATURES:
        cuts.append(f"the {MOST_FEATURES} of {len(shown)} inputs with the largest attributions")
    if len(groups) > MOST_GROUPS:
        cuts.append(f"the {MOST_GROUPS} of {len(groups)} groups with most explained rows")
    cut = f" Drawn: {words.listing(cuts)}; the table has all." if cuts else ""
    chart = Chart(
        kind="attributions",
        subject="",
        attribute=attribute,
        title=title,
        description=(
            f"For each input, one mark for each group of {by} at its mean attribution in {unit}, "
            f"with a line over the {words.INTERVAL}; beside its name, the ranks it can have over "
            "everyone. The table has the same numbers."
        ),
        note=(
            f"In {unit}; right of zero the input raises the model's output for the group on "
            f"average, left of it lowers it. Ranks are over everyone; those of each group are in "
            f"the table.{cut}"
        ),
    )
    return Evidence(chart, _mean_table(record, attribute, f"{title}: the numbers"))


def _mean_table(record: AuditRecord, attribute: str, caption: str) -> Table:
    cells = by_cell(record, attribute)
    digits = words.decimals(max((a.mean_abs or 0.0 for a in cells.values()), default=0.0))
    rows: list[tuple[str | Cell, ...]] = [
        (
            _input(feature),
            words.group(group),
            words.count(a.n),
            words.amount(a.mean, digits),
            _span(a.lower, a.upper, digits),
            words.amount(a.mean_abs, digits, signed=False),
            rank(a),
        )
        for feature in features(record, attribute)
        for group in groups_of(record, attribute)
        if (a := cells.get((feature, group)))
    ]
    return table(
        caption,
        f"Input | Group | #Rows explained | #Mean | #{words.INTERVAL} | #Mean absolute | #Rank",
        rows,
        _left_over(feature for feature, _ in cells),
    )


def _input(feature: str) -> str:
    """Spell an input, or what takes the place of one."""
    return feature if feature in LEFT_OVER else words.name(feature)


def _left_over(features: Iterable[str]) -> str:
    """Explain the lines that are no inputs, as far as a table has them."""
    held = set(features)
    return " ".join(f"{name}: {what}." for name, what in LEFT_OVER.items() if name in held)


def _span(lower: float | None, upper: float | None, digits: int) -> str:
    if lower is None or upper is None:
        return words.DASH
    return f"{words.amount(lower, digits)} to {words.amount(upper, digits)}"


def _gaps(record: AuditRecord) -> list[Block]:
    """Tell through which inputs each gap comes: in a sentence where it is sure, and in tables."""
    found: dict[str, list[DisparityAttribution]] = {}
    for d in record.disparity_attributions:
        if CROSS not in d.attribute:
            found.setdefault(d.attribute, []).append(d)
    said = [text for rows in found.values() for text in _carried(rows)]
    blocks: list[Block] = [Bullets(tuple(said) or (NOTHING_CARRIED,))]
    return [*blocks, *(_gap_table(record, name, rows) for name, rows in found.items())]


def _carried(rows: Sequence[DisparityAttribution]) -> Iterator[str]:
    """Name the inputs that carry a group's gap, where their intervals leave out zero."""
    groups: dict[str, list[DisparityAttribution]] = {}
    for d in rows:
        groups.setdefault(d.group, []).append(d)
    for group, parts in groups.items():
        sure = [
            d
            for d in parts
            if d.feature != SAMPLING
            and d.lower is not None
            and d.upper is not None
            and not d.lower <= 0 <= d.upper
        ]
        known = [d.contribution for d in parts if d.contribution is not None]
        if not sure or len(known) < len(parts):
            continue
        sure.sort(key=lambda d: (-abs(d.contribution or 0.0), d.feature))
        through = [
            f"{words.quantity(d.contribution or 0.0, signed=True)} through {_input(d.feature)}"
            for d in sure[:MOST_CARRIERS]
        ]
        yield (
            f"{words.sentence_case(words.subject(parts[0].attribute, group))}: mean output lies "
            f"{words.quantity(math.fsum(known), signed=True)} from everyone else's, "
            f"{words.listing(through)}."
        )


def _gap_table(record: AuditRecord, attribute: str, found: Sequence[DisparityAttribution]) -> Table:
    unit = measures.unit(record.system, record.explanation.unit)
    digits = words.decimals(max((abs(d.contribution or 0.0) for d in found), default=0.0))
    rows: list[tuple[str | Cell, ...]] = [
        (
            words.group(d.group),
            _input(d.feature),
            words.amount(d.contribution, digits),
            _span(d.lower, d.upper, digits),
        )
        for d in found
    ]
    return table(
        f"How much of each group's gap in mean model output goes through each input, by "
        f"{words.attribute(attribute)}, in {unit}",
        f"Group, against everyone else | Input | #Contribution | #{words.INTERVAL}",
        rows,
        "Over the inputs, sampling included, the contributions of a group add up to its gap in "
        f"mean model output over all rows. {_left_over(d.feature for d in found)} Crossed groups "
        f"are in the record, audit.json.",
    )
