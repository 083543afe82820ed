"""An input's information is taken away: each row gets the cell of somebody drawn from all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.scoring import Progress
from auditkit.explain.groups import SMALLEST
from auditkit.probes.moves import NOTHING, Moves, Span, moves
from auditkit.probes.probed import GONE
from auditkit.probes.sampled import EVERYONE, Asked, Sampled, affordable, union
from auditkit.results import Removal, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUNDS = 5
"""Draws for each row: what one draw adds to the variance is then at most a fifth."""
STEP = "altering"


def removals(sampled: Sampled, tell: Progress) -> tuple[Removal, ...]:
    """Take away each input in turn, those first whose removal changes most decisions."""
    features = [str(name) for name in sampled.rows.columns]
    everyone = [*sampled.groups.values(), *sampled.rests.values()]
    many = affordable(lambda n: len(union(everyone, n)) * ROUNDS * len(features))
    found: list[list[Removal]] = []
    for done, feature in enumerate(features, 1):
        found.append(list(_of(sampled, feature, many)))
        tell(STEP, done, None)
    found.sort(key=lambda rows: -_size(rows))  # a stable sort: alike ones in the model's order
    return tuple(row for rows in found for row in rows)


def _size(rows: list[Removal]) -> float:
    everyone = [row for row in rows if (row.attribute, row.group) == EVERYONE]
    return max((row.changed or 0.0 for row in everyone), default=0.0)


def unremoved(features: tuple[str, ...], status: Status, why: str) -> tuple[Removal, ...]:
    """Say of each input why nothing was asked."""
    return tuple(_none(feature, EVERYONE, "", status, why) for feature in features)


def _of(sampled: Sampled, feature: str, many: int) -> Iterator[Removal]:
    import numpy as np

    decided, parts = sampled.decided, [*sampled.groups.values(), *sampled.rests.values()]

    def build(most: int, patient: bool) -> "tuple[NDArray[np.intp], NDArray[np.intp]]":
        places = union(parts, most)
        places = places[decided[places]]
        turns = 1 if patient else ROUNDS
        draws = [
            np.resize(
                sampled.shuffled(sampled.groups[EVERYONE], "removal", feature, turn), len(places)
            )
            for turn in range(turns)
        ]
        return np.tile(places, turns), np.concatenate(draws)

    asked = sampled.ask(feature, many, build)
    # beyond these are rows that were asked about for the sake of another group
    many = asked.most if asked is not None else many
    for group, places in sampled.groups.items():
        own = _side(sampled, asked, places[:many])
        rest = (
            _side(sampled, asked, sampled.rests[group][:many]) if group in sampled.rests else None
        )
        yield _row(sampled, feature, group, own, rest)


@dataclass(frozen=True)
class _Side:
    """Rows of a group or its rest that were asked about, and what became of them."""

    rows: int
    rounds: int
    selected: float | None
    output: float | None
    moves: Moves


def _side(sampled: Sampled, asked: Asked | None, places: "NDArray[np.intp]") -> _Side | None:
    """Look at the rows of a side; none where the model is gone, or it has none with a decision."""
    import numpy as np

    if asked is None:
        return None
    mask = np.isin(asked.places, places)
    rows = np.unique(asked.places[mask])
    if not len(rows):
        return None
    output = sampled.before.output[rows]
    told = sampled.unit and np.isfinite(output).all() and len(rows) >= SMALLEST
    return _Side(
        rows=len(rows),
        rounds=int(mask.sum()) // len(rows),
        selected=None
        if sampled.amounts
        else float(sampled.selects(sampled.before.label[rows]).mean()),
        output=float(output.mean()) if told else None,
        moves=moves(sampled, asked, mask, min(len(rows), len(sampled.groups[EVERYONE]))),
    )


def _row(
    sampled: Sampled, feature: str, group: tuple[str, str], own: _Side | None, rest: _Side | None
) -> Removal:
    if own is None:
        decided = sampled.decided[sampled.groups[group]].any()
        why = GONE if decided else "no sampled row has a decision"
        return _none(feature, group, sampled.unit, Status.UNDEFINED, why)
    status, note = own.moves.worth(sampled.floor, own.rows)
    share = own.moves.share() if status is not Status.UNDEFINED else NOTHING
    gap, output_gap = None, None
    change, moved = NOTHING, NOTHING
    if rest is not None and status is not Status.UNDEFINED and not rest.moves.untold:
        gap, output_gap = _apart(own.selected, rest.selected), _apart(own.output, rest.output)
        change, moved = _net_apart(own.moves, rest.moves), _mean_apart(own.moves, rest.moves)
        if rest.rows < sampled.floor and status is Status.OK:
            note = f"{rest.rows} sampled rows of everyone else, at least {sampled.floor} wanted"
            status = Status.INSUFFICIENT
    return Removal(
        feature, *group, own.rows, own.rounds, own.moves.unanswered, own.moves.failed, *share,
        gap, *change, output_gap, *moved, sampled.unit, status, note,
    )  # fmt: skip


def _none(feature: str, group: tuple[str, str], unit: str, status: Status, why: str) -> Removal:
    return Removal(
        feature, *group, 0, 0, 0, 0, *NOTHING, None, *NOTHING, None, *NOTHING, unit, status, why
    )


def _apart(own: float | None, rest: float | None) -> float | None:
    return None if own is None or rest is None else own - rest


def _net_apart(own: Moves, rest: Moves) -> Span:
    """Change of the gap in selection rates, with the interval of a difference of two (MOVER)."""
    import math

    first, second = own.net(), rest.net()
    if first is None or second is None:
        return NOTHING
    (net, low, high), (other, below, above) = first, second
    change = net - other
    return (
        change,
        change - math.hypot(net - low, above - other),
        change + math.hypot(high - net, other - below),
    )


def _mean_apart(own: Moves, rest: Moves) -> Span:
    """Change of the gap in mean output, with Welch's interval; none of both without a spread."""
    from auditkit.inference.amounts import welch_interval

    (mean, variance, n), (other, its_variance, m) = own.moments(), rest.moments()
    if mean is None or other is None:
        return NOTHING
    if not variance + its_variance or min(n, m) < 2:
        return mean - other, None, None
    bounds = welch_interval(mean, variance, n, other, its_variance, m)
    return mean - other, float(bounds.lower), float(bounds.upper)
