"""A check on one attribute, group by group: the rows that a figure and its table both state."""

from collections.abc import Iterable
from dataclasses import dataclass

from auditkit.measure import ONE_SIDED
from auditkit.report.story import measures, words
from auditkit.report.story.parts import Cell
from auditkit.report.story.words import Look, Scale
from auditkit.results import (
    ALL,
    RANGE,
    AuditRecord,
    Check,
    Disparity,
    Measurement,
    Outcome,
    Status,
)

UNSTRATIFIED = ("", ALL)


@dataclass(frozen=True, slots=True)
class GapRow:
    """One group held against a limit: the check, its 95 % interval and the rate it comes from."""

    check: Check
    disparity: Disparity | None
    measurement: Measurement | None
    scale: Scale
    look: Look
    judged: bool
    reason: str

    @property
    def group(self) -> str:
        """The group, spelled."""
        return words.group(self.check.group)

    @property
    def size(self) -> float:
        """The magnitude of the harm: how far from parity, whoever is worse off."""
        return self.scale.size(self.check.estimate) if self.check.estimate is not None else -1.0

    @property
    def harm(self) -> float:
        """The magnitude in multiples of the limit, comparable between checks."""
        limit = self.scale.size(self.check.limit)
        return self.size / limit if limit else self.size

    @property
    def gap(self) -> str:
        """The gap with its unit; where there is no number, the bound that judges."""
        check, value = self.check, self.scale.value
        if check.estimate is None and check.outcome is Outcome.BREACH:
            if check.lower is not None and check.lower > self.scale.parity:
                return f"at least {value(check.lower, check.limit).lstrip('+')}"
            if check.upper is not None and check.upper < self.scale.parity:
                return f"at most {value(check.upper, check.limit).lstrip('+')}"
        return value(check.estimate, check.limit)

    @property
    def interval(self) -> str:
        """The 95 % interval of the gap, without its unit."""
        if self.disparity is None:
            return words.DASH
        return self.scale.span(self.disparity.lower, self.disparity.upper, self.check.limit)

    @property
    def bounds(self) -> str:
        """The one-sided bounds that judge, without their unit."""
        return self.scale.span(self.check.lower, self.check.upper, self.check.limit)

    @property
    def limit(self) -> str:
        """The limit with its unit."""
        return self.scale.limit(self.check.limit)

    @property
    def rate(self) -> str:
        """The group's own rate."""
        shares = self.scale.kind != "units"
        return words.rate(self.measurement.estimate if self.measurement else None, shares)

    @property
    def counted(self) -> str:
        """Numerator and denominator of the rate: ``194 of 578``."""
        n = words.count(self.check.n)
        if told := words.told_by(self.check.effective_n):
            return f"n {n}, {told}"
        k = self.measurement.numerator if self.measurement else None
        return f"n {n}" if k is None else f"{words.count(k)} of {n}"

    @property
    def detectable(self) -> str:
        """The smallest gap that would probably have been found."""
        if self.check.detectable is None:
            return words.DASH
        return f"{Scale('points').number(self.check.detectable)} points"

    @property
    def apart(self) -> bool:
        """Whether the 95 % interval leaves out that there is no gap."""
        d, parity = self.disparity, self.scale.parity
        above = d is not None and d.lower is not None and d.lower > parity
        return above or (d is not None and d.upper is not None and d.upper < parity)

    @property
    def worse_off(self) -> str:
        """Who is worse off, spelled; empty where nobody is."""
        check = self.check
        if not check.worse_off or check.estimate == self.scale.parity:
            return ""
        if check.worse_off == check.group:
            return "this group"
        return words.against(check.worse_off, check.group)


def unique_checks(record: AuditRecord) -> tuple[Check, ...]:
    """List the checks, each once even if several requirements ask for it."""
    found: dict[tuple[str, str, str, str], Check] = {}
    for check in record.checks:
        found.setdefault((check.check, check.attribute, check.group, check.against), check)
    return tuple(found.values())


