"""How good attributions are: the same again, for every group, and by another way.

- ``additivity``: the largest distance of base plus attributions from the model's output, by group.
- ``fidelity``: how far the output is, on average, from what the few largest attributions alone
  give, by group; the other inputs are left at their mean over everyone. After Balagopalan et al.
  (2022), who ask of explanations whether they tell groups equally well.
- ``stability``: the rows again, against other backgrounds and with other seeds.
- ``permutation``: how far the output moves, on average, when an input is shuffled between rows, the
  inputs that go together shuffled together: Breiman (2001), held against the model's own output.
- ``agreement``: whether that puts the inputs into the same order.

Orders are compared by Spearman's (1904) rank correlation: 1 is the same order, 0 none in common.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.models import Scorer
from auditkit.evidence.sample import Sample
from auditkit.explain.associated import told_as_one
from auditkit.explain.attributions import LAST_DIGITS, Attributed, background, explain
from auditkit.explain.groups import SMALLEST, by_group
from auditkit.results import ALL, ROUNDING, ExplanationQuality, Status, Together

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

FIRST = 5
"""Inputs whose attributions alone are held against the output; of fewer than ten inputs, half."""
AGAIN_ROWS = 100
"""Rows that are explained again: the first of everyone's, a simple random sample of all rows."""
REPEATS = 3
"""Further backgrounds and seeds: with the first, four draws of what one of them gives."""
SHUFFLED_ROWS = 200
"""Rows whose inputs are shuffled, the first of everyone's."""
SHUFFLES = 3
"""Times each input is shuffled: 600 model outputs an input."""
FEWEST_RANKED = 3
"""Inputs below which the order of two lists says nothing."""


@dataclass(frozen=True, eq=False)
class Checked:
    """What was checked of attributions.

    Attributes
    ----------
    rows : tuple of ExplanationQuality
    first : tuple of str
        The inputs whose attributions alone are held against the output.
    again : ndarray, shape (r, p), or None
        Mean absolute attributions over the same rows with r backgrounds and seeds, the first
        included; None where the method has neither, or it failed.
    """

    rows: tuple[ExplanationQuality, ...]
    first: tuple[str, ...]
    again: "NDArray[np.float64] | None"


