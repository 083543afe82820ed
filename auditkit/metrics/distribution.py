"""People by an amount: the table that every metric of predicted amounts is computed from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


ROUNDING = 2.0**-48
"""Share of the largest amount that adding up bins as floats can cost."""
IN_BIN = 2.0**-10
"""Share of a bin under which a spread within it is that of whole units, however many people."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """People by an amount x, for V values or bins that rise; every array of shape (V,).

    Attributes
    ----------
    left, right : ndarray of float
        A bin holds the amounts ``left <= x <= right``; where both are equal it holds that value
        alone and nothing is lost by counting.
    people : ndarray of int
    weight, square : ndarray of float
        Sums of sampling weights and of their squares; ``people`` where nobody is weighted.
    first, second : ndarray of float
        Sums of weights times ``x - left`` and its square, so that no bin costs a mean anything.
    square_first, square_second : ndarray of float
        The same of squared weights.
    grain : float
        What the sums of distances of one person are cut to: nobody's is off by more.
    """

    left: "Floats"
    right: "Floats"
    people: "NDArray[np.int64]"
    weight: "Floats"
    square: "Floats"
    first: "Floats"
    second: "Floats"
    square_first: "Floats"
    square_second: "Floats"
    grain: float = 0.0

    @property
    def total(self) -> float:
        """Sum of weights."""
        return float(self.weight.sum())

    @property
    def mean(self) -> float:
        """Weighted mean; NaN over nobody."""
        if not self.total > 0:
            return float("nan")
        return float((self.weight @ self.left + self.first.sum()) / self.total)

    @property
    def root_mean_square(self) -> float:
        """Root of the weighted mean of the squares; NaN over nobody.

        Amounts are divided by a power of two, which costs nothing: the square of a tiny amount
        would be 0.
        """
        import numpy as np

        if not self.total > 0:
            return float("nan")
        unit = 2.0 ** np.frexp(max(self.largest, np.finfo(np.float64).tiny))[1]
        left, first, second = self.left / unit, self.first / unit, self.second / unit / unit
        mean = float((self.weight * left**2 + 2 * left * first + second).sum()) / self.total
        return float(max(mean, 0.0) ** 0.5 * unit)

    @property
    def largest(self) -> float:
        """The largest size that an amount can have; 0 over nobody."""
        if not len(self.left):
            return 0.0
        return max(abs(float(self.left[0])), abs(float(self.right[-1])))

    @property
    def cut(self) -> float:
        """What whole and floating numbers can have moved the mean by, at most; 0 without bins."""
        if not self.grain or not self.total > 0:
            return 0.0
        return self.grain * float(self.people.sum()) / self.total + self.largest * ROUNDING

    def rounded(self, rounding: float) -> float:
        """Sum what rounding alone can leave of :meth:`squares_about` the mean, among equal amounts.

        Parameters
        ----------
        rounding : float
            What the rounding of floats can leave between two equal amounts.
        """
        if not len(self.left):
            return 0.0
        within = float((self.right - self.left).max()) * IN_BIN
        return float(self.square.sum()) * (rounding**2 + within**2)

    def squares_about(self, centre: float) -> tuple[float, float, float]:
        """Sum squared weights times the 0th, 1st and 2nd power of the distance from a centre."""
        away = self.left - centre
        linear = self.square * away + self.square_first
        power = self.square * away**2 + 2 * away * self.square_first + self.square_second
        return float(self.square.sum()), float(linear.sum()), max(float(power.sum()), 0.0)

    def sizes(self) -> "Distribution":
        """Take the absolute value of every amount; no bin may lie on both sides of 0."""
        import numpy as np

        low = (self.right <= 0) & (self.left < 0)
        width = self.right - self.left

        def folded(zeroth: "Floats", first: "Floats", second: "Floats") -> "Floats":
            """Measure the square of the distance from the other end: (width - d)^2."""
            return np.where(low, width**2 * zeroth - 2 * width * first + second, second)

        return merged(
            Distribution(
                np.where(low, -self.right, self.left),
                np.where(low, -self.left, self.right),
                self.people,
                self.weight,
                self.square,
                np.where(low, width * self.weight - self.first, self.first),
                folded(self.weight, self.first, self.second),
                np.where(low, width * self.square - self.square_first, self.square_first),
                folded(self.square, self.square_first, self.square_second),
                self.grain,
            )
        )

    def at(self, share: float) -> tuple[float, float]:
        """Bound the least amount that a share of the weight does not exceed.

        It is the quantile of the inverted distribution function (Hyndman and Fan, 1996, type 1).

        Returns
        -------
        left, right : float
            The edges of its bin; equal where values were counted. NaN over nobody.
        """
        import numpy as np

        reached = np.cumsum(self.weight)
        if not (len(reached) and reached[-1] > 0):
            return float("nan"), float("nan")
        # sums of weights are rounded: a hair below a step is on it
        wanted = share * reached[-1] * (1 - 1e-12)
        place = min(int(np.searchsorted(reached, wanted)), len(reached) - 1)
        return float(self.left[place]), float(self.right[place])

    def without(self, other: "Distribution") -> "Distribution":
        """Take the people of a group away from those of all groups it is one of."""
        import numpy as np

        at = np.searchsorted(self.left, other.left)
        rest = {name: getattr(self, name).copy() for name in SUMS}
        for name, sums in rest.items():
            sums[at] -= getattr(other, name)
        kept = rest["people"] > 0  # sums of weights may leave a rounding where nobody is left
        some = {name: sums[kept] for name, sums in rest.items()}
        return Distribution(self.left[kept], self.right[kept], **some, grain=self.grain)


SUMS = (
    "people",
    "weight",
    "square",
    "first",
    "second",
    "square_first",
    "square_second",
)
"""What is added up over people."""


def merged(*parts: Distribution) -> Distribution:
    """Put people together who have the same values or bins, counted by the same rule."""
    import numpy as np

    left = np.concatenate([part.left for part in parts])
    right = np.concatenate([part.right for part in parts])
    edges, place = np.unique(left, return_inverse=True)
    ends = np.zeros(len(edges))
    ends[place] = right
    sums = {}
    for name in SUMS:
        given = np.concatenate([getattr(part, name) for part in parts])
        total = np.zeros(len(edges), dtype=given.dtype)
        np.add.at(total, place, given)
        sums[name] = total
    return Distribution(edges, ends, **sums, grain=max(part.grain for part in parts))
