"""How good the attributions are: how many rows they rest on, how they order, how far they hold."""

from collections.abc import Iterator

from auditkit.report.story import measures, words
from auditkit.report.story.parts import (
    MOST_ROWS,
    Block,
    Bullets,
    Cell,
    Heading,
    Table,
    cut,
    table,
)
from auditkit.results import (
    ALL,
    CROSS,
    ROUNDING,
    Attribution,
    AuditRecord,
    Explanation,
    ExplanationQuality,
    Status,
)

ENDED = {
    "cap": "the plan's cap on explained rows (rows, under [explain]) was reached before",
    "work": "more rows are beyond the work that this method is allowed",
}
ALIKE, SIMILAR = 0.9, 0.6
"""Rank agreement from which two orders are called much the same, or similar."""
MOST_NAMED = 5
ONE_WAY = 0.95
"""Share of the rows whose output moves from which an input is said to move it one way."""
NOTHING = 1e-9
"""Of the largest attribution: less than this is what sums of floats leave over."""
SHUFFLING = (
    "The two ask different things. An attribution shares out each row's output between the inputs; "
    "shuffling an input parts it from all others. They differ where inputs act together, "
    "or stand in for each other."
)


def enough(explanation: Explanation) -> str:
    """Say whether enough rows are explained, and how many it would take; empty if not known."""
    e = explanation
    if e.limited_by == "all":
        return "Every row is explained, so nothing rests on a sample of them."
    if e.half_width is None or e.half_width_aim is None or len(e.widest) < 2:
        return ""
    text = (
        f"Explaining only some of the rows can move a contribution by up to "
        f"{words.quantity(e.half_width)} (95 %; the furthest for "
        f"{words.subject(e.widest[0], e.widest[1])}). The aim is 1 % of the output's standard "
        f"deviation, {words.quantity(e.half_width_aim)}: "
    )
    if e.limited_by not in ENDED:
        return f"{text}it is met."
    text += f"it is not met, because {ENDED[e.limited_by]}."
    if e.rows_needed:
        text += f" About {words.count(e.rows_needed)} rows would be needed."
    return text


def rank(found: Attribution | None) -> str:
    """Write a rank, or the range of ranks that an input shares with others."""
    if found is None or found.rank_low is None or found.rank_high is None:
        return words.DASH
    if found.rank_low == found.rank_high:
        return f"{found.rank_low}"
    return f"{found.rank_low}–{found.rank_high}"


def everyone(record: AuditRecord) -> list[Attribution]:
    """List the inputs by the size of their attributions over everyone, the largest first."""
    found = [a for a in record.attributions if a.attribute == ALL and a.rank_low is not None]
    return sorted(found, key=lambda a: (-(a.mean_abs or 0.0), a.feature))


def order(record: AuditRecord) -> tuple[Block, ...]:
    """Tell the order of the inputs over everyone, those not told apart at shared ranks."""
    ranked = everyone(record)
    if not ranked:
        return ()
    return (
        Heading("What it relies on most"),
        Bullets(
            (
                *_order(ranked),
                *_directions(record, ranked),
                *_unused(ranked),
                *_together(record.explanation),
            )
        ),
        _inputs(record, ranked),
    )


def _order(ranked: list[Attribution]) -> Iterator[str]:
    first = ranked[:MOST_NAMED]
    named = words.listing(f"{words.name(a.feature)} ({rank(a)})" for a in first)
    what = "The inputs" if len(first) == len(ranked) else f"The first {len(first)} inputs"
    yield f"{what} by size of attribution over everyone, with their ranks: {named}."
    if any(a.rank_low != a.rank_high for a in ranked):
        yield (
            "Inputs with a range of ranks are ties: other rows, another background or another seed "
            "may well put them in another order."
        )


