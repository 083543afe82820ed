"""Who could not be judged, and why: page 1 names them before it shows any table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditkit.metrics.standardised import STANDARDISED
from auditkit.report.story import gaps, measures, words
from auditkit.report.story.gaps import GapRow
from auditkit.report.story.parts import Block, Bullets, Cell, Heading, Paragraph, Section, table
from auditkit.results import (
    ALL,
    CROSS,
    NOT_RECORDED,
    RANGE,
    AuditRecord,
    DeclaredShare,
    Exclusion,
    Outcome,
    UnknownBound,
)

STATES = {
    "not_collected": "not collected, so nothing is known of it; it was not guessed",
    "unsafe_to_collect": "judged unsafe to collect, so nothing is known of it; it was not guessed",
}
SCOPES = {
    "all": "left out of everything",
    "error_metrics": "left out of every number that needs the recorded outcome",
    "score_metrics": "left out of every number that needs the score",
    "need": "left out of the comparison at equal need",
    "baseline": "left out of the comparison with what is decided today",
}


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Something without an answer.

    ``need``, an ``attribute``, a ``group``, a ``check`` that holds nothing back and for which
    something is missing, or ``excluded`` rows.
    """

    kind: str
    subject: str
    reason: str

    @property
    def text(self) -> str:
        """Subject and reason in one line."""
        return f"{self.subject}: {self.reason}"


def unjudged(record: AuditRecord) -> tuple[Unjudged, ...]:
    """List who could not be judged: need, attributes, groups, other checks, then rows left out."""
    return (
        *_need(record),
        *_attributes(record),
        *_groups(record),
        *_checks(record),
        *_excluded(record),
    )


def _checks(record: AuditRecord) -> Iterable[Unjudged]:
    """List what the policy asks at equal values and these data cannot tell of anybody."""
    for check in gaps.unique_checks(record):
        if check.metric in STANDARDISED and check.outcome is Outcome.MISSING:
            name = measures.words(check.metric, record.system).name
            yield Unjudged("check", name, f"not measured: {words.plain(check.note)}")


def _need(record: AuditRecord) -> Iterable[Unjudged]:
    """Say that impartiality by need was not measured, where a benefit is held against no need."""
    if record.system.outcome == "benefit" and not record.system.need:
        why = (
            "an amount is predicted, and nobody is selected by it here"
            if record.system.task == measures.REGRESSION
            else "the recorded outcome is not declared to be need (data.need)"
            if record.system.label
            else "no need was recorded"
        )
        yield Unjudged("need", "impartiality by need", f"not measured: {why}")


def _attributes(record: AuditRecord) -> Iterable[Unjudged]:
    for info in record.attributes:
        if info.state in STATES:
            yield Unjudged("attribute", words.attribute(info.name), STATES[info.state])


def _groups(record: AuditRecord) -> tuple[Unjudged, ...]:
    """List groups without an answer, each reason once; if some checks are required, of those."""
    rows = unjudged_rows(record)
    order = {g: i for i, g in enumerate((g.attribute, g.group) for g in record.groups)}
    rows.sort(key=lambda r: order.get((r.check.attribute, r.check.group), len(order)))
    alike: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        attribute = row.check.attribute
        named = attribute if attribute not in ("", ALL) else ""
        key = _heading(row, record) if not named else words.attribute(attribute)
        alike.setdefault((key, _reason(row, record)), {})[row.group if named else ""] = None
    return tuple(
        Unjudged("group", f"{words.few([*groups])} ({key})" if any(groups) else key, reason)
        for (key, reason), groups in alike.items()
    )


def unjudged_rows(record: AuditRecord) -> list[GapRow]:
    """List the checks without an answer; if some checks are required, of those.

    What does not apply to anybody is no gap in the audit; what does not apply to a group, because
    it is the only one or nobody is in it, is: of that group nothing is known.
    """
    checks = [
        c
        for c in gaps.unique_checks(record)
        if c.against != RANGE
        and not (c.metric in STANDARDISED and c.outcome == Outcome.MISSING)  # told by itself
        and (c.outcome != Outcome.NOT_APPLICABLE or c.attribute not in ("", ALL))
        and (c.outcome != Outcome.NOT_APPLICABLE or CROSS not in c.attribute)
    ]
    required = [c for c in checks if c.effect.blocks] or checks
    return [row for row in gaps.rows(record, required) if not row.judged]


def _heading(row: GapRow, record: AuditRecord) -> str:
    """Name a check that has no group of its own by what it asks about."""
    if not measures.suits(row.check.metric, record.system):
        return f"everyone, for the check {words.spelled(row.check.check)}"
    said = measures.words(row.check.metric, record.system).name
    return f"everyone, for the rate {said}" if said else words.spelled(row.check.check)


def _reason(row: GapRow, record: AuditRecord) -> str:
    """Say why in full: k of n, of whom, and how many would be wanted."""
    said = measures.words(row.check.metric, record.system)
    m, n = row.measurement, row.check.n
    if not said.among:
        return row.reason
    if row.reason == "nobody to count":
        return f"there are no {said.among}, so there is no rate"
    counted = (
        m is not None
        and m.numerator is not None
        and m.effective_n is None
        and row.check.outcome is Outcome.INDETERMINATE
    )
    if m is not None and counted and n < record.policy.floor:
        return (
            f"{words.count(m.numerator or 0)} of {words.count(n)} {said.among} {said.event}; "
            f"at least {record.policy.floor} people are wanted"
        )
    return row.reason


