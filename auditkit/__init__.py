"""Bias and fairness audits with honest uncertainty.

Point auditkit at a model, or at its decisions, and at evaluation data. For each requirement of a
policy it answers: within the limit, beyond it, or cannot tell with these data.

>>> import auditkit
>>> auditkit.audit(
...     model, data, label="in_need", positive="yes", outcome="benefit", attributes=["gender"]
... )  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditkit.api import Audit, audit, load, run
    from auditkit.errors import (
        AuditkitError,
        DataError,
        MissingExtra,
        ModelError,
        OutputError,
        PlanError,
        PolicyError,
    )
    from auditkit.plan import Attribute, AuditPlan
    from auditkit.results import AuditRecord, Disposition, Outcome, Status

__all__ = [
    "Attribute",
    "Audit",
    "AuditPlan",
    "AuditRecord",
    "AuditkitError",
    "DataError",
    "Disposition",
    "MissingExtra",
    "ModelError",
    "Outcome",
    "OutputError",
    "PlanError",
    "PolicyError",
    "Status",
    "audit",
    "load",
    "run",
]

_HOME = {
    "api": ("Audit", "audit", "load", "run"),
    "errors": (
        "AuditkitError",
        "DataError",
        "MissingExtra",
        "ModelError",
        "OutputError",
        "PlanError",
        "PolicyError",
    ),
    "plan": ("Attribute", "AuditPlan"),
    "results": ("AuditRecord", "Disposition", "Outcome", "Status"),
}


def __getattr__(name: str) -> object:
    """Bind a public name when it is first used, so that importing auditkit costs nothing."""
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"auditkit.{module}"), name)
    raise AttributeError(f"module 'auditkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
