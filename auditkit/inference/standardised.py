"""A gap put together over bands, with the bounds that a limit can be held against."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.inference.intervals import Bounds
from auditkit.results import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bands:
    """The gaps of a group and its rest in the S bands that both are in.

    Attributes
    ----------
    gaps, weight : ndarray, shape (S,)
    bounded : callable
        Bounds of every gap, one-sided at the error given, each of shape (S,).
    required : ndarray of bool, shape (S,)
        Bands that have to lie within a limit by themselves before the whole does.
    together : bool
        Whether the gaps of several bands may rise and fall together, as in clusters.
    slack : float
        How far the pooled gap may be off beside what sampling does to it.
    """

    gaps: "Floats"
    weight: "Floats"
    bounded: Callable[[float], Bounds]
    required: "NDArray[np.bool_]"
    together: bool = False
    slack: float = 0.0

    def whole(self, alpha: float) -> tuple[float, float]:
        """Bound the pooled gap, one-sided at ``alpha`` on each side.

        MOVER for a weighted sum (Zou, Huang and Zhang, 2009) from the longer side of every band's
        bounds, on either side. From the bounds as they are, the short sides of bands with few
        people, or a rate near 0 or 1, add up to a bound that is too near: in a simulation at the
        limit up to 8.8 % wrong all-clears where 5 % are allowed (``auditkit docs statistics``).
        A gap without bounds, as of a single cluster, lies anywhere.
        """
        import numpy as np

        bounds = self.bounded(alpha)
        share = self.weight / self.weight.sum()
        side = np.maximum(self.gaps - bounds.lower, bounds.upper - self.gaps)
        side = np.nan_to_num(side, nan=2.0)
        half = share @ side if self.together else np.sqrt(share**2 @ side**2)
        middle = share @ self.gaps
        return float(middle - half) - self.slack, float(middle + half) + self.slack

    def outermost(self, alpha: float) -> tuple[float, float] | None:
        """Return the lowest and the highest bound of the required bands; None if none is."""
        if not self.required.any():
            return None
        bounds = self.bounded(alpha)
        return (
            float(bounds.lower[self.required].min()),
            float(bounds.upper[self.required].max()),
        )


@dataclass(frozen=True)
class StandardisedGap:
    """One group against its rest at equal values.

    ``interval`` is two-sided at 95 %. ``bands`` is ``None`` where there is nobody to compare, or no
    bound is known; ``status`` and ``note`` then say why.
    """

    attribute: str
    group: str
    n: int
    estimate: float | None
    interval: tuple[float | None, float | None]
    bands: Bands | None
    status: Status
    note: str

    @property
    def compared(self) -> bool:
        """Whether there are people on both sides, so that a breach could be stated."""
        return self.bands is not None


@dataclass(frozen=True)
class StandardisedGaps:
    """The gaps of all groups of single attributes; without any, ``lacking`` says why.

    ``other`` says that the question does not arise: there is no score to look at, or other checks
    answer it. A check that warns asks it all the same.
    """

    gaps: tuple[StandardisedGap, ...] = ()
    lacking: str = ""
    other: bool = False
