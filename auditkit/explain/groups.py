"""Attributions by group, and what each column carries of the gap between a group and its rest.

Each explained row of stratum h stands for ``N_h / n_h`` rows of the data. Inference is about the
decision process that made the data (statistics.md 1), seen through two phases: the rows are a draw
from the process, the explained rows a draw from the rows of each stratum. With ``W_h = N_h / N``,

    D = sum of W_h^2 s_h^2 (1 / n_h - 1 / N_h)      what explaining a sample of the rows adds
    V = (T + N D) / (N - 1)                         the variance of the weighted mean

where ``T`` is the weighted total variance of the explained rows. In expectation this is the double
sampling estimator ``sum of W_h^2 s_h^2 / n_h + (1 / N) sum of W_h (mean_h - mean)^2`` (Neyman 1938;
Cochran 1977, section 12.2), without its bias from estimating the means of small strata; with every
row explained it is the sample variance over N.

A stratum with one explained row and more rows behind it has no variance of its own: it is given the
pooled variance within the other strata of its side, or the total variance where there are none,
which is at least as large on average.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from auditkit.explain.attributions import Attributed
from auditkit.results import REST, SAMPLING, Attribution, DisparityAttribution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 10
"""Explained rows under which values are withheld: a mean of three people describes them."""
PRECISION = 0.01
"""Half-width of the 95 % interval that is aimed at, in standard deviations of the output."""
ENOUGH = 1.01
"""How closely the number of rows that are needed is looked for: it is an estimate itself."""
Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


class Contrast(Protocol):
    """A group and what it is held against, as masks over the strata."""

    @property
    def attribute(self) -> str:
        """The attribute."""

    @property
    def group(self) -> str:
        """The group."""

    @property
    def members(self) -> "NDArray[np.bool_]":
        """Strata of the group, shape (S,)."""

    @property
    def rest(self) -> "NDArray[np.bool_]":
        """Strata of its rest, shape (S,); empty for ``(all)``."""


class Sample(Protocol):
    """Explained rows, and the strata of the data they stand for."""

    @property
    def stratum(self) -> "NDArray[np.int64]":
        """Stratum of each explained row, shape (n,)."""

    @property
    def strata_rows(self) -> "NDArray[np.int64]":
        """Rows of the data in each stratum, shape (S,)."""

    @property
    def strata_output(self) -> "NDArray[np.float64]":
        """Mean model output over all rows of each stratum, shape (S,)."""

    @property
    def contrasts(self) -> Sequence[Contrast]:
        """Groups to report, ``(all)`` first."""


@dataclass(frozen=True)
class Precision:
    """How far explaining a sample of the rows can move a contribution, at worst.

    ``half_width`` is of the 95 % interval due to explaining only a sample: 0 when all rows are
    explained. ``target`` is 1 % of the output's standard deviation. Both in the output's unit.
    ``attribute``, ``group`` and ``feature`` name the worst; ``feature`` is ``(sampling)`` for the
    output itself. None where no group has enough explained rows. ``needed`` is about how many rows
    have to be explained to meet the target, spread over the strata as they are now; None where
    nothing is known of it.
    """

    half_width: float | None
    target: float
    met: bool
    attribute: str
    group: str
    feature: str
    needed: int | None = None


@dataclass(frozen=True, eq=False)
class _Strata:
    """Moments over the explained rows of each stratum; the last column is the model's output.

    Values are taken from their overall mean, ``centre``, so that squares lose no digits.
    """

    rows: "NDArray[np.int64]"  # (S,) in the data
    explained: "NDArray[np.int64]"  # (S,)
    centre: "NDArray[np.float64]"  # (q,)
    mean: "NDArray[np.float64]"  # (S, q)
    square: "NDArray[np.float64]"  # (S, q)
    absolute: "NDArray[np.float64]"  # (S, q)
    output: "NDArray[np.float64]"  # (S,) over all rows of the data


@dataclass(frozen=True, eq=False)
class _Side:
    """Weighted means over the strata of a group or its rest, shape (q,), with their variances."""

    explained: int
    mean: "NDArray[np.float64]"
    absolute: "NDArray[np.float64]"
    variance: "NDArray[np.float64]"
    design: "NDArray[np.float64]"
    total: "NDArray[np.float64]"
    output: float


def by_group(
    attributed: Attributed, sample: Sample, *, smallest: int = SMALLEST
) -> tuple[Attribution, ...]:
    """Average the attributions of each group, in the order of the contrasts and the features.

    Parameters
    ----------
    attributed : Attributed
        Attributions of the rows of ``sample``, in their order.
    sample : Sample
        What the explained rows stand for.
    smallest : int
        Groups with fewer explained rows keep their row, without values.

    Returns
    -------
    tuple of Attribution
        Empty when the attributions are withheld.

    Raises
    ------
    ValueError
        Attributions and sample do not describe the same rows.
    """
    if attributed.values is None:
        return ()
    strata = _strata(attributed, sample)
    rows = []
    for contrast in sample.contrasts:
        side = _side(strata, contrast.members)
        n = _explained(strata, contrast.members)
        for j, feature in enumerate(attributed.features):
            mean_abs = mean = lower = upper = None
            if side is not None and n >= smallest:
                mean_abs, mean = float(side.absolute[j]), float(side.mean[j])
                lower, upper = _interval(mean, float(side.variance[j]))
            rows.append(
                Attribution(
                    contrast.attribute, contrast.group, feature,
                    mean_abs, mean, lower, upper, n, attributed.unit,
                )
            )  # fmt: skip
    return tuple(rows)


def disparities(
    attributed: Attributed, sample: Sample, *, smallest: int = SMALLEST
) -> tuple[DisparityAttribution, ...]:
    """Say how much of the gap in mean output between a group and its rest runs through each column.

    A column's contribution is its mean attribution in the group minus that in the rest. A last
    feature ``(sampling)`` is the gap over all rows of the data minus the sum of the contributions,
    with the interval that the design of the sample gives it (``D`` of both sides): contributions
    sum to the gap over all rows.

    Parameters
    ----------
    attributed : Attributed
        Attributions of the rows of ``sample``, in their order.
    sample : Sample
        What the explained rows stand for.
    smallest : int
        Where the group or its rest has fewer explained rows, rows stay without values.

    Returns
    -------
    tuple of DisparityAttribution
        Of every contrast that has a rest; empty when the attributions are withheld.

    Raises
    ------
    ValueError
        Attributions and sample do not describe the same rows.
    """
    if attributed.values is None:
        return ()
    strata = _strata(attributed, sample)
    rows = []
    for contrast in sample.contrasts:
        if not contrast.rest.any():
            continue
        sides = _both(strata, contrast, smallest)
        for feature, value, variance in _contributions(attributed.features, sides):
            lower = upper = None
            if value is not None and variance is not None:
                lower, upper = _interval(value, variance)
            rows.append(
                DisparityAttribution(
                    contrast.attribute, contrast.group, REST, feature,
                    value, lower, upper, attributed.unit,
                )
            )  # fmt: skip
    return tuple(rows)


def precision(attributed: Attributed, sample: Sample, *, smallest: int = SMALLEST) -> Precision:
    """Say whether enough rows are explained: statistics.md 33.

    The worst 95 % half-width, over the groups and features that are printed, of the error from
    explaining a sample of the rows; met at 1 % of the output's standard deviation.

    Raises
    ------
    ValueError
        The attributions are withheld, or do not describe the rows of the sample.
    """
    import numpy as np

    if attributed.values is None:
        raise ValueError("The attributions are withheld, so they have no precision.")
    strata = _strata(attributed, sample)
    whole = _side(strata, np.ones(len(strata.rows), dtype=bool))
    target = PRECISION * float(np.sqrt(whole.total[-1])) if whole is not None else 0.0
    names = (*attributed.features, SAMPLING)
    shown = [c for c in sample.contrasts if _both(strata, c, smallest) is not None]
    if not shown:
        return Precision(None, target, False, "", "", "")
    halves = [_half_widths(strata, contrast, smallest) for contrast in shown]
    which = int(np.argmax([half.max() for half in halves]))
    worst, place = float(halves[which].max()), int(np.argmax(halves[which]))
    return Precision(
        worst,
        target,
        worst <= target,
        shown[which].attribute,
        shown[which].group,
        names[place],
        _needed(strata, shown, smallest, target),
    )


def _half_widths(
    strata: _Strata,
    contrast: Contrast,
    smallest: int,
    planned: "NDArray[np.int64] | None" = None,
) -> "NDArray[np.float64]":
    """Give 95 % half-widths due to explaining only a sample, shape (q,); of as many as planned."""
    import numpy as np

    sides = _both(strata, contrast, smallest, planned) or ()
    return np.asarray(Z * np.sqrt(sum(side.design for side in sides)))


def _needed(strata: _Strata, shown: Sequence[Contrast], smallest: int, target: float) -> int:
    """Say how many explained rows would meet the target, as many times more in every stratum."""
    import numpy as np

    def planned(times: float) -> "NDArray[np.int64]":
        wanted = np.ceil(times * strata.explained).astype(np.int64)
        return np.asarray(np.minimum(wanted, strata.rows), dtype=np.int64)

    def met(times: float) -> bool:
        plan = planned(times)
        return all(_half_widths(strata, c, smallest, plan).max() <= target for c in shown)

    low, high = 1.0, float((strata.rows / np.maximum(strata.explained, 1)).max())
    if met(low):
        return int(strata.explained.sum())
    while high / low > ENOUGH:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if met(middle) else (middle, high)
    return int(planned(high).sum())


def _contributions(
    features: tuple[str, ...], sides: tuple[_Side, ...] | None
) -> list[tuple[str, float | None, float | None]]:
    """Give each feature's contribution and its variance, ``(sampling)`` last."""
    if sides is None:
        return [(feature, None, None) for feature in (*features, SAMPLING)]
    group, rest = sides
    gaps = (group.mean - rest.mean)[:-1].tolist()
    variances = (group.variance + rest.variance)[:-1].tolist()
    remainder = group.output - rest.output - math.fsum(gaps)
    design = float(group.design[-1] + rest.design[-1])
    return [*zip(features, gaps, variances, strict=True), (SAMPLING, remainder, design)]


