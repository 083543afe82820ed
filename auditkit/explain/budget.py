"""How many rows are explained: a pilot first, then as many as its precision asks for.

The pilot is at most 200 rows of every group. Where explaining so few rows leaves a contribution
less certain than 1 % of the output's standard deviation, more rows are explained, of every group as
many more: until that is reached, or every row is explained, or the plan's cap is, or what the
method can do within its budget of work. None of it depends on a clock, so the same inputs explain
the same rows; what a clock says is only told to whoever waits.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from auditkit.evidence.models import Scorer
from auditkit.evidence.sample import A_GROUP, Sample, largest_quota, quotas
from auditkit.explain.attributions import Attributed, explain, together
from auditkit.explain.groups import Precision, precision
from auditkit.results import Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Tell = Callable[[str, int, int | None], None]

GROWTH = 1.25
"""The least that a further round explains, of the rows so far: so that rounds are few."""


def explain_enough(
    scorer: Scorer,
    sample: Sample,
    background: "pd.DataFrame",
    *,
    most: int,
    perturbation: str = "auto",
    seed: int = 0,
    tell: Tell | None = None,
) -> tuple[Attributed, Sample, Precision | None]:
    """Explain a pilot, and more rows until the attributions are precise enough.

    Parameters
    ----------
    scorer : Scorer
        The model.
    sample : Sample
        All rows that may be explained.
    background : DataFrame, shape (B, p)
    most : int
        The plan's cap on explained rows. Two rows of every cell are explained in any case.
    perturbation, seed
        As ``auditkit.explain.attributions.explain`` takes them.
    tell : callable, optional
        Told of progress, and how long a further round will take before it starts.

    Returns
    -------
    attributed : Attributed
    explained : Sample
        The part of the sample that was explained.
    reached : Precision or None
        None where the attributions are withheld.
    """
    import numpy as np

    told = tell or _silent
    quota = quotas(sample.stratum, sample.contrasts)
    taken = quota <= min(A_GROUP, largest_quota(quota, most))
    in_all = min(most, len(sample.rows))
    part, begun = _part(sample, taken), time.monotonic()
    found = explain(
        scorer, part.rows, background, perturbation=perturbation, seed=seed, rows_in_all=in_all,
        progress=partial(told, "explaining"),
    )  # fmt: skip
    while found.status is Status.OK:
        reached = precision(found, part)
        cap = most if found.affordable is None else min(most, found.affordable)
        wanted = _wanted(quota, taken, reached, cap)
        rest = wanted & ~taken
        if not rest.any():
            return found, part, reached
        seconds = (time.monotonic() - begun) / taken.sum() * rest.sum()
        step = f"explaining more, about {_rounded(seconds)} s"
        told(step, 0, int(rest.sum()))
        more = explain(
            scorer, _part(sample, rest).rows, background.iloc[: found.background or None],
            perturbation=perturbation, seed=seed, only=found.method, rows_in_all=in_all,
            progress=partial(told, step),
        )  # fmt: skip
        part = _part(sample, wanted)
        if more.status is Status.OK:
            order = np.argsort(np.concatenate([np.flatnonzero(taken), np.flatnonzero(rest)]))
            found = _ordered(together(found, more), order)
        else:  # the method does not add up on these rows: whatever does on all of them
            found = explain(scorer, part.rows, background, perturbation=perturbation, seed=seed)
            found = replace(found, affordable=0)
        taken = wanted
    return found, part, None


def _wanted(
    quota: "NDArray[np.int64]", taken: "NDArray[np.bool_]", reached: Precision, most: int
) -> "NDArray[np.bool_]":
    """Choose the rows of a further round, shape (n,); those taken where there is to be none."""
    import numpy as np

    if reached.met or reached.needed is None:
        return taken
    so_far = int(taken.sum())
    aim = min(most, max(reached.needed, int(GROWTH * so_far)))
    wanted = np.asarray(quota <= largest_quota(quota, aim))
    return wanted if wanted.sum() > so_far else taken


def _part(sample: Sample, chosen: "NDArray[np.bool_]") -> Sample:
    rows = sample.rows[chosen].reset_index(drop=True)
    return replace(sample, rows=rows, stratum=sample.stratum[chosen], errors=None)


def _ordered(found: Attributed, order: "NDArray[np.intp]") -> Attributed:
    """Put rows back into the order of the sample."""
    values = found.values[order] if found.values is not None else None
    return replace(found, values=values, output=found.output[order])


def _rounded(seconds: float) -> str:
    return f"{max(1.0, float(f'{seconds:.1g}')):,.0f}"


def _silent(step: str, done: int, of: int | None) -> None:
    """Tell nobody."""
