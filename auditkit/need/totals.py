"""Sums of need over the people of a group and of its rest, and the means that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.counts import Counts, GroupTable
from auditkit.evidence.gather import Evidence
from auditkit.inference.design import kish_size
from auditkit.inference.scores import mean_interval, mean_variance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditkit.metrics.registry import Mask

    Floats = NDArray[np.float64]

PEOPLE, WEIGHT, SQUARE = "n", "w", "w2"
"""Names of sums beside those that ``Amounts.need`` has."""
SIGNED = ("v", "wv")
"""Sums of need itself, which may be below 0."""
NO_SPREAD = 1e-14
"""So small a share of the squared mean is rounding: everybody has the same need."""


@dataclass(frozen=True)
class Part:
    """Sums over some people.

    Attributes
    ----------
    n : int
        People.
    w, w2 : float
        Sums of weights and of their squares; people where nobody is weighted.
    v, v2 : float
        Sums of need and of its square, each times the weight.
    wv, wv2 : float
        Sums of need and of its square, each times the squared weight.
    """

    n: int
    w: float
    w2: float
    v: float
    v2: float
    wv: float
    wv2: float

    @property
    def mean(self) -> float:
        """Mean need; NaN over nobody."""
        return self.v / self.w if self.w > 0 else float("nan")

    @property
    def effective(self) -> float:
        """How many people drawn alone tell as much (Kish, 1965)."""
        return float(kish_size(self.w, self.w2, self.n))

    @property
    def alike(self) -> bool:
        """Whether several people have one and the same need, so that no spread can be told."""
        return self.n > 1 and self._spread <= NO_SPREAD * self.mean**2 * self.w2

    @property
    def _spread(self) -> float:
        m = self.mean
        return max(self.wv2 - 2 * m * self.wv + m * m * self.w2, 0.0)

    @property
    def variance(self) -> float:
        """Variance of the mean need, linearised; NaN under two people, or where all are alike."""
        if self.n < 2 or not self.w > 0 or self.alike:
            return float("nan")
        return mean_variance(self._spread, self.w, self.n)

    @property
    def interval(self) -> tuple[float, float]:
        """Two-sided 95 % interval of the mean; of weighted people as of those they tell."""
        bounds = mean_interval(self.mean, self.variance, self.effective)
        return float(bounds.lower), float(bounds.upper)


@dataclass(frozen=True)
class NeedTotals:
    """Sums of need of every group of a table.

    Attributes
    ----------
    groups : GroupTable
    sums : mapping of str to ndarray of float, shape (C, 9)
        By cell and outcome.
    """

    groups: GroupTable
    sums: "Mapping[str, Floats]"

    def parts(self, outcomes: "Mask", cells: "NDArray[np.bool_]") -> tuple[list[Part], list[Part]]:
        """Add up the people of each group, and of its rest, in some outcomes and cells."""
        both: dict[str, tuple[Floats, Floats]] = {
            name: self._by_group(table[:, outcomes].sum(axis=1) * cells, signed=name in SIGNED)
            for name, table in self.sums.items()
        }

        def side(k: int) -> list[Part]:
            rows = zip(*(both[name][k].tolist() for name in both), strict=True)
            return [Part(int(n), *rest) for n, *rest in rows]

        return side(0), side(1)

    def _by_group(self, values: "Floats", *, signed: bool) -> "tuple[Floats, Floats]":
        """Add up; of what is never below 0 no rest is, whatever rounding left of it."""
        import numpy as np

        own, rest = np.zeros(len(self.groups.names)), np.zeros(len(self.groups.names))
        own[0] = values.sum()
        for block in self.groups.blocks:
            sums = np.zeros(block.groups + 1)
            np.add.at(sums, block.codes, values)  # code -1 is the last: not recorded
            size = block.stop - block.start
            recorded = sums[:-1].sum()
            own[block.start : block.stop] = sums[:size]
            others = np.where(np.arange(size) < block.groups, recorded - sums[:size], recorded)
            rest[block.start : block.stop] = others if signed else np.maximum(others, 0.0)
        return own, rest


def need_totals(evidence: Evidence) -> NeedTotals | None:
    """Lay out the sums of need; ``None`` where need is no number, or has no column of its own."""
    counts = evidence.counts
    if not counts.need_sums:
        return None
    return NeedTotals(evidence.groups, _sums(counts))


def _sums(counts: Counts) -> "dict[str, Floats]":
    import numpy as np

    people = counts.table.astype(np.float64)
    v, v2 = counts.need_sums["v"], counts.need_sums["v2"]
    return {
        PEOPLE: people,
        WEIGHT: people if counts.weight is None else counts.weight,
        SQUARE: people if counts.square is None else counts.square,
        "v": v,
        "v2": v2,
        "wv": counts.need_sums.get("wv", v),
        "wv2": counts.need_sums.get("wv2", v2),
    }
