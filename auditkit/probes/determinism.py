"""The same rows are asked about again, otherwise put together: what they are told must not change.

A decision that hangs on chance, or on who else is in the batch, is not about the person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.models import Scorer, selects
from auditkit.plan import AuditPlan
from auditkit.results import Determinism, Status

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

ALONE = 50
"""Rows that are asked about one at a time."""
ROUNDING = 1e-6
"""Outputs that differ by no more, of an output of 1 or more by that share of it, are the same.

Amounts are the same if they differ by no more than that share of the largest of them.
"""
CHECKS = ("again", "order", "halves", "alone", "threads")


@dataclass(frozen=True)
class _Answer:
    """Decisions and outputs of rows, shape (n,); NaN where there is no output."""

    decided: "NDArray[np.object_]"
    output: "NDArray[np.float64]"


Ask = Callable[["pd.DataFrame"], _Answer]


def determinism(scorer: Scorer, plan: AuditPlan, rows: "pd.DataFrame") -> tuple[Determinism, ...]:
    """Ask about rows again, in another order, in other batches and with other threads.

    Parameters
    ----------
    scorer : Scorer
        With its unit settled.
    plan : AuditPlan
    rows : DataFrame, shape (n, p)
        The source columns as the model gets them.

    Returns
    -------
    tuple of Determinism
        One of every check, also where the model fails when it is asked so.
    """

    def ask(some: "pd.DataFrame") -> _Answer:
        import numpy as np

        some = some.reset_index(drop=True)  # as in every batch: an index tells nothing of a person
        if scorer.unit == "amount":
            return _Answer(np.full(len(some), None), scorer.output(some))
        decided = selects(scorer, plan, some)
        if scorer.unit == "decision":
            return _Answer(decided, np.zeros(len(some)))
        return _Answer(decided, scorer.output(some))

    try:
        first = ask(rows)
    except ModelError:
        why = "the model fails on the sampled rows when they are asked about together"
        return undetermined(Status.UNDEFINED, why)
    few = rows.iloc[:ALONE]
    ways: dict[str, Callable[[], tuple[_Answer, _Answer]]] = {
        "again": lambda: (first, ask(rows)),
        "order": lambda: (first, _reordered(ask, rows, plan.audit.seed)),
        "halves": lambda: (first, _in_parts(ask, rows, -(-len(rows) // 2))),
        "alone": lambda: (_part(first, slice(ALONE)), _in_parts(ask, few, 1)),
        "threads": lambda: _threads(ask, rows),
    }
    found = []
    for check in CHECKS:
        if check == "threads" and scorer.worker is not None:
            why = "the model is in a process of its own, whose threads are not set from here"
            found.append(Determinism(check, 0, None, None, "", Status.NOT_APPLICABLE, why))
            continue
        try:
            before, after = ways[check]()
        except ModelError:
            n = len(few if check == "alone" else rows)
            why = "the model fails when it is asked so"
            found.append(Determinism(check, n, None, None, scorer.unit, Status.UNDEFINED, why))
            continue
        found.append(_compared(check, before, after, scorer.unit))
    return tuple(found)


def undetermined(status: Status, why: str) -> tuple[Determinism, ...]:
    """Say of every check why it was not made."""
    return tuple(Determinism(check, 0, None, None, "", status, why) for check in CHECKS)


def _compared(check: str, before: _Answer, after: _Answer, unit: str) -> Determinism:
    import numpy as np

    gone = np.isnan(before.output) != np.isnan(after.output)
    other = (before.decided != after.decided) | gone
    largest = None
    if unit != "decision":
        apart = np.nan_to_num(np.abs(after.output - before.output), nan=0.0)
        size = np.nan_to_num(np.abs(before.output))
        # an amount may be in any unit, so what is small of it hangs on how large amounts are
        least = float(size.max(initial=0.0)) if unit == "amount" else 1.0
        moved = apart > ROUNDING * np.maximum(least, size)
        largest = float(np.where(moved, apart, 0.0).max(initial=0.0))
        other |= moved & (unit == "amount")
    changed = int(other.sum())
    note = ""
    if not np.isfinite(largest or 0.0):
        largest, note = None, "an output is without end, so its change is no number"
    return Determinism(check, len(before.decided), changed, largest, unit, Status.OK, note)


def _part(answer: _Answer, part: slice) -> _Answer:
    return _Answer(answer.decided[part], answer.output[part])


def _reordered(ask: Ask, rows: "pd.DataFrame", seed: int) -> _Answer:
    """Ask in an order drawn by the seed, and put the answers back."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(rows))
    answer, back = ask(rows.iloc[order]), np.argsort(order)
    return _Answer(answer.decided[back], answer.output[back])


def _in_parts(ask: Ask, rows: "pd.DataFrame", size: int) -> _Answer:
    import numpy as np

    answers = [ask(rows.iloc[at : at + size]) for at in range(0, len(rows), size)]
    return _Answer(
        np.concatenate([a.decided for a in answers]), np.concatenate([a.output for a in answers])
    )


def _threads(ask: Ask, rows: "pd.DataFrame") -> tuple[_Answer, _Answer]:
    """Ask with one thread and with two, whatever the machine has: the record is the same on all."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        one = ask(rows)
    with threadpool_limits(2):
        return one, ask(rows)
