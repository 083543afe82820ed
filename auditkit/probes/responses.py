"""One number rises, everything else kept: which way outputs go, and where decisions switch.

The values are those of sampled rows, from the 5 % to the 95 % quantile; what lies beyond, and what
happens between two of them, is not looked at.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditkit.evidence.encoders import fitted_columns
from auditkit.evidence.scoring import Progress
from auditkit.explain.groups import SMALLEST
from auditkit.inference.design import enough
from auditkit.plan import AuditPlan, canonical
from auditkit.probes.determinism import ROUNDING
from auditkit.probes.moves import ENDLESS
from auditkit.probes.probed import GONE, UNTOLD
from auditkit.probes.removals import STEP
from auditkit.probes.sampled import (
    EVERYONE,
    FEWEST,
    MOST_ASKED,
    Asked,
    Sampled,
    affordable,
    union,
)
from auditkit.results import Response, Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Ints = NDArray[np.intp]

Switch = tuple[float | None, float | None, float | None, float | None, float | None, float | None]
"""Where decisions switch, the shares before and after, the step and the ends of its interval."""
Losing = tuple[int | None, float | None, float | None]
"""Rows that lose the place, and the ends of the interval of their share."""
UNLOST: Losing = (None, None, None)
UNSWITCHED: Switch = (None, None, None, None, None, None)
POINTS = 11
"""Values of an input that are tried at most."""
LOWEST, HIGHEST = 0.05, 0.95
"""Quantiles between which they lie: what a few people have is not shown by where output turns."""
NO_ORDER = "all sampled rows have the same value, or nearly all"
OVER = "not looked at: there are more inputs than are asked about, and others change more decisions"


def responses(
    sampled: Sampled, plan: AuditPlan, ranked: list[str], tell: Progress
) -> tuple[Response, ...]:
    """Let each numeric input rise.

    Parameters
    ----------
    sampled : Sampled
    plan : AuditPlan
        Levels of need that it puts into order are looked at as numbers are.
    ranked : list of str
        The inputs, those first whose removal changes most decisions: they are looked at where not
        all can be.
    tell : callable
        Told of every input.

    Returns
    -------
    tuple of Response
        Of every group; of ``(all)`` alone where an input is not looked at.
    """
    order = plan.data.need_order if plan.data.need in ranked else None
    grids = {
        name: _levels(sampled, name, order or ())
        if order and name == plan.data.need
        else _quantiles(sampled, name)
        for name in ranked
        if (order and name == plan.data.need) or _is_number(sampled, name)
    }
    parts = list(sampled.groups.values())
    many = affordable(lambda n: len(union(parts, n)) * POINTS * len(grids))
    most = max(1, MOST_ASKED // (POINTS * max(1, len(union(parts, FEWEST)))))
    found: list[Response] = []
    for done, (name, grid) in enumerate(grids.items(), 1):
        if done > most:
            found.append(_none(name, EVERYONE, sampled.unit, Status.NOT_APPLICABLE, OVER))
        elif len(grid) < 2:
            found.append(_none(name, EVERYONE, sampled.unit, Status.UNDEFINED, NO_ORDER))
        else:
            found += _of(sampled, name, grid, many)
        tell(STEP, done, None)
    return tuple(found)


def _is_number(sampled: Sampled, name: str) -> bool:
    """Whether a column holds numbers that the model does not take for categories."""
    import pandas as pd

    kind = sampled.rows[name].dtype
    if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return False
    scorer = sampled.asker.scorer
    return name not in fitted_columns(scorer.model, scorer.features)


def _quantiles(sampled: Sampled, name: str) -> "Ints":
    """Place rows whose values rise from the lowest to the highest quantile, each value once."""
    import numpy as np

    values = _numbers(sampled.rows[name])
    places = sampled.groups[EVERYONE]
    places = places[np.isfinite(values[places])]
    if not len(places):
        return places
    rising = places[np.argsort(values[places], kind="stable")]
    at = np.floor(np.linspace(LOWEST, HIGHEST, POINTS) * (len(rising) - 1)).astype(np.intp)
    _, first = np.unique(values[rising[at]], return_index=True)
    return rising[at[first]]


def _levels(sampled: Sampled, name: str, order: tuple[str, ...]) -> "Ints":
    """Place one row of each declared level that the sample has, the least first."""
    import numpy as np

    texts = sampled.rows[name].map(canonical, na_action="ignore").to_numpy(dtype=object)
    found = [np.flatnonzero(texts == level)[:1] for level in order]
    return np.concatenate([np.zeros(0, dtype=np.intp), *found])[:POINTS]


def _numbers(column: "pd.Series[Any]") -> "NDArray[np.float64]":
    import numpy as np

    numbers: NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _of(sampled: Sampled, name: str, grid: "Ints", many: int) -> Iterator[Response]:
    """Ask about every row with every value, and tell each group."""
    import numpy as np

    has = sampled.decided & sampled.rows[name].notna().to_numpy()
    groups = {group: places[has[places]] for group, places in sampled.groups.items()}

    def build(most: int, _: bool) -> "tuple[Ints, Ints]":
        places = union(groups.values(), most)
        return np.tile(places, len(grid)), np.repeat(grid, len(places))

    asked = sampled.ask(name, many, build)
    curves = None if asked is None else _curves(sampled, asked, len(grid))
    values = _numbers(sampled.rows[name])[grid] if _is_number(sampled, name) else None
    for group, places in groups.items():
        if asked is None or curves is None or not len(places):
            why = GONE if asked is None else "no sampled row has a decision and a value to change"
            yield _none(name, group, sampled.unit, Status.UNDEFINED, why)
        else:
            part = curves.of(places[: asked.most])
            yield _told(sampled, name, group, part, values)


@dataclass(frozen=True)
class _Curves:
    """What rows are told as the input rises: arrays of shape (K, n), K values of it."""

    places: "Ints"
    selected: "NDArray[np.bool_]"
    output: "NDArray[np.float64]"
    answered: "NDArray[np.bool_]"
    failed: "NDArray[np.bool_]"
    untold: "NDArray[np.bool_]"

    def of(self, places: "Ints") -> "_Curves":
        """Take the curves of some rows."""
        import numpy as np

        mask = np.isin(self.places, places)
        return _Curves(
            self.places[mask],
            self.selected[:, mask],
            self.output[:, mask],
            self.answered[:, mask],
            self.failed[:, mask],
            self.untold[:, mask],
        )


def _curves(sampled: Sampled, asked: Asked, points: int) -> _Curves:
    import numpy as np

    told, shape = asked.told, (points, len(asked.places) // points)
    failed = told.failed | told.untold
    selected = sampled.selects(told.label)
    output = told.output if sampled.unit else selected.astype(np.float64)
    answered = (told.label != np.array(None)) & ~failed
    return _Curves(
        asked.places[: shape[1]],
        selected.reshape(shape),
        output.reshape(shape),
        answered.reshape(shape),
        failed.reshape(shape),
        told.untold.reshape(shape),
    )


def _told(
    sampled: Sampled,
    name: str,
    group: tuple[str, str],
    curves: _Curves,
    values: "NDArray[np.float64] | None",
) -> Response:
    """Count the ways that outputs go, and find the step at which most decisions switch."""
    import numpy as np

    points, n = curves.answered.shape
    whole = curves.answered.all(axis=0)
    failed = curves.failed.any(axis=0)
    status, note = enough(
        int(whole.sum()), int(whole.sum()), "sampled rows answered at every value", sampled.floor
    )
    if untold := int(curves.untold.any(axis=0).sum()):
        status, note = Status.UNDEFINED, UNTOLD.format(untold)
    output, selected = curves.output[:, whole], curves.selected[:, whole]
    ways = (0, 0, 0, 0)
    if not np.isfinite(output).all():
        status, note = Status.UNDEFINED, ENDLESS
    else:
        ways = _ways(output, sampled.least)
    unit, loses, switch = sampled.unit or "decision", UNLOST, UNSWITCHED
    few = int(whole.sum()) < SMALLEST  # where one person's decision switches is that person's
    if status is not Status.UNDEFINED and not sampled.amounts and not few:
        loses, switch = _losing(selected), _switch(selected, values)
    lost, low, high = loses
    return Response(
        name, *group, points, n, *ways, lost, low, high, int((~whole & ~failed).sum()),
        int(failed.sum()), *switch, unit, status, note,
    )  # fmt: skip


def _ways(output: "NDArray[np.float64]", size: float) -> tuple[int, int, int, int]:
    """Count rows whose output only rises, only falls, does both, or neither."""
    import numpy as np

    apart = np.diff(output, axis=0)
    least = ROUNDING * np.maximum(size, np.abs(output[:-1]))
    up, down = (apart > least).any(axis=0), (apart < -least).any(axis=0)
    ways = (up & ~down, down & ~up, up & down, ~up & ~down)
    rises, falls, both, steady = (int(way.sum()) for way in ways)
    return rises, falls, both, steady


def _losing(selected: "NDArray[np.bool_]") -> Losing:
    """Count rows that are selected at some value and not at a higher one, with their interval."""
    from auditkit.inference.intervals import wilson

    n, losing = selected.shape[1], int((selected[:-1] & ~selected[1:]).any(axis=0).sum())
    bounds = wilson(losing, n)
    return (losing, float(bounds.lower), float(bounds.upper)) if n else (losing, None, None)


def _switch(selected: "NDArray[np.bool_]", values: "NDArray[np.float64] | None") -> Switch:
    """Find the neighbours between which the share selected differs most, with its interval.

    The interval is Newcombe's for the same rows, at 5 % over the number of neighbours: the largest
    of several differences is large by chance, too.
    """
    import numpy as np

    from auditkit.inference.intervals import paired_difference

    n = selected.shape[1]
    if not n:
        return UNSWITCHED
    shares = selected.mean(axis=1)
    steps = np.diff(shares)
    at = int(np.abs(steps).argmax())
    if not steps[at]:
        return (None, None, None, 0.0, None, None)
    below, above = selected[at], selected[at + 1]
    both, first, second = (above & below).sum(), (above & ~below).sum(), (below & ~above).sum()
    neither = n - both - first - second
    bounds = paired_difference(both, first, second, neither, 1 - 0.05 / len(steps))
    near = None if values is None else between(float(values[at]), float(values[at + 1]))
    return (
        near,
        float(shares[at]),
        float(shares[at + 1]),
        float(steps[at]),
        float(bounds.lower),
        float(bounds.upper),
    )


def between(low: float, high: float) -> float:
    """Find the number with the fewest digits above ``low`` and not above ``high``.

    It says where a step lies without telling the value of a row.

    Examples
    --------
    >>> between(14.7, 31.2), between(3, 4), between(-0.031, 0.002), between(1000.21, 1000.29)
    (20.0, 4.0, 0.0, 1000.25)
    """
    if low < 0 <= high:
        return 0.0
    middle, digits = (low + high) / 2, math.floor(math.log10(max(abs(low), abs(high))))
    for digit in range(digits, digits - 17, -1):
        step = 10.0**digit
        for whole in (round(middle / step), math.floor(high / step)):
            found = float(f"{whole * step:.15g}")
            if low < found <= high:
                return found
    return high


def _none(name: str, group: tuple[str, str], unit: str, status: Status, why: str) -> Response:
    unit = unit or "decision"
    return Response(
        name, *group, 0, 0, 0, 0, 0, 0, None, None, None, 0, 0, *UNSWITCHED, unit, status, why,
    )  # fmt: skip
