"""Histograms of scores become measurements and disparities of the metrics of scores.

Where scores were counted in bins, every number says how far it can lie from the one that exact
counting would give, and its interval is widened by that. Intervals under clusters are not
computed yet, so none are given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from auditkit.disparity import ONE_GROUP, gap_to_rest, worse_off
from auditkit.evidence.counts import GroupTable
from auditkit.evidence.gather import Evidence
from auditkit.evidence.scores import ScoreCounts
from auditkit.inference.estimates import Estimate, Part, estimate_of, parts_of, pooled
from auditkit.measure import NO_LABEL, measurable, number
from auditkit.metrics.registry import Metric, score_metrics
from auditkit.plan import AuditPlan
from auditkit.results import ALL, NOT_RECORDED, REST, Disparity, Measurement, Status

UNDER_CLUSTERS = "intervals of score metrics under clusters are not computed yet"


def scored(
    plan: AuditPlan, evidence: Evidence, floor: int
) -> tuple[tuple[Measurement, ...], tuple[Disparity, ...]]:
    """Measure and compare the scores of every group; nothing where there are none.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    if evidence.scores is None:
        return (), ()
    scores = Scores(
        evidence.groups,
        evidence.scores,
        evidence.labelled,
        floor,
        plan.data.cluster is not None,
        plan.data.outcome,
    )
    return scores.measurements(), scores.disparities()


@dataclass(frozen=True)
class Scores:
    """The metrics of scores of all groups, about to be told.

    Attributes
    ----------
    groups : GroupTable
    counts : ScoreCounts
    labelled : bool
        Whether an outcome is recorded.
    floor : int
        Smallest denominator that is worth a conclusion.
    clustered : bool
        Whether rows were drawn in clusters.
    outcome : str
        Whether being selected is a ``benefit`` or a ``burden``.
    """

    groups: GroupTable
    counts: ScoreCounts
    labelled: bool
    floor: int
    clustered: bool
    outcome: str

    @cached_property
    def parts(self) -> dict[str, Sequence[Part]]:
        """What each metric that says something is made of, group by group."""
        return {
            name: parts_of(metric, self.counts.histograms)
            for name, metric in score_metrics().items()
            if not self.inapplicable(metric)
        }

    def inapplicable(self, metric: Metric) -> str:
        """Say why a metric says nothing of these scores; empty if it does."""
        rule = self.counts.rule
        if not measurable(metric, labelled=self.labelled):
            return NO_LABEL
        if metric.mean and "actual" in metric.needs and (rule.low, rule.high) != (0.0, 1.0):
            return (
                f"scores were declared to lie in {rule.low:g} to {rule.high:g}, so they are no "
                f"probabilities to hold against the recorded outcome"
            )
        return ""

    def measurements(self) -> tuple[Measurement, ...]:
        """Compute every metric of scores on every group, and on everybody."""
        return tuple(row for metric in score_metrics().values() for row in self._measured(metric))

    def _measured(self, metric: Metric) -> Iterator[Measurement]:
        reason = self.inapplicable(metric)
        for i, (attribute, group) in enumerate(self.groups.names):
            if reason:
                yield Measurement(
                    metric.name, attribute, group, "", 0, None, None, None, None, None,
                    Status.NOT_APPLICABLE, reason,
                )  # fmt: skip
                continue
            found = estimate_of(self.parts[metric.name][i])
            status, note = found.worth(self.floor)
            low, high = self._range(metric)
            lower, upper = (found.lower - found.error, found.upper + found.error)
            yield Measurement(
                metric.name,
                attribute,
                group,
                "",
                found.people,
                None,
                None,
                number(found.value),
                None if self.clustered else number(max(lower, low)),
                None if self.clustered else number(min(upper, high)),
                status,
                self._note(note, found.error, status),
                None if found.effective == found.smallest else found.effective,
            )

    def _range(self, metric: Metric) -> tuple[float, float]:
        """Give the least and the largest value that a metric can have."""
        import numpy as np

        if metric.mean is None:
            return 0.0, 1.0
        beside = {"actual": np.array([[0.0], [1.0]])} if "actual" in metric.needs else {}
        ends = np.array([[self.counts.rule.low, self.counts.rule.high]])
        values = metric.mean(score=ends, **beside)
        return float(values.min()), float(values.max())

    def _note(self, note: str, error: float, status: Status) -> str:
        parts = [note] if note else []
        if status in (Status.OK, Status.INSUFFICIENT):
            if self.clustered:
                parts.append(UNDER_CLUSTERS)
            if self.counts.rule.binned:
                parts.append(f"counted in bins: at most {error:.2g} from the exact value")
        return "; ".join(parts)

    def disparities(self) -> tuple[Disparity, ...]:
        """Compare each group with the rest: the difference, group minus rest.

        The rest's AUC is the mean of the AUC within the other groups, weighted by their pairs:
        pairs of people of two groups say nothing of either. A ratio of these metrics is not given.
        """
        rows: list[Disparity] = []
        for metric in score_metrics().values():
            if not metric.compared:
                continue
            reason = self.inapplicable(metric)
            parts = self.parts.get(metric.name, [])
            for i, (attribute, group) in enumerate(self.groups.names):
                if attribute == ALL:
                    continue
                if reason:
                    rows.append(
                        gap_to_rest(metric, self.groups.names[i], Status.NOT_APPLICABLE, reason)
                    )
                    continue
                recorded = self.groups.of(attribute)
                if len(recorded) < 2 and group != NOT_RECORDED:
                    rows.append(
                        gap_to_rest(metric, self.groups.names[i], Status.NOT_APPLICABLE, ONE_GROUP)
                    )
                    continue
                rest = pooled(metric, [parts[k] for k in recorded if k != i])
                rows.append(self._compared(metric, i, estimate_of(parts[i]), rest))
        return tuple(rows)

    def _compared(self, metric: Metric, i: int, own: Estimate, rest: Estimate) -> Disparity:
        """Compare a group with its rest by MOVER (Zou and Donner, 2008), widened by both errors."""
        from math import hypot

        of_own, of_rest = own.worth(self.floor), rest.worth(self.floor, " of the rest")
        status, note = of_own if of_own[0] is not Status.OK else of_rest
        if of_rest[0] is Status.UNDEFINED:
            status, note = of_rest
        gap, error = number(own.value - rest.value), own.error + rest.error
        if gap is None:
            return gap_to_rest(metric, self.groups.names[i], status, note, own.people)
        low, high = self._range(metric)
        lower = gap - hypot(own.value - own.lower, rest.upper - rest.value) - error
        upper = gap + hypot(own.upper - own.value, rest.value - rest.lower) + error
        group = self.groups.names[i][1]
        return gap_to_rest(
            metric,
            self.groups.names[i],
            status,
            self._note(note, error, status),
            own.people,
            gap,
            None if self.clustered else number(max(lower, low - high)),
            None if self.clustered else number(min(upper, high - low)),
            worse_off(metric, self.outcome, group, REST, gap),
            None if own.effective == own.smallest else own.effective,
        )
