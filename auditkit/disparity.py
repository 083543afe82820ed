"""Measurements become disparities: each group against the rest, a declared reference, the range."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.evidence.counts import GroupTable
from auditkit.inference.gates import Range, largest_gap, largest_ratio
from auditkit.inference.intervals import difference, ratio
from auditkit.inference.standardised import StandardisedGaps
from auditkit.measure import (
    ONE_SIDE,
    Side,
    Tallied,
    effective,
    lacking,
    number,
    tallied,
    worth,
)
from auditkit.metrics.registry import Metric, rates
from auditkit.metrics.standardised import STANDARDISED
from auditkit.plan import AuditPlan
from auditkit.results import ALL, CROSS, NOT_RECORDED, RANGE, REST, Disparity, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_RANGED = 200
"""Groups whose range has an interval: it rests on every pair of them."""

ONE_GROUP = "one group only, so nobody to compare with"


def worse_off(metric: Metric, outcome: str, group: str, against: str, gap: float | None) -> str:
    """Name who bears the harm of a gap, group minus against; empty if nobody does.

    Being selected helps where the outcome is a benefit and harms where it is a burden; being judged
    wrongly harms either way.
    """
    if not gap or metric.higher == "neutral":
        return ""
    higher_harms = {
        "more_selected": outcome == "burden",
        "fewer_selected": outcome == "benefit",
        "more_correct": False,
        "more_wrong": True,
    }[metric.higher]
    return group if (gap > 0) == higher_harms else against


def compare(
    groups: GroupTable,
    plan: AuditPlan,
    floor: int,
    detectable: dict[tuple[str, str, str], float | None],
    *,
    labelled: bool = True,
) -> tuple[Disparity, ...]:
    """Compare every rate of every group with the rest, a reference if declared, and the range.

    Intervals are Newcombe's (1998) for differences and Donner and Zou's MOVER-R (2012) for ratios,
    two-sided at 95 %; for the range see :func:`auditkit.inference.gates.largest_gap`.

    Parameters
    ----------
    groups : GroupTable
    plan : AuditPlan
        Declares references and whether being selected is a benefit.
    floor : int
        Smallest denominator that is worth a conclusion.
    detectable : dict
        Difference that the policy's gate would find, by metric, attribute and group.
    labelled : bool
        Whether an outcome is recorded.
    """
    rows: list[Disparity] = []
    for metric in rates(groups.task).values():
        if reason := lacking(metric, groups, labelled=labelled):
            rows += [
                _row(metric, a, g, REST, statistic, Status.NOT_APPLICABLE, reason)
                for a, g in groups.names
                if a != ALL
                for statistic in ("difference", "ratio")
            ]
            continue
        counted = tallied(groups, metric)
        for attribute in groups.attributes():
            places = [i for i, (a, _) in enumerate(groups.names) if a == attribute]
            comparison = Comparison(metric, plan.data.outcome, groups, counted, floor, detectable)
            rows += comparison.with_rest(places)
            rows += comparison.with_reference(places, _reference(plan, attribute))
            rows += comparison.over_range(groups.of(attribute))
    return tuple(rows)


def _reference(plan: AuditPlan, attribute: str) -> str:
    """Name the reference group of an attribute, or of a crossing whose every part has one."""
    parts = [plan.attributes[name].reference for name in attribute.split(CROSS)]
    return "" if None in parts else CROSS.join(str(part) for part in parts)


def _row(
    metric: Metric,
    attribute: str,
    group: str,
    against: str,
    statistic: str,
    status: Status,
    note: str,
) -> Disparity:
    """Make a row without a number."""
    return Disparity(
        metric.name,
        attribute,
        group,
        against,
        statistic,
        None,
        None,
        None,
        0,
        None,
        "",
        status,
        note,
    )


def gap_to_rest(
    metric: Metric,
    named: tuple[str, str],
    status: Status,
    note: str,
    people: int = 0,
    gap: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
    worse: str = "",
    effective: float | None = None,
) -> Disparity:
    """Make the row of a difference to the rest, of a metric that is no rate."""
    attribute, group = named
    return Disparity(
        metric.name, attribute, group, REST, "difference", gap, lower, upper, people, None,
        worse, status, note, effective,
    )  # fmt: skip


def standardised_gaps(
    standardised: Mapping[str, StandardisedGaps], outcome: str
) -> tuple[Disparity, ...]:
    """List the gaps at equal values that a policy holds a limit against, with 95 % intervals.

    ``outcome`` says whether being selected is a ``benefit`` or a ``burden``.
    """
    return tuple(
        gap_to_rest(
            STANDARDISED[name],
            (gap.attribute, gap.group),
            gap.status,
            gap.note,
            gap.n,
            gap.estimate,
            *gap.interval,
            worse_off(STANDARDISED[name], outcome, gap.group, REST, gap.estimate),
        )
        for name, found in standardised.items()
        for gap in found.gaps
    )


def _bare_range(rates: "NDArray[np.float64]", statistic: str) -> Range:
    """Set the extreme rates against each other, without an interval."""
    import numpy as np

    high, low = int(np.argmax(rates)), int(np.argmin(rates))
    gap, over = rates[high] - rates[low], rates[low] / rates[high] if rates[high] else np.nan
    estimate = float(gap if statistic == "difference" else over)
    return Range(estimate, np.nan, np.nan, high, low)


@dataclass(frozen=True)
class Comparison:
    """One rate, counted on all groups, about to be compared."""

    metric: Metric
    outcome: str
    groups: GroupTable
    counted: Tallied
    floor: int
    detectable: dict[tuple[str, str, str], float | None]

    def with_rest(self, places: list[int]) -> Iterator[Disparity]:
        """Hold each group against everybody else whose attribute is recorded."""
        c = self.counted
        yield from self._pairs(places, REST, c.rest.take(places), c.rho[places])

    def with_reference(self, places: list[int], reference: str) -> Iterator[Disparity]:
        """Hold each other group against the declared one."""
        at = next((i for i in places if reference and self.groups.names[i][1] == reference), None)
        if at is not None:
            others = [i for i in places if i != at]
            rho = self.counted.correlation(self.groups.names[at][0], others, at)
            yield from self._pairs(
                others, reference, self.counted.own.take([at] * len(others)), rho
            )

    def _pairs(
        self, places: list[int], against: str, other: Side, rho: "NDArray[np.float64]"
    ) -> Iterator[Disparity]:
        own = self.counted.own.take(places)
        at = (*own.at(ONE_SIDE), *other.at(ONE_SIDE))
        gaps, ratios = difference(*at, rho=rho), ratio(*at, rho=rho)
        for k, i in enumerate(places):
            attribute, group = self.groups.names[i]
            status, note = self._worth(attribute, group, own, other, k, against)
            gap = number(own.rate[k] - other.rate[k])
            worse = worse_off(self.metric, self.outcome, group, against, gap)
            key = (self.metric.name, attribute, group)
            found = self.detectable.get(key) if against == REST else None
            row = Disparity(
                self.metric.name,
                attribute,
                group,
                against,
                "difference",
                gap,
                number(gaps.lower[k]),
                number(gaps.upper[k]),
                int(own.people[k]),
                found,
                worse,
                status,
                note,
                effective(own, k),
            )
            yield row
            estimate: float | None = None
            bounds: tuple[float | None, float | None] = (None, None)
            if status in (Status.OK, Status.INSUFFICIENT) and other.x[k] == 0:
                status, note = Status.UNDEFINED, f"the rate of {against} is 0: nothing to divide by"
            elif gap is not None and status is not Status.NOT_APPLICABLE:
                estimate = float(own.rate[k] / other.rate[k])
                bounds = number(ratios.lower[k]), number(ratios.upper[k])
                if bounds[1] is None:
                    note = f"{note}; no upper bound" if note else "no upper bound"
            yield replace(
                row,
                statistic="ratio",
                estimate=estimate,
                lower=bounds[0],
                upper=bounds[1],
                detectable=None,
                status=status,
                note=note,
            )

    def _worth(
        self, attribute: str, group: str, own: Side, other: Side, k: int, against: str
    ) -> tuple[Status, str]:
        alone = len(self.groups.of(attribute)) < 2 and group != NOT_RECORDED
        if alone and against == REST:
            return Status.NOT_APPLICABLE, ONE_GROUP
        of_group = worth(own, k, self.floor)
        of_other = worth(other, k, self.floor, f"rows of {against}")
        if of_other[0] is Status.UNDEFINED:
            return of_other
        return of_other if of_group[0] is Status.OK else of_group

    def over_range(self, places: list[int]) -> Iterator[Disparity]:
        """Set the largest rate against the smallest, over the groups that have one."""
        attribute = self.groups.names[places[0]][0]
        names = [self.groups.names[i][1] for i in places]
        side = self.counted.own.take(places)
        rates, n = side.rate, side.people
        x, size = side.at(ONE_SIDE)
        known = [k for k in range(len(places)) if side.n[k] > 0 and size[k] > 0]
        adequate = [k for k in known if side.effective[k] >= self.floor]
        over = f"over {len(known)} of {len(places)} groups"
        for statistic, furthest in (("difference", largest_gap), ("ratio", largest_ratio)):
            if len(places) < 2:
                status, note = Status.NOT_APPLICABLE, ONE_GROUP
            elif len(known) < 2:
                status, note = Status.UNDEFINED, over
            elif statistic == "ratio" and not x.any():
                status, note = Status.UNDEFINED, f"every rate is 0, {over}"
            else:
                few = len(known) <= MOST_RANGED
                rho = self._rho(attribute, places, known) if few else None
                found = (
                    furthest(x[known], size[known], rho=rho)
                    if few
                    else _bare_range(rates[known], statistic)
                )
                high, low = names[known[found.highest]], names[known[found.lowest]]
                gap = float(rates[known].max() - rates[known].min())
                note = f"from {low} to {high}, {over}"
                if not few:
                    note += f"; no interval for more than {MOST_RANGED} groups"
                else:
                    note += self._left_out(names, side)
                if few and 2 <= len(adequate) < len(places):
                    rho = self._rho(attribute, places, adequate)
                    alone = furthest(x[adequate], size[adequate], rho=rho)
                    note += f"; without them {alone.estimate:.3f}"
                    note += f" ({alone.lower:.3f} to {alone.upper:.3f})"
                whole = len(adequate) == len(places)
                yield Disparity(
                    self.metric.name,
                    attribute,
                    "",
                    RANGE,
                    statistic,
                    number(found.estimate),
                    number(found.lower),
                    number(found.upper),
                    int(n.sum()),
                    None,
                    worse_off(self.metric, self.outcome, high, low, gap),
                    Status.OK if whole else Status.INSUFFICIENT,
                    note,
                )
                continue
            yield _row(self.metric, attribute, "", RANGE, statistic, status, note)

    def _rho(
        self, attribute: str, places: list[int], kept: list[int]
    ) -> "NDArray[np.float64] | None":
        """Correlation of the groups that are kept, or nothing if none were drawn together."""
        found = self.counted.between.get(attribute)
        if found is None:
            return None
        at = [places[k] - places[0] for k in kept]
        return found[at][:, at]

    def _left_out(self, names: list[str], side: Side) -> str:
        """Name the groups too small to judge, and those without anybody to divide by."""
        sizes = zip(names, side.people.tolist(), side.effective.tolist(), strict=True)
        thin = [f"{name} ({k:.4g} of {self.floor})" for name, n, k in sizes if n and k < self.floor]
        nobody = [name for name, n in zip(names, side.n.tolist(), strict=True) if not n > 0]
        out = f"; too few in {', '.join(thin)}" if thin else ""
        return out + (f"; undefined for {', '.join(nobody)}" if nobody else "")
