"""How deep the need is that is left without: of whom, how much of it, and at the same decision."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot, isfinite, nan
from typing import TYPE_CHECKING

from auditkit.evidence.counts import outcome_cells
from auditkit.evidence.gather import Evidence
from auditkit.evidence.needs import NeedBands
from auditkit.inference.design import enough, rounded_down
from auditkit.inference.intervals import difference, mover_difference, wilson
from auditkit.measure import ONE_SIDE, counted, number, worth
from auditkit.need.totals import NeedTotals, Part
from auditkit.plan import AuditPlan
from auditkit.results import ALL, REST, NeedDepth, Status
from auditkit.stratified import among

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MISSED, UNSERVED = "missed_need", "unserved_share"
MEANS = ("mean_need_missed", "mean_need_selected", "mean_need_not_selected")
NO_NUMBERS = "need is declared in levels, which cannot be added up"
NEGATIVE = "some need is below 0, so its sum is no amount of need"
ALIKE = "all have the same need: no interval"
CLUSTERED = "people were drawn in clusters: no interval in this version"


def need_depth(
    plan: AuditPlan, evidence: Evidence, totals: NeedTotals | None, floor: int
) -> tuple[NeedDepth, ...]:
    """Measure the need of those left without; nothing where need has no column of its own.

    Parameters
    ----------
    plan : AuditPlan
    evidence : Evidence
    totals : NeedTotals or None
        Sums of need, where it is a number.
    floor : int
        Smallest denominator that is worth a conclusion.
    """
    needs = evidence.counts.needs
    if evidence.needs is None or needs is None:
        return ()
    crossed = min(plan.groups.intersections, len(evidence.counts.attributes))
    left = Left(evidence, evidence.needs, needs, totals, floor, plan.data.cluster is not None)
    return (*left.missed(crossed), *left.unserved(), *left.means())


@dataclass(frozen=True)
class Left:
    """Who is left without, of the people of each group, and in how deep a need.

    Attributes
    ----------
    evidence : Evidence
    bands : NeedBands
    needs : ndarray of int, shape (C,)
        The fine band of each cell, below 0 where need is not recorded.
    totals : NeedTotals or None
        Sums of need, where it is a number.
    floor : int
        Smallest denominator that is worth a conclusion.
    clustered : bool
        Whether people were drawn in clusters, so that there are no intervals of sums.
    """

    evidence: Evidence
    bands: NeedBands
    needs: "NDArray[np.int64]"
    totals: NeedTotals | None
    floor: int
    clustered: bool

    def missed(self, crossed: int) -> Iterator[NeedDepth]:
        """Give the share of people in need who are not selected, whatever the label is."""
        if self.bands.first_in_need is None:
            return
        cells = outcome_cells()
        in_need = self.needs >= self.bands.first_in_need
        table = among(self.evidence.counts, self.evidence.groups, in_need, crossed=crossed)
        found = counted(table, cells.decided & ~cells.selected, cells.decided)
        own, rest = found.own, found.rest
        bounds = wilson(*own.at(ONE_SIDE))
        apart = difference(*own.at(ONE_SIDE), *rest.at(ONE_SIDE), rho=found.rho)
        at = {name: i for i, name in enumerate(table.names)}
        for name in self.evidence.groups.names:
            if (i := at.get(name)) is None:  # nobody in need has this attribute not recorded
                continue
            status, note = _both(
                worth(own, i, self.floor, "people in need"),
                worth(rest, i, self.floor, "people in need"),
                name,
            )
            yield _row(
                MISSED, name, (int(own.people[i]), int(rest.people[i])),
                (own.rate[i], bounds.lower[i], bounds.upper[i]), float(rest.rate[i]),
                (apart.lower[i], apart.upper[i]), status, note,
            )  # fmt: skip

    def unserved(self) -> Iterator[NeedDepth]:
        """Give the share of a group's need that people not selected have.

        It is a rate in which everybody counts by need; its effective size follows from the
        linearised variance of a ratio of sums, and the intervals are Wilson's and Newcombe's at
        that size.
        """
        import numpy as np

        totals = self.totals
        if totals is None or self.bands.low < 0:
            reason = NO_NUMBERS if totals is None else NEGATIVE
            yield from (
                _inapplicable(UNSERVED, name, reason) for name in self.evidence.groups.names
            )
            return
        cells, known = outcome_cells(), self.needs >= 0
        own, rest = totals.parts(cells.decided, known)
        left, rest_left = totals.parts(cells.decided & ~cells.selected, known)
        for i, name in enumerate(self.evidence.groups.names):
            mine, others = _share(left[i], own[i]), _share(rest_left[i], rest[i])
            status, note = _both(
                _worth(own[i], mine, self.floor), _worth(rest[i], others, self.floor), name
            )
            bounds = wilson(mine[0] * mine[1], mine[1])
            of_rest = wilson(others[0] * others[1], others[1])
            rates = (np.asarray(mine[0]), np.asarray(others[0]))
            apart = mover_difference(rates[0], bounds, rates[1], of_rest)
            yield _row(
                UNSERVED, name, (own[i].n, rest[i].n),
                (mine[0], float(bounds.lower), float(bounds.upper)), others[0],
                (float(apart.lower), float(apart.upper)), status, note, clustered=self.clustered,
            )  # fmt: skip

    def means(self) -> Iterator[NeedDepth]:
        """Compare mean need at the same decision.

        Who is sicker at the same (Obermeyer et al., 2019)? The interval of a difference is MOVER's
        from Student's for each mean.
        """
        totals, first = self.totals, self.bands.first_in_need
        if totals is None:
            for measure in MEANS:
                yield from (
                    _inapplicable(measure, n, NO_NUMBERS) for n in self.evidence.groups.names
                )
            return
        cells, known = outcome_cells(), self.needs >= 0
        in_need = self.needs >= (first or 0)
        missed = "not selected" if first is None else "in need and not selected"
        among_ = (
            (MEANS[0], cells.decided & ~cells.selected, in_need, missed),
            (MEANS[1], cells.selected & cells.decided, known, "selected"),
            (MEANS[2], cells.decided & ~cells.selected, known, "not selected"),
        )
        for measure, outcomes, chosen, who in among_:
            own, rest = totals.parts(outcomes, chosen)
            for i, name in enumerate(self.evidence.groups.names):
                a, b = own[i], rest[i]
                (low, high), (rest_low, rest_high) = a.interval, b.interval
                gap = a.mean - b.mean
                ends = (
                    gap - hypot(a.mean - low, rest_high - b.mean),
                    gap + hypot(high - a.mean, b.mean - rest_low),
                )
                status, note = _both(_held(a, who, self.floor), _held(b, who, self.floor), name)
                yield _row(
                    measure, name, (a.n, b.n), (a.mean, low, high), b.mean, ends, status, note,
                    clustered=self.clustered,
                )  # fmt: skip


def _share(left: Part, whole: Part) -> tuple[float, float]:
    """Return the share of need left, and the size of the plain sample that would tell as much."""
    if not whole.v > 0:
        return nan, nan
    share = min(max(left.v / whole.v, 0.0), 1.0)
    spread = (1 - share) ** 2 * left.wv2 + share**2 * max(whole.wv2 - left.wv2, 0.0)
    size = whole.v**2 / whole.wv2
    if 0 < share < 1 and spread > 0:
        size = share * (1 - share) * whole.v**2 / spread
    return share, min(size, float(whole.n))


def _worth(part: Part, share: tuple[float, float], floor: int) -> tuple[Status, str]:
    if not part.n:
        return Status.UNDEFINED, "nobody with a recorded need"
    if not part.v > 0:
        return Status.UNDEFINED, f"the need of all {part.n} people is 0"
    if part.n < floor:
        return Status.INSUFFICIENT, f"{part.n} people, at least {floor} wanted"
    # a share next to 0 or 1 hides in its variance that one person may carry most of the need
    size = min(share[1], part.v**2 / part.wv2)
    if size < floor:
        told = f"the need of {part.n} people lies so unevenly that it tells no more than"
        return Status.INSUFFICIENT, f"{told} {rounded_down(size)} people, at least {floor} wanted"
    return Status.OK, ""


def _held(part: Part, who: str, floor: int) -> tuple[Status, str]:
    if not part.w > 0:
        return Status.UNDEFINED, f"nobody {who} to take a mean of"
    status, note = enough(part.n, part.effective, f"people {who}", floor)
    return status, ALIKE if status is Status.OK and part.alike else note


def _both(
    own: tuple[Status, str], rest: tuple[Status, str], name: tuple[str, str]
) -> tuple[Status, str]:
    """Say what a measure and its gap are worth: too few people of the rest leave no conclusion."""
    if own[0] is not Status.OK or name[0] == ALL:
        return own
    if rest[0] is Status.OK:
        of_rest = f"of the rest: {rest[1]}" if rest[1] else ""
        return own[0], "; ".join(part for part in (own[1], of_rest) if part)
    return Status.INSUFFICIENT, f"of the rest: {rest[1]}"


def _row(
    measure: str,
    name: tuple[str, str],
    people: tuple[int, int],
    own: tuple[float, float, float],
    rest: float,
    gap: tuple[float, float],
    status: Status,
    note: str,
    *,
    clustered: bool = False,
) -> NeedDepth:
    """State a measure; of everybody there is no rest, and under clusters no interval."""
    estimate, lower, upper = (number(float(value)) for value in own)
    compared = name[0] != ALL and isfinite(rest) and estimate is not None
    if clustered:
        lower, upper, gap = None, None, (nan, nan)
        note = "; ".join(part for part in (note, CLUSTERED) if part)
    return NeedDepth(
        measure=measure,
        attribute=name[0],
        group=name[1],
        against="" if name[0] == ALL else REST,
        n=people[0],
        estimate=estimate,
        lower=lower,
        upper=upper,
        rest_n=people[1],
        rest=number(rest) if name[0] != ALL else None,
        gap=number(float(own[0]) - rest) if compared else None,
        gap_lower=number(float(gap[0])) if compared else None,
        gap_upper=number(float(gap[1])) if compared else None,
        status=status,
        note=note,
    )


def _inapplicable(measure: str, name: tuple[str, str], reason: str) -> NeedDepth:
    return NeedDepth(
        measure, *name, "" if name[0] == ALL else REST, 0, None, None, None, 0, None, None, None,
        None, Status.NOT_APPLICABLE, reason,
    )  # fmt: skip
