"""Evidence and policy become outcomes, findings and a disposition.

Outcomes always come from bounds, never from a point. Nothing from the explanations enters here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.disparity import ONE_GROUP, worse_off
from auditkit.errors import PolicyError, did_you_mean, listed
from auditkit.evidence.counts import UNKNOWN, YES, GroupTable
from auditkit.inference.design import FEWEST_CLUSTERS
from auditkit.inference.gates import (
    all_clear_level,
    gap_bounds,
    judge_gap,
    judge_joint,
    ratio_bounds,
)
from auditkit.inference.intervals import Bounds
from auditkit.inference.standardised import Bands, StandardisedGap, StandardisedGaps
from auditkit.measure import (
    ONE_SIDED,
    Side,
    Tallied,
    effective,
    lacking,
    number,
    tallied,
    worth,
)
from auditkit.metrics.registry import Metric, metrics, rates
from auditkit.metrics.standardised import STANDARDISED
from auditkit.policy.schema import ByLevel, CheckRule, Policy, SettledCheck
from auditkit.results import (
    ALL,
    CROSS,
    NOT_RECORDED,
    REST,
    Check,
    Disposition,
    Effect,
    Finding,
    Outcome,
    Status,
)
from auditkit.unrecorded import corners, declared_share, unknown_people

if TYPE_CHECKING:
    from auditkit.plan import AuditPlan

ALIKE = 0.5
"""Recorded outcomes of those selected and of the others: less alike than this, no all-clear."""
POWER_FOR_SILENCE = 0.5
"""At medium risk "cannot tell" passes only if twice the limit would be found this often."""


@dataclass(frozen=True)
class Hypotheses:
    """How many breaches could be stated, fixed from denominators before any rate is looked at.

    Blocking checks share their level among themselves; the others share theirs among all.
    """

    blocking: int
    all: int

    def level(self, alpha: float, effect: Effect) -> float:
        """One-sided level at which one breach is judged (Bonferroni)."""
        return alpha / max(1, self.blocking if effect.blocks else self.all)


def check_metrics(policy: Policy) -> None:
    """Refuse a policy that names a metric there is none of, or asks of one what it cannot do.

    Raises
    ------
    PolicyError
    """
    problems = [text for name, rule in policy.file.checks.items() if (text := _unfit(name, rule))]
    if problems:
        raise PolicyError(*problems)


def _unfit(name: str, rule: CheckRule) -> str:
    """Say why a check cannot be made; empty if it can."""
    metric, known = rule.metric, [*rates(), *STANDARDISED]
    if metric in STANDARDISED:
        effects = [Effect(e) for e in _by_level(rule.effect)]
        if blocks := next((e for e in effects if e.blocks), None):
            return (
                f"Check '{name}' has the effect '{blocks}', but how often '{metric}' would be "
                f"found beyond a limit is not computed, so it cannot hold a system back. Choose "
                f"'note', 'explain' or 'warn'."
            )
        if rule.statistic != "difference":
            return (
                f"Check '{name}' asks for a {rule.statistic}, but '{metric}' is a gap already. "
                f"Choose the statistic 'difference'."
            )
    elif metric in metrics() and metric not in known:
        return (
            f"Check '{name}' names '{metric}', which is no rate. This version holds limits against "
            f"rates and {listed([*STANDARDISED])}; '{metric}' is measured and compared, and judged "
            f"by nobody."
        )
    elif metric not in known:
        return (
            f"Check '{name}' names the rate '{metric}', which there is none of. "
            f"{did_you_mean(metric, known)}"
        )
    return ""


def _by_level(effect: Effect | ByLevel[Effect]) -> list[Effect]:
    return [effect] if isinstance(effect, Effect) else [*effect.model_dump().values()]


def on_rates(policy: Policy) -> tuple[SettledCheck, ...]:
    """List the checks whose limit is on a rate of groups, without those at equal values."""
    return tuple(check for check in policy.checks if check.metric not in STANDARDISED)


Standardised = Mapping[str, StandardisedGaps]
"""The gaps at equal values by metric, as far as the policy asks for them."""


def hypotheses(
    groups: GroupTable,
    policy: Policy,
    *,
    labelled: bool,
    standardised: Standardised | None = None,
) -> Hypotheses:
    """Count the breach hypotheses. Two groups that are each other's rest are one.

    Gaps at equal values are counted from who can be compared; no such check blocks.
    """
    counts = {True: 0, False: 0}
    for check in policy.checks:
        if check.metric in STANDARDISED:
            found = (standardised or {}).get(check.metric, StandardisedGaps())
            counts[False] += _comparable(found, groups)
            continue
        metric = metrics()[check.metric]
        if lacking(metric, groups, labelled=labelled):
            continue
        counted = tallied(groups, metric)
        for attribute in groups.attributes():
            places = [
                i
                for i, (a, _) in enumerate(groups.names)
                if a == attribute and counted.own.people[i] and counted.rest.people[i]
            ]
            recorded = [i for i in places if groups.names[i][1] != NOT_RECORDED]
            mirrored = len(groups.of(attribute)) == 2 and len(recorded) == 2
            counts[check.effect.blocks] += len(places) - mirrored
    return Hypotheses(blocking=counts[True], all=counts[True] + counts[False])


def _comparable(found: StandardisedGaps, groups: GroupTable) -> int:
    """Count the groups with people to be compared with, two that mirror each other once."""
    number = 0
    for attribute in groups.attributes():
        compared = [g.group for g in found.gaps if g.attribute == attribute and g.compared]
        recorded = sum(group != NOT_RECORDED for group in compared)
        number += len(compared) - (len(groups.of(attribute)) == 2 and recorded == 2)
    return number


def detectable_gaps(
    groups: GroupTable, policy: Policy, family: Hypotheses, *, labelled: bool
) -> dict[tuple[str, str, str], float | None]:
    """Find the gap that each gap check would find beyond its limit four times in five.

    Returns
    -------
    dict
        By metric, attribute and group; ``None`` where no gap would be found that often.
    """
    from auditkit.inference.power import detectable

    out: dict[tuple[str, str, str], float | None] = {}
    for check in on_rates(policy):
        metric = metrics()[check.metric]
        if check.statistic != "difference" or lacking(metric, groups, labelled=labelled):
            continue
        counted = tallied(groups, metric)
        level = family.level(policy.alpha, check.effect)
        found = detectable(
            counted.own.at(level)[1],
            counted.rest.at(level)[1],
            counted.rest.rate,
            check.limit,
            level,
        )
        for (attribute, group), gap in zip(groups.names, found.tolist(), strict=True):
            out[check.metric, attribute, group] = number(gap)
    return out


NOBODY = "nobody of this group in the data"


def only_declared(groups: GroupTable, plan: "AuditPlan") -> frozenset[tuple[str, str]]:
    """List the groups without people that only the type of their column knows.

    The same rows in a file would not know them, so nothing may hang on them. A group that the plan
    names is different: somebody asked about it, and nobody of it is in the data.
    """
    absent = {
        (attribute, group)
        for place, (attribute, group) in enumerate(groups.names)
        if attribute in plan.attributes
        and group != NOT_RECORDED
        and not groups.own[place].any()
        and not plan.attributes[attribute].speaks_of(group)
    }
    return frozenset(
        (attribute, group)
        for attribute, group in groups.names
        if absent & set(zip(attribute.split(CROSS), group.split(CROSS), strict=False))
    )


def judge(
    groups: GroupTable,
    policy: Policy,
    family: Hypotheses,
    detectable: dict[tuple[str, str, str], float | None],
    *,
    labelled: bool,
    outcome: str,
    absent: frozenset[tuple[str, str]] = frozenset(),
    standardised: Standardised | None = None,
) -> tuple[Check, ...]:
    """Hold every check of the policy against every group.

    ``outcome`` says whether being selected is a ``benefit`` or a ``burden``; ``absent`` are groups
    that nobody is in and nobody asked about. A gap at equal values that is not in ``standardised``
    is missing.
    """
    selected = groups.own.sum(axis=0).reshape(3, 3).sum(axis=0)
    constant = _constant(groups)
    rows: list[Check] = []
    for check in policy.checks:
        if check.metric in STANDARDISED:
            found = (standardised or {}).get(check.metric, StandardisedGaps())
            at_equal = AtEqualValues(check, policy, family, outcome, groups)
            rows += at_equal.judge(found, constant, absent)
            continue
        metric = metrics()[check.metric]
        bare = Bare(check)
        if reason := lacking(metric, groups, labelled=labelled):
            rows.append(bare.row(ALL, ALL, Outcome.MISSING, reason))
        elif check.metric == "missing_decision_rate" and not selected[UNKNOWN]:
            every = f"every row has a {'prediction' if groups.errors else 'decision'}"
            rows.append(bare.row(ALL, ALL, Outcome.NOT_APPLICABLE, every))
        elif constant:
            rows.append(bare.row(ALL, ALL, Outcome.UNDEFINED, constant))
        else:
            counted = tallied(groups, metric)
            gate = Gate(check, metric, policy, family, counted, outcome, groups)
            for i, (attribute, group) in enumerate(groups.names):
                if attribute == ALL:
                    continue
                if (attribute, group) in absent:
                    rows.append(bare.row(attribute, group, Outcome.NOT_APPLICABLE, NOBODY))
                    continue
                present = [k for k in groups.of(attribute) if groups.names[k] not in absent]
                if len(present) < 2 and group != NOT_RECORDED:
                    rows.append(_alone(bare, groups, metric, attribute, group))
                    continue
                gap = detectable.get((check.metric, attribute, group))
                rows.append(gate.judge(i, attribute, group, gap))
    return tuple(rows)


def _constant(groups: GroupTable) -> str:
    """Say that nobody is told apart, so that no gap says anything; empty if somebody is."""
    if groups.errors is not None:
        return "every row has the same prediction" if groups.errors.one_prediction else ""
    selected = groups.own.sum(axis=0).reshape(3, 3).sum(axis=0)
    same = selected[YES] == 0 or selected[:YES].sum() == 0
    return "every row has the same decision" if same else ""


@dataclass(frozen=True)
class Bare:
    """A check for which there is nothing to compute."""

    check: SettledCheck

    def row(self, attribute: str, group: str, outcome: Outcome, note: str, n: int = 0) -> Check:
        """Make a row that says why there is no number."""
        c = self.check
        return Check(
            requirement=c.requirement,
            check=c.name,
            attribute=attribute,
            group=group,
            outcome=outcome,
            estimate=None,
            lower=None,
            upper=None,
            level_lower=None,
            level_upper=None,
            limit=c.limit,
            effect=c.effect,
            worse_off="",
            note=note,
            metric=c.metric,
            statistic=c.statistic,
            against=REST,
            n=n,
            detectable=None,
        )


def _alone(bare: Bare, groups: GroupTable, metric: Metric, attribute: str, group: str) -> Check:
    """Tell of the only group: nothing to compare, unless people of another may be unrecorded."""
    unknown = unknown_people(groups, metric, attribute)
    if not unknown:
        return bare.row(attribute, group, Outcome.NOT_APPLICABLE, ONE_GROUP)
    people = "1 person is" if unknown == 1 else f"{unknown} people are"
    note = f"the only recorded group, and {people} not recorded, who may be of another"
    return bare.row(attribute, group, Outcome.UNDEFINED, note)


@dataclass(frozen=True)
class Gate:
    """One check at its two one-sided levels: 4.4 % to be within, 5 %/m to be beyond."""

    check: SettledCheck
    metric: Metric
    policy: Policy
    family: Hypotheses
    counted: Tallied
    outcome: str
    groups: GroupTable

    def judge(self, i: int, attribute: str, group: str, detectable: float | None) -> Check:
        """Judge one group against its rest."""
        own, rest = self.counted.own.take(i), self.counted.rest.take(i)
        people, others = int(own.people[0]), int(rest.people[0])
        if unbounded := self._unbounded(own, rest, attribute, group):
            return unbounded
        low = all_clear_level(self.policy.alpha)
        high = self.family.level(self.policy.alpha, self.check.effect)
        bounds = Bounded.of(
            own, rest, float(self.counted.rho[i]), (low, high), self.check.statistic
        )
        outcome = bounds.outcome(self.check)
        doubt = doubts(own, rest, self.policy.floor) or suspicious(self.groups, self.metric)
        unknown, share = 0, None
        if outcome is Outcome.WITHIN and not doubt:
            unknown = counted_worst(self.groups, self.check, attribute, group)
        if unknown:
            anybody = self._at_worst(bounds, i, low, declared=False)
            bounds = self._at_worst(bounds, i, low, declared=True)
            outcome = bounds.outcome(self.check)
            if outcome is Outcome.WITHIN and anybody.outcome(self.check) is not Outcome.WITHIN:
                share = declared_share(self.groups, attribute, group)
        within, breach = bounds.pairs(self.check.statistic)
        note = self._note(outcome, doubt, within)
        if unknown:
            note = "; ".join(
                filter(None, (note, _counted_worst(outcome, unknown, attribute, share)))
            )
        if outcome is Outcome.WITHIN and doubt:
            outcome = Outcome.INDETERMINATE
        gap = float(own.rate[0] - rest.rate[0])
        ends = _bar(outcome, gap, within, breach if min(people, others) >= 1 else None, (low, high))
        ratio = float(own.rate[0] / rest.rate[0]) if rest.x[0] else None
        return Check(
            requirement=self.check.requirement,
            check=self.check.name,
            attribute=attribute,
            group=group,
            outcome=outcome,
            estimate=gap if self.check.statistic == "difference" else ratio,
            lower=number(ends[0]),
            upper=number(ends[1]),
            level_lower=ends[2],
            level_upper=ends[3],
            limit=self.check.limit,
            effect=self.check.effect,
            worse_off=worse_off(self.metric, self.outcome, group, REST, gap),
            note=note,
            metric=self.check.metric,
            statistic=self.check.statistic,
            against=REST,
            n=people,
            detectable=detectable if self.check.statistic == "difference" else None,
            effective_n=effective(own, 0),
            unknown=unknown or None,
            declared_share=share,
        )

    def _unbounded(self, own: Side, rest: Side, attribute: str, group: str) -> Check | None:
        """Say why a gap has no bounds, where it has none."""
        bare, people = Bare(self.check), int(own.people[0])
        if not (own.n[0] > 0 and rest.n[0] > 0):
            who = "the group" if not own.n[0] > 0 else "the rest"
            why = f"no rows of {who} to divide by"
            if min(own.recorded[0], rest.recorded[0]) == 0:
                why = ONE_SIDED
            return bare.row(attribute, group, Outcome.UNDEFINED, why, people)
        if own.df[0] < 1 or rest.df[0] < 1:
            why = doubts(own, rest, self.policy.floor)
            row = bare.row(attribute, group, Outcome.INDETERMINATE, why, people)
            return replace(row, effective_n=effective(own, 0))
        return None

    def _at_worst(self, bounds: "Bounded", i: int, alpha: float, *, declared: bool) -> "Bounded":
        """Widen the bounds of an all-clear to those at either corner, as far as is declared."""
        at = corners(self.groups, self.metric, declared=declared)
        for side in (at.lowest, at.highest):
            bounds = bounds.widened(
                Bounded.of(
                    side.own.take(i),
                    side.rest.take(i),
                    float(side.rho[i]),
                    (alpha, alpha),
                    self.check.statistic,
                )
            )
        return bounds

    def _note(self, outcome: Outcome, doubt: str, within: tuple[float, float]) -> str:
        notes = [doubt] if doubt and outcome is not Outcome.BREACH else []
        limit = self.check.limit
        if (
            self.check.statistic == "ratio"
            and outcome is Outcome.WITHIN
            and not doubt
            and not (1 / limit < within[0] and within[1] < limit)
        ):
            notes.append(f"within because the gap is shown to be under {self.check.gap_floor:g}")
        return "; ".join(notes)


def _bar(
    outcome: Outcome,
    gap: float,
    within: tuple[float, float],
    breach: tuple[float, float] | None,
    levels: tuple[float, float],
) -> tuple[float, float, float, float]:
    """Choose the bounds to be told, lower and upper, and the level of each.

    The bar that is drawn must agree with the outcome: the side that could be beyond the limit
    stands at the level of a breach, the other at the level of an all-clear. A bound that unknown
    people, or a band, reach further is the one that judged.
    """
    low, high = levels
    lower, level_lower = within[0], 1 - low
    upper, level_upper = within[1], 1 - low
    if outcome is not Outcome.WITHIN and breach is not None:
        if gap >= 0 and not lower < breach[0]:
            lower, level_lower = breach[0], 1 - high
        if gap < 0 and not upper > breach[1]:
            upper, level_upper = breach[1], 1 - high
    return lower, upper, level_lower, level_upper


@dataclass(frozen=True)
class AtEqualValues:
    """One check on gaps that are put together over bands. It blocks nothing."""

    check: SettledCheck
    policy: Policy
    family: Hypotheses
    outcome: str
    groups: GroupTable

    def judge(
        self, found: StandardisedGaps, constant: str, absent: frozenset[tuple[str, str]]
    ) -> Iterator[Check]:
        """Judge every group; one row with the reason where nothing was compared."""
        bare = Bare(self.check)
        if not found.gaps:
            spared = found.other and not self.check.effect.warns
            none = Outcome.NOT_APPLICABLE if spared else Outcome.MISSING
            yield bare.row(ALL, ALL, none, found.lacking or "it was not measured")
            return
        if constant:
            yield bare.row(ALL, ALL, Outcome.UNDEFINED, constant)
            return
        counted = metrics()["selection_rate"]  # whoever has a decision could be of another group
        for gap in found.gaps:
            named = (gap.attribute, gap.group)
            present = [
                k for k in self.groups.of(gap.attribute) if self.groups.names[k] not in absent
            ]
            if named in absent:
                yield bare.row(*named, Outcome.NOT_APPLICABLE, NOBODY)
            elif len(present) < 2 and gap.group != NOT_RECORDED:
                yield _alone(bare, self.groups, counted, *named)
            elif gap.bands is None:
                yield bare.row(*named, Outcome.UNDEFINED, gap.note, gap.n)
            else:
                yield self._held(gap, gap.bands)

    def _held(self, gap: StandardisedGap, bands: Bands) -> Check:
        """Hold a gap against the limit: the whole, and each band that is required."""
        low = all_clear_level(self.policy.alpha)
        high = self.family.level(self.policy.alpha, self.check.effect)
        within, breach = bands.whole(low), bands.whole(high)
        outcome = judge_gap(*within, *breach, self.check.limit)
        note = [gap.note] if gap.note else []
        if outcome is Outcome.WITHIN and gap.status is not Status.OK:
            outcome = Outcome.INDETERMINATE
        outermost = bands.outermost(low)
        if outcome is Outcome.WITHIN and outermost is not None:
            within = min(within[0], outermost[0]), max(within[1], outermost[1])
            outcome = judge_gap(*within, *breach, self.check.limit)
            if outcome is not Outcome.WITHIN:
                note.append("within over all bands together, but not shown to be in every band")
        estimate = gap.estimate or 0.0
        ends = _bar(outcome, estimate, within, breach, (low, high))
        metric = STANDARDISED[self.check.metric]
        return replace(
            Bare(self.check).row(gap.attribute, gap.group, outcome, "; ".join(note), gap.n),
            estimate=gap.estimate,
            lower=number(ends[0]),
            upper=number(ends[1]),
            level_lower=ends[2],
            level_upper=ends[3],
            worse_off=worse_off(metric, self.outcome, gap.group, REST, estimate),
        )


def counted_worst(groups: GroupTable, check: SettledCheck, attribute: str, group: str) -> int:
    """Count the people who must not be able to undo an all-clear (statistics.md 26).

    They count where nothing less than an all-clear lets the system pass.
    """
    if check.effect is not Effect.BLOCK_UNLESS_WITHIN or group == NOT_RECORDED:
        return 0
    return unknown_people(groups, metrics()[check.metric], attribute)


def doubts(own: Side, rest: Side, floor: int) -> str:
    """Say why the evidence cannot show a limit to be kept, however narrow its bounds."""
    for side, who in ((own, "rows"), (rest, "rows of the rest")):
        status, note = worth(side, 0, floor, who)
        if status is not Status.OK:
            return note
        if side.recorded[0] < ALIKE:
            return (
                f"outcomes of {who} are recorded less than half as often on one side of the "
                f"decision, with no weights to make up for it"
            )
        if side.df[0] + 1 < FEWEST_CLUSTERS:
            return f"{who} of {side.df[0] + 1:.0f} clusters, at least {FEWEST_CLUSTERS} wanted"
    return ""


def suspicious(groups: GroupTable, metric: Metric) -> str:
    """Say that no decision is wrong, or none right, so that it was likely made of the outcome.

    Few systems never err, but a leak does not: then nothing is known of errors. None that is used
    always errs, but labels read the wrong way round do.
    """
    if groups.errors is not None or "actual" not in metric.needs:
        return ""
    (right_no, wrong), (missed, right_yes) = groups.own[0].reshape(3, 3)[:UNKNOWN, :UNKNOWN]
    if missed and wrong and not (right_no or right_yes):
        return "no decision agrees with the recorded outcome: one of the two is read in reverse"
    if missed or wrong or not (right_no and right_yes):
        return ""
    return "every decision agrees with the recorded outcome, as where one is copied from the other"


def _counted_worst(outcome: Outcome, unknown: int, attribute: str, share: float | None) -> str:
    """Say that people of no recorded group were counted in the worst way, and what came of it."""
    people = "1 person" if unknown == 1 else f"{unknown} people"
    worst = f"with the {people} whose {attribute} is not recorded counted in the worst way"
    if share is not None:
        return (
            f"within {worst} that the plan allows: it declares that at most {share:.1%} of those "
            f"not recorded are of this group; not shown to be within without that"
        )
    if outcome is Outcome.WITHIN:
        return f"within even {worst}"
    return f"not shown to be within {worst}; within without them"


@dataclass(frozen=True)
class Bounded:
    """Bounds of one comparison at the level of an all-clear, and at that of a breach."""

    gaps: tuple[Bounds, Bounds]
    ratios: tuple[Bounds, Bounds] | tuple[()]

    @classmethod
    def of(
        cls, own: Side, rest: Side, rho: float, levels: tuple[float, float], statistic: str
    ) -> "Bounded":
        """Bound the gap of a group and its rest at two one-sided levels, and a ratio if asked."""
        import numpy as np

        at = [(*own.at(alpha), *rest.at(alpha)) for alpha in levels]
        x, n, rest_x, rest_n = (np.concatenate(parts) for parts in zip(*at, strict=True))
        alphas = np.asarray(levels)
        gaps = cls._parted(gap_bounds(x, n, rest_x, rest_n, alphas, rho))
        if statistic == "difference":
            return cls(gaps, ())
        return cls(gaps, cls._parted(ratio_bounds(x, n, rest_x, rest_n, alphas, rho)))

    def widened(self, other: "Bounded") -> "Bounded":
        """Take the wider of two at the level of an all-clear; what finds a breach stays."""
        import numpy as np

        def wider(a: Bounds, b: Bounds) -> Bounds:
            return Bounds(np.minimum(a.lower, b.lower), np.maximum(a.upper, b.upper))

        gaps = (wider(self.gaps[0], other.gaps[0]), self.gaps[1])
        if not self.ratios or not other.ratios:
            return Bounded(gaps, ())
        return Bounded(gaps, (wider(self.ratios[0], other.ratios[0]), self.ratios[1]))

    @staticmethod
    def _parted(both: Bounds) -> tuple[Bounds, Bounds]:
        first, second = (Bounds(both.lower[k], both.upper[k]) for k in range(2))
        return first, second

    def pairs(self, statistic: str) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return (lower, upper) at either level."""
        at = self.gaps if statistic == "difference" else self.ratios
        first, second = ((float(b.lower), float(b.upper)) for b in at)
        return first, second

    def outcome(self, check: SettledCheck) -> Outcome:
        """Hold the bounds against the limit of a check."""
        if not self.ratios:
            (lower, upper), (lower_breach, upper_breach) = self.pairs("difference")
            return judge_gap(lower, upper, lower_breach, upper_breach, check.limit)
        return judge_joint(
            self.ratios[0],
            self.gaps[0],
            self.ratios[1],
            self.gaps[1],
            check.limit,
            check.gap_floor,
        )