def checked(
    scorer: Scorer,
    sample: Sample,
    explained: Sample,
    found: Attributed,
    groups: Sequence[Together],
    *,
    weights: "NDArray[np.float64] | None" = None,
    seed: int = 0,
) -> Checked:
    """Check attributions by group, over backgrounds and seeds, and against another way.

    Parameters
    ----------
    scorer : Scorer
    sample : Sample
        All rows that were kept, which backgrounds are drawn from.
    explained : Sample
        The rows that were explained.
    found : Attributed
        Their attributions, by source column.
    groups : sequence of Together
        Inputs that are told as one.
    weights : ndarray, shape (n,), optional
        How many rows of the data each row of ``sample`` stands for.
    seed : int
        Seed of the first background.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    bars = told_as_one(found, groups)
    first = np.arange(min(AGAIN_ROWS, len(explained.rows)))
    with threadpool_limits(limits=1):
        again, stability = _again(
            scorer, sample, explained.rows.iloc[first], found, groups, weights, seed
        )
        shuffled = tuple(_shuffled(scorer, explained.rows, bars, groups, seed))
    everyone = [row for row in by_group(bars, explained) if row.attribute == ALL]
    kept = first_inputs([(r.feature, r.mean_abs) for r in everyone if r.feature != ROUNDING])
    by = _by_group(explained, bars, [row.mean for row in everyone], kept)
    return Checked((*by, stability, *shuffled), kept, again)


def names_of(found: Attributed) -> tuple[str, ...]:
    """Name the features that are inputs."""
    return tuple(name for name in found.features if name != ROUNDING)


def _by_group(
    explained: Sample, bars: Attributed, means: Sequence[float | None], kept: Sequence[str]
) -> Iterator[ExplanationQuality]:
    """Tell additivity and fidelity of every group; of few rows nothing."""
    import numpy as np

    values = bars.values if bars.values is not None else np.empty((len(bars.output), 0))
    off = np.abs(bars.output - (bars.base or 0.0) - values.sum(axis=1))
    others = [i for i, name in enumerate(bars.features) if name not in kept]
    middle = np.array([np.nan if mean is None else mean for mean in means])
    left = np.abs((values - middle)[:, others].sum(axis=1))
    size = max(np.abs(bars.output).max(), np.abs(values).max(initial=0.0))
    left = np.where(left <= LAST_DIGITS * size, 0.0, left)  # what sums of floats leave over
    alone = replace(bars, features=("fidelity",), values=left[:, None])
    few = f"fewer than {SMALLEST} rows are explained"
    for contrast, row in zip(explained.contrasts, by_group(alone, explained), strict=True):
        told = row.mean is not None and not np.isnan(row.mean)
        status, note = (Status.OK, "") if told else (Status.INSUFFICIENT, few)
        members = contrast.members[explained.stratum]
        largest = float(off[members].max()) if told else None
        mean, lower, upper = (row.mean, row.lower, row.upper) if told else (None, None, None)
        lower = None if lower is None else max(0.0, lower)
        additivity = ExplanationQuality(
            "additivity", contrast.attribute, contrast.group, "",
            largest, None, None, row.n, bars.unit, status, note,
        )  # fmt: skip
        yield additivity
        yield replace(additivity, measure="fidelity", estimate=mean, lower=lower, upper=upper)


def first_inputs(everyone: Sequence[tuple[str, float | None]]) -> tuple[str, ...]:
    """Name the few inputs with the largest mean absolute attributions, the largest first."""
    ranked = sorted(everyone, key=lambda pair: (-(pair[1] or 0.0), pair[0]))
    return tuple(name for name, _ in ranked[: max(1, min(FIRST, len(ranked) // 2))])


def _again(
    scorer: Scorer,
    sample: Sample,
    rows: "pd.DataFrame",
    found: Attributed,
    groups: Sequence[Together],
    weights: "NDArray[np.float64] | None",
    seed: int,
) -> "tuple[NDArray[np.float64] | None, ExplanationQuality]":
    """Explain rows again, and tell how far the order of the inputs holds."""
    import numpy as np

    def told(estimate: float | None, status: Status, note: str = "") -> ExplanationQuality:
        return ExplanationQuality(
            "stability", ALL, ALL, "", estimate, None, None, len(rows), "", status, note
        )

    if not found.background:
        why = "the method has neither a background nor a seed: asked again it says the same"
        return None, told(None, Status.NOT_APPLICABLE, why)
    if found.values is None or len(rows) < SMALLEST:
        why = f"fewer than {SMALLEST} rows are explained"
        return None, told(None, Status.INSUFFICIENT, why)
    first = replace(found, values=found.values[: len(rows)], output=found.output[: len(rows)])
    means = [_mean_absolute(told_as_one(first, groups))]
    for repeat in range(1, REPEATS + 1):
        other = background(sample.rows, found.background, seed + repeat, weights)
        try:
            more = explain(
                scorer, rows, other, perturbation=found.perturbation, seed=seed + repeat,
                only=found.method,
            )  # fmt: skip
        except ModelError:
            why = "asked about these rows alone the model fails"
            return None, told(None, Status.UNDEFINED, why)
        if more.values is None:
            why = "against another background the method does not add up to the model's output"
            return None, told(None, Status.UNDEFINED, why)
        means.append(_mean_absolute(told_as_one(more, groups)))
    again = np.array(means)
    few, note = _enough(*means)
    if few is not Status.OK:
        return again, told(None, few, note)
    return again, told(min(_alike(means[0], other) for other in means[1:]), Status.OK)


def _mean_absolute(bars: Attributed) -> "NDArray[np.float64]":
    import numpy as np

    values = bars.values if bars.values is not None else np.empty((0, 0))
    count = len(names_of(bars))
    return np.asarray(np.abs(values[:, :count]).mean(axis=0))


def _shuffled(
    scorer: Scorer,
    rows: "pd.DataFrame",
    bars: Attributed,
    groups: Sequence[Together],
    seed: int,
) -> Iterator[ExplanationQuality]:
    """Shuffle one input at a time, and hold the order that gives against that of attributions."""
    import numpy as np

    some = rows.iloc[:SHUFFLED_ROWS].reset_index(drop=True)
    names, n = names_of(bars), len(some)
    members = {group.feature: list(group.members) for group in groups}
    status, note, moved = Status.OK, "", []
    if n < SMALLEST:
        status, note = Status.INSUFFICIENT, f"fewer than {SMALLEST} rows are explained"
    else:
        draw = np.random.default_rng(seed)
        orders = [draw.permutation(n) for _ in range(SHUFFLES)]
        try:
            output = scorer.output(some)
            moved = [
                _moved(scorer, some, members.get(name, [name]), orders, output) for name in names
            ]
        except ModelError:
            status, note = Status.UNDEFINED, "the model fails when an input is shuffled"
    if moved and not np.isfinite(moved).all():
        status, note = Status.UNDEFINED, "an output is no finite number when an input is shuffled"
    for place, name in enumerate(names):
        value = moved[place] if status is Status.OK else None
        yield ExplanationQuality(
            "permutation", ALL, ALL, name, value, None, None, n, bars.unit, status, note
        )
    alike = None
    if status is Status.OK and bars.values is not None:
        size = np.abs(bars.values[:n, : len(names)]).mean(axis=0)
        shift = np.array(moved)
        status, note = _enough(size, shift)
        alike = _alike(size, shift) if status is Status.OK else None
    yield ExplanationQuality("agreement", ALL, ALL, "", alike, None, None, n, "", status, note)


def _moved(
    scorer: Scorer,
    rows: "pd.DataFrame",
    members: list[str],
    orders: "list[NDArray[np.intp]]",
    output: "NDArray[np.float64]",
) -> float:
    """Give the mean distance to the model's own output with some columns shuffled together."""
    import numpy as np
    import pandas as pd

    parts = []
    for order in orders:
        other = rows[members].iloc[order].set_axis(rows.index)
        parts.append(rows.assign(**{str(name): other[name] for name in members}))
    told = scorer.output(pd.concat(parts, ignore_index=True))
    return float(np.abs(told.reshape(len(orders), -1) - output).mean())


def _enough(*lists: "NDArray[np.float64]") -> tuple[Status, str]:
    """Say whether lists of values have an order that can be compared."""
    import numpy as np

    if len(lists[0]) < FEWEST_RANKED:
        return Status.NOT_APPLICABLE, f"fewer than {FEWEST_RANKED} inputs have no order to compare"
    if not all(np.ptp(values) for values in lists):
        return Status.UNDEFINED, "all inputs come out the same"
    return Status.OK, ""


def _alike(first: "NDArray[np.float64]", second: "NDArray[np.float64]") -> float:
    """Give Spearman's rank correlation, ties at their mean rank."""
    import numpy as np
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