def totals(exclusions: Iterable[Exclusion]) -> dict[tuple[str, str], int]:
    """Add up the rows left out, by reason and scope.

    Exclusions may be told for everyone and again group by group; a row counts once.
    """
    by_attribute: dict[tuple[str, str], dict[str, int]] = {}
    for row in exclusions:
        sums = by_attribute.setdefault((row.reason, row.scope), {})
        sums[row.attribute] = sums.get(row.attribute, 0) + row.rows
    return {
        key: sums[ALL] if ALL in sums else max(sums.values()) for key, sums in by_attribute.items()
    }


def _excluded(record: AuditRecord) -> Iterable[Unjudged]:
    for (reason, scope), rows in totals(record.exclusions).items():
        if rows:
            share = f" ({words.percent(rows / record.rows.read)})" if record.rows.read else ""
            yield Unjudged(
                "excluded",
                f"{words.plural(rows, 'person', 'people')}{share}",
                f"{words.spelled(reason)}; {SCOPES.get(scope, words.spelled(scope))}",
            )


def unrecorded(record: AuditRecord) -> tuple[str, ...]:
    """Tell, for each attribute, how many people have no recorded group."""
    return tuple(
        f"{words.plural(g.rows, 'person', 'people')} "
        f"({words.percent(g.rows / record.rows.read)}) have no recorded "
        f"{words.attribute(g.attribute)}. They are shown as a group of their own and are in "
        f"no other group of it.{_hanging(record, g.attribute)}"
        for g in record.groups
        if g.group == NOT_RECORDED and g.rows and CROSS not in g.attribute
    )


def declared(record: AuditRecord) -> tuple[str, ...]:
    """Tell what the plan declares of the people not recorded, and what rests on it."""
    return tuple(
        f"The plan declares that of {words.plural(s.unknown, 'person', 'people')} without a "
        f"recorded {words.attribute(s.attribute)} at most {words.percent(s.at_most)} are "
        f"{words.group(s.group)}, because: {words.plain(s.reason).rstrip('.')}."
        f"{_resting(record, s)}"
        for s in record.declared_shares
    )


def _resting(record: AuditRecord, share: DeclaredShare) -> str:
    """Say how many answers would not be within their limit without a declared share."""
    named = (share.attribute, share.group)
    number = sum(
        (c.attribute, c.group) == named and c.declared_share is not None for c in record.checks
    )
    if not number:
        return " No answer rests on it."
    return f" {words.plural(number, 'answer')} within the limit would not be without it."


def _hanging(record: AuditRecord, attribute: str) -> str:
    """Say how many answers hang on who the people of no recorded group are."""
    bounds = [b for b in record.unknown_bounds if b.attribute == attribute]
    return f" {hanging(bounds)}" if any(b.could_change for b in bounds) else ""


def hanging(bounds: Sequence[UnknownBound]) -> str:
    """Say how many answers hang on people of no recorded group."""
    number = sum(b.could_change for b in bounds)
    hang = "hangs" if number == 1 else "hang"
    return f"{words.count(number)} of {words.plural(len(bounds), 'answer')} {hang} on who they are."


def unmatched(record: AuditRecord) -> tuple[str, ...]:
    """Tell who was lost between the data and the source that keeps the protected attributes."""
    alone, beside = record.rows.unmatched, record.rows.unmatched_protected
    sentences = (
        (alone, "of the data found no match in the source that keeps the protected attributes. "
                "They are counted as not recorded."),
        (beside, "of the source that keeps the protected attributes found no match in the data: "
                 "perhaps people who were left out before any decision was made."),
    )  # fmt: skip
    return tuple(f"{words.plural(rows, 'row')} {text}" for rows, text in sentences if rows)


def unknown(record: AuditRecord) -> Section:
    """Tell who could not be judged and why."""
    items = unjudged(record)
    blocks: list[Block] = []
    attributes = [i for i in items if i.kind in ("need", "attribute", "check")]
    if attributes:
        blocks += [
            Heading("What there are no data for"),
            Bullets(tuple(words.sentence_case(f"{i.text}.") for i in attributes)),
        ]
    groups = [i for i in items if i.kind == "group"]
    if groups:
        symbol = words.NOT_ASSESSED
        blocks.append(
            table(
                "Groups that a required check could not judge",
                "Group | Not assessed, because",
                [(i.subject, Cell(f"{symbol.symbol} {i.reason}", symbol.tone)) for i in groups],
            )
        )
    else:
        blocks.append(Paragraph("Every required check could be computed for every group."))
    left_out = [i for i in items if i.kind == "excluded"]
    blocks.append(Heading("People left out or not recorded"))
    sentences = [*(f"{i.text}." for i in left_out), *unrecorded(record), *declared(record)]
    sentences += unmatched(record)
    if not left_out:
        sentences.insert(0, "Nobody in the data was left out.")
    blocks.append(Bullets(tuple(sentences)))
    return Section("unknown", "Who could not be judged, and why", "Not judged", tuple(blocks))
