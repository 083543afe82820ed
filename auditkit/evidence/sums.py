"""Sums of floats that are exact, so that they are the same in whatever order rows come."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BITS = 53
HALF = 26
UNIT = 1126
"""The unit of a sum is 2**-1126: the last bit of the smallest of all floats, with 53 behind it."""
EXPONENTS = 4096
"""More than the exponents that a float can have, so that a code and one fit into one number."""


def exact_sums(codes: "NDArray[np.int64]", values: "NDArray[np.float64]") -> dict[int, int]:
    """Sum finite floats by code, without rounding.

    Every float is a whole number of 53 bits times a power of two. Those of one power are summed in
    two halves, each of which stays far below 2**53 for up to 2**25 values, and the halves are put
    together as whole numbers of any length.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Not negative.
    values : ndarray of float64, shape (n,)

    Returns
    -------
    dict
        Of every code that occurs, the sum of its values in units of ``2**-1126``.

    >>> import numpy as np
    >>> sums = exact_sums(np.array([0, 0, 0]), np.array([1e16, 1.0, -1e16]))
    >>> mean(sums[0], 1)
    1.0
    """
    import numpy as np

    share, exponent = np.frexp(values)
    whole = (share * 2.0**BITS).astype(np.int64)
    key = codes * EXPONENTS + (exponent.astype(np.int64) + UNIT - BITS)
    found, places = np.unique(key, return_inverse=True)
    high = np.bincount(places, (whole >> HALF).astype(np.float64), len(found))
    low = np.bincount(places, (whole & ((1 << HALF) - 1)).astype(np.float64), len(found))
    sums: dict[int, int] = {}
    for at, upper, lower in zip(found.tolist(), high.tolist(), low.tolist(), strict=True):
        code, shift = divmod(at, EXPONENTS)
        total = (int(upper) << HALF) + int(lower)
        sums[code] = sums.get(code, 0) + (total << shift)
    return sums


def mean(total: int, count: int) -> float:
    """Divide a sum in units of ``2**-1126`` by a count, rounded once; NaN of nobody."""
    return total / (count << UNIT) if count else float("nan")