def findings(checks: Sequence[Check]) -> tuple[Finding, ...]:
    """List the checks beyond their limit whose effect is more than a note."""
    return tuple(
        Finding(c.requirement, c.check, c.attribute, c.group, c.effect, c.worse_off)
        for c in checks
        if c.outcome is Outcome.BREACH and c.effect is not Effect.NOTE
    )


def disposition(
    checks: Sequence[Check], groups: GroupTable, policy: Policy, family: Hypotheses, stage: str
) -> tuple[Disposition, tuple[str, ...]]:
    """Say what the audit allows, and for which reasons.

    A breach opens a finding; while it has no verified mitigation the system is not ready. "Cannot
    tell" is never a pass where the risk is high.
    """
    reasons = list(_obstacles(checks, groups, policy, family))
    if stage == "explore":
        return Disposition.NONE, ("Stage is explore: no disposition is given.", *reasons)
    if reasons:
        return Disposition.NOT_READY, tuple(reasons)
    found = "Nothing that blocks was found."
    if rest := sum(c.effect.blocks and c.declared_share is not None for c in checks):
        answers = ("check is within its limit", "checks are within their limits")
        found += f" {_counted(rest, *answers)} only if what the plan declares of people not "
        found += "recorded is true."
    if warnings := sum(c.effect is Effect.WARN and c.outcome is Outcome.BREACH for c in checks):
        warning = ("check that warns is beyond its", "checks that warn are beyond their")
        found += f" {_counted(warnings, *warning)} limit."
    return Disposition.READY_FOR_DECISION, (found,)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _obstacles(
    checks: Sequence[Check], groups: GroupTable, policy: Policy, family: Hypotheses
) -> Iterator[str]:
    blocking = [c for c in checks if c.effect.blocks]
    breaches = [c for c in blocking if c.outcome is Outcome.BREACH]
    are = ("blocking check is", "blocking checks are")
    if breaches:
        yield f"{_counted(len(breaches), *are)} beyond the limit, without a mitigation yet."
    unsure = [c for c in blocking if c.outcome in (Outcome.INDETERMINATE, Outcome.UNDEFINED)]
    strict = [c for c in unsure if c.effect is Effect.BLOCK_UNLESS_WITHIN]
    if strict:
        yield f"{_counted(len(strict), *are)} without an answer in these data."
    lenient = [
        c
        for c in unsure
        if c.effect is Effect.BLOCK_ON_BREACH
        and (c.outcome is Outcome.UNDEFINED or not _would_tell(c, groups, policy, family))
    ]
    if lenient:
        told = _counted(len(lenient), "blocking check", "blocking checks")
        yield f"{told} cannot tell even a gap of twice the limit."
    missing = [c for c in checks if c.effect.warns and c.outcome is Outcome.MISSING]
    if missing:
        # what the policy asks cannot even be looked at: that is no lesser thing at a lesser risk
        told = _counted(len(missing), "check of the policy lacks", "checks of the policy lack")
        yield f"{told} what is needed: {missing[0].note}."
    answered = (Outcome.WITHIN, Outcome.BREACH)
    if not any(c.outcome in answered for c in _that_count(checks)):
        kind = "blocking check" if blocking else "check"
        yield f"No {kind} could be answered: this is no evidence that groups are treated alike."