def _interval(value: float, variance: float) -> tuple[float | None, float | None]:
    """Give the normal 95 % interval, or none where the variance does not exist."""
    if math.isnan(variance):
        return None, None
    half = Z * math.sqrt(variance)
    return value - half, value + half


def _both(
    strata: _Strata,
    contrast: Contrast,
    smallest: int,
    planned: "NDArray[np.int64] | None" = None,
) -> tuple[_Side, ...] | None:
    """Give the group, and its rest if it has one; None where one has too few explained rows."""
    masks = [contrast.members, contrast.rest] if contrast.rest.any() else [contrast.members]
    sides = [_side(strata, mask, planned) for mask in masks]
    if any(side is None or side.explained < smallest for side in sides):
        return None
    return tuple(side for side in sides if side is not None)


def _strata(attributed: Attributed, sample: Sample) -> _Strata:
    import numpy as np

    if attributed.values is None or len(attributed.values) != len(sample.stratum):
        raise ValueError("Attributions and sample do not describe the same rows.")
    count = len(sample.strata_rows)
    explained = np.bincount(sample.stratum, minlength=count)
    if len(explained) > count or (explained > sample.strata_rows).any():
        raise ValueError("A stratum has more explained rows than it has rows.")
    values = np.column_stack([attributed.values, attributed.output])
    centre = values.mean(axis=0)

    def mean(cells: "NDArray[np.float64]") -> "NDArray[np.float64]":
        sums = [np.bincount(sample.stratum, column, minlength=count) for column in cells.T]
        return np.column_stack(sums) / np.maximum(explained, 1)[:, None]

    return _Strata(
        rows=sample.strata_rows,
        explained=explained,
        centre=centre,
        mean=mean(values - centre),
        square=mean((values - centre) ** 2),
        absolute=mean(np.abs(values)),
        output=sample.strata_output,
    )


