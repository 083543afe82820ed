"""Groups compared at equal values of a declared control, beside the raw gap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditkit.evidence.clusters import OUTCOMES
from auditkit.evidence.counts import Counts, GroupTable, tabulate
from auditkit.evidence.gather import Evidence
from auditkit.inference.design import rounded_down
from auditkit.inference.intervals import Bounds, difference, pooled
from auditkit.measure import ONE_SIDE, Side, Tallied, measurable, number, tallied, worth
from auditkit.metrics.registry import Metric, metrics
from auditkit.results import NOT_RECORDED, POOLED, REST, Status, StratifiedDisparity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUNDING = 1e-9
"""So small a share of summed weights is the rounding of their sum, not people."""
METRICS = ("selection_rate", "false_negative_rate", "false_positive_rate")
"""Rates that are compared at equal values of the control."""


def stratify(evidence: Evidence, floor: int) -> tuple[StratifiedDisparity, ...]:
    """Compare each group with its rest within each value of the control, and pool the gaps.

    The pooled difference weights each value by ``n1 n2 / (n1 + n2)`` (Mantel and Haenszel, 1959, on
    the scale of differences); its interval is MOVER for a weighted sum (Zou, Huang and Zhang, 2009)
    of Newcombe's in each. What the raw gap has beyond the pooled one, ``between``, comes from the
    group and its rest being spread differently over the values. Attributes are compared, their
    crossings are not; nothing without a control.

    Parameters
    ----------
    evidence : Evidence
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    counts, groups = evidence.counts, evidence.groups
    if counts.controls is None:
        return ()
    levels = counts.control_levels
    tables = [
        among(counts, groups, counts.controls == place, crossed=1) for place in range(len(levels))
    ]
    return tuple(
        row
        for name in METRICS
        if measurable(metrics()[name], labelled=evidence.labelled)
        for comparison in comparisons(counts.attributes, groups, tables, metrics()[name], floor)
        for row in comparison.rows(levels)
    )


def comparisons(
    attributes: Sequence[str],
    groups: GroupTable,
    tables: Sequence[GroupTable],
    metric: Metric,
    floor: int,
    *,
    what: str = "the control",
    together: bool = False,
) -> "Iterator[Comparison]":
    """Set each group of the attributes against its rest: raw, and in each of several tables.

    Parameters
    ----------
    attributes : sequence of str
        Those whose groups are compared.
    groups : GroupTable
        Everybody.
    tables : sequence of GroupTable
        The people at each value of what is held equal.
    metric : Metric
        A rate.
    floor : int
        Smallest denominator that is worth a conclusion.
    what : str
        What is held equal, in the words of a note.
    together : bool
        Whether the gaps at several values may rise and fall together, as in clusters.
    """
    raw, within = tallied(groups, metric), [tallied(table, metric) for table in tables]
    for i, (attribute, group) in enumerate(groups.names):
        if attribute not in attributes or group == NOT_RECORDED:
            continue
        places = [table.names.index((attribute, group)) for table in tables]
        pairs = [_pair(t, place) for t, place in zip(within, places, strict=True)]
        yield Comparison(metric.name, attribute, group, _pair(raw, i), pairs, floor, what, together)


def among(
    counts: Counts, groups: GroupTable, chosen: "NDArray[np.bool_]", *, crossed: int
) -> GroupTable:
    """Tabulate the people in some cells of the count.

    Parameters
    ----------
    counts : Counts
    groups : GroupTable
        Of all cells, for the way rows were drawn.
    chosen : ndarray of bool, shape (C,)
    crossed : int
        How many attributes are crossed at most.
    """
    import numpy as np

    cells = np.flatnonzero(chosen)

    def kept(array: Any) -> Any:  # noqa: ANN401
        return None if array is None else array[cells]

    part = Counts(
        counts.attributes,
        counts.levels,
        counts.codes[cells],
        counts.table[cells],
        kept(counts.weight),
        kept(counts.square),
        kept(counts.strata),
    )
    if groups.design is None:
        return tabulate(part, crossed)
    flat = (cells[:, None] * OUTCOMES + np.arange(OUTCOMES)).ravel()
    design = replace(
        groups.design,
        weight=groups.design.weight[cells],
        products=groups.design.products.among(flat, groups.design.weight.size),
        strata=groups.design.strata[cells],
        touched={},
    )
    return tabulate(part, crossed, design)


Pair = tuple[Side, Side, float]
"""A group, its rest, and the correlation of their rates."""


def _pair(counted: Tallied, place: int) -> Pair:
    return counted.own.take(place), counted.rest.take(place), float(counted.rho[place])


