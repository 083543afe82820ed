"""A group's rows are given what is usual in another group, or what stands in for it.

Where the attribute itself is an input, each row gets the value that most rows of the other group
have, or where the attribute is cut into bins its lower median there. Where other inputs may stand
in for it, each row gets the cell of a row drawn from the other group. The rest of the row stays, so
inputs that go together in life may be put together here as they never are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.scoring import Progress
from auditkit.plan import Attribute
from auditkit.probes.moves import NOTHING, moves
from auditkit.probes.probed import GONE
from auditkit.probes.removals import STEP
from auditkit.probes.sampled import Asked, Sampled, affordable
from auditkit.results import NOT_RECORDED, Flip, Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.intp]

MOST_TOWARD = 5
"""Groups, those with most rows, whose values are given to every other: pairs grow as a square."""
MOST_STAND_INS = 3
"""Inputs that are looked at as stand-ins for one attribute."""
SET, DRAWN = "set", "drawn"


def flips(
    sampled: Sampled,
    attributes: Sequence[Attribute],
    named: Sequence[str],
    carried: Mapping[str, Mapping[str, float]],
    tell: Progress,
) -> tuple[Flip, ...]:
    """Give each group the values of others: of the attribute's own input, and of its stand-ins.

    Parameters
    ----------
    sampled : Sampled
    attributes : sequence of Attribute
        The measured ones.
    named : sequence of str
        Inputs that the plan names as stand-ins.
    carried : mapping
        Of each attribute, how much of its gaps each input carries: those with most are
        stand-ins too.
    tell : callable
        Told of every input.

    Returns
    -------
    tuple of Flip
    """
    found: list[Flip] = []
    tasks = [
        task for a in attributes for task in _tasks(sampled, a, named, carried.get(a.name, {}))
    ]
    many = affordable(lambda n: n * sum(len(task.pairs) for task in tasks))
    for done, task in enumerate(tasks, 1):
        found += _of(sampled, task, many)
        tell(STEP, done, None)
    return tuple(found)


@dataclass(frozen=True)
class _Task:
    """One input to alter for one attribute, from which group toward which."""

    attribute: Attribute
    feature: str
    way: str
    pairs: list[tuple[str, str]]


def _tasks(
    sampled: Sampled, attribute: Attribute, named: Sequence[str], carried: Mapping[str, float]
) -> Iterator[_Task]:
    groups = [g for a, g in sampled.groups if a == attribute.name and g != NOT_RECORDED]
    largest = sorted(groups, key=lambda g: -sampled.sizes[attribute.name, g])[:MOST_TOWARD]
    pairs = [(g, to) for g in groups for to in groups if to in largest and to != g]
    if not pairs:
        return
    if attribute.column in sampled.rows.columns:
        yield _Task(attribute, attribute.column, SET, pairs)
    found = [f for f in carried if f in sampled.rows.columns and f not in named]
    found = [f for f in found if f != attribute.column]
    found.sort(key=lambda feature: -carried[feature])
    others = [f for f in named if f != attribute.column]
    for feature in (*others, *found[:MOST_STAND_INS]):
        yield _Task(attribute, feature, DRAWN, pairs)


def _of(sampled: Sampled, task: _Task, many: int) -> Iterator[Flip]:
    """Ask about all pairs of groups of one input together."""
    import numpy as np

    recorded = sampled.rows[task.feature].notna().to_numpy()
    whole = {
        g: places[recorded[places]]
        for (a, g), places in sampled.groups.items()
        if a == task.attribute.name
    }
    has = {g: places[sampled.decided[places]] for g, places in whole.items()}

    def build(most: int, _: bool) -> "tuple[Ints, Ints]":
        parts = [
            (has[g][:most], _donors(sampled, task, g, to, len(has[g][:most]), whole[to]))
            for g, to in task.pairs
            if len(whole[to])
        ]
        nobody = np.zeros(0, dtype=np.intp)
        return (
            np.concatenate([nobody, *(places for places, _ in parts)]),
            np.concatenate([nobody, *(donors for _, donors in parts)]),
        )

    asked = sampled.ask(task.feature, many, build)
    start = 0
    for g, to in task.pairs:
        rows = 0
        if asked is not None and len(whole[to]):
            rows = min(len(has[g]), asked.most)
        yield _row(sampled, task, (g, to), asked, slice(start, start + rows), len(whole[to]))
        start += rows


def _donors(sampled: Sampled, task: _Task, group: str, to: str, rows: int, whole: "Ints") -> "Ints":
    """Choose the sampled rows of the other group whose cells are put in."""
    import numpy as np

    if task.way == DRAWN:
        order = sampled.shuffled(whole, "flip", task.attribute.name, task.feature, group, to)
        return np.resize(order, rows)
    return np.repeat(_usual(sampled, task, whole), rows)


def _usual(sampled: Sampled, task: _Task, whole: "Ints") -> int:
    """Place a row with the usual value: the lower median of bins, else the most frequent one."""
    import numpy as np
    import pandas as pd

    cells = sampled.rows[task.feature].iloc[whole]
    if task.attribute.bins is not None:
        order = np.argsort(pd.to_numeric(cells, errors="coerce").to_numpy(), kind="stable")
        return int(whole[order[(len(whole) - 1) // 2]])
    texts = cells.astype(str).reset_index(drop=True)
    counted = texts.value_counts(sort=False)
    first = min(counted.index, key=lambda text: (-counted[text], text))
    return int(whole[(texts == first).to_numpy().argmax()])


def _row(
    sampled: Sampled,
    task: _Task,
    pair: tuple[str, str],
    asked: Asked | None,
    part: slice,
    drawn_from: int,
) -> Flip:
    import numpy as np

    named = (task.attribute.name, *pair, task.feature, task.way)
    n = part.stop - part.start
    if asked is None or not n:
        why = GONE if asked is None else "no sampled row has a decision and a value to change"
        if asked is not None and not drawn_from:
            why = "no sampled row of the other group has a value"
        return Flip(
            *named,
            0,
            0,
            0,
            0,
            0,
            0,
            *NOTHING,
            *NOTHING,
            *NOTHING,
            sampled.unit,
            Status.UNDEFINED,
            why,
        )
    mask = np.zeros(len(asked.places), dtype=bool)
    mask[part] = True
    found = moves(sampled, asked, mask, min(n, drawn_from) if task.way == DRAWN else n)
    status, note = found.worth(sampled.floor, n)
    known = status is not Status.UNDEFINED
    return Flip(
        *named, n, found.changed, found.gained, found.lost, found.unanswered, found.failed,
        *(found.share() if known else NOTHING),
        *((found.net() if known else None) or NOTHING),
        *(found.mean() if known else NOTHING),
        sampled.unit, status, note,
    )  # fmt: skip
