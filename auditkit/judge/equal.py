"""Gaps at equal values, put together over bands, held against a limit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from auditkit.disparity import worse_off
from auditkit.evidence.counts import GroupTable
from auditkit.inference.gates import (
    all_clear_level,
    judge_gap,
)
from auditkit.inference.standardised import Bands, StandardisedGap, StandardisedGaps
from auditkit.judge.family import Hypotheses
from auditkit.judge.gate import NOBODY, Bare, alone, bar
from auditkit.measure import (
    number,
)
from auditkit.metrics.registry import metrics
from auditkit.metrics.standardised import STANDARDISED
from auditkit.policy.schema import Policy, SettledCheck
from auditkit.results import (
    ALL,
    NOT_RECORDED,
    REST,
    Check,
    Outcome,
    Status,
)


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
                yield alone(bare, self.groups, counted, *named)
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
        ends = bar(outcome, estimate, within, breach, (low, high))
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
