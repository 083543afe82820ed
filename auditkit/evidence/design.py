"""How the rows were drawn: weights, clusters and strata, seen through the cells of the count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.evidence.clusters import Clusters
from auditkit.evidence.counts import Counts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Products:
    """Sums over the clusters of products of their totals in two flat cells (cell K + outcome).

    Attributes
    ----------
    first, second : ndarray of int, shape (N,)
    value : ndarray of float, shape (N,)
        Pairs that are not listed are 0.
    """

    first: "NDArray[np.int64]"
    second: "NDArray[np.int64]"
    value: "NDArray[np.float64]"

    def among(self, flat: "NDArray[np.int64]", size: int) -> "Products":
        """Keep the pairs within some of ``size`` flat cells, and number those from 0."""
        import numpy as np

        number = np.full(size, -1, dtype=np.int64)
        number[flat] = np.arange(len(flat))
        first, second = number[self.first], number[self.second]
        kept = (first >= 0) & (second >= 0)
        return Products(first[kept], second[kept], self.value[kept])


@dataclass(frozen=True)
class Design:
    """How the rows were drawn, for C cells with K outcomes each.

    Attributes
    ----------
    weight : ndarray of float, shape (C, K)
        Sums of weights.
    products : Products
    strata : ndarray of int, shape (C,)
        The stratum of each cell.
    units : ndarray of int, shape (S,)
        Clusters, or rows where there are none, in each stratum.
    drawn : bool
        Whether clusters or strata were declared.
    touched : dict of (mask, attribute) to ndarray of int, shape (G, 2)
        Clusters with somebody of a group, and of its rest; empty without clusters.
    clustered : bool
        Whether products are over clusters, not over rows.
    weighted : bool
        Whether rows have sampling weights.
    """

    weight: "NDArray[np.float64]"
    products: Products
    strata: "NDArray[np.int64]"
    units: "NDArray[np.int64]"
    drawn: bool
    touched: "Mapping[tuple[bytes, str], NDArray[np.int64]]"
    clustered: bool = False
    weighted: bool = False


def design_of(counts: Counts, clusters: Clusters | None) -> Design | None:
    """Say how the rows were drawn; ``None`` where every row counts once and was drawn alone."""
    import numpy as np

    if counts.weight is None and counts.strata is None and clusters is None:
        return None
    weight = counts.table.astype(np.float64) if counts.weight is None else counts.weight
    square = counts.table.astype(np.float64) if counts.square is None else counts.square
    strata = np.zeros(len(counts.codes), np.int64) if counts.strata is None else counts.strata
    drawn, weighted = clusters is not None or counts.strata is not None, counts.weight is not None
    if clusters is None:
        units = np.bincount(strata, weights=counts.table.sum(axis=1)).astype(np.int64)
        alone = np.flatnonzero(square)
        products = Products(alone, alone, square.ravel()[alone])
        return Design(weight, products, strata, units, drawn, {}, weighted=weighted)
    products = Products(clusters.first, clusters.second, clusters.products)
    return Design(weight, products, strata, clusters.units, drawn, clusters.touched, True, weighted)
