"""What is decided today, beside the system: both rates of the same people, and their difference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import UNKNOWN, GroupTable, paired_cells, tabulate
from auditkit.evidence.design import design_of
from auditkit.evidence.gather import Evidence
from auditkit.inference.intervals import Bounds, paired_difference, wilson
from auditkit.measure import (
    NO_LABEL,
    ONE_SIDE,
    Side,
    Tallied,
    as_recorded,
    counted,
    measurable,
    number,
    worth,
)
from auditkit.metrics.registry import Metric, rates
from auditkit.plan import AuditPlan
from auditkit.results import ALL, BaselineRate, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OF_DECISIONS = {"selected", "decided"}
"""A rate that needs neither is the same whoever decides."""

OTHER_PEOPLE = "each rate is among other people, because the decision says who is counted"
DRAWN = "people are weighted or drawn by strata, for which this version has no paired interval"
CLUSTERED = "people were drawn in clusters, for which this version has no intervals here"


def set_beside(plan: AuditPlan, evidence: Evidence, floor: int) -> tuple[BaselineRate, ...]:
    """Set every rate of the system beside the baseline's, among people whom both decided about.

    The interval of a rate is Wilson's (1927), at the effective size where people are weighted; that
    of the paired difference is Newcombe's (1998, Statistics in Medicine 17:2635-2650, method 10).
    Where people were drawn together, rates stand without intervals. Nothing without a baseline.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    paired = evidence.paired
    if paired is None:
        return ()
    groups = tabulate(paired, plan.depth, design_of(paired, None))
    clustered = plan.data.cluster is not None
    rows: list[BaselineRate] = []
    for metric in rates("binary").values():
        if not OF_DECISIONS & {*metric.needs}:
            continue
        if not measurable(metric, labelled=evidence.labelled):
            rows += [_without(metric, attribute, group) for attribute, group in groups.names]
        else:
            rows += pair(groups, metric, floor, clustered=clustered).rows()
    return tuple(rows)


def _without(metric: Metric, attribute: str, group: str) -> BaselineRate:
    return BaselineRate(
        metric.name, attribute, group, 0, None, None, None, None, None, None, None, None, None,
        None, None, Status.NOT_APPLICABLE, NO_LABEL,
    )  # fmt: skip


def pair(groups: GroupTable, metric: Metric, floor: int, *, clustered: bool) -> "Pair":
    """Count a rate of both among the people of whom both can be told."""
    import numpy as np

    ours, theirs = paired_cells()
    known = ours.recorded(metric.needs) & theirs.recorded(metric.needs)
    (part, among), (part_, among_) = (
        (part & known, among & known) for part, among in (metric.masks(c) for c in (ours, theirs))
    )
    table = None
    shared = bool((among == among_).all())
    if shared and groups.design is None and not clustered:
        four = (part & part_, part & ~part_, part_ & ~part, among & ~part & ~part_)
        table = np.stack([groups.own[:, mask].sum(axis=1) for mask in four])
    system, baseline = counted(groups, part, among), counted(groups, part_, among_)
    if "actual" in metric.needs:
        tables = [_by_decision(table) for table in (groups.own, groups.rest)]
        (own, own_), (rest, rest_) = tables
        system = as_recorded(system, metric, own, rest, groups)
        baseline = as_recorded(baseline, metric, own_, rest_, groups)
    return Pair(
        metric.name,
        groups,
        system,
        baseline,
        floor,
        shared=shared,
        clustered=clustered,
        table=table,
    )


def _by_decision(table: "NDArray[np.int64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Sum people of whom both decisions are known by outcome and the system's, or the baseline's.

    Of 27 outcomes, the baseline's decision comes first, then the recorded outcome, then the
    system's decision; of 9, the outcome and then the decision. Shapes (G, 27) and (G, 9).
    """
    import numpy as np

    cells = table.reshape(-1, 3, 3, 3).copy()
    cells[:, UNKNOWN] = 0
    cells[..., UNKNOWN] = 0
    of_system, of_baseline = cells.sum(axis=1), np.swapaxes(cells.sum(axis=3), 1, 2)
    return of_system.reshape(-1, 9), of_baseline.reshape(-1, 9)


@dataclass(frozen=True)
class Pair:
    """A rate of the system and of the baseline on every group.

    ``shared`` says whether both have one denominator. ``table`` counts the people in both rates, in
    the system's alone, in the baseline's alone and in neither, shape (4, G); there is none where a
    paired interval cannot be had.
    """

    metric: str
    groups: GroupTable
    system: Tallied
    baseline: Tallied
    floor: int
    shared: bool
    clustered: bool
    table: "NDArray[np.int64] | None"

    def rows(self) -> Iterator[BaselineRate]:
        """State both rates of each group, their difference, and the gap of either to the rest."""
        own, other = self.system.own, self.baseline.own
        bounds, bounds_ = self._interval(own), self._interval(other)
        change = self._change()
        for i, (attribute, group) in enumerate(self.groups.names):
            status, note = self._worth(i)
            differs = self.shared and status is not Status.UNDEFINED
            compared = attribute != ALL
            yield BaselineRate(
                metric=self.metric,
                attribute=attribute,
                group=group,
                n=int(own.people[i]),
                estimate=number(own.rate[i]),
                lower=number(bounds.lower[i]),
                upper=number(bounds.upper[i]),
                baseline=number(other.rate[i]),
                baseline_lower=number(bounds_.lower[i]),
                baseline_upper=number(bounds_.upper[i]),
                change=number(own.rate[i] - other.rate[i]) if differs else None,
                change_lower=number(change.lower[i]) if differs else None,
                change_upper=number(change.upper[i]) if differs else None,
                gap=number(own.rate[i] - self.system.rest.rate[i]) if compared else None,
                baseline_gap=(
                    number(other.rate[i] - self.baseline.rest.rate[i]) if compared else None
                ),
                status=status,
                note=note,
                baseline_n=int(other.people[i]),
            )

    def _interval(self, side: Side) -> Bounds:
        return self._nothing() if self.clustered else wilson(*side.at(ONE_SIDE))

    def _change(self) -> Bounds:
        return self._nothing() if self.table is None else paired_difference(*self.table)

    def _nothing(self) -> Bounds:
        import numpy as np

        nothing = np.full(len(self.groups.names), np.nan)
        return Bounds(nothing, nothing)

    def _worth(self, i: int) -> tuple[Status, str]:
        """Say what the difference of a group is worth, and why if it is not ``ok`` or not whole."""
        status, why = worth(self.system.own, i, self.floor)
        if self.baseline.own.recorded[i] == 0:
            status, why = worth(self.baseline.own, i, self.floor, "rows of the baseline")
        if not self.shared:
            other = worth(self.baseline.own, i, self.floor, "rows of the baseline")[1]
            whys = [why, other, CLUSTERED if self.clustered else ""]
            told = dict.fromkeys(part for part in (OTHER_PEOPLE, *whys) if part)
            return Status.NOT_APPLICABLE, "; ".join(told)
        drawn = CLUSTERED if self.clustered else "" if self.table is not None else DRAWN
        if status is Status.UNDEFINED:
            return status, why
        return status, "; ".join(part for part in (why, drawn) if part)
