"""What a cut of the score, or the k highest scores, would give: read off a histogram.

Where a cut goes through a bin, or k ends within one, the number is not known but bounded.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from auditkit.metrics.histogram import Histogram, Outcomes

    Floats = NDArray[np.float64]


ROUNDING = 1e-9
"""A budget so little above the sum of all weights is that sum."""


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the most that a number can be, of one shape; NaN over nobody."""

    lower: "Floats"
    upper: "Floats"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Rates at K cuts; each has shape (K,)."""

    cuts: "Floats"
    selection_rate: Between
    true_positive_rate: Between
    false_positive_rate: Between


def threshold_sweep(
    histogram: "Histogram",
    cuts: "ArrayLike",
    *,
    strict: bool = False,
    unscored: "Outcomes | None" = None,
) -> Sweep:
    """Compute the rates that each cut would give.

    Parameters
    ----------
    histogram : Histogram
    cuts : array_like, shape (K,)
        Selected are scores of at least the cut.
    strict : bool
        Selected are scores above the cut instead, as with ``selected = {above = ...}``.
    unscored : Outcomes, optional
        People without a score: no cut selects them, and the rates are among them too.

    Returns
    -------
    Sweep
        Lower and upper are equal where values were counted exactly. In bins they are equal where a
        cut that is not strict is the edge of a bin.
    """
    import numpy as np

    at = np.asarray(cuts, dtype=np.float64)
    sure = np.searchsorted(histogram.left, at, side="right" if strict else "left")
    # a bin that the cut goes through ends above it; a value that is no bin never does
    possible = np.minimum(sure, np.searchsorted(histogram.right, at, side="right"))
    above = _from_the_top(histogram.weight)
    beside = np.zeros(3) if unscored is None else unscored.weight

    def rate(rows: list[int]) -> Between:
        reached = above[rows].sum(axis=0)
        total = reached[0] + beside[rows].sum()
        if not total > 0:
            nothing = np.full(len(at), np.nan)
            return Between(nothing, nothing)
        return Between(reached[sure] / total, reached[possible] / total)

    return Sweep(at, rate([0, 1, 2]), rate([1]), rate([0]))


def _from_the_top(amounts: "Floats") -> "Floats":
    """Sum bins and all above them; shape (3, V) becomes (3, V + 1), the last being nobody."""
    import numpy as np

    out = np.zeros((amounts.shape[0], amounts.shape[1] + 1))
    out[:, :-1] = amounts[:, ::-1].cumsum(axis=1)[:, ::-1]
    return out


@dataclass(frozen=True, slots=True)
class LastPlace:
    """Where a budget ends in the ranking of a whole population.

    Attributes
    ----------
    left, right : float
        The value, or bin, at which the last place is given; everybody above it has one.
    tied : float
        People at that value, in weight.
    places : float
        Places left for them, above 0 and at most ``tied``.
    cut : float
        The score above which everybody is selected: of those that say the same the one of fewest
        digits where the value may be the score of one person.
    """

    left: float
    right: float
    tied: float
    places: float
    cut: float

    @property
    def share(self) -> float:
        """Share of those at the value who get a place."""
        return self.places / self.tied


def fewest_digits(first: float, end: float) -> float:
    """Find a number of as few digits as there is, from ``first`` on and below ``end``.

    >>> fewest_digits(0.4993, 0.5008), fewest_digits(17.0, 63.0), fewest_digits(-3.2, 4.0)
    (0.5, 20.0, 0.0)
    """
    from decimal import ROUND_CEILING, Decimal
    from itertools import count

    if first <= 0 < end:
        return 0.0
    exact = Decimal(repr(float(first)))
    for power in count(exact.adjusted(), -1):
        found = float(exact.scaleb(-power).to_integral_value(ROUND_CEILING).scaleb(power))
        if first <= found < end:
            return found
    raise ValueError("end must lie above first.")


def last_place(everyone: "Histogram", k: float) -> LastPlace:
    """Find where ``k`` places end if they go to the highest scores of ``everyone``.

    Parameters
    ----------
    everyone : Histogram
    k : float
        Places, above 0 and no more than there are people with a score, in weight.

    Raises
    ------
    ValueError
        There is no place, or there are more places than people.
    """
    import numpy as np

    above = _from_the_top(everyone.weight).sum(axis=0)
    if not 0 < k <= above[0] * (1 + ROUNDING):
        raise ValueError("k must be above 0 and at most the people with a score.")
    k = min(k, float(above[0]))
    at = int(np.flatnonzero(above[:-1] >= k)[-1])
    tied = float(above[at] - above[at + 1])
    left, right = float(everyone.left[at]), float(everyone.right[at])
    places = k - float(above[at + 1])
    return LastPlace(left, right, tied, places, _cut(everyone, at, whole=places == tied))


def _cut(everyone: "Histogram", at: int, *, whole: bool) -> float:
    """Find the score above which all have a place, and ``whole`` says that all at it have too."""
    left, right = float(everyone.left[at]), float(everyone.right[at])
    if whole:  # any number down to the next lower value will do
        below = float(everyone.right[at - 1]) if at else float("-inf")
        return 0.0 - fewest_digits(-left, -below) if below < left else left
    if left < right or everyone.people[:, at].sum() > 1:
        return right
    last = at + 1 == len(everyone.left)
    return fewest_digits(right, float("inf") if last else float(everyone.left[at + 1]))


@dataclass(frozen=True, slots=True)
class Places:
    """Places that a budget gives to one group, by recorded outcome.

    Attributes
    ----------
    sure, tied : ndarray of float, shape (3,)
        People above the last value, who have a place, and people at it, in weight.
    square, tied_square : ndarray of float, shape (3,)
        The same in squares of weights.
    last : LastPlace
    """

    sure: "Floats"
    tied: "Floats"
    square: "Floats"
    tied_square: "Floats"
    last: LastPlace

    @property
    def expected(self) -> "Floats":
        """Places by recorded outcome if those who tie draw for the last ones, shape (3,)."""
        return self.sure + self.last.share * self.tied

    def between(self, outcomes: list[int]) -> tuple[float, float]:
        """Return the fewest and the most places that people of some outcomes can get."""
        sure, tied = float(self.sure[outcomes].sum()), float(self.tied[outcomes].sum())
        others = max(self.last.tied - tied, 0.0)
        return sure + max(self.last.places - others, 0.0), sure + min(self.last.places, tied)

    def wrongly(self) -> tuple[float, float, float]:
        """Share of places that go to the negative outcome: expected, least, most.

        Among places of people with a recorded outcome; NaN where none of them gets one.
        """
        negative, positive, _ = (float(n) for n in self.expected)
        if not negative + positive > 0:
            return float("nan"), float("nan"), float("nan")
        rightly, least = self._served(1, 0)
        most, beside = self._served(0, 1)
        return (
            negative / (negative + positive),
            least / (least + rightly) if least + rightly > 0 else 1.0,  # no positive can be drawn
            most / (most + beside) if most + beside > 0 else 0.0,
        )

    def _served(self, first: int, last: int) -> tuple[float, float]:
        """Serve those of one outcome who tie first, and those of another after all the rest."""
        own = min(float(self.tied[first]), self.last.places)
        others = max(self.last.tied - float(self.tied[first] + self.tied[last]), 0.0)
        rest = max(self.last.places - own - others, 0.0)
        return float(self.sure[first]) + own, float(self.sure[last]) + rest


@dataclass(frozen=True, slots=True)
class Ranking:
    """The people of a group from the top of the score down, to be looked at for many budgets.

    Attributes
    ----------
    left : ndarray of float, shape (V,)
        Values or bins that rise.
    weight, square : ndarray of float, shape (3, V + 1)
        Sums over a value and all above it; the last column is nobody.
    """

    left: "Floats"
    weight: "Floats"
    square: "Floats"

    @classmethod
    def of(cls, histogram: "Histogram") -> "Ranking":
        """Sum a histogram from the top down."""
        above = _from_the_top(histogram.weight), _from_the_top(histogram.square)
        return cls(histogram.left, *above)

    def places(self, last: LastPlace) -> Places:
        """Give the group its places: everybody above the last value, and a draw at it."""
        import numpy as np

        above = int(np.searchsorted(self.left, last.left, side="right"))
        at = int(np.searchsorted(self.left, last.left, side="left"))
        return Places(
            self.weight[:, above],
            self.weight[:, at] - self.weight[:, above],
            self.square[:, above],
            self.square[:, at] - self.square[:, above],
            last,
        )
