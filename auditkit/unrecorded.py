"""What people without a recorded group could change: sharp bounds of every gap that is judged.

The people of a metric's denominator whose group is not recorded may each be of the group or of its
rest. The gap x1/n1 - x0/n0 rises with everybody counted who joins the group and everybody not
counted who joins the rest, and falls with the reverse, so its extremes are those two corners
(Horowitz and Manski, 1995). So are those of a bound by MOVER from Clopper-Pearson limits where
people were drawn one by one: each limit moves the way its rate does. With weights and clusters the
effective sizes change too, and a bound is that of the corner. Two groups cannot both be at theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.errors import PlanError, did_you_mean, listed
from auditkit.evidence.counts import Block, GroupTable, Unrecorded, outcome_cells
from auditkit.evidence.design import Design
from auditkit.inference.design import estimate
from auditkit.inference.gates import NOISE
from auditkit.measure import Side, Tallied, number, tallied
from auditkit.metrics.registry import Metric, metrics
from auditkit.metrics.standardised import STANDARDISED
from auditkit.results import (
    ALL,
    NOT_RECORDED,
    Check,
    DeclaredShare,
    Outcome,
    Status,
    UnknownBound,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditkit.metrics.registry import Mask
    from auditkit.plan import AuditPlan

    Floats = NDArray[np.float64]


ROUNDING = 1e-9
"""So small a part of a person is the rounding of a share."""


@dataclass(frozen=True)
class Corners:
    """A rate counted on every group and its rest, at the lowest and at the highest gap."""

    lowest: Tallied
    highest: Tallied


def with_shares(groups: GroupTable, plan: "AuditPlan") -> GroupTable:
    """Take in what the plan declares of the people whose value of an attribute is not recorded.

    Raises
    ------
    PlanError
        A share is declared for a group that there is none of, or not everybody can be of a group.
    """
    import numpy as np

    blocks, problems = [], []
    for block in groups.blocks:
        attribute = plan.attributes.get(block.attribute)
        if attribute is None or not attribute.unrecorded_at_most:
            blocks.append(block)
            continue
        at_most = attribute.unrecorded_at_most
        names = [groups.names[block.start + k][1] for k in range(block.groups)]
        problems += [
            f"attributes.{block.attribute}.unrecorded_at_most names '{group}', which is no group "
            f"of it. {did_you_mean(group, names)}"
            for group in at_most
            if group not in names
        ]
        shares = np.array([at_most.get(name, 1.0) for name in names])
        there = groups.own[block.start : block.start + block.groups].any(axis=1)
        if (room := shares[there].sum()) < 1 - ROUNDING:  # a group without people is no way out
            problems.append(
                f"attributes.{block.attribute}.unrecorded_at_most leaves room for {room:.1%} of "
                f"the people not recorded, but each of them is of some group. Raise the shares "
                f"of {listed([*at_most])} until all can be placed, or leave a group out."
            )
        known = block.unrecorded
        blocks.append(replace(block, unrecorded=known and replace(known, shares=shares)))
    if problems:
        raise PlanError(*problems)
    return replace(groups, blocks=tuple(blocks))


def declared_shares(groups: GroupTable, plan: "AuditPlan") -> tuple[DeclaredShare, ...]:
    """List what the plan declares of the people whose value of an attribute is not recorded."""
    sizes = {
        block.attribute: int(block.unrecorded.people.sum())
        for block in groups.blocks
        if block.unrecorded is not None
    }
    return tuple(
        DeclaredShare(a.name, group, share, sizes.get(a.name, 0), a.unrecorded_reason.strip())
        for a in plan.measured
        for group, share in a.unrecorded_at_most.items()
    )


def declared_share(groups: GroupTable, attribute: str, group: str) -> float | None:
    """Find the largest share of the people not recorded that the plan lets be of a group."""
    for block in groups.blocks:
        if block.attribute == attribute and block.unrecorded and group != NOT_RECORDED:
            shares = block.unrecorded.shares
            share = (
                1.0
                if shares is None
                else float(shares[groups.names.index((attribute, group)) - block.start])
            )
            return share if share < 1 else None
    return None


def corners(groups: GroupTable, metric: Metric, *, declared: bool = True) -> Corners:
    """Count a rate with the people of no recorded group where each gap is lowest, and highest.

    A crossed row that is recorded in part can only be of the groups that agree with that part; for
    any other group it is of the rest. The row ``(not recorded)`` stays as it is. Where the plan
    declares how many of an attribute's people can be of a group, no more join it, and the others
    stay in its rest, unless ``declared`` is false; a share of another group, or of a part of a
    crossing, changes nothing, so that a gap may lie further inside than is told.
    """
    key = f"{metric.name} at its corners{' as declared' if declared else ''}"
    if key not in groups.tallied:
        low, high = (_tallied(groups, metric, highest, declared) for highest in (False, True))
        groups.tallied[key] = Corners(low, high)
    found: Corners = groups.tallied[key]
    return found


def unknown_people(groups: GroupTable, metric: Metric, attribute: str) -> int:
    """Count the people of no recorded group of an attribute in the denominator of a metric."""
    named = (attribute, NOT_RECORDED)
    if named not in groups.names:
        return 0
    return int(tallied(groups, metric).own.people[groups.names.index(named)])


def _tallied(groups: GroupTable, metric: Metric, highest: bool, declared: bool) -> Tallied:
    counted = tallied(groups, metric)
    own, rest = _copied(counted.own), _copied(counted.rest)
    rho = counted.rho.copy()
    part, among = metric.masks(outcome_cells())
    for block in groups.blocks:
        if block.unrecorded is None:
            continue
        rows = slice(block.start, block.start + block.groups)
        _move(own, rest, rows, block.unrecorded, (part, among), highest, declared)
        if groups.design is not None:
            rho[rows] = _drawn(own, rest, rows, groups.design, block, (part, among), highest)
    return replace(counted, own=own, rest=rest, rho=rho)


def _copied(side: Side) -> Side:
    return Side(
        side.x.astype(float),
        side.n.astype(float),
        side.people.copy(),
        side.effective.astype(float),
        side.df.copy(),
        side.recorded,
    )


def _move(
    own: Side,
    rest: Side,
    rows: slice,
    unknown: Unrecorded,
    masks: "tuple[Mask, Mask]",
    highest: bool,
    declared: bool,
) -> None:
    """Add people to the group and to its rest, in place, each counting once."""
    import numpy as np

    part, among = masks
    may = unknown.possible.astype("int64")
    counted = unknown.people[:, part].sum(axis=1)
    others = unknown.people[:, among].sum(axis=1) - counted
    joins = (counted if highest else others)[:, None] * may
    if declared and unknown.shares is not None:
        # whole people; a share of a person that the float of it adds is none
        most = np.ceil(unknown.shares * unknown.people.sum() - ROUNDING).astype("int64")
        joins = np.minimum(joins, most)  # the people of an attribute are of one kind
    joined = joins.sum(axis=0)
    hits = joined * highest
    for side, more, of_them in (
        (own, joined, hits),
        (rest, (counted + others).sum() - joined, counted.sum() - hits),
    ):
        side.people[rows] += more
        side.n[rows] += more
        side.x[rows] += of_them
        side.effective[rows] += more


def _drawn(
    own: Side,
    rest: Side,
    rows: slice,
    design: Design,
    block: Block,
    masks: "tuple[Mask, Mask]",
    highest: bool,
) -> "Floats":
    """Put weights and effective sizes in the place of counts; return the correlations.

    Degrees of freedom stay those of the recorded people, which are at most those of all of them.
    """
    import numpy as np

    assert block.unrecorded is not None  # noqa: S101
    part, among = masks
    may = block.unrecorded.possible.T.astype(np.float64)
    kinds, g = may.shape[1], block.groups
    kind = block.unrecorded.codes[:, None] + g + kinds * ~part[None]
    codes = np.where(block.codes[:, None] < 0, kind, block.codes[:, None])
    joins = (may * highest, may * (not highest))  # those counted, and the others
    domains = np.concatenate(
        [
            np.hstack([np.eye(g), *joins]),
            np.hstack([1 - np.eye(g), *(1 - join for join in joins)]),
        ]
    )
    found = estimate(design, codes, domains, part, among)
    effective = found.effective(np.concatenate([own.people[rows], rest.people[rows]]))
    for k, side in enumerate((own, rest)):
        half = slice(k * g, k * g + g)
        side.x[rows], side.n[rows] = found.numerator[half], found.denominator[half]
        side.effective[rows] = effective[half]
    return np.diagonal(found.correlation(effective)[:g, g:])


def unknown_bounds(groups: GroupTable, checks: Sequence[Check]) -> tuple[UnknownBound, ...]:
    """Bound every gap that is held against a limit by what people of no recorded group could be.

    Parameters
    ----------
    groups : GroupTable
    checks : sequence of Check
        As judged; those on a difference of rates are told.

    Returns
    -------
    tuple of UnknownBound
        Empty where everybody in the denominators has a recorded group.
    """
    rows = []
    places = {named: i for i, named in enumerate(groups.names)}
    for check in checks:
        if (
            check.statistic != "difference"
            or check.metric in STANDARDISED
            or check.attribute == ALL
            or check.group == NOT_RECORDED
            or check.outcome is Outcome.NOT_APPLICABLE
        ):
            continue
        metric = metrics()[check.metric]
        unknown = unknown_people(groups, metric, check.attribute)
        if unknown:
            at, i = corners(groups, metric), places[check.attribute, check.group]
            gaps = (side.own.rate[i] - side.rest.rate[i] for side in (at.lowest, at.highest))
            rows.append(_bound(check, unknown, *map(number, gaps)))
    return tuple(rows)


def _bound(check: Check, unknown: int, lowest: float | None, highest: float | None) -> UnknownBound:
    exists = check.estimate is not None and lowest is not None and highest is not None
    return UnknownBound(
        metric=check.metric,
        attribute=check.attribute,
        group=check.group,
        against=check.against,
        estimate=check.estimate,
        lowest=lowest if exists else None,
        highest=highest if exists else None,
        unknown=unknown,
        check=check.check,
        limit=check.limit,
        outcome=check.outcome,
        could_change=_could_change(check, lowest, highest),
        status=Status.OK if exists else Status.UNDEFINED,
        note=check.note,
    )


def _could_change(check: Check, lowest: float | None, highest: float | None) -> bool:
    """Whether an answer hangs on the unknown people: one that was withheld, or could be another."""
    if check.estimate is None or lowest is None or highest is None:
        return False
    if check.outcome is Outcome.INDETERMINATE:
        return check.unknown is not None
    if check.outcome is Outcome.WITHIN:
        return highest > check.limit + NOISE or lowest < -check.limit - NOISE
    if check.outcome is Outcome.BREACH:
        above = check.estimate > 0
        return lowest < check.limit - NOISE if above else highest > NOISE - check.limit
    return False
