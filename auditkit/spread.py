"""A scan of every rate over every attribute: which lie further apart than chance puts them.

With so many comparisons some differ by chance. The scan says how many were made, what range chance
alone would give, and controls the share of false findings. No verdict rests on it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

from auditkit.disparity import ONE_GROUP
from auditkit.evidence.counts import GroupTable, outcome_cells
from auditkit.inference.spread import (
    Homogeneity,
    benjamini_yekutieli,
    debiased_spread,
    homogeneity,
)
from auditkit.measure import lacking, number, tallied
from auditkit.metrics.registry import Metric, rates
from auditkit.results import Spread, Status

if TYPE_CHECKING:
    import numpy as np

ONE_RATE = "every group has the same rate, 0 or 1, so there is nothing to compare"
CLUSTERED = "people were drawn in clusters, for which chance is not computed here"
UNTOLD = Homogeneity(float("nan"), float("nan"), permuted=False)
SMALL = "weighted groups this small allow no computation of chance"


def spreads(groups: GroupTable, *, labelled: bool, floor: int, seed: int) -> tuple[Spread, ...]:
    """Tell of every rate and attribute how far its groups lie apart, and how far by chance.

    Of two rates that add up to 1, the first. P-values are adjusted over the whole scan.

    Parameters
    ----------
    groups : GroupTable
    labelled : bool
        Whether an outcome is recorded.
    floor : int
        Smallest denominator that is worth a conclusion.
    seed : int
        Of the draws without a difference.
    """
    rows = [
        _spread(groups, metric, attribute, floor, seed)
        for metric in _distinct(groups, labelled=labelled)
        for attribute in groups.attributes()
    ]
    tested = {i: row.p_value for i, row in enumerate(rows) if row.p_value is not None}
    adjusted = benjamini_yekutieli(list(tested.values()))
    for i, p in zip(tested, adjusted.tolist(), strict=True):
        rows[i] = replace(rows[i], p_adjusted=p)
    return tuple(replace(row, comparisons=len(tested)) for row in rows)


def _distinct(groups: GroupTable, *, labelled: bool) -> Iterator[Metric]:
    """List the rates of which none is another one's complement."""
    seen: set[tuple[bytes, bytes]] = set()
    for metric in rates(groups.task).values():
        part, among = metric.masks(outcome_cells())
        known = not lacking(metric, groups, labelled=labelled)
        if known and _bytes(among & ~part, among) not in seen:
            seen.add(_bytes(part, among))
            yield metric


def _bytes(part: "np.ndarray", among: "np.ndarray") -> tuple[bytes, bytes]:
    return part.tobytes(), among.tobytes()


def _spread(groups: GroupTable, metric: Metric, attribute: str, floor: int, seed: int) -> Spread:
    """Compare the groups of an attribute that have anybody in the denominator."""
    import numpy as np

    side = tallied(groups, metric).own.take(groups.of(attribute))
    names = [groups.names[i][1] for i in groups.of(attribute)]
    known = np.flatnonzero(side.n > 0)
    bare = Spread(
        metric.name, attribute, len(known), int(side.people.sum()), "", "", None, None, None, None,
        None, 0, Status.UNDEFINED, "",
    )  # fmt: skip
    if len(names) < 2:
        return replace(bare, status=Status.NOT_APPLICABLE, note=ONE_GROUP)
    nobody = [name for name, n in zip(names, side.n, strict=True) if not n > 0]
    left_out = f"undefined for {', '.join(nobody)}" if nobody else ""
    if len(known) < 2:
        return replace(bare, note=left_out)
    rate, size = side.rate[known], side.effective[known]
    high, low = int(rate.argmax()), int(rate.argmin())
    clustered = not bool(np.isinf(side.df[known]).all())
    one_rate = bool((rate == 0).all() or (rate == 1).all())
    found = UNTOLD
    if not clustered:
        rng = np.random.default_rng([seed, crc32(f"{metric.name} {attribute}".encode())])
        found = homogeneity(rate * size if groups.design else side.x[known], size, rng)
    untold = ONE_RATE if one_rate else CLUSTERED if clustered else SMALL
    enough = int((size >= floor).sum()) >= 2
    notes = (
        untold if np.isnan(found.p_value) else "",
        "" if enough else f"fewer than two groups of at least {floor}",
        left_out,
    )
    return replace(
        bare,
        highest=names[known[high]],
        lowest=names[known[low]],
        range=float(rate[high] - rate[low]),
        expected_range=number(found.expected_range),
        spread=number(debiased_spread(rate * size, size)),
        p_value=number(found.p_value),
        status=Status.OK if enough else Status.INSUFFICIENT,
        note="; ".join(note for note in notes if note),
    )
