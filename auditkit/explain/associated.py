"""Inputs that go together are told as one: how credit is shared between them is a matter of chance.

How strongly two inputs go together is measured over the explained rows, by what they hold:

- two numbers: the size of Spearman's (1904) rank correlation, over rows that have both;
- two texts: Cramer's V with the correction for bias of Bergsma (2013), a missing text being a text
  of its own;
- a number and a text: the correlation ratio of the number's ranks, corrected as in Kelley (1935).

All are from 0 to 1; the corrections keep texts of many levels from going together with everything.
Inputs are put together so that every two of them are at least ``STRONG`` (complete linkage).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditkit.explain.attributions import Attributed
from auditkit.results import Together

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

STRONG = 0.9
"""From here on each input tells over four fifths (.81) of the spread of the other."""
FEWEST = 30
"""Rows that have both inputs, below which nothing is said of how they go together."""
MOST_INPUTS = 200
"""Inputs that are held against each other: 20,000 pairs take some seconds."""
JOIN = " + "


def associated(rows: "pd.DataFrame") -> tuple[Together, ...]:
    """Find the inputs that go together so strongly that they are told as one.

    Parameters
    ----------
    rows : DataFrame, shape (n, p)
        The explained rows.

    Returns
    -------
    tuple of Together
        Groups of at least two inputs, each with the smallest association of any two; in the order
        of their first members. Empty with more than ``MOST_INPUTS`` inputs.
    """
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    count = rows.shape[1]
    if not 1 < count <= MOST_INPUTS:
        return ()
    strength = associations(rows)
    apart = squareform(1.0 - strength, checks=False)
    label = fcluster(linkage(apart, "complete"), 1.0 - STRONG + 1e-12, "distance")
    found: list[Together] = []
    taken = {str(name) for name in rows.columns}
    for one in dict.fromkeys(label.tolist()):
        members = np.flatnonzero(label == one)
        if len(members) > 1:
            names = tuple(str(rows.columns[i]) for i in members.tolist())
            weakest = float(strength[np.ix_(members, members)].min())
            feature = JOIN.join(names)
            while feature in taken:  # an input, or others told as one, may be called so
                feature = f"({feature})"
            taken.add(feature)
            found.append(Together(feature, names, weakest))
    return tuple(found)


def told_as_one(found: Attributed, groups: Sequence[Together]) -> Attributed:
    """Sum the attributions of inputs that go together, row by row, where the first of them stood.

    Parameters
    ----------
    found : Attributed
        Not withheld.
    groups : sequence of Together

    Returns
    -------
    Attributed
        With fewer features, which add up to the same.
    """
    import numpy as np

    if found.values is None or not groups:
        return found
    owner = {member: group.feature for group in groups for member in group.members}
    names = [owner.get(feature, feature) for feature in found.features]
    features = tuple(dict.fromkeys(names))
    belongs = np.array([[name == feature for feature in features] for name in names], dtype=float)
    return replace(found, features=features, values=found.values @ belongs)


def associations(rows: "pd.DataFrame") -> "NDArray[np.float64]":
    """Measure how strongly every two columns go together, shape (p, p), from 0 to 1.

    0 where fewer than ``FEWEST`` rows have both, or less than half of those that have either.
    """
    import numpy as np
    import pandas as pd

    columns = [rows.iloc[:, place] for place in range(rows.shape[1])]
    number = np.array([pd.api.types.is_numeric_dtype(column) for column in columns])
    held = [
        column.to_numpy(dtype=np.float64, na_value=np.nan)
        if is_number
        else np.full(len(rows), np.nan)
        for column, is_number in zip(columns, number, strict=True)
    ]
    ranks = pd.DataFrame(dict(enumerate(held))).rank().to_numpy()
    codes = [
        np.zeros(len(rows), dtype=np.intp)
        if is_number
        else pd.factorize(column.astype(object), use_na_sentinel=False)[0]
        for column, is_number in zip(columns, number, strict=True)
    ]
    given = (~np.isnan(ranks)).astype(np.float64)
    both = given.T @ given
    either = given.sum(axis=0)[:, None] + given.sum(axis=0) - both
    correlation = pd.DataFrame(ranks).corr(min_periods=FEWEST).abs().to_numpy(copy=True)
    strength = np.where(both >= either / 2, np.nan_to_num(correlation), 0.0)
    fewest = max(FEWEST, len(rows) / 2)
    for j in np.flatnonzero(~number):
        for i in range(len(columns)):
            if i == j or (not number[i] and i > j):
                continue
            if number[i]:
                known = given[:, i] == 1
                found = correlation_ratio(ranks[known, i], codes[j][known], fewest)
            else:
                found = cramers_v(codes[i], codes[j], fewest)
            strength[i, j] = strength[j, i] = found
    np.fill_diagonal(strength, 1.0)
    return np.asarray(np.minimum(strength, 1.0))


def cramers_v(first: "NDArray[np.intp]", second: "NDArray[np.intp]", fewest: float = 2) -> float:
    """Give Cramer's V of two codings, corrected for bias: Bergsma (2013).

    With phi^2 the mean square contingency of an r x c table of n rows: phi^2 less
    (r - 1)(c - 1) / (n - 1), not below 0, over the smaller of r~ - 1 and c~ - 1, where
    r~ = r - (r - 1)^2 / (n - 1); its root. 0 where a coding has one level.
    """
    import numpy as np

    n = len(first)
    if n < fewest:
        return 0.0
    first, second = (np.unique(codes, return_inverse=True)[1] for codes in (first, second))
    r, c = int(first.max()) + 1, int(second.max()) + 1
    cell = first * c + second
    present, observed = np.unique(cell, return_counts=True)
    rows, columns = np.bincount(first), np.bincount(second)
    # over the cells that have rows: sum of o^2 / e less n is the chi-squared of the whole table
    expected = rows[present // c] * columns[present % c] / n
    phi = float((observed**2 / expected).sum() / n) - 1
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    least = min(k - (k - 1) ** 2 / (n - 1) for k in (r, c)) - 1
    return float(np.sqrt(phi / least)) if least > 0 else 0.0


def correlation_ratio(
    values: "NDArray[np.float64]", codes: "NDArray[np.intp]", fewest: float = 2
) -> float:
    """Give the root of the share of a number's spread that lies between levels: Kelley (1935).

    Corrected for the k levels of n rows: 1 - (n - 1) / (n - k) (1 - eta^2), not below 0.
    """
    import numpy as np

    n = len(values)
    if n < fewest:
        return 0.0
    level = np.unique(codes, return_inverse=True)[1]
    sizes = np.bincount(level)
    spread = float(((values - values.mean()) ** 2).sum())
    if not spread or n <= len(sizes):
        return 0.0
    means = np.bincount(level, values) / sizes
    inside = float(((values - means[level]) ** 2).sum())
    return float(np.sqrt(max(0.0, 1 - (n - 1) / (n - len(sizes)) * inside / spread)))
