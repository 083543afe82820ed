"""The frozen rows that everything downstream speaks; an ``AuditRecord`` holds them all.

Numbers that do not exist are ``None`` with a status and a note, never a float. No row of data is
ever part of a result.

``words`` holds what all of them speak, ``tables`` how they are laid out;
every other module is a kind of answer, or ``about`` the audit itself.
"""

from auditkit.results.about import (
    AttributeInfo,
    Digests,
    Exclusion,
    GroupSize,
    ModelFileInfo,
    PolicyInfo,
    Provenance,
    Requirement,
    Rows,
    SamplingInfo,
    SourceFile,
    SystemInfo,
    Version,
)
from auditkit.results.classes import ClassDisparity, ClassMeasurement, ConfusionCell
from auditkit.results.explained import Attribution, DisparityAttribution, Explanation
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
from auditkit.results.probed import Determinism, Probe
from auditkit.results.record import AuditRecord, round_floats
from auditkit.results.scores import Brier, Budget, Calibration, Cut, Exposure
from auditkit.results.tables import TABLES, as_told, columns, frame, told_name
from auditkit.results.words import (
    ALL,
    CROSS,
    HIGHEST,
    MACRO,
    NOT_RECORDED,
    POOLED,
    RANGE,
    RESERVED,
    REST,
    SAMPLING,
    Above0,
    Count,
    CutBasis,
    Disposition,
    Effect,
    Outcome,
    Status,
)

__all__ = [
    "ALL",
    "CROSS",
    "HIGHEST",
    "MACRO",
    "NOT_RECORDED",
    "POOLED",
    "RANGE",
    "RESERVED",
    "REST",
    "SAMPLING",
    "TABLES",
    "Above0",
    "AttributeInfo",
    "Attribution",
    "AuditRecord",
    "BaselineRate",
    "Brier",
    "Budget",
    "Calibration",
    "Check",
    "ClassDisparity",
    "ClassMeasurement",
    "ConfusionCell",
    "Count",
    "Cut",
    "CutBasis",
    "DeclaredShare",
    "Determinism",
    "Digests",
    "Disparity",
    "DisparityAttribution",
    "Disposition",
    "Effect",
    "EqualNeed",
    "Exclusion",
    "Explanation",
    "Exposure",
    "Finding",
    "GroupSize",
    "LabelError",
    "Measurement",
    "ModelFileInfo",
    "NeedDepth",
    "NeedRank",
    "Outcome",
    "OwnMetric",
    "PolicyInfo",
    "Probe",
    "Provenance",
    "Requirement",
    "Rows",
    "SamplingInfo",
    "SeedSpread",
    "SelfTest",
    "SourceFile",
    "Spread",
    "Status",
    "StratifiedDisparity",
    "SystemInfo",
    "UnknownBound",
    "Version",
    "as_told",
    "columns",
    "frame",
    "round_floats",
    "told_name",
]
