"""The tables of a record, and how their rows are laid out."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from auditkit.results.about import Exclusion, GroupSize
from auditkit.results.classes import ClassDisparity, ClassMeasurement, ConfusionCell
from auditkit.results.explained import (
    Attribution,
    DisparityAttribution,
    ErrorAttribution,
    ExplanationQuality,
    Proxy,
)
from auditkit.results.judged import (
    Check,
    DeclaredShare,
    Finding,
    LabelError,
    SelfTest,
    UnknownBound,
)
from auditkit.results.measured import (
    BaselineRate,
    Disparity,
    Measurement,
    OwnMetric,
    SeedSpread,
    Spread,
    StratifiedDisparity,
)
from auditkit.results.need import EqualNeed, NeedDepth, NeedRank
from auditkit.results.probed import Determinism, Flip, Probe, Removal, Response
from auditkit.results.scores import Brier, Budget, Calibration, Cut, Exposure

if TYPE_CHECKING:
    import pandas as pd

TABLES: dict[str, type] = {
    "measurements": Measurement,
    "disparities": Disparity,
    "spreads": Spread,
    "stratified_disparities": StratifiedDisparity,
    "equal_need": EqualNeed,
    "need_depth": NeedDepth,
    "need_ranks": NeedRank,
    "baseline": BaselineRate,
    "seeds": SeedSpread,
    "calibration": Calibration,
    "brier": Brier,
    "class_measurements": ClassMeasurement,
    "class_disparities": ClassDisparity,
    "confusion": ConfusionCell,
    "own_metrics": OwnMetric,
    "budgets": Budget,
    "exposure": Exposure,
    "cuts": Cut,
    "checks": Check,
    "self_test": SelfTest,
    "unknown_bounds": UnknownBound,
    "declared_shares": DeclaredShare,
    "label_error": LabelError,
    "exclusions": Exclusion,
    "attributions": Attribution,
    "disparity_attributions": DisparityAttribution,
    "error_attributions": ErrorAttribution,
    "proxies": Proxy,
    "explanation_quality": ExplanationQuality,
    "determinism": Determinism,
    "probes": Probe,
    "flips": Flip,
    "responses": Response,
    "removals": Removal,
    "findings": Finding,
    "groups": GroupSize,
}
"""The tables of a record: the name of the field, and the kind of its rows."""


def columns(kind: type) -> list[str]:
    """Name the columns of a table whose rows are ``kind``, in order."""
    return [told_name(field.name) for field in fields(kind)]


def told_name(field: str) -> str:
    """Name a field as tables and records do: ``class`` for ``class_``."""
    return field.removesuffix("_")


def as_told(row: Any) -> dict[str, Any]:  # noqa: ANN401
    """Turn a result into plain values by the names that tables and records have."""
    return asdict(row, dict_factory=lambda pairs: {told_name(k): v for k, v in pairs})


def frame(rows: Iterable[Any], kind: type) -> "pd.DataFrame":
    """Lay rows of one kind out as a tidy table, with the same columns even when there are none.

    Returns
    -------
    pandas.DataFrame
        One row each, shape ``(len(rows), len(fields))``; ``None`` becomes a missing value.
    """
    import pandas as pd

    names = [field.name for field in fields(kind)]
    cells = [[getattr(row, name) for name in names] for row in rows]
    table = pd.DataFrame(cells, columns=columns(kind))
    for field in fields(kind):
        name = told_name(field.name)
        if field.type == "float | None" or field.type == float | None:
            table[name] = table[name].astype("float64")
        elif field.type == int | None:
            table[name] = table[name].astype("Int64")
        elif "StrEnum" in str(getattr(field.type, "__mro__", "")):
            table[name] = table[name].astype(str)
    return table
