"""Scores by recorded outcome: the table that every metric of scores is computed from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """People by score and recorded outcome, for V values or bins that rise.

    Attributes
    ----------
    left, right : ndarray of float, shape (V,)
        A bin holds the scores ``left <= s < right``; where both are equal it holds that value alone
        and nothing is lost by counting.
    people : ndarray of int, shape (3, V)
        People whose recorded outcome is negative, positive, unknown.
    weight, square : ndarray of float, shape (3, V)
        Sums of sampling weights and of their squares; ``people`` where nobody is weighted.
    """

    left: "Floats"
    right: "Floats"
    people: "NDArray[np.int64]"
    weight: "Floats"
    square: "Floats"

    @property
    def middle(self) -> "Floats":
        """The score that stands for all of a bin, shape (V,)."""
        return self.left + (self.right - self.left) / 2

    @property
    def wide(self) -> "NDArray[np.bool_]":
        """Bins in which the order of scores is not known, shape (V,)."""
        return self.right > self.left


@dataclass(frozen=True, slots=True)
class Outcomes:
    """People by recorded outcome alone, such as those without a score; each of shape (3,).

    Attributes
    ----------
    people : ndarray of int
        People whose recorded outcome is negative, positive, unknown.
    weight, square : ndarray of float
        Sums of sampling weights and of their squares; ``people`` where nobody is weighted.
    """

    people: "NDArray[np.int64]"
    weight: "Floats"
    square: "Floats"