def _directions(record: AuditRecord, ranked: list[Attribution]) -> Iterator[str]:
    """Say which way the first inputs move the output, of the numbers that were raised."""
    asked = {r.feature: r for r in record.responses if r.attribute == ALL and r.group == ALL}
    ways: dict[str, list[str]] = {"raises": [], "lowers": [], "either": []}
    for a in ranked[:MOST_NAMED]:
        r = asked.get(a.feature)
        if r is None or not (moved := r.rises + r.falls + r.both):
            continue
        one_way = "raises" if r.rises >= r.falls else "lowers"
        way = one_way if max(r.rises, r.falls) >= ONE_WAY * moved else "either"
        ways[way].append(words.name(a.feature))
    told = [
        f"more {words.listing(ways[way])} {way} it" for way in ("raises", "lowers") if ways[way]
    ]
    if ways["either"]:
        told.append(f"more {words.listing(ways['either'])} does either, from row to row")
    if told:
        yield (
            f"Of the numbers among them, all else as it is and where the output moves at all: "
            f"{'; '.join(told)}."
        )


def _unused(ranked: list[Attribution]) -> Iterator[str]:
    """Name the inputs that nothing is attributed to: with other values they may move the output."""
    largest = max(a.mean_abs or 0.0 for a in ranked)
    idle = [words.name(a.feature) for a in ranked if (a.mean_abs or 0.0) <= NOTHING * largest]
    if idle and largest:
        yield (
            f"Inputs that nothing is attributed to, on any explained row: {words.few(idle)}. With "
            f"values that neither these rows nor the background have, they may move the output."
        )


def _together(explanation: Explanation) -> Iterator[str]:
    for group in explanation.together:
        yield (
            f"{words.listing(map(words.name, group.members))} go together (association "
            f"{group.association:.2f}, where 1 is the strongest). Their attributions are told as "
            f"one: how a model shares credit between such inputs is a matter of chance."
        )


def _inputs(record: AuditRecord, ranked: list[Attribution]) -> Table:
    shuffled = {q.feature: q for q in record.explanation_quality if q.measure == "permutation"}
    moves = any(a.noise is not None for a in ranked)
    digits = words.decimals(max(a.mean_abs or 0.0 for a in ranked))
    rows: list[tuple[str | Cell, ...]] = [
        (
            words.name(a.feature),
            rank(a),
            words.amount(a.mean_abs, digits, signed=False),
            *([words.amount(a.noise, digits, signed=False)] if moves else []),
            _moved(shuffled.get(a.feature), digits),
        )
        for a in ranked[:MOST_ROWS]
    ]
    again = " | #± background, seed" if moves else ""
    note = (
        "Rank: where the input can stand, 1 being the largest. Shuffled: how far the output moves "
        "on average when the input is shuffled between rows."
    )
    if moves:
        note += (
            " Background, seed: the standard deviation of the mean absolute over other background "
            "rows and seeds."
        )
    inputs = [a for a in record.attributions if a.attribute == ALL and a.feature != ROUNDING]
    if len(inputs) > MOST_ROWS:
        note += f" {cut(len(inputs), 'inputs')}"
    return table(
        "Size of each input's attributions over everyone, in "
        f"{measures.unit(record.system, ranked[0].unit)}",
        f"Input | #Rank | #Mean absolute{again} | #Shuffled",
        rows,
        note,
    )


def _moved(found: ExplanationQuality | None, digits: int) -> str | Cell:
    if found is None:
        return words.DASH
    if found.estimate is None:
        return Cell(words.DASH, detail=words.plain(found.note))
    return words.amount(found.estimate, digits, signed=False)


def relied(record: AuditRecord) -> tuple[Block, ...]:
    """Tell how far the attributions hold: again, for each group, and by another way."""
    if not record.explanation_quality:
        return ()
    said = (*_steady(record), *_faithful(record), *_agreed(record))
    return (Heading("How far the attributions hold"), Bullets(said), _groups(record))


def _row(record: AuditRecord, measure: str) -> ExplanationQuality | None:
    return next((q for q in record.explanation_quality if q.measure == measure), None)


def _how_alike(value: float) -> str:
    if value >= ALIKE:
        return "much the same order"
    return "a similar order, not the same" if value >= SIMILAR else "another order"


def _steady(record: AuditRecord) -> Iterator[str]:
    found = _row(record, "stability")
    if found is None:
        return
    if found.estimate is None:
        if found.status is Status.NOT_APPLICABLE or found.status is Status.INSUFFICIENT:
            yield f"Other backgrounds and seeds: {words.plain(found.note)}."
        else:
            yield f"How steady the order is cannot be told: {words.plain(found.note)}."
        return
    yield (
        f"{words.count(found.n)} rows were explained again, against other background rows and with "
        f"other seeds: the inputs come in {_how_alike(found.estimate)} (rank agreement at least "
        f"{found.estimate:.2f}, where 1 is the same order)."
    )


