"""Inputs that tell who is in which group: not an input of the model is not no influence."""

import math

from auditkit.report.story import words
from auditkit.report.story.parts import (
    Block,
    Bullets,
    Cell,
    Chart,
    Evidence,
    Heading,
    Paragraph,
    Table,
    table,
)
from auditkit.results import NAMED_AT, PROXIES, REST, TOGETHER, AuditRecord, Proxy, Status

KIND = "proxies"
MOST_INPUTS = 12
"""What one figure can hold; the table beside it has the same inputs."""
NOBODY = (
    "This is looked at for groups only: nobody's group was inferred, and nothing of any person was "
    "kept."
)
NOT_LOOKED = (
    "Not looked at: there is no sample of rows, as this version keeps none where Spark has them."
)
COIN = 50
"""Times in 100 that a coin is right."""


def stand_in(record: AuditRecord) -> tuple[Block, ...]:
    """Tell which inputs tell who is in which group; nothing without a model."""
    if not record.system.model:
        return ()
    heading = Heading("Inputs that tell who is in which group")
    if not record.proxies:
        return (heading, Paragraph(NOT_LOOKED))
    found = tuple(dict.fromkeys(p.attribute for p in record.proxies))
    return (
        heading,
        Paragraph(_how(record)),
        Paragraph(NOBODY),
        Bullets(tuple(_said(record, attribute) for attribute in found)),
        *(_evidence(record, attribute) for attribute in found),
    )


def other_inputs(record: AuditRecord, attribute: str) -> str:
    """Say what stands in for an attribute that is no input itself, as far as it is known."""
    best = _strongest(record, attribute)
    if best is None:
        said = "other inputs may stand in for it"
        known = _looked(record, attribute)
        return f"{said}, though none was shown to with these rows." if known else f"{said}."
    if best.feature == TOGETHER:
        return f"other inputs may stand in for it. No single one was shown to, but {_tells(best)}."
    return f"other inputs stand in for it. The one that tells it best: {_tells(best)}."


def left_out(record: AuditRecord, attribute: str) -> str:
    """Say that an attribute that is an input could be left out and still be told by the others."""
    best = _strongest(record, attribute)
    return "" if best is None else f" Left out, it could still be told by others: {_tells(best)}."


def lines(record: AuditRecord, attribute: str) -> tuple[Proxy, ...]:
    """Give each input with the group of an attribute that it tells best, the best told first.

    All inputs together come before them, and inputs without a number last; at most 12 inputs.
    """
    best: dict[str, Proxy] = {}
    for p in record.proxies:
        if p.attribute == attribute and p.statistic == "auc":
            known = best.get(p.feature)
            best[p.feature] = p if known is None or _rank(p) > _rank(known) else known
    singles = [p for p in best.values() if p.feature != TOGETHER]
    singles.sort(key=_rank, reverse=True)
    together = [best[TOGETHER]] if TOGETHER in best else []
    return (*together, *singles[:MOST_INPUTS])


def named(p: Proxy) -> bool:
    """Whether an input was shown to tell a group, with all that was looked at allowed for."""
    return p.adjusted_p is not None and p.adjusted_p <= NAMED_AT


def input_words(feature: str) -> str:
    """Spell an input, or all of them together."""
    return "all inputs together" if feature == TOGETHER else words.name(feature)


def times(share: float | None) -> str:
    """Write an area under the curve as times in 100; 100 only where it is never wrong."""
    if share is None:
        return words.DASH
    if share < 1 and 100 * share >= 99.5:
        return f"{math.floor(1000 * share) / 10:.1f}"
    return f"{100 * share:.0f}"


def span(p: Proxy) -> str:
    """Write the interval of an area as times in 100."""
    if p.lower is None or p.upper is None:
        return words.DASH
    return f"{times(p.lower)} to {times(p.upper)}"


def _rank(p: Proxy) -> tuple[bool, bool, float, int]:
    """Order rows, the last first: enough people, beyond chance, told best, the smaller group."""
    return (p.status is Status.OK, named(p), round(p.estimate or 0.0, 6), -p.n)


def _strongest(record: AuditRecord, attribute: str) -> Proxy | None:
    """Find the input that tells a group of the attribute best; all together if no single one."""
    found = [p for p in record.proxies if p.attribute == attribute and named(p)]
    singles = [p for p in found if p.feature != TOGETHER] or found
    return max(singles, key=_rank, default=None)


def _looked(record: AuditRecord, attribute: str) -> bool:
    """Whether any input was tested on any group of the attribute."""
    return any(p.attribute == attribute and p.adjusted_p is not None for p in record.proxies)


def _tells(p: Proxy) -> str:
    """Say how well an input tells a group."""
    verb = "tell" if p.feature == TOGETHER else "tells"
    return (
        f"of two people, one of the group {words.group(p.group)} and one of "
        f"{words.against(REST, p.group)}, {input_words(p.feature)} {verb} which is which "
        f"{times(p.estimate)} times in 100 ({words.INTERVAL} {span(p)}; a coin {COIN})"
    )


