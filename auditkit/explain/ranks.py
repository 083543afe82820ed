"""The inputs by the size of their attributions; those not told apart share a range of ranks.

Two inputs are told apart where the difference of their mean absolute attributions is larger than
what chance makes of it: the two-phase variance of that difference over rows (see
``auditkit.explain.groups``), which knows that both are of the same rows, and what another
background and other seeds make of it. Each pair is told apart at 95 %, so that among many pairs
some are by chance.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from auditkit.explain.attributions import Attributed
from auditkit.explain.groups import SMALLEST, Sample, by_group
from auditkit.results import ALL, ROUNDING, Attribution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_RANKED = 60
"""Inputs that are ranked, those with the largest attributions: as many as a table shows."""
MOST_HELD = 300
"""Inputs that each of them is held against; any further ones, all smaller, are taken as such."""

Ranks = Mapping[tuple[str, str, str], tuple[int, int]]


def ranks(
    attributed: Attributed,
    sample: Sample,
    again: "NDArray[np.float64] | None" = None,
    *,
    smallest: int = SMALLEST,
) -> Ranks:
    """Say which ranks each input can have in each group, 1 being the largest attribution.

    Parameters
    ----------
    attributed : Attributed
        Attributions of the rows of ``sample``.
    sample : Sample
    again : ndarray, shape (r, p), optional
        Mean absolute attributions over the same rows with r backgrounds and seeds, the columns in
        the order of the features.
    smallest : int
        Groups with fewer explained rows have no ranks.

    Returns
    -------
    mapping
        From attribute, group and feature to the smallest and the largest rank.
    """
    import numpy as np

    if attributed.values is None:
        return {}
    size = np.abs(attributed.values)
    places = [i for i, name in enumerate(attributed.features) if name != ROUNDING]
    places = sorted(places, key=lambda i: (-float(size[:, i].mean()), i))[:MOST_HELD]
    names = [attributed.features[i] for i in places]
    size, moved = size[:, places], None if again is None else again[:, places]
    larger: dict[tuple[str, str, str], int] = {}
    smaller: dict[tuple[str, str, str], int] = {}
    for i, name in enumerate(names[:MOST_RANKED]):
        apart = replace(attributed, features=tuple(names), values=size[:, [i]] - size)
        noise = dict(zip(names, _noise(moved, i).tolist(), strict=False))
        for row in by_group(apart, sample, smallest=smallest):
            if row.mean is None or row.lower is None:
                continue
            half = float(np.hypot(row.mean - row.lower, noise[row.feature]))
            key = (row.attribute, row.group, name)
            larger[key] = larger.get(key, 0) + (row.mean < -half)
            smaller[key] = smaller.get(key, 0) + (row.mean > half)
    return {key: (1 + larger[key], len(names) - smaller[key]) for key in larger}


def with_ranks(
    rows: tuple[Attribution, ...],
    attributed: Attributed,
    sample: Sample,
    again: "NDArray[np.float64] | None",
) -> tuple[Attribution, ...]:
    """Put ranks beside the attributions, and beside everyone's what backgrounds and seeds do.

    The arguments are those of :func:`ranks`, and the rows that ``by_group`` made of them.
    """
    found = ranks(attributed, sample, again)
    moved = (
        {}
        if again is None
        else dict(zip(attributed.features, again.std(axis=0, ddof=1), strict=False))
    )
    told = []
    for row in rows:
        low, high = found.get((row.attribute, row.group, row.feature), (None, None))
        known = moved.get(row.feature) if row.attribute == ALL and row.mean is not None else None
        noise = None if known is None else float(known)
        told.append(replace(row, rank_low=low, rank_high=high, noise=noise))
    return tuple(told)


def _noise(again: "NDArray[np.float64] | None", i: int) -> "NDArray[np.float64]":
    """95 % half-width of one draw of the difference to each input, shape (p,)."""
    import numpy as np
    from scipy.stats import t

    if again is None:
        return np.zeros(MOST_HELD)
    spread = (again[:, [i]] - again).std(axis=0, ddof=1)
    return np.asarray(t.ppf(0.975, len(again) - 1) * spread)