@dataclass(frozen=True)
class Comparison:
    """A group and its rest: all together, and at each value of the control."""

    metric: str
    attribute: str
    group: str
    raw: Pair
    within: list[Pair]
    floor: int
    what: str = "the control"
    together: bool = False

    def drawn_as(self, own: Side, rest: Side) -> "Comparison":
        """Take the clusters for as many as those of the group and its rest: in a part, not more."""
        df = own.df, rest.df

        def pair(sides: Pair) -> Pair:
            return replace(sides[0], df=df[0]), replace(sides[1], df=df[1]), sides[2]

        return replace(self, raw=pair(self.raw), within=[pair(part) for part in self.within])

    def rows(self, levels: tuple[str, ...]) -> Iterator[StratifiedDisparity]:
        """State the gap at each value, and pooled."""
        for level, (own, rest, rho) in zip(levels, self.within, strict=True):
            gap = _gap(own, rest, rho)
            status, note = worth(own, 0, self.floor)
            if status is not Status.UNDEFINED:
                of_rest = worth(rest, 0, self.floor, "rows of the rest")
                status, note = of_rest if status is Status.OK else (status, note)
            yield self._row(level, gap, own, rest, None, status, note)
        yield self._pooled()

    def _row(
        self,
        level: str,
        gap: tuple[float, float, float],
        own: Side,
        rest: Side,
        between: float | None,
        status: Status,
        note: str,
    ) -> StratifiedDisparity:
        estimate, lower, upper = (number(value) for value in gap)
        return StratifiedDisparity(
            metric=self.metric,
            attribute=self.attribute,
            group=self.group,
            stratum=level,
            against=REST,
            estimate=estimate,
            lower=lower,
            upper=upper,
            n=int(own.people[0]),
            rest_n=int(rest.people[0]),
            rate=number(own.rate[0]),
            rest_rate=number(rest.rate[0]),
            between=between,
            status=status,
            note=note,
        )

    def _pooled(self) -> StratifiedDisparity:
        import numpy as np

        own, rest, _ = self.raw
        sizes = self.sizes
        shared = [k for k, (n1, n2) in enumerate(sizes) if n1 > 0 and n2 > 0]
        if not shared:
            nobody = (np.nan, np.nan, np.nan)
            note = f"at no value of {self.what} are there people of the group and of the rest"
            return self._row(POOLED, nobody, own, rest, None, Status.UNDEFINED, note)
        gaps = np.array([_gap(*self.within[k]) for k in shared])
        estimate, bounds = self.pool(gaps[:, 0], Bounds(gaps[:, 1], gaps[:, 2]), shared)
        raw = float(own.rate[0] - rest.rate[0])
        off = 1 - sum(sizes[k][0] for k in shared) / float(own.n[0]) if own.n[0] else 0.0
        some = off > ROUNDING
        note = f"{off:.1%} of the group are at values with nobody of the rest" if some else ""
        status, why = worth(own, 0, self.floor)
        pairs = [self.within[k][:2] for k in shared]
        fewest = min(sum(float(s.effective[0]) for s in side) for side in zip(*pairs, strict=True))
        if status is Status.OK and fewest < self.floor:
            status, told = Status.INSUFFICIENT, f"at values of {self.what} that both have, group"
            told += f" or rest tell no more than {rounded_down(fewest)} people"
            why = f"{told}, {self.floor} wanted"
        return self._row(
            POOLED,
            (estimate, float(bounds.lower), float(bounds.upper)),
            own,
            rest,
            number(raw - estimate),
            status,
            "; ".join(part for part in (why, note) if part),
        )

    @property
    def sizes(self) -> list[tuple[float, float]]:
        """People, or their weights, of the group and of the rest at each value."""
        return [(float(a.n[0]), float(b.n[0])) for a, b, _ in self.within]

    def gap(self, k: int) -> float:
        """Difference of the two rates at one value; NaN over nobody."""
        own, rest, _ = self.within[k]
        return float(own.rate[0] - rest.rate[0])

    def pool(
        self, gaps: "NDArray[np.float64]", bounds: Bounds, shared: list[int]
    ) -> tuple[float, Bounds]:
        """Pool the gaps at the shared values by Mantel and Haenszel's weights.

        Of a gap without bounds, as of a single cluster, no more is known than that of any gap.
        """
        import numpy as np

        bounds = Bounds(np.nan_to_num(bounds.lower, nan=-1.0), np.nan_to_num(bounds.upper, nan=1.0))
        weight = self.weight(shared)
        estimate, found = pooled(gaps, bounds, weight)
        if not self.together:
            return estimate, found
        share = weight / weight.sum()  # no more is known than the sum of all half-widths
        return estimate, Bounds(np.asarray(share @ bounds.lower), np.asarray(share @ bounds.upper))

    def weight(self, shared: list[int]) -> "NDArray[np.float64]":
        """Weigh the shared values as Mantel and Haenszel do."""
        import numpy as np

        sizes = self.sizes
        return np.array([sizes[k][0] * sizes[k][1] / sum(sizes[k]) for k in shared])


def _gap(own: Side, rest: Side, rho: float) -> tuple[float, float, float]:
    """Difference of two rates with its 95 % interval; NaN over nobody."""
    bounds = difference(*own.at(ONE_SIDE), *rest.at(ONE_SIDE), rho=rho)
    return float(own.rate[0] - rest.rate[0]), float(bounds.lower[0]), float(bounds.upper[0])
