"""Page 1: the disposition, the worst-off group, what was answered and who could not be judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from auditkit.report.story import amounts, gaps, measures, words
from auditkit.report.story.beyond import unsteady_words
from auditkit.report.story.gaps import GapRow
from auditkit.report.story.parts import (
    Banner,
    Block,
    Bullets,
    Cell,
    Fact,
    Facts,
    Heading,
    Paragraph,
    Section,
    Table,
    table,
)
from auditkit.report.story.unknowns import unjudged, unjudged_rows
from auditkit.report.story.words import Look
from auditkit.results import (
    NOT_RECORDED,
    RANGE,
    AuditRecord,
    Disposition,
    Effect,
    Outcome,
    Status,
)

EXPLORE = "explore"
WEIGHTS = {
    Effect.WARN: "a warning",
    Effect.EXPLAIN: "to be explained",
    Effect.NOTE: "to be noted",
}
"""What a check that does not hold the system back asks for."""
MOST_LINES = 12
"""Lines of the table of page 1; Disparities has all."""

DISPOSITIONS: dict[Disposition, tuple[str, str, str]] = {
    Disposition.READY_FOR_DECISION: ("●", "within", "Ready for a named person to decide"),
    Disposition.NOT_READY: ("◆", "unsure", "Not ready for a decision"),
    Disposition.REJECT: ("▲", "breach", "Not to be put into use as it is"),
    Disposition.TERMINATE: ("▲", "breach", "Use is to be ended"),
    Disposition.NONE: ("○", "none", "No disposition"),
}

CLOSING = (
    "A person decides. This audit does not show that the system treats all groups alike; "
    "it shows what these data can and cannot tell."
)
DRAFT = "Draft: no disposition in explore"


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One line of the verdict in pieces, for a table or a terminal to lay out.

    ``what`` is the metric and ``whom`` the group; ``gap`` is the gap with its 95 % interval,
    ``limit`` what it is held against, ``n`` the people counted. A piece that there is not is empty.
    """

    symbol: str
    phrase: str
    tone: str
    whom: str
    what: str = ""
    gap: str = ""
    limit: str = ""
    n: str = ""

    @property
    def subject(self) -> str:
        """Metric and group in one piece."""
        return f"{self.what}, {self.whom}" if self.what else self.whom


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the checks that can hold the system back could be answered."""

    required: int
    within: int
    breach: int
    unsure: int
    unassessed: int
    other: int

    @property
    def answered(self) -> int:
        """Checks with an answer."""
        return self.within + self.breach


def disposition_words(record: AuditRecord) -> str:
    """Say the disposition in a few words."""
    if record.system.stage == EXPLORE:
        return DRAFT
    return DISPOSITIONS[record.disposition][2]


def headline(record: AuditRecord) -> str:
    """Say the disposition and what the required checks came to, in a few sentences."""
    return f"{disposition_words(record)}. {tally_words(record)} {resting_words(record)}".strip()


def resting_words(record: AuditRecord) -> str:
    """Say how many required checks are within only by what the plan declares of unknown people."""
    number = sum(c.effect.blocks and c.declared_share is not None for c in record.checks)
    if not number:
        return ""
    return (
        f"{words.plural(number, 'required check')} within the limit would not be without what the "
        f"plan declares of people whose group is not recorded."
    )


def all_rows(record: AuditRecord) -> list[GapRow]:
    """Join every check on a group, the largest harm first."""
    return gaps.rows(record, (c for c in gaps.unique_checks(record) if c.against != RANGE))


def tally(record: AuditRecord) -> Tally:
    """Count the required checks by what came of them; what does not apply is not required."""
    rows = [r for r in all_rows(record) if r.check.outcome != Outcome.NOT_APPLICABLE]
    required = [r for r in rows if r.check.effect.blocks]
    tones = [row.look.tone for row in required]
    return Tally(
        required=len(required),
        within=tones.count("within"),
        breach=tones.count("breach"),
        unsure=tones.count("unsure"),
        unassessed=tones.count("none"),
        other=len(rows) - len(required),
    )


def tally_words(record: AuditRecord) -> str:
    """Say how many required checks could be answered, and how the others could not."""
    t = tally(record)
    if not t.required:
        return f"{_nothing_required(record)} {warning_words(record)}".strip()
    text = (
        f"{t.answered} of {words.plural(t.required, 'required check')} could be answered: "
        f"{t.breach} beyond the limit, {t.within} within."
    )
    if left := t.required - t.answered:
        parts = []
        if t.unsure:
            parts.append(f"for {t.unsure} these data cannot tell")
        if t.unassessed:
            parts.append(f"{t.unassessed} not assessed")
        text += f" {left} could not: {words.listing(parts)}."
    return f"{text} {warning_words(record)}".strip()


def _nothing_required(record: AuditRecord) -> str:
    """Say why no required check is counted: the policy has none, or there is nobody to compare."""
    if any(c.effect.blocks for c in record.checks):
        return "The required checks apply to no group in these data: none of them could be made."
    return "No check of this policy can hold the system back."


MOST_WARNINGS = 3


def warning_words(record: AuditRecord) -> str:
    """List what warns: it holds nothing back, so it must be read."""
    found = [
        f"{row.gap} in {measures.words(row.check.metric, record.system).name} for "
        f"{words.subject(row.check.attribute, row.check.group)}"
        for row in all_rows(record)
        if row.check.effect is Effect.WARN and row.look is words.BEYOND
    ]
    if not found:
        return ""
    more = len(found) - MOST_WARNINGS
    told = "; ".join(found[:MOST_WARNINGS]) + (f"; and {more} more" if more > 0 else "")
    return f"{words.plural(len(found), 'warning')}: {told}."


def worst_off(record: AuditRecord) -> GapRow | None:
    """Choose the row with the largest harm among those with an answer, else among all with a gap.

    A breach comes before any other outcome, a required check before any other, one that says
    something before one that does not, a difference before a ratio; then the gap counts, in
    multiples of its limit. A gap says something if it is within its limit, or if there is one for
    sure, though it cannot be told on which side of the limit: a small gap within must not stand
    before a large one that is open.
    """
    candidates = [
        r for r in all_rows(record) if r.judged and r.worse_off and r.check.group != NOT_RECORDED
    ]
    return max(
        candidates,
        key=lambda row: (
            row.look is words.BEYOND,
            row.check.effect.blocks,
            row.look is words.INSIDE or _is_there(row),
            row.check.statistic == "difference",
            round(row.harm, 9),
            row.check.worse_off == row.check.group,  # of two that mirror each other
        ),
        default=None,
    )


def _is_there(row: GapRow) -> bool:
    """Whether a gap is there, of enough people, whatever side of its limit it lies on."""
    told = row.measurement or row.disparity  # a gap at equal values has no rate of its own
    return row.apart and told is not None and told.status is Status.OK


def _per_hundred(row: GapRow, record: AuditRecord) -> str:
    """Tell a rate and its rest in hundreds of people, where the metric counts people."""
    said = measures.words(row.check.metric, record.system)
    m, gap = row.measurement, row.check.estimate
    if not said.among or m is None or m.estimate is None or not gap:
        return ""
    rest = m.estimate - gap if row.check.statistic == "difference" else m.estimate / gap
    versus = words.against(row.check.against, row.check.group)
    return (
        f"Of every 100 {said.among} in this group, about {100 * m.estimate:.0f} {said.event}; "
        f"among {versus}, about {100 * rest:.0f}.{_per_ten_thousand(row)}"
    )


def _per_ten_thousand(row: GapRow) -> str:
    """Tell a gap and its interval as people: how many more, or fewer, of every 10,000."""
    d = row.disparity
    if d is None or d.statistic != "difference" or d.estimate is None:
        return ""
    sign = 1 if d.estimate > 0 else -1
    said = f" That is about {round(10_000 * abs(d.estimate)):,} {'more' if sign > 0 else 'fewer'} "
    if d.lower is None or d.upper is None:
        return f"{said}of every 10,000."
    low, high = sorted(round(10_000 * sign * bound) for bound in (d.lower, d.upper))
    interval = f"{words.INTERVAL} {words.count(low)} to {words.count(high)}"
    return f"{said}of every 10,000 ({interval})."


def _errors_first(record: AuditRecord, row: GapRow | None) -> bool:
    """Whether page 1 tells the errors of an amount: no limit that counts is set on anything."""
    held = row is not None and (row.check.effect.blocks or row.look is words.BEYOND)
    return record.system.task == measures.REGRESSION and not held


def worst_off_words(record: AuditRecord) -> tuple[str, ...]:
    """Name the worst-off group with its gap, interval, limit and n, in sentences."""
    row = worst_off(record)
    if _errors_first(record, row):
        return amounts.lead(record)
    if row is None:
        return ("No group could be judged, so no worst-off group can be named.",)
    who = words.subject(row.check.attribute, row.check.group)
    if row.look is words.CANNOT_TELL:
        lead = f"Furthest apart: {who}. Whether that is beyond the limit these data cannot tell."
    elif row.check.worse_off == row.check.group:
        lead = f"Worst off among those who could be judged: {who}."
    else:
        lead = f"Furthest apart among those who could be judged: {row.worse_off}, against {who}."
    return tuple(s for s in (lead, _per_hundred(row, record), gaps.sentence(row, record)) if s)


# ------------------------------------------------------------------------------------------ lines


def verdict_lines(record: AuditRecord, most: int = 5) -> tuple[VerdictLine, ...]:
    """List what was found: beyond the limit, cannot tell, not assessed, and how many within.

    The gap and the ratio of one group stand in one line. Checks that cannot hold the system back
    are listed only where they are beyond the limit. Of each outcome at most ``most`` lines are
    given, the largest harm first, and a last one counts the others.
    """
    lines: list[VerdictLine] = []
    for look in (words.BEYOND, words.CANNOT_TELL):
        lines += _first(_told(record, look), most, look)
    unassessed = [
        VerdictLine(words.NOT_ASSESSED.symbol, words.NOT_ASSESSED.phrase, "none", item.text)
        for item in unjudged(record)
        if item.kind != "excluded"
    ]
    lines += _first(unassessed, most, words.NOT_ASSESSED)
    t, inside = tally(record), words.INSIDE
    if t.required:
        within = f"{t.within} of {words.plural(t.required, 'required check')}"
        lines.append(VerdictLine(inside.symbol, inside.phrase, inside.tone, within))
    return tuple(lines)


def _first(lines: list[VerdictLine], most: int, look: Look) -> list[VerdictLine]:
    if len(lines) <= most:
        return lines
    more = f"and {len(lines) - most} more, all of them in the report"
    return [*lines[:most], VerdictLine(look.symbol, look.phrase, look.tone, more)]


def _told(record: AuditRecord, look: Look) -> list[VerdictLine]:
    """Make the lines of one outcome: required checks first, then the largest harm."""
    alike: dict[tuple[str, str, str, bool], list[GapRow]] = {}
    for row in all_rows(record):
        c = row.check
        if row.look is look and (c.effect.blocks or look is words.BEYOND):
            key = (c.metric, c.attribute, c.group, c.effect.blocks)
            alike.setdefault(key, []).append(row)
    told = sorted(alike.values(), key=lambda rows: not rows[0].check.effect.blocks)
    return [_line(rows, record) for rows in told]


def _line(rows: list[GapRow], record: AuditRecord) -> VerdictLine:
    rows = sorted(rows, key=lambda row: row.check.statistic != "difference")
    check, look = rows[0].check, rows[0].look
    limit = f"limit {'; '.join(row.limit for row in rows)}"
    if look is words.CANNOT_TELL and check.detectable is not None:
        limit += f"; detectable {rows[0].detectable}"
    if check.effect in WEIGHTS:
        limit += f"; {WEIGHTS[check.effect]}"
    return VerdictLine(
        symbol=look.symbol,
        phrase=look.phrase,
        tone=look.tone,
        whom=words.subject(check.attribute, check.group),
        what=measures.words(check.metric, record.system).name,
        gap="; ".join(f"{row.gap} ({row.interval})" for row in rows),
        limit=limit,
        n=f"n {words.count(check.n)}",
    )


# ----------------------------------------------------------------------------------------- page 1


def decision(record: AuditRecord) -> Section:
    """Tell the disposition, the worst-off group and the answers."""
    return Section(
        "decision",
        "What this audit came to",
        "Decision",
        (_banner(record), *_worst(record), _facts(record), *_beyond(record), *_unsure(record)),
    )


def _banner(record: AuditRecord) -> Banner:
    symbol, tone, _ = DISPOSITIONS[record.disposition]
    reasons = [*_plainly(record), *(words.plain(reason) for reason in record.reasons)]
    if warned := warning_words(record):
        reasons.append(warned)
    reasons += model_words(record)
    if record.system.stage == EXPLORE:
        symbol, tone = DISPOSITIONS[Disposition.NONE][:2]
        reasons.insert(0, "This is an exploration: look, learn, and do not decide from it.")
    return Banner(symbol, tone, disposition_words(record), (*reasons, CLOSING))


def model_words(record: AuditRecord) -> tuple[str, ...]:
    """Say what a reader must know of the model, and of the file it came out of."""
    said = list(unsteady_words(record))
    file = record.model_file
    if file is None:
        return tuple(said)
    if file.ran_code:
        said.append(
            "The model file is a pickle, and was opened because somebody allowed it: code from it "
            "ran on the machine of this audit, in a process with limits on memory, time and the "
            "size of files, and nothing else held it back. What it answered is taken at its word."
        )
    if file.saved_with:
        said.append(
            f"The model was saved with {words.plain(file.saved_with)} and read with "
            f"{words.plain(file.read_with)}. Between versions a model can decide otherwise: hold "
            f"some of its decisions here against those of the system itself."
        )
    return tuple(said)


def _plainly(record: AuditRecord) -> Iterator[str]:
    """Say the worst breach without a number."""
    row = worst_off(record)
    if row is None or row.look is not words.BEYOND or row.check.estimate is None:
        return
    said = measures.words(row.check.metric, record.system)
    if said.among:
        more = "higher" if row.check.estimate > row.scale.parity else "lower"
        yield (
            f"Of {said.among}, the share who {said.event} is {more} in the group "
            f"{words.subject(row.check.attribute, row.check.group)} than among "
            f"{words.against(row.check.against, row.check.group)}, by more than the policy's limit."
        )


def _worst(record: AuditRecord) -> Iterator[Paragraph]:
    lead = worst_off_words(record)
    yield Paragraph(" ".join(lead[:2]) if len(lead) > 2 else " ".join(lead))


def _facts(record: AuditRecord) -> Facts:
    t, row = tally(record), worst_off(record)
    facts: list[Fact] = []
    if _errors_first(record, row):
        facts += amounts.fact(record)
    elif row is not None:
        what = measures.words(row.check.metric, record.system).name
        versus = words.against(row.check.against, row.check.group)
        facts.append(
            Fact(
                row.gap,
                f"{what}: {words.subject(row.check.attribute, row.check.group)}, against {versus}. "
                f"{words.INTERVAL} {row.interval}, limit {row.limit}, "
                f"n {words.count(row.check.n)}",
            )
        )
    answered = f"{t.answered} of {t.required}"
    if t.required:
        facts.append(Fact(answered, tally_words(record).removeprefix(answered).strip()))
    unknown = [g for g in record.groups if g.group == NOT_RECORDED and g.rows]
    if unknown:
        most = max(unknown, key=lambda g: g.rows)
        facts.append(
            Fact(
                words.plural(most.rows, "person", "people"),
                f"({words.percent(most.rows / record.rows.read)}) without a recorded "
                f"{words.attribute(most.attribute)}; shown as a group of their own",
            )
        )
    return Facts(tuple(facts))


def _beyond(record: AuditRecord) -> Iterator[Table]:
    """Lay out what is beyond its limit, the largest harm first."""
    lines = _told(record, words.BEYOND)
    if lines:
        note = ""
        if len(lines) > MOST_LINES:
            note = f"{len(lines) - MOST_LINES} more are in the section Disparities."
        yield table(
            "Beyond the limit",
            f"For whom | Of what | #Gap to everyone else ({words.INTERVAL}) | #Limit | #n",
            [
                (
                    Cell(f"{line.symbol} {line.whom}", line.tone),
                    line.what,
                    _two_lines(line.gap),
                    _two_lines(line.limit.removeprefix("limit ")),
                    line.n.removeprefix("n "),
                )
                for line in lines[:MOST_LINES]
            ],
            note,
        )


def _two_lines(text: str) -> Cell:
    first, _, second = text.partition("; ")
    return Cell(first, detail=second)


def _withheld(record: AuditRecord) -> str:
    """Say for how many checks it would be enough to know who the people not recorded are."""
    withheld = sum(
        c.outcome is Outcome.INDETERMINATE and c.effect.blocks and c.unknown is not None
        for c in record.checks
    )
    if not withheld:
        return ""
    they = "it" if withheld == 1 else "they"
    return (
        f" For {words.plural(withheld, 'check')} it could be enough to record more people's "
        f"groups: without the people whose group is not recorded, {they} would be within the limit."
    )


def _unsure(record: AuditRecord) -> Iterator[Block]:
    """List, attribute by attribute, the groups for which these data cannot tell."""
    groups: dict[str, dict[str, int]] = {g.attribute: {} for g in record.groups}
    elsewhere = {(r.check.attribute, r.check.group) for r in unjudged_rows(record)}
    for row in all_rows(record):
        listed = (row.check.attribute, row.check.group) in elsewhere
        if row.look is words.CANNOT_TELL and row.check.effect.blocks and not listed:
            groups.setdefault(row.check.attribute, {})[row.group] = row.check.n
    if any(groups.values()):
        yield Heading("For whom these data cannot tell")
        yield Paragraph(
            "At least one required check on these groups lies across the edge of its limit. That "
            "is neither good news nor bad: to know, more people would have to be counted."
            + _withheld(record)
        )
        yield Bullets(
            tuple(
                f"{words.sentence_case(words.attribute(attribute))}: "
                + words.few([f"{group} (n {words.count(n)})" for group, n in found.items()])
                for attribute, found in groups.items()
                if found
            )
        )
