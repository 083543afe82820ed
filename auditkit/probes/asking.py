"""A model is asked about altered rows: where it fails on a batch, on which rows is looked for."""

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditkit.errors import ModelError
from auditkit.evidence.models import Scorer, selects
from auditkit.plan import AuditPlan

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CALLS = 5_000
"""Calls in which failing rows are looked for, over all probes of an audit."""
PREDICTED = "(predicted)"
"""Where an amount is predicted, what a row is told in the place of a decision."""
SINGLY = 8
"""Failing parts of no more rows are asked about one by one: half of them fail in most of them."""


class GoneError(Exception):
    """The model no longer answers about rows that it has decided before."""


@dataclass(frozen=True)
class Decided:
    """Decisions about rows, each of shape (n,).

    ``label`` is ``None`` where the model gives none. ``failed`` are rows on which it raises when
    they are asked about alone; ``untold`` are in a part that fails and was not taken apart.
    ``output`` is NaN where there is none, or nobody asks for it.
    """

    label: "NDArray[np.object_]"
    failed: "NDArray[np.bool_]"
    untold: "NDArray[np.bool_]"
    output: "NDArray[np.float64]"


@dataclass
class Asker:
    """Asks a model, and keeps count of the calls in which failing rows are looked for.

    ``sound`` is a row that the model has decided: where it fails on that too, it is gone.
    ``outputs`` says whether the model's output is asked for beside its decisions.
    """

    scorer: Scorer
    plan: AuditPlan
    sound: "pd.DataFrame"
    calls: int = CALLS
    outputs: bool = False

    def __post_init__(self) -> None:
        self.scorer = replace(self.scorer, counting=True)

    def whole(self, rows: "pd.DataFrame") -> Decided | None:
        """Decide rows in one call; none where the model fails on them together.

        Raises
        ------
        GoneError
            It fails on rows as they are, too.
        """
        import numpy as np

        nobody = np.zeros(len(rows), dtype=bool)
        try:
            label, output = self._ask(rows)
            return Decided(label, nobody, nobody, output)
        except ModelError:
            self._check()
            return None

    def by_halves(self, rows: "pd.DataFrame") -> Decided:
        """Decide rows of which some fail, by halves: larger parts first, for they tell more.

        Raises
        ------
        GoneError
            The model fails on rows as they are, too.
        """
        import numpy as np

        label = np.full(len(rows), None, dtype=object)
        output = np.full(len(rows), np.nan)
        failed, untold = np.zeros((2, len(rows)), dtype=bool)
        parts = deque([np.arange(len(rows))]) if len(rows) else deque()
        while parts:
            part = parts.popleft()
            if not self.calls:
                untold[part] = True
                continue
            self.calls -= 1
            try:
                label[part], output[part] = self._ask(rows.iloc[part])
            except ModelError:
                if len(part) == 1:
                    failed[part] = True
                else:
                    parts.extend(np.array_split(part, 2 if len(part) > SINGLY else len(part)))
        if failed.any():
            self._check()
        return Decided(label, failed, untold, output)

    def _ask(self, rows: "pd.DataFrame") -> "tuple[NDArray[np.object_], NDArray[np.float64]]":
        """Ask for decisions, and for outputs where they are wanted; of an amount, for both."""
        import numpy as np

        if self.plan.data.amounts:
            output = self.scorer.amounts(rows)
            known = np.array([None, PREDICTED], dtype=object)
            return known[np.isfinite(output).astype(int)], output
        label = selects(self.scorer, self.plan, rows)
        if not self.outputs:
            return label, np.full(len(rows), np.nan)
        return label, self.scorer.output(rows)

    def _check(self) -> None:
        try:
            self._ask(self.sound)
        except ModelError:
            raise GoneError from None
