"""Counts of groups become measurements: every metric on every group, each with its interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from auditkit.evidence.counts import UNKNOWN, Block, GroupTable, outcome_cells
from auditkit.evidence.design import Design
from auditkit.inference.design import adjusted, enough, estimate
from auditkit.metrics.registry import Metric, metrics
from auditkit.results import ALL, Measurement, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditkit.metrics.registry import Mask

    Floats = NDArray[np.float64]

ONE_SIDE = 0.025
"""Error on each side of a printed interval."""
ONE_SIDED = "outcomes are recorded only of those selected, or only of the others"
NO_LABEL = "no label column, so no recorded outcome to compare with"


@dataclass(frozen=True)
class Side:
    """A rate of groups, or of what they are held against; arrays of shape (G,).

    Attributes
    ----------
    x, n : ndarray of float
        Counted and denominator; sums of weights where people are weighted.
    people : ndarray of int
        People in the denominator.
    effective : ndarray of float
        Size of the simple random sample that would tell as much.
    df : ndarray of float
        Degrees of freedom: clusters less one; infinite without clusters.
    recorded : ndarray of float
        How alike outcomes are recorded of those selected and of the others, for a rate that needs
        both: the smaller share recorded over the larger. At 0 the rate is that of one side alone,
        and there is none.
    """

    x: "Floats"
    n: "Floats"
    people: "NDArray[np.int64]"
    effective: "Floats"
    df: "Floats"
    recorded: "Floats"

    @cached_property
    def rate(self) -> "Floats":
        """The rate, NaN over nobody."""
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.n > 0, self.x / self.n, np.nan)

    def take(self, places: "list[int] | int") -> "Side":
        """Pick groups."""
        import numpy as np

        at = np.atleast_1d(places)
        return Side(*(getattr(self, name)[at] for name in self.__annotations__))

    def at(self, alpha: float) -> "tuple[Floats, Floats]":
        """Return counts and denominators that bounds at ``alpha`` may take for a plain sample."""
        import numpy as np

        n = adjusted(self.effective, self.df, alpha)
        return np.clip(np.nan_to_num(self.rate) * n, 0, n), n


@dataclass(frozen=True)
class Tallied:
    """A rate counted on every group and on its rest.

    ``rho`` is the correlation of the two estimates, shape (G,), and ``between`` that of two groups
    of an attribute that begins at ``starts``; nothing where rows were drawn one by one.
    """

    own: Side
    rest: Side
    rho: "Floats"
    between: "Mapping[str, Floats]"
    starts: Mapping[str, int]

    def correlation(self, attribute: str, others: list[int], at: int) -> "Floats":
        """Correlation of several groups of a table with one of the same attribute, shape (k,)."""
        import numpy as np

        found = self.between.get(attribute)
        if found is None:
            return np.zeros(len(others))
        start = self.starts[attribute]
        return found[[i - start for i in others], at - start]


def tallied(groups: GroupTable, metric: Metric) -> Tallied:
    """Count a rate on every group and on its rest, and say what sample each side equals."""
    if metric.name not in groups.tallied:
        groups.tallied[metric.name] = _tallied(groups, metric)
    found: Tallied = groups.tallied[metric.name]
    return found


def _tallied(groups: GroupTable, metric: Metric) -> Tallied:
    found = counted(groups, *metric.masks(outcome_cells()))
    if "actual" not in metric.needs or groups.errors is not None:
        return found
    return as_recorded(found, metric, groups.own, groups.rest, groups)


def as_recorded(
    found: Tallied,
    metric: Metric,
    own: "NDArray[np.int64]",
    rest: "NDArray[np.int64]",
    groups: GroupTable,
) -> Tallied:
    """Take a rate away where outcomes are recorded only of those selected, or only of the others.

    Of missed need nothing is seen then, and it would come out as 0 for everybody (selective labels;
    Lakkaraju et al., 2017). A smaller difference is kept for those who judge, unless weights are
    there to make up for it.

    Parameters
    ----------
    found : Tallied
    metric : Metric
        A rate that needs the recorded outcome.
    own, rest : ndarray of int, shape (G, 9)
        People by recorded outcome and decision.
    groups : GroupTable
        Says whether rows are weighted.
    """
    import numpy as np

    cells = outcome_cells()
    _, among = metric.masks(cells)
    if not (among & cells.selected).any() or not (among & ~cells.selected).any():
        return found
    weighted = groups.design is not None and groups.design.weighted
    sides = []
    for side, table in ((found.own, own), (found.rest, rest)):
        of = table.reshape(-1, 3, 3)[:, :, :UNKNOWN]
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = of[:, :UNKNOWN].sum(axis=1) / of.sum(axis=1)  # NaN where nobody is
            alike = shares.min(axis=1) / shares.max(axis=1)
        alike = np.where(np.isfinite(alike), alike, 1.0)
        hidden = alike == 0
        sides.append(
            replace(
                side,
                x=np.where(hidden, 0, side.x),
                n=np.where(hidden, 0, side.n),
                people=np.where(hidden, 0, side.people),
                effective=np.where(hidden, 0.0, side.effective),
                recorded=np.where(hidden, 0.0, 1.0) if weighted else alike,
            )
        )
    return replace(found, own=sides[0], rest=sides[1])


def counted(groups: GroupTable, part: "Mask", among: "Mask") -> Tallied:
    """Count some outcome cells among others on every group and on its rest.

    Parameters
    ----------
    groups : GroupTable
        Of K outcomes.
    part, among : ndarray of bool, shape (K,)
        Outcomes that are counted, and in the denominator; part within among.
    """
    import numpy as np

    plain = []
    for table in (groups.own, groups.rest):
        x, n = table[:, part].sum(axis=1), table[:, among].sum(axis=1)
        infinite = np.full(len(n), np.inf)
        plain.append(Side(x, n, n, n.astype(np.float64), infinite, np.ones(len(n))))
    alone = Tallied(plain[0], plain[1], np.zeros(len(groups.names)), {}, {})
    return alone if groups.design is None else _drawn(groups, groups.design, alone, part, among)


def _drawn(
    groups: GroupTable, design: Design, alone: Tallied, part: "Mask", among: "Mask"
) -> Tallied:
    """Put weights, and what the design says of uncertainty, in the place of plain counts."""
    import numpy as np

    sides = {name: _blank(side) for name, side in (("own", alone.own), ("rest", alone.rest))}
    rho = np.zeros(len(groups.names))
    between = {}
    everybody = Block(ALL, 0, 1, np.zeros(len(design.weight), dtype=np.int64))
    for block in (everybody, *groups.blocks):
        rows = slice(block.start, block.stop)
        g = block.stop - block.start
        recorded = (np.arange(g) < block.groups).astype(np.float64)
        rest = recorded[None] - np.eye(g) * recorded
        domains = np.concatenate([np.eye(g), rest])
        found = estimate(design, block.codes % g, domains, part, among)
        effective = found.effective(np.concatenate([alone.own.n[rows], alone.rest.n[rows]]))
        touched = design.touched.get((among.tobytes(), block.attribute))
        for k, side in enumerate(sides.values()):
            half = slice(k * g, k * g + g)
            side.x[rows], side.n[rows] = found.numerator[half], found.denominator[half]
            side.effective[rows] = effective[half]
            if touched is not None:
                side.df[rows] = touched[:g, k] - 1
        correlation = found.correlation(effective)
        rho[rows] = np.diagonal(correlation[:g, g:])
        between[block.attribute] = correlation[:g, :g]
    starts = {block.attribute: block.start for block in groups.blocks}
    return Tallied(sides["own"], sides["rest"], rho, between, starts)


def _blank(side: Side) -> Side:
    import numpy as np

    size = len(side.people)
    nobody = np.zeros(size)
    return Side(
        nobody, nobody.copy(), side.people, nobody.copy(), np.full(size, np.inf), side.recorded
    )


def measurable(metric: Metric, *, labelled: bool) -> bool:
    """Whether the data record what the metric needs."""
    return labelled or "actual" not in metric.needs


OTHER_TASK = {
    "binary": "people are selected or not here, and no amount is predicted (data.task)",
    "regression": "an amount is predicted here, and nobody is selected, missed or wrongly selected",
}
"""Why a metric of the other task cannot be measured."""
NO_TOLERANCE = "the plan names no error that harms (data.tolerance)"


def lacking(metric: Metric, groups: GroupTable, *, labelled: bool) -> str:
    """Say what the metric needs and the data do not record; empty if they do."""
    if not metric.suits(groups.task):
        return OTHER_TASK[groups.task]
    if not measurable(metric, labelled=labelled):
        return NO_LABEL
    if "beyond" in metric.needs and groups.errors and groups.errors.tolerance is None:
        return NO_TOLERANCE
    return ""


def measure(groups: GroupTable, *, labelled: bool, floor: int) -> tuple[Measurement, ...]:
    """Compute every registered metric of decisions on every group.

    Intervals are Wilson's (1927) at 95 %, for a quotient Donner and Zou's MOVER-R (2012) from them;
    at the effective size where people are weighted or were drawn together.
    """
    rows: list[Measurement] = []
    for metric in metrics().values():
        if metric.of_scores or metric.of_amounts or not metric.suits(groups.task):
            continue
        if reason := lacking(metric, groups, labelled=labelled):
            rows += [_without(metric, a, g, reason) for a, g in groups.names]
        elif metric.quotient is not None:
            rows += _quotients(groups, metric, floor)
        else:
            rows += rates_of(groups, metric, floor)
    return tuple(rows)


def _without(metric: Metric, attribute: str, group: str, reason: str) -> Measurement:
    return Measurement(
        metric.name, attribute, group, "", 0, None, None, None, None, None,
        Status.NOT_APPLICABLE, reason, None,
    )  # fmt: skip


def worth(side: Side, i: int, floor: int, among: str = "rows") -> tuple[Status, str]:
    """Say what the rate of group ``i`` is worth, and why if it is not ``ok``."""
    people, size = int(side.people[i]), float(side.effective[i])
    if side.recorded[i] == 0:
        return Status.UNDEFINED, ONE_SIDED
    if people == 0:
        return Status.UNDEFINED, f"no {among} to divide by"
    if not side.n[i] > 0:
        return Status.UNDEFINED, f"the weights of all {people} {among} are 0"
    if people >= floor and side.df[i] < 1:
        return Status.INSUFFICIENT, f"{people} {among} of one cluster, which says nothing of others"
    return enough(people, size, among, floor)


def rates_of(groups: GroupTable, metric: Metric, floor: int) -> Iterator[Measurement]:
    """Measure one rate on every group, with Wilson's interval (1927) at 95 %."""
    from auditkit.inference.intervals import wilson

    side = tallied(groups, metric).own
    bounds = wilson(*side.at(ONE_SIDE))
    for i, (attribute, group) in enumerate(groups.names):
        status, note = worth(side, i, floor)
        yield Measurement(
            metric.name,
            attribute,
            group,
            "",
            int(side.people[i]),
            total(side.x[i]),
            total(side.n[i]),
            number(side.rate[i]),
            number(bounds.lower[i]),
            number(bounds.upper[i]),
            status,
            note,
            effective(side, i),
        )


