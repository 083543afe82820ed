"""Each class against all others, group by group, and never their mean alone.

A class is read as the positive outcome and as the decision that selects; everybody of another class
is then negative. The rates, their intervals and what a design says are those of a binary task.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.disparity import ONE_GROUP, Comparison
from auditkit.evidence.classes import ClassCounts
from auditkit.evidence.counts import GroupTable, tabulate
from auditkit.evidence.design import design_of
from auditkit.evidence.gather import Evidence
from auditkit.inference.intervals import Bounds, mover_difference, pooled, wilson
from auditkit.measure import (
    NO_LABEL,
    ONE_SIDE,
    Side,
    Tallied,
    measurable,
    number,
    rates_of,
    tallied,
)
from auditkit.metrics.registry import Metric, rates
from auditkit.plan import AuditPlan
from auditkit.results import (
    ALL,
    MACRO,
    NOT_RECORDED,
    REST,
    ClassDisparity,
    ClassMeasurement,
    ConfusionCell,
    Status,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TOLD = ("true_positive_rate", "precision", "false_positive_rate", "selection_rate", "base_rate")
"""The rates that are told of each class."""
AVERAGED = ("true_positive_rate", "precision", "false_positive_rate")
"""Those that have a mean over the classes; the shares of the classes always have the same one."""
DISJOINT = ("true_positive_rate", "precision")
"""Those whose denominators are other people for each class, so that the classes are independent."""

OVERLAPPING = "no interval: the denominators of the classes share people"
DRAWN = "no interval: people drawn in clusters or strata tie the classes together"


@dataclass(frozen=True)
class ClassTables:
    """What is told of the classes; empty where the task is binary."""

    measurements: tuple[ClassMeasurement, ...] = ()
    disparities: tuple[ClassDisparity, ...] = ()
    confusion: tuple[ConfusionCell, ...] = ()


@dataclass(frozen=True)
class _Macro:
    """The mean of a rate over the classes on each group, or on each rest; arrays of shape (G,).

    Attributes
    ----------
    estimate : ndarray of float
        NaN where a class has nobody to divide by.
    bounds : Bounds
    people : ndarray of int
        Of all denominators together.
    worth : list of (Status, str)
        Of each group, with the classes that keep it from being ``ok``.
    """

    estimate: "Floats"
    bounds: Bounds
    people: "NDArray[np.int64]"
    worth: list[tuple[Status, str]]


def by_class(plan: AuditPlan, evidence: Evidence, floor: int) -> ClassTables:
    """Tell recall, precision and more of each class on every group, and the gaps to the rest.

    Intervals of one class are those of every rate: Wilson's (1927), and Newcombe's (1998) for
    differences. That of the mean over the classes is MOVER for a weighted sum of independent parts
    (Zou, Huang and Zhang, 2009), where the classes are independent: recall and precision count
    other people for each class, and rows were drawn one by one.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    classes, depth, labelled = evidence.classes, plan.depth, evidence.labelled
    if classes is None:
        return ClassTables()
    tables = [_against_all(classes, place, depth) for place in range(len(classes.names))]
    measurements: list[ClassMeasurement] = []
    disparities: list[ClassDisparity] = []
    for metric in (rates()[name] for name in TOLD):
        if not measurable(metric, labelled=labelled):
            measurements += _without(classes.names, metric, tables[0])
            continue
        for name, groups in zip(classes.names, tables, strict=True):
            measurements += _measured(name, groups, metric, floor)
            disparities += _compared(name, groups, metric, plan.data.outcome, floor)
        if metric.name in AVERAGED:
            counted = [tallied(groups, metric) for groups in tables]
            means = _Means(metric.name, classes.names, tables[0], counted, floor)
            measurements += means.measurements()
            disparities += means.disparities()
    confusion = tuple(_confusion(classes, depth, floor)) if labelled else ()
    return ClassTables(tuple(measurements), tuple(disparities), confusion)


def _against_all(classes: ClassCounts, place: int, depth: int) -> GroupTable:
    counts = classes.against_all(place)
    drawn = classes.clusters[place] if classes.clusters else None
    return tabulate(counts, depth, design_of(counts, drawn))


def _without(
    names: tuple[str, ...], metric: Metric, groups: GroupTable
) -> Iterator[ClassMeasurement]:
    macro = (MACRO,) if metric.name in AVERAGED else ()
    for name in (*names, *macro):
        for attribute, group in groups.names:
            yield ClassMeasurement(
                name, metric.name, attribute, group, 0, None, None, None, None, None,
                Status.NOT_APPLICABLE, NO_LABEL,
            )  # fmt: skip


def _measured(
    name: str, groups: GroupTable, metric: Metric, floor: int
) -> Iterator[ClassMeasurement]:
    for m in rates_of(groups, metric, floor):
        yield ClassMeasurement(
            name, m.metric, m.attribute, m.group, m.n, m.numerator, m.denominator, m.estimate,
            m.lower, m.upper, m.status, m.note, m.effective_n,
        )  # fmt: skip


def _compared(
    name: str, groups: GroupTable, metric: Metric, outcome: str, floor: int
) -> Iterator[ClassDisparity]:
    comparison = Comparison(metric, outcome, groups, tallied(groups, metric), floor, {})
    for attribute in groups.attributes():
        places = [i for i, (a, _) in enumerate(groups.names) if a == attribute]
        for d in comparison.with_rest(places):
            if d.statistic == "difference":
                yield ClassDisparity(
                    name, d.metric, d.attribute, d.group, d.against, d.estimate, d.lower, d.upper,
                    d.n, d.status, d.note, d.effective_n,
                )  # fmt: skip