def _faithful(record: AuditRecord) -> Iterator[str]:
    found = [q for q in record.explanation_quality if q.measure == "fidelity"]
    known = [q for q in found if q.estimate is not None and CROSS not in q.attribute]
    whole = next((q for q in known if q.attribute == ALL), None)
    first = record.explanation.first_inputs
    if whole is None or not first:
        return
    yield (
        f"The attributions of {words.listing(map(words.name, first))} alone give the model's "
        f"output to within {words.quantity(whole.estimate or 0.0)} on average, in "
        f"{measures.unit(record.system, whole.unit)}."
    )
    best: tuple[float, ExplanationQuality, ExplanationQuality] | None = None
    for attribute in dict.fromkeys(q.attribute for q in known):
        of = [q for q in known if q.attribute == attribute]
        least, most = min(of, key=_estimate), max(of, key=_estimate)
        apart = (least.upper or 0.0) < (most.lower or 0.0)
        if apart and (best is None or _estimate(most) - _estimate(least) > best[0]):
            best = _estimate(most) - _estimate(least), least, most
    if best is not None:
        _, least, most = best
        yield (
            f"They tell least for {words.subject(most.attribute, most.group)}: off by "
            f"{words.quantity(_estimate(most))} on average, against "
            f"{words.quantity(_estimate(least))} for {words.subject(least.attribute, least.group)}."
            f" For the former, the inputs named first say less of what the model does."
        )


def _estimate(found: ExplanationQuality) -> float:
    return found.estimate or 0.0


def _agreed(record: AuditRecord) -> Iterator[str]:
    found = _row(record, "agreement")
    if found is None:
        return
    if found.estimate is None:
        yield f"Whether another way gives the same order cannot be told: {words.plain(found.note)}."
        return
    text = (
        f"Shuffling one input at a time between rows, another way to see what the model relies on, "
        f"puts the inputs in {_how_alike(found.estimate)} (rank agreement {found.estimate:.2f})."
    )
    shuffled = [q for q in record.explanation_quality if q.measure == "permutation"]
    largest = max(shuffled, key=_estimate, default=None)
    ranked = {a.feature: a for a in everyone(record)}
    top = next(iter(ranked.values()), None)
    if largest is not None and top is not None and largest.feature != top.feature:
        held = ranked.get(largest.feature)
        text += f" It puts {words.name(largest.feature)} first"
        text += f", which attributions put at rank {rank(held)}." if held else "."
    yield text if found.estimate >= ALIKE else f"{text} {SHUFFLING}"


def _groups(record: AuditRecord) -> Table:
    found = {(q.measure, q.attribute, q.group): q for q in record.explanation_quality}
    places = [
        (q.attribute, q.group)
        for q in record.explanation_quality
        if q.measure == "fidelity" and CROSS not in q.attribute
    ]
    known = [e for q in found.values() if q.measure == "fidelity" for e in [_estimate(q)]]
    digits = words.decimals(max(known, default=0.0))
    rows: list[tuple[str | Cell, ...]] = []
    for attribute, group in places[:MOST_ROWS]:
        fidelity = found["fidelity", attribute, group]
        sums = found["additivity", attribute, group]
        rows.append(
            (
                Cell(words.subject(attribute, group), detail=words.plain(fidelity.note)),
                words.count(fidelity.n),
                words.amount(fidelity.estimate, digits, signed=False),
                words.DASH
                if fidelity.lower is None or fidelity.upper is None
                else f"{fidelity.lower:.{digits}f} to {fidelity.upper:.{digits}f}",
                words.DASH if sums.estimate is None else f"{sums.estimate:.1g}",
            )
        )
    note = (
        "Off by: how far, on average, the output is from what the inputs named first give alone. "
        "Sum off by: the largest distance of all attributions together from the output, on any row."
    )
    if len(places) > MOST_ROWS:
        note += f" {cut(len(places))}"
    return table(
        "How well the attributions tell each group's output, in "
        f"{measures.unit(record.system, record.explanation.unit)}",
        f"Group | #Rows explained | #Off by | #{words.INTERVAL} | #Sum off by",
        rows,
        note,
    )
