"""How the rows were drawn: weights, clusters and strata, seen through the cells of the count."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.evidence.clusters import OUTCOMES, Clusters
from auditkit.evidence.counts import Counts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Design:
    """How the rows were drawn, for C cells with K outcomes each.

    Attributes
    ----------
    weight : ndarray of float, shape (C, K)
        Sums of weights.
    products : scipy.sparse array, shape (C K, C K)
        Sums over the clusters of products of their totals in two cells.
    strata : ndarray of int, shape (C,)
        The stratum of each cell.
    units : ndarray of int, shape (S,)
        Clusters, or rows where there are none, in each stratum.
    drawn : bool
        Whether clusters or strata were declared.
    touched : dict of (mask, attribute) to ndarray of int, shape (G, 2)
        Clusters with somebody of a group, and of its rest; empty without clusters.
    """

    weight: "NDArray[np.float64]"
    products: Any
    strata: "NDArray[np.int64]"
    units: "NDArray[np.int64]"
    drawn: bool
    touched: "Mapping[tuple[bytes, str], NDArray[np.int64]]"


def design_of(counts: Counts, clusters: Clusters | None) -> Design | None:
    """Say how the rows were drawn; ``None`` where every row counts once and was drawn alone."""
    import numpy as np
    from scipy import sparse

    if counts.weight is None and counts.strata is None and clusters is None:
        return None
    weight = counts.table.astype(np.float64) if counts.weight is None else counts.weight
    square = counts.table.astype(np.float64) if counts.square is None else counts.square
    strata = np.zeros(len(counts.codes), np.int64) if counts.strata is None else counts.strata
    drawn = clusters is not None or counts.strata is not None
    if clusters is None:
        units = np.bincount(strata, weights=counts.table.sum(axis=1)).astype(np.int64)
        return Design(weight, sparse.diags_array(square.ravel()), strata, units, drawn, {})
    cells = len(counts.codes) * OUTCOMES
    products = sparse.csr_array(
        (clusters.products, (clusters.first, clusters.second)), shape=(cells, cells)
    )
    return Design(weight, products, strata, clusters.units, drawn, clusters.touched)