def _how(record: AuditRecord) -> str:
    tested = sum(p.adjusted_p is not None for p in record.proxies)
    text = (
        "What an input says of the groups was learned from four fifths of the sampled rows and "
        "tried on the others, five times over. How well it tells a group: of two people, one of "
        "the group and one of everyone else, how often does it tell which is which? A coin "
        f"is right {COIN} times in 100. Only what these rows can teach is counted: with more of "
        "them an input may tell more, so a low figure is no all-clear."
    )
    if record.sampling.cluster:
        return (
            f"{text} People were drawn in clusters, where intervals of these figures are not "
            "computed yet and figures may be too high, so no input is named."
        )
    if record.sampling.weight:
        text += " Rows count alike here: weights have no part in it."
    return (
        f"{text} {words.count(tested)} pairs of a group and an input were tested. That an input is "
        "beyond chance is said with so much care that at most 1 audit in 20 says it of any input "
        "that tells nothing."
    )


def _said(record: AuditRecord, attribute: str) -> str:
    """Sum up an attribute: what tells it best, what rides on that, and what goes without it."""
    said = words.sentence_case(words.attribute(attribute))
    best = _strongest(record, attribute)
    if best is None and not _looked(record, attribute):
        return f"{said}: no group has enough people to say, or they were drawn in clusters."
    if best is None:
        return f"{said}: no input was shown to tell its groups, alone or with the others."
    text = f"{said}: {_tells(best)}."
    if best.share_of_output is not None and best.feature != TOGETHER:
        text += f" {words.percent(best.share_of_output)} of all attributions go to it"
        if best.gap_contribution is not None and best.gap is not None:
            text += (
                f", and {words.quantity(best.gap_contribution, signed=True)} of the group's gap of "
                f"{words.quantity(best.gap, signed=True)} in mean output "
                f"({words.plain(best.unit)}) goes through it"
            )
        text += "."
    return text + _without(record, best)


def _without(record: AuditRecord, best: Proxy) -> str:
    """Say what is left of a group's gap when the proxies are alike for everybody."""
    where = (best.attribute, best.group, PROXIES)
    found = [p for p in record.proxies if (p.attribute, p.group, p.feature) == where]
    if not found:
        return ""
    row, of = found[0], _proxies(record, best.attribute)
    if row.estimate is None:
        return f" {words.sentence_case(words.plain(row.note))}." if row.note else ""
    which = input_words(of[0]) if len(of) == 1 else f"the {len(of)} inputs that are beyond chance"
    gone = words.quantity(row.estimate, signed=True)
    return f" Were {which} alike for everybody, {gone} of that gap would go{_between(row)}."


def _between(row: Proxy) -> str:
    if row.lower is None or row.upper is None:
        return ""
    low, high = (words.quantity(end, signed=True) for end in (row.lower, row.upper))
    return f" ({words.INTERVAL} {low} to {high})"


def _proxies(record: AuditRecord, attribute: str) -> list[str]:
    return list(
        dict.fromkeys(
            p.feature
            for p in record.proxies
            if p.attribute == attribute and named(p) and p.feature != TOGETHER
        )
    )


def _evidence(record: AuditRecord, attribute: str) -> Block:
    by = words.attribute(attribute)
    title = f"How well the inputs tell the groups of {by}"
    numbers = _table(record, attribute, f"{title}: the numbers")
    if not any(map(named, lines(record, attribute))):
        return numbers  # a figure of nothing but chance shows nothing
    chart = Chart(
        kind=KIND,
        subject="",
        attribute=attribute,
        title=title,
        description=(
            f"For each input, how often it tells which of two people is in the group of {by} "
            f"that it tells best, with a line over the {words.INTERVAL}. The "
            "table has the same numbers."
        ),
        note=f"Dashed: a coin, {COIN} of 100. Round: beyond chance; diamond: not shown to be.",
    )
    return Evidence(chart, numbers)


def _table(record: AuditRecord, attribute: str, caption: str) -> Table:
    shown = lines(record, attribute)
    size = max((abs(p.gap_contribution or 0.0) for p in shown), default=0.0)
    digits = words.decimals(size)
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(input_words(p.feature), detail=words.plain(p.note)),
            Cell(words.group(p.group), detail=f"n {words.count(p.n)}")
            if p.estimate is not None
            else words.DASH,
            Cell(times(p.estimate), detail=span(p) if p.estimate is not None else ""),
            words.DASH if p.adjusted_p is None else "yes" if named(p) else "not shown",
            words.DASH if p.share_of_output is None else words.percent(p.share_of_output),
            _through(p, digits),
        )
        for p in shown
    ]
    features = {p.feature for p in record.proxies if p.attribute == attribute} - {PROXIES, TOGETHER}
    note = (
        f"Right: times in 100, with its {words.INTERVAL}; n are sampled people of the group. Each "
        "input stands with the group it tells best; audit.json has every group."
    )
    if len(features) > MOST_INPUTS:
        note += f" {MOST_INPUTS} of {words.count(len(features))} inputs are shown."
    unit = next((p.unit for p in shown if p.unit), "")
    through = f"Through it, of the group's gap{f' ({words.plain(unit)})' if unit else ''}"
    columns = "Input | Group told best | #Right of 100 | Beyond chance | #Of all attributions"
    return table(caption, f"{columns} | #{through}", rows, note)


def _through(p: Proxy, digits: int) -> str:
    if p.gap_contribution is None or p.gap is None or p.estimate is None:
        return words.DASH
    return f"{words.amount(p.gap_contribution, digits)} of {words.amount(p.gap, digits)}"
