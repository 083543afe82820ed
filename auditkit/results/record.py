"""The record of an audit: everything that it found."""

from dataclasses import dataclass
from typing import Any, TypeVar, cast

from auditkit.results.about import (
    AttributeInfo,
    Exclusion,
    GroupSize,
    ModelFileInfo,
    PolicyInfo,
    Provenance,
    Requirement,
    Rows,
    SamplingInfo,
    SystemInfo,
)
from auditkit.results.classes import ClassDisparity, ClassMeasurement, ConfusionCell
from auditkit.results.explained import (
    Attribution,
    DisparityAttribution,
    ErrorAttribution,
    Explanation,
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
from auditkit.results.words import Disposition


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Everything an audit found: what is stored, and what every report is drawn from."""

    format: str
    date: str
    system: SystemInfo
    sampling: SamplingInfo
    policy: PolicyInfo
    requirements: tuple[Requirement, ...]
    attributes: tuple[AttributeInfo, ...]
    intersections: int
    disposition: Disposition
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    rows: Rows
    groups: tuple[GroupSize, ...]
    exclusions: tuple[Exclusion, ...]
    measurements: tuple[Measurement, ...]
    disparities: tuple[Disparity, ...]
    spreads: tuple[Spread, ...]
    stratified_disparities: tuple[StratifiedDisparity, ...]
    equal_need: tuple[EqualNeed, ...]
    need_depth: tuple[NeedDepth, ...]
    need_ranks: tuple[NeedRank, ...]
    baseline: tuple[BaselineRate, ...]
    seeds: tuple[SeedSpread, ...]
    calibration: tuple[Calibration, ...]
    brier: tuple[Brier, ...]
    class_measurements: tuple[ClassMeasurement, ...]
    class_disparities: tuple[ClassDisparity, ...]
    confusion: tuple[ConfusionCell, ...]
    own_metrics: tuple[OwnMetric, ...]
    budgets: tuple[Budget, ...]
    exposure: tuple[Exposure, ...]
    cuts: tuple[Cut, ...]
    checks: tuple[Check, ...]
    self_test: tuple[SelfTest, ...]
    unknown_bounds: tuple[UnknownBound, ...]
    declared_shares: tuple[DeclaredShare, ...]
    label_error: tuple[LabelError, ...]
    explanation: Explanation
    attributions: tuple[Attribution, ...]
    disparity_attributions: tuple[DisparityAttribution, ...]
    error_explanation: Explanation
    error_attributions: tuple[ErrorAttribution, ...]
    proxies: tuple[Proxy, ...]
    explanation_quality: tuple[ExplanationQuality, ...]
    determinism: tuple[Determinism, ...]
    probes: tuple[Probe, ...]
    flips: tuple[Flip, ...]
    responses: tuple[Response, ...]
    removals: tuple[Removal, ...]
    notes: tuple[str, ...]
    provenance: Provenance
    model_file: ModelFileInfo | None = None


T = TypeVar("T")
NO_FLOAT = (str, int, type(None))


def round_floats(value: T, digits: int = 10) -> T:
    """Round every float inside a result to ``digits`` significant digits.

    Done once, when the record is made, so that Python, the command line, JSON and the report state
    the same number.
    """
    out: Any = value
    if isinstance(value, float):
        out = float(f"{value:.{digits}g}")
    elif isinstance(value, tuple):
        out = tuple(round_floats(item, digits) for item in value)
    elif hasattr(type(value), "__dataclass_fields__"):
        row: Any = value
        held = (getattr(row, name) for name in type(row).__dataclass_fields__)
        out = type(row)(
            *(item if isinstance(item, NO_FLOAT) else round_floats(item, digits) for item in held)
        )
    return cast("T", out)