@dataclass(frozen=True)
class _Means:
    """A rate averaged over the classes: on every group, and group minus rest."""

    metric: str
    classes: tuple[str, ...]
    groups: GroupTable
    counted: list[Tallied]
    floor: int

    def measurements(self) -> Iterator[ClassMeasurement]:
        """State the mean on every group."""
        own = self._over([t.own for t in self.counted])
        for i, (attribute, group) in enumerate(self.groups.names):
            status, note = own.worth[i]
            yield ClassMeasurement(
                MACRO, self.metric, attribute, group, int(own.people[i]), None, None,
                number(own.estimate[i]), number(own.bounds.lower[i]), number(own.bounds.upper[i]),
                status, self._told(status, note),
            )  # fmt: skip

    def disparities(self) -> Iterator[ClassDisparity]:
        """State how far the mean of every group lies from that of its rest."""
        own = self._over([t.own for t in self.counted])
        rest = self._over([t.rest for t in self.counted], " of the rest")
        bounds = mover_difference(own.estimate, own.bounds, rest.estimate, rest.bounds)
        for i, (attribute, group) in enumerate(self.groups.names):
            if attribute == ALL:
                continue
            status, note = min((own.worth[i], rest.worth[i]), key=lambda w: WORST.index(w[0]))
            gap = number(own.estimate[i] - rest.estimate[i])
            if len(self.groups.of(attribute)) < 2 and group != NOT_RECORDED:
                status, note = Status.NOT_APPLICABLE, ONE_GROUP
            yield ClassDisparity(
                MACRO, self.metric, attribute, group, REST, gap, number(bounds.lower[i]),
                number(bounds.upper[i]), int(own.people[i]), status, self._told(status, note),
            )  # fmt: skip

    def _over(self, sides: list[Side], of: str = "") -> _Macro:
        import numpy as np

        each = np.array([side.rate for side in sides])
        limits = [wilson(*side.at(ONE_SIDE)) for side in sides]
        lower, upper = (np.array([getattr(b, end) for b in limits]) for end in ("lower", "upper"))
        estimate = each.mean(axis=0)
        low, high = np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
        if not self._tied():
            for i in np.flatnonzero(np.isfinite(estimate)):
                bounds = Bounds(lower[:, i], upper[:, i])
                _, mean = pooled(each[:, i], bounds, np.ones(len(sides)))
                low[i], high[i] = mean.lower, mean.upper
        worth = [self._worth(sides, i, of) for i in range(len(estimate))]
        people = np.sum([side.people for side in sides], axis=0)
        return _Macro(estimate, Bounds(low, high), people, worth)

    def _worth(self, sides: list[Side], i: int, of: str) -> tuple[Status, str]:
        """Say what a mean is worth: no more than the least that one of its classes is."""
        named = list(zip(self.classes, sides, strict=True))
        if empty := [name for name, side in named if not side.n[i] > 0]:
            return Status.UNDEFINED, f"nobody to divide by{of}: {', '.join(empty)}"
        if few := [name for name, side in named if side.effective[i] < self.floor]:
            return Status.INSUFFICIENT, f"fewer than {self.floor}{of}: {', '.join(few)}"
        return Status.OK, ""

    def _tied(self) -> str:
        """Say why the classes are not independent; empty if they are."""
        design = self.groups.design
        if self.metric not in DISJOINT:
            return OVERLAPPING
        return DRAWN if design is not None and design.drawn else ""

    def _told(self, status: Status, note: str) -> str:
        without = status in (Status.UNDEFINED, Status.NOT_APPLICABLE)
        return "; ".join(part for part in (note, "" if without else self._tied()) if part)


WORST = (Status.NOT_APPLICABLE, Status.UNDEFINED, Status.INSUFFICIENT, Status.OK)


def _confusion(classes: ClassCounts, depth: int, floor: int) -> Iterator[ConfusionCell]:
    """Count who was recorded as what and decided as what; people without either are left out."""
    import numpy as np

    size = len(classes.names)
    groups = tabulate(classes.counts, depth)
    people = groups.own
    sums = people if classes.counts.weight is None else _summed(groups, classes.counts.weight)
    known = (classes.pairs < size).all(axis=1)
    for i, (attribute, group) in enumerate(groups.names):
        n, total = np.zeros((size, size), dtype=np.int64), np.zeros((size, size))
        n[tuple(classes.pairs[known].T)] = people[i, known]
        total[tuple(classes.pairs[known].T)] = sums[i, known]
        for a, actual in enumerate(classes.names):
            of, whole = int(n[a].sum()), float(total[a].sum())
            status, note = _share_worth(of, whole, floor)
            for d, decided in enumerate(classes.names):
                share = total[a, d] / whole if whole > 0 else None
                yield ConfusionCell(
                    attribute, group, actual, decided, int(n[a, d]),
                    None if share is None else float(share), of, status, note,
                )  # fmt: skip


def _share_worth(people: int, weight: float, floor: int) -> tuple[Status, str]:
    if not people:
        return Status.UNDEFINED, "nobody is recorded as this class"
    if not weight > 0:
        return Status.UNDEFINED, f"the weights of all {people} are 0"
    if people < floor:
        return Status.INSUFFICIENT, f"{people} people, at least {floor} wanted"
    return Status.OK, ""


def _summed(groups: GroupTable, weight: "Floats") -> "Floats":
    """Sum the weights of every group of a table, shape (G, P)."""
    import numpy as np

    out = np.zeros((len(groups.names), weight.shape[1]))
    out[0] = weight.sum(axis=0)
    for block in groups.blocks:
        own = np.zeros((block.groups + 1, weight.shape[1]))
        np.add.at(own, block.codes, weight)  # code -1 is the last row: not recorded
        out[block.start : block.stop] = own[: block.stop - block.start]
    return out
