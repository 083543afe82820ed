"""What to audit: ``audit.toml`` or keyword arguments become one validated ``AuditPlan``.

A plan is frozen and complete: two equal plans over equal data give equal audits. Every unknown key
is an error with the nearest known name, and all errors are told at once.
"""

from auditkit.plan.attribute import Attribute, unusable_group
from auditkit.plan.data import Above, exposed
from auditkit.plan.reading import NOT_BUILT, AuditPlan, make_plan, read_plan
from auditkit.plan.values import NUMBER, canonical, visible

__all__ = [
    "NOT_BUILT",
    "NUMBER",
    "Above",
    "Attribute",
    "AuditPlan",
    "canonical",
    "exposed",
    "make_plan",
    "read_plan",
    "unusable_group",
    "visible",
]
