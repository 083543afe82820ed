"""The words that every table speaks, and the ranges of its numbers."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=0)]
Above0 = Annotated[float, Field(gt=0)]
"""Ranges that a stored record must keep; the schema of ``audit.json`` states them."""

ALL = "(all)"
NOT_RECORDED = "(not recorded)"
REST = "rest"
RANGE = "range"
HIGHEST = "highest"
SAMPLING = "(sampling)"
POOLED = "(pooled)"
MACRO = "(macro)"
CROSS = "*"
RESERVED = frozenset({ALL, NOT_RECORDED, REST, RANGE, HIGHEST, SAMPLING, POOLED})
"""Words a level of an attribute may not be, because the tables use them."""


class Status(StrEnum):
    """What a number is worth."""

    OK = "ok"
    INSUFFICIENT = "insufficient"
    UNDEFINED = "undefined"
    NOT_APPLICABLE = "not_applicable"


class Outcome(StrEnum):
    """What the evidence says of one check on one group."""

    WITHIN = "within"
    BREACH = "breach"
    INDETERMINATE = "indeterminate"
    UNDEFINED = "undefined"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"


class Effect(StrEnum):
    """What an outcome does to the disposition."""

    NOTE = "note"
    EXPLAIN = "explain"
    WARN = "warn"
    BLOCK_ON_BREACH = "block_on_breach"
    BLOCK_UNLESS_WITHIN = "block_unless_within"

    @property
    def blocks(self) -> bool:
        """Whether this effect can hold the system back."""
        return self in (Effect.BLOCK_ON_BREACH, Effect.BLOCK_UNLESS_WITHIN)

    @property
    def warns(self) -> bool:
        """Whether it is more than something to look at: it warns, or blocks."""
        return self is Effect.WARN or self.blocks


class Disposition(StrEnum):
    """What the audit as a whole allows; a named person decides."""

    READY_FOR_DECISION = "ready_for_decision"
    NOT_READY = "not_ready"
    REJECT = "reject"
    TERMINATE = "terminate"
    NONE = "none"


class CutBasis(StrEnum):
    """How it is known at which score the decisions are cut."""

    DECLARED = "declared"
    INFERRED = "inferred"
    NOT_A_CUT = "not_a_cut"
    UNKNOWN = "unknown"
