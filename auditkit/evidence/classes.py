"""People by recorded class and decided class, and each class read against all others.

The tally has the values of label and decision as they are; nothing more is counted for it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError
from auditkit.evidence.counts import NO, UNKNOWN, YES, Counts, crossings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditkit.evidence.clusters import Clusters

MOST_CLASS_CELLS = 10_000_000
"""Cells times pairs of classes that are held in memory: 80 MB, three times that with weights."""
MOST_CLASS_LINES = 200_000


@dataclass(frozen=True)
class Classing:
    """The classes in order, and the class of each text of label and decision.

    A text's place is that of its class in ``names``; what is not recorded has the place behind the
    last of them.
    """

    names: tuple[str, ...]
    actual: Mapping[str | None, int]
    decided: Mapping[str | None, int]


def against_all(place: int, positive: int, classes: int) -> int:
    """Read the place of a class as no, yes or unknown where one class is the positive one.

    >>> [against_all(place, 1, 3) for place in range(4)] == [NO, YES, NO, UNKNOWN]
    True
    """
    if place == classes:
        return UNKNOWN
    return YES if place == positive else NO


@dataclass(frozen=True)
class ClassCounts:
    """People by group, recorded class and decided class.

    Attributes
    ----------
    names : tuple of str
        The K classes in order: every value that label or decision has.
    pairs : ndarray of int, shape (P, 2)
        The pairs of recorded and decided class that anybody has, as places in ``names``; K is not
        recorded, or not decided.
    counts : Counts
        Their ``table`` is of shape (C, P).
    clusters : tuple of Clusters
        Who was drawn together, as each class against all others sees it; empty without clusters.
    """

    names: tuple[str, ...]
    pairs: "NDArray[np.int64]"
    counts: Counts
    clusters: "tuple[Clusters, ...]" = field(default=(), compare=False)

    def against_all(self, positive: int) -> Counts:
        """Count one class against all others: nine outcome cells, as for a binary task."""
        import numpy as np

        read = [
            [against_all(place, positive, len(self.names)) for place in pair]
            for pair in self.pairs.tolist()
        ]
        of = np.array(read, dtype=np.int64).reshape(-1, 2) @ [3, 1]

        def nine(table: "NDArray[Any]") -> "NDArray[Any]":
            return np.stack([table[:, of == outcome].sum(axis=1) for outcome in range(9)], axis=1)

        c = self.counts
        return replace(
            c,
            table=nine(c.table),
            weight=None if c.weight is None else nine(c.weight),
            square=None if c.square is None else nine(c.square),
        )

    def digest(self, *, decisions: bool) -> str:
        """Digest the content, whatever the order of rows: with the decisions, or without them."""
        names = [*self.names, None]

        def told(cell: "NDArray[Any]") -> Any:  # noqa: ANN401
            sums: dict[tuple[str | None, str | None], Any] = {}
            for (actual, decided), value in zip(self.pairs.tolist(), cell.tolist(), strict=True):
                pair = names[actual], names[decided] if decisions else None
                sums[pair] = sums.get(pair, 0) + value
            return [[*pair, value] for pair, value in sums.items() if value]

        return self.counts.digested(told)


def refuse_many_classes(classes: ClassCounts, depth: int) -> None:
    """Refuse more lines of groups and pairs of classes than anybody can look at.

    Raises
    ------
    DataError
        Groups of attributes and crossings times pairs of classes are more than 200,000.
    """
    sizes = [len(levels) for levels in classes.counts.levels]
    groups = sum(math.prod(sizes[p] for p in places) for places in crossings(classes.counts, depth))
    size = len(classes.names)
    if groups * size * size <= MOST_CLASS_LINES:
        return
    raise DataError(
        f"{size} classes by {size} in {groups:,} groups are more than {MOST_CLASS_LINES:,} "
        f"numbers. Merge classes or values of the attributes, or set groups.intersections lower "
        f"than {depth}."
    )
