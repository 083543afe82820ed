"""Exposure: how much notice a place in a ranked list gets."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SUMMED = 1 << 16
"""Ranks that are summed one by one; the sum beyond is that of a curve, to 11 digits."""


def exposure_to(rank: "ArrayLike") -> "Floats":
    """Sum the exposure ``1 / log2(1 + r)`` of the ranks r = 1, 2, ... up to one.

    The weight of a rank is that of the discounted cumulative gain (Järvelin and Kekäläinen, 2002;
    as exposure: Singh and Joachims, 2018). Part of a rank counts in part. Beyond 65,536 ranks the
    sum is the integral over the middle of each, by the logarithmic integral.

    Parameters
    ----------
    rank : array_like
        At least 0.

    Returns
    -------
    ndarray
        In the shape of ``rank``.

    Examples
    --------
    >>> [round(float(exposure_to(r)), 4) for r in (0, 1, 2, 3)]
    [0.0, 1.0, 1.6309, 2.1309]
    """
    import numpy as np
    from scipy.special import expi

    rank = np.asarray(rank, dtype=np.float64)
    sums = np.concatenate([[0.0], (1 / np.log2(1 + np.arange(1, SUMMED + 1))).cumsum()])
    near = np.interp(rank, np.arange(SUMMED + 1), sums)

    def integral(end: "Floats | float") -> "Floats":
        found: Floats = np.log(2) * expi(np.log(1 + end))
        return found

    far = sums[-1] + integral(np.maximum(rank, SUMMED) + 0.5) - integral(SUMMED + 0.5)
    return np.asarray(np.where(rank <= SUMMED, near, far))
