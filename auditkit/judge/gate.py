"""One group against its rest, held against a limit at the level of an all-clear and of a breach."""

from dataclasses import dataclass, replace

from auditkit.disparity import ONE_GROUP, worse_off
from auditkit.evidence.counts import UNKNOWN, GroupTable
from auditkit.inference.design import FEWEST_CLUSTERS
from auditkit.inference.gates import (
    all_clear_level,
    gap_bounds,
    judge_gap,
    judge_joint,
    ratio_bounds,
)
from auditkit.inference.intervals import Bounds
from auditkit.judge.family import Hypotheses
from auditkit.measure import (
    ONE_SIDED,
    Side,
    Tallied,
    effective,
    number,
    worth,
)
from auditkit.metrics.registry import Metric, metrics
from auditkit.policy.schema import Policy, SettledCheck
from auditkit.results import (
    NOT_RECORDED,
    REST,
    Check,
    Effect,
    Outcome,
    Status,
)
from auditkit.unrecorded import corners, declared_share, unknown_people

ALIKE = 0.5
"""Recorded outcomes of those selected and of the others: less alike than this, no all-clear."""
NOBODY = "nobody of this group in the data"


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


def alone(bare: Bare, groups: GroupTable, metric: Metric, attribute: str, group: str) -> Check:
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
        ends = bar(outcome, gap, within, breach if min(people, others) >= 1 else None, (low, high))
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


def bar(
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
