"""How wrong a model is about one row, where an outcome is recorded.

One loss a task, each the one whose mean the report tells already: the squared error of the
probability (Brier 1950), of which a decision without one is the case of 0 and 1, and the size of
the error of an amount, which stays in the label's unit and hangs on no single person's square.
"""

from typing import TYPE_CHECKING, Any

from auditkit.evidence.models import Scorer
from auditkit.plan import AuditPlan, canonical

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

BRIER, WRONG, AMOUNT = "Brier score", "error rate", "amount"
"""Units of the mean loss: of probabilities, of decisions, and of amounts."""


def unit_of_loss(scorer: Scorer) -> str:
    """Name the unit of the mean loss of a model whose own unit is settled."""
    if scorer.unit == "amount":
        return AMOUNT
    plain = scorer.unit in ("decision", "") or not hasattr(scorer.model, "predict_proba")
    return WRONG if plain else BRIER


def predicted(scorer: Scorer, rows: "pd.DataFrame") -> "NDArray[np.float64]":
    """Predict what is held against the recorded outcome; shape (n,), as ``loss`` reads it."""
    import numpy as np

    unit = unit_of_loss(scorer)
    if unit == AMOUNT:
        return scorer.amounts(rows)
    if unit == BRIER:
        return scorer.together(rows, scorer.positives)
    positives = [scorer.classes[place] for place in scorer.positives]
    return np.isin(scorer.decide(rows), positives).astype(np.float64)


def loss(
    predicted: "NDArray[np.float64]", recorded: "NDArray[np.float64]", unit: str
) -> "NDArray[np.float64]":
    """Hold what was predicted against what is recorded; shapes that go together.

    ``predicted`` is the probability of the positive outcome, 1 or 0 where it is decided or not, or
    the amount; ``recorded`` is 1 or 0, or the amount, and NaN where nothing is recorded.
    """
    import numpy as np

    error = predicted - recorded
    return np.abs(error) if unit == AMOUNT else error**2


def recorded_of(texts: "pd.Series[Any]", plan: AuditPlan) -> "NDArray[np.float64]":
    """Say of recorded texts whether they are the positive outcome: 1, 0, or NaN; shape (n,)."""
    import numpy as np
    import pandas as pd

    positives = plan.data.positives
    if plan.data.label is None:  # then to be in need is what is recorded
        positives = plan.data.in_need if isinstance(plan.data.in_need, tuple) else ("true",)
    codes, levels = pd.factorize(texts)
    of_level = [float(canonical(level) in positives) for level in levels]
    found: NDArray[np.float64] = np.array([*of_level, np.nan])[codes]  # the code of none is -1
    return found
