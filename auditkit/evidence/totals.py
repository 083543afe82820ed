"""Lines of totals and subtotals in tables of counts: their people would count twice."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditkit.errors import DataError, listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOTALS = {"total", "totals", "all", "sum", "overall", "everybody", "everyone"}
TOTALS |= {"gesamt", "alle", "summe", "totale", "tous", "toutes", "todos", "todas", "suma"}
"""What a line of totals is called in tables that people publish."""
FEW_FOR_ROUNDING = 100
"""Among fewer people groups that add up to next to another are no sign of a rounded total."""

MOST_PARTS = 12
"""So many groups are tried in every choice of them for a subtotal."""
BY_CHANCE = 1e-4
"""Choices for each way in which a group's people can lie: beyond it, sums agree by chance."""


def refuse_totals(attribute: str, groups: Sequence[str], table: "NDArray[np.int64]") -> None:
    """Refuse a group of counts that is all others together: everybody would count twice.

    Parameters
    ----------
    attribute : str
    groups : sequence of str
    table : ndarray of int, shape (G, K)
        People of each group by outcome.

    Raises
    ------
    DataError
        A group has as many people as the others, of whom two have some, in every one of K outcomes,
        or next to as many; or it is called a total, and no other is larger; or it has as many as
        some of the others together.
    """
    import numpy as np

    everybody, people = table.sum(axis=0), table.sum(axis=1)
    if table.any(axis=1).sum() <= 2:
        return
    for name, own in zip(groups, table, strict=False):
        others = everybody - own
        off = np.abs(own - others)
        rounded = own.sum() >= FEW_FOR_ROUNDING and (off <= np.maximum(1, others // 100)).all()
        called = name.strip().casefold() in TOTALS and own.sum() == people.max()
        told = f"Group '{name}' of attribute '{attribute}' counts"
        if not off.any() or rounded:
            raise DataError(
                f"{told} as many people as all other groups together, {int(own.sum()):,}, and so "
                f"in every outcome: it looks like a line of totals, and everybody would count "
                f"twice. Take the line out."
            )
        if called:
            raise DataError(
                f"{told} {int(own.sum()):,} people, all other groups together "
                f"{int(others.sum()):,}: it is called like a line of totals, and everybody would "
                f"count twice. Take the line out, or rename the group if it is one."
            )
    for place, name in enumerate(groups):
        if parts := _parts(place, table):
            raise DataError(
                f"Group '{name}' of attribute '{attribute}' counts as many people as "
                f"{listed([groups[part] for part in parts])} together, {int(people[place]):,}, and "
                f"so in every outcome: it looks like a subtotal, and those people would count "
                f"twice. Take the line out, or give it an attribute of its own."
            )


def _parts(place: int, table: "NDArray[np.int64]") -> list[int]:
    """Find groups that add up to another in every outcome; none if there are none."""
    import numpy as np

    own = table[place]
    inside = (table <= own).all(axis=1) & table.any(axis=1)
    inside[place] = False
    # a subtotal stands beside its parts: of many groups only the nearest are tried
    near = sorted(np.flatnonzero(inside).tolist(), key=lambda part: (abs(part - place), part))
    near = near[:MOST_PARTS]
    if 2.0 ** len(near) * len(table) > BY_CHANCE * np.prod(own + 1.0):
        return []
    sums = np.zeros((1, table.shape[1]), dtype=np.int64)
    chosen: list[tuple[int, ...]] = [()]
    for part in near:
        sums = np.concatenate([sums, sums + table[part]])
        chosen += [(*before, part) for before in chosen]
    found = [sorted(chosen[i]) for i in np.flatnonzero((sums == own).all(axis=1))]
    return min((parts for parts in found if len(parts) > 1), key=len, default=[])