def _explained(strata: _Strata, mask: "NDArray[np.bool_]") -> int:
    return int(strata.explained[mask].sum())


def _side(
    strata: _Strata,
    mask: "NDArray[np.bool_]",
    planned: "NDArray[np.int64] | None" = None,
) -> _Side | None:
    """Weigh the strata of a side; None where rows of it are stood for by no explained row.

    ``planned`` asks for the variance as it would be with so many explained rows in each stratum.
    """
    import numpy as np

    mask = mask & (strata.rows > 0)
    n, rows = strata.explained[mask], strata.rows[mask]
    if not mask.any() or (n == 0).any():
        return None
    size = int(rows.sum())
    weights = rows / size
    mean, square = strata.mean[mask], strata.square[mask]
    middle = weights @ mean
    total = np.maximum(weights @ square - middle**2, 0.0)
    within = _within(np.maximum(square - mean**2, 0.0), n, total)
    drawn = n if planned is None else planned[mask]
    design = (weights**2 * (1 / drawn - 1 / rows)) @ within
    return _Side(
        explained=int(n.sum()),
        mean=middle + strata.centre,
        absolute=weights @ strata.absolute[mask],
        variance=(total + size * design) / (size - 1) if size > 1 else np.full_like(total, np.nan),
        design=design,
        total=total,
        output=float(weights @ strata.output[mask]),
    )


def _within(
    spread: "NDArray[np.float64]", n: "NDArray[np.int64]", total: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Estimate the variance within each stratum, shape (S, q); lone rows take the others'.

    ``spread`` is the mean squared distance from the stratum's mean, with divisor n.
    """
    import numpy as np

    own = spread * (n / np.maximum(n - 1, 1))[:, None]
    freedom = int((n - 1).sum())
    others = n @ spread / freedom if freedom else total * (len(n) / max(len(n) - 1, 1))
    return np.where((n == 1)[:, None], others, own)