def effective(side: Side, i: int) -> float | None:
    """Return the effective size where it differs from the number of people."""
    size = float(side.effective[i])
    return size if size != side.people[i] else None


def _quotients(groups: GroupTable, metric: Metric, floor: int) -> Iterator[Measurement]:
    from auditkit.inference.intervals import ratio

    assert metric.quotient is not None  # noqa: S101
    above, below = (tallied(groups, metrics()[name]).own for name in metric.quotient)
    bounds = ratio(*above.at(ONE_SIDE), *below.at(ONE_SIDE))
    for i, (attribute, group) in enumerate(groups.names):
        smaller = min((above, below), key=lambda side: float(side.effective[i]))
        status, note = worth(smaller, i, floor)
        estimate = None
        if status is not Status.UNDEFINED and not below.x[i]:
            status, note = Status.UNDEFINED, f"{metric.quotient[1]} is 0, so nothing to divide by"
        elif status is not Status.UNDEFINED:
            estimate = number(above.rate[i] / below.rate[i])
        defined = estimate is not None
        yield Measurement(
            metric.name,
            attribute,
            group,
            "",
            int(above.people[i] + below.people[i]),
            None,
            None,
            estimate,
            number(bounds.lower[i]) if defined else None,
            number(bounds.upper[i]) if defined else None,
            status,
            note,
            None,
        )


def number(value: float) -> float | None:
    """Return a finite number as a float, and anything else as ``None``."""
    from math import isfinite

    return float(value) if isfinite(value) else None


def total(value: float) -> float | int:
    """Return a sum of people as a whole number, and one of weights as it is."""
    return int(value) if float(value).is_integer() else float(value)
