"""What a model costs to ask: size, processor time, memory and energy, beside a smaller one.

Measured numbers differ from run to run and from machine to machine. They are drawn in the report
where the plan asks for them, and are no part of the record.
"""

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError
from auditkit.evidence.gather import Evidence
from auditkit.evidence.models import Scorer, selects, size_in_bytes
from auditkit.plan import AuditPlan

if TYPE_CHECKING:
    import pandas as pd

DECISIONS, RUNS = 1000, 3
COUNTERS = "/sys/class/powercap"
"""Where Linux tells what processors have used (RAPL), if it does."""


@dataclass(frozen=True)
class Cost:
    """What it costs to ask a model for 1,000 decisions, at best of three runs.

    Attributes
    ----------
    size : int or None
        Bytes of its file, or of the model written down; ``None`` if it cannot be.
    seconds : float
        Of processor time, in all threads.
    memory : int or None
        Bytes; ``None`` if it cannot be told.
    joules : float or None
        Of the whole machine while it ran; ``None`` if the machine does not tell.
    """

    size: int | None
    seconds: float
    memory: int | None
    joules: float | None


@dataclass(frozen=True)
class Footprint:
    """Costs of the model, of a logistic regression in its place, and of the audit itself.

    ``apart`` says that the model ran in a process of its own, whose memory is told whole.
    ``audit_memory`` is the most this process has held, in bytes, ``None`` where no system tells.
    """

    model: Cost
    smaller: Cost | None
    from_file: bool
    apart: bool
    audit_seconds: float
    audit_memory: int | None


def footprint(plan: AuditPlan, evidence: Evidence) -> Footprint | None:
    """Measure what the model costs; ``None`` if the plan asks for nothing, or there is no model."""
    scorer, sample = evidence.scorer, evidence.sample
    if not plan.report.footprint or scorer is None or sample is None or not len(sample.rows):
        return None
    rows = _repeated(sample.rows)
    try:
        cost = _cost(scorer, lambda: _decided(scorer, plan, rows))
    except ModelError:  # it fails on some of these rows, which its probes tell of
        return None
    return Footprint(
        cost,
        _smaller(scorer, plan, sample.rows, rows),
        from_file=scorer.file is not None,
        apart=scorer.worker is not None,
        audit_seconds=time.process_time(),
        audit_memory=_peak(),
    )


def _repeated(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Take as many rows as there are decisions, some more than once if need be."""
    times = -(-DECISIONS // len(rows))
    import pandas as pd

    return pd.concat([rows] * times, ignore_index=True).head(DECISIONS)


def _decided(scorer: Scorer, plan: AuditPlan, rows: "pd.DataFrame") -> Any:  # noqa: ANN401
    return scorer.amounts(rows) if plan.data.amounts else selects(scorer, plan, rows)


def _smaller(
    scorer: Scorer, plan: AuditPlan, fitted: "pd.DataFrame", rows: "pd.DataFrame"
) -> Cost | None:
    """Cost of a logistic regression on the same columns, fitted to the model's own decisions.

    It is there to be timed, and is thrown away: nothing is said of what it decides.
    """
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    if plan.data.amounts:
        return None
    decided = pd.Series(_decided(scorer, plan, fitted), index=fitted.index)
    known = decided.notna()
    numbers = [name for name in fitted if pd.api.types.is_numeric_dtype(fitted[name])]
    others = [name for name in fitted if name not in numbers]
    encode = ColumnTransformer(
        [
            ("numbers", SimpleImputer(keep_empty_features=True), numbers),
            ("others", OneHotEncoder(handle_unknown="ignore"), others),
        ]
    )
    made = make_pipeline(encode, LogisticRegression(max_iter=200))
    texts = dict.fromkeys(others, str)
    try:
        made.fit(fitted[known].astype(texts), decided[known].astype(str))
    except ValueError:  # it decides the same for everybody
        return None
    laid = rows.astype(texts)
    small = Scorer(made, scorer.features, scorer.classes, scorer.positive)
    return _cost(small, lambda: made.predict(laid))


def _cost(scorer: Scorer, ask: Callable[[], object]) -> Cost:
    """Measure one model: the first run is to warm up, memory has a run of its own."""
    ask()
    seconds, joules = [], []
    for _ in range(RUNS):
        energy, started = _energy(), _processor(scorer)
        ask()
        seconds.append(_processor(scorer) - started)
        used = _energy()
        if energy is not None and used is not None and used >= energy:  # the counter starts anew
            joules.append((used - energy) / 1e6)
    memory = int(scorer.worker.spent()[1]) if scorer.worker is not None else _traced(ask)
    size = size_in_bytes(scorer.model) if scorer.file is None else scorer.file.source.bytes
    return Cost(size, min(seconds), memory, min(joules) if joules else None)


def _processor(scorer: Scorer) -> float:
    """Seconds of processor time that this process, and that of the model, have used."""
    apart = float(scorer.worker.spent()[0]) if scorer.worker is not None else 0.0
    return time.process_time() + apart


def _traced(ask: Callable[[], object]) -> int:
    """Bytes that Python and NumPy hold at most while a model is asked."""
    tracemalloc.start()
    try:
        ask()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _energy() -> int | None:
    """Microjoules that the processors have counted; ``None`` where they may not be read."""
    try:
        counters = sorted(Path(COUNTERS).glob("intel-rapl:?/energy_uj"))
        return sum(int(path.read_text()) for path in counters) if counters else None
    except (OSError, ValueError):
        return None


def _peak() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