def _that_count(checks: Sequence[Check]) -> list[Check]:
    """Choose the checks whose answers are evidence: those that block, else those that warn."""
    blocking = [c for c in checks if c.effect.blocks]
    return blocking or [c for c in checks if c.effect.warns] or list(checks)


def _would_tell(check: Check, groups: GroupTable, policy: Policy, family: Hypotheses) -> bool:
    """Whether a gap of twice the limit, in either direction, would be found often enough."""
    from auditkit.inference.power import breach_probability, joint_breach_probability

    settled = next(c for c in policy.checks if c.name == check.check)
    counted = tallied(groups, metrics()[check.metric])
    i = groups.names.index((check.attribute, check.group))
    alpha = family.level(policy.alpha, check.effect)
    n, rest_n = (float(side.take(i).at(alpha)[1][0]) for side in (counted.own, counted.rest))
    p = float(counted.rest.rate[i])
    allowed = (
        settled.limit
        if settled.statistic == "difference"
        else max((settled.limit - 1) * p, settled.gap_floor)
    )
    truths = [truth for truth in (p + 2 * allowed, p - 2 * allowed) if 0 <= truth <= 1]
    if settled.statistic == "difference":
        chances = [
            breach_probability(n, rest_n, truth, p, settled.limit, alpha) for truth in truths
        ]
    else:
        chances = [
            joint_breach_probability(n, rest_n, truth, p, settled.limit, settled.gap_floor, alpha)
            for truth in truths
        ]
    return bool(chances) and min(float(c) for c in chances) >= POWER_FOR_SILENCE
