"""Counts of groups become measurements: every metric on every group, each with its interval."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import GroupTable, outcome_cells
from auditkit.metrics.registry import Metric, metrics
from auditkit.results import Measurement, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_LABEL = "no label column, so no recorded outcome to compare with"


@dataclass(frozen=True)
class Tallied:
    """A rate counted on every group and on its rest: four arrays of shape (G,)."""

    x: "NDArray[np.int64]"
    n: "NDArray[np.int64]"
    rest_x: "NDArray[np.int64]"
    rest_n: "NDArray[np.int64]"


def tallied(groups: GroupTable, metric: Metric) -> Tallied:
    """Count numerator and denominator of a rate on every group and on its rest."""
    part, among = metric.masks(outcome_cells())
    return Tallied(
        groups.own[:, part].sum(axis=1),
        groups.own[:, among].sum(axis=1),
        groups.rest[:, part].sum(axis=1),
        groups.rest[:, among].sum(axis=1),
    )


def measurable(metric: Metric, *, labelled: bool) -> bool:
    """Whether the data record what the metric needs."""
    return labelled or "actual" not in metric.needs


def measure(groups: GroupTable, *, labelled: bool, floor: int) -> tuple[Measurement, ...]:
    """Compute every registered metric on every group.

    Intervals are Wilson's (1927) at 95 %, for a quotient Donner and Zou's MOVER-R (2012) from them.
    """
    rows: list[Measurement] = []
    for metric in metrics().values():
        if not measurable(metric, labelled=labelled):
            rows += [
                Measurement(
                    metric.name, a, g, "", 0, None, None, None, None, None, status, NO_LABEL
                )
                for (a, g), status in zip(
                    groups.names, [Status.NOT_APPLICABLE] * len(groups.names), strict=True
                )
            ]
        elif metric.quotient is not None:
            rows += _quotients(groups, metric, floor)
        else:
            rows += _rates(groups, metric, floor)
    return tuple(rows)


def worth(n: int, floor: int, among: str = "rows") -> tuple[Status, str]:
    """Say what a rate over ``n`` people is worth, and why if it is not ``ok``."""
    if n == 0:
        return Status.UNDEFINED, f"no {among} to divide by"
    if n < floor:
        return Status.INSUFFICIENT, f"{n} {among}, at least {floor} wanted"
    return Status.OK, ""


def _rates(groups: GroupTable, metric: Metric, floor: int) -> Iterator[Measurement]:
    from auditkit.inference.intervals import wilson

    counted = tallied(groups, metric)
    bounds = wilson(counted.x, counted.n)
    for i, (attribute, group) in enumerate(groups.names):
        x, n = int(counted.x[i]), int(counted.n[i])
        status, note = worth(n, floor)
        yield Measurement(
            metric.name,
            attribute,
            group,
            "",
            n,
            x,
            n,
            x / n if n else None,
            number(bounds.lower[i]),
            number(bounds.upper[i]),
            status,
            note,
        )


def _quotients(groups: GroupTable, metric: Metric, floor: int) -> Iterator[Measurement]:
    from auditkit.inference.intervals import ratio

    assert metric.quotient is not None  # noqa: S101
    above, below = (tallied(groups, metrics()[name]) for name in metric.quotient)
    bounds = ratio(above.x, above.n, below.x, below.n)
    for i, (attribute, group) in enumerate(groups.names):
        n1, n2 = int(above.n[i]), int(below.n[i])
        status, note = worth(min(n1, n2), floor)
        estimate = None
        if status is not Status.UNDEFINED and not below.x[i]:
            status, note = Status.UNDEFINED, f"{metric.quotient[1]} is 0, so nothing to divide by"
        elif status is not Status.UNDEFINED:
            estimate = (int(above.x[i]) / n1) / (int(below.x[i]) / n2)
        defined = estimate is not None
        yield Measurement(
            metric.name,
            attribute,
            group,
            "",
            n1 + n2,
            None,
            None,
            estimate,
            number(bounds.lower[i]) if defined else None,
            number(bounds.upper[i]) if defined else None,
            status,
            note,
        )


def number(value: float) -> float | None:
    """Return a finite number as a float, and anything else as ``None``."""
    from math import isfinite

    return float(value) if isfinite(value) else None