def rows(record: AuditRecord, checks: Iterable[Check]) -> list[GapRow]:
    """Join checks with their intervals and rates; the largest harm first, the unjudged last."""
    disparities = {
        (d.metric, d.attribute, d.group, d.against, d.statistic): d for d in record.disparities
    }
    measured = {
        (m.metric, m.attribute, m.group): m
        for m in record.measurements
        if m.stratum in UNSTRATIFIED
    }
    joined = [
        _row(
            record,
            check,
            disparities.get(
                (check.metric, check.attribute, check.group, check.against, check.statistic)
            ),
            measured.get((check.metric, check.attribute, check.group)),
        )
        for check in checks
    ]
    return sorted(joined, key=lambda row: (not row.judged, -row.harm, row.check.group))


def gap_rows(record: AuditRecord, check: str, attribute: str) -> list[GapRow]:
    """Join the rows of one check on one attribute, group by group."""
    return rows(
        record,
        (
            c
            for c in unique_checks(record)
            if c.check == check and c.attribute == attribute and c.against != RANGE and c.group
        ),
    )


def _row(
    record: AuditRecord,
    check: Check,
    disparity: Disparity | None,
    measurement: Measurement | None,
) -> GapRow:
    look, reason = words.LOOKS[check.outcome], ""
    if _too_few(check, disparity, record.policy.floor):
        look = words.NOT_ASSESSED
    answered = check.outcome in (Outcome.WITHIN, Outcome.BREACH)  # from bounds, number or not
    judged = answered or (look is words.CANNOT_TELL and check.estimate is not None)
    if not judged:
        reason = _reason(check, disparity, record.policy.floor)
    scale = words.scale(check.statistic, measures.is_share(record, check.metric))
    return GapRow(check, disparity, measurement, scale, look, judged, reason)


def _too_few(check: Check, disparity: Disparity | None, floor: int) -> bool:
    few = disparity.status == Status.INSUFFICIENT if disparity else check.n < floor
    return check.outcome == Outcome.INDETERMINATE and few


def _reason(check: Check, disparity: Disparity | None, floor: int) -> str:
    """Say in a few words why a check has no answer."""
    if check.outcome == Outcome.INDETERMINATE and 0 < check.n < floor:
        return f"too few: {words.count(check.n)}, at least {floor} wanted"
    nobody = check.outcome == Outcome.UNDEFINED and check.n == 0 and ONE_SIDED not in check.note
    if nobody and check.group not in ("", ALL):
        return "nobody to count"
    spoken = {
        Outcome.MISSING: "not measured",
        Outcome.NOT_APPLICABLE: "does not apply",
        Outcome.UNDEFINED: "no number can be formed",
    }
    note = check.note or (disparity.note if disparity else "")
    return words.plain(note) or spoken.get(check.outcome, "too few to judge")


def verdict(row: GapRow) -> Cell:
    """Say an outcome in a cell: shape and word, and below them who is worse off, or why."""
    detail = row.reason
    if row.worse_off and row.look is words.BEYOND:
        detail = f"{row.worse_off} worse off"
    elif row.worse_off and row.judged and row.look is words.CANNOT_TELL and row.apart:
        detail = f"estimate: {row.worse_off} worse off"
    return Cell(row.look.text, row.look.tone, detail)


def directions(rows: Iterable[GapRow]) -> tuple[str, str]:
    """Say what the left and the right of the axis mean for the group."""
    for row in rows:
        if row.judged and row.worse_off and row.check.estimate is not None:
            right = (row.check.estimate > row.scale.parity) == (row.worse_off == "this group")
            worse, better = "group worse off", "others worse off"
            return (f"← {better}", f"{worse} →") if right else (f"← {worse}", f"{better} →")
    return "← less than everyone else", "more →"


def sentence(row: GapRow, record: AuditRecord) -> str:
    """Say a verdict whole: group, metric in words, gap, interval, limit and n."""
    check = row.check
    what = measures.words(check.metric, record.system).name
    who = words.subject(check.attribute, check.group)
    versus = words.against(check.against, check.group)
    n = f"n {words.count(check.n)}"
    if not row.judged:
        return f"{who}: {what}, {row.look.phrase}: {row.reason} ({n}, limit {row.limit})."
    worse = ""
    if row.worse_off and row.look is words.CANNOT_TELL:
        worse = f" By the estimate, worse off: {row.worse_off}." if row.apart else ""
    elif row.worse_off:
        worse = f" Worse off: {row.worse_off}."
    return (
        f"{who}: {what}, {row.gap} against {versus} ({words.INTERVAL} {row.interval}, "
        f"limit {row.limit} either way, {n}): {row.look.phrase}.{worse}"
    )
