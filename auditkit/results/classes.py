"""Rates of each of several classes against all others, and who was decided as what."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from auditkit.results.words import Count, Status

ClassName = Annotated[str, Field(alias="class")]
"""The column ``class``, which Python reserves as a word and holds as ``class_``."""


@dataclass(frozen=True, slots=True)
class ClassMeasurement:
    """One rate on one group, of one class against all others, or ``(macro)`` over the classes.

    Recall is ``true_positive_rate``: of people recorded as the class, the share decided as it.
    ``(macro)`` is the unweighted mean of the rates of all classes, and undefined where one of them
    is. ``n`` counts the people in the denominator, for ``(macro)`` those of all classes together.
    """

    class_: ClassName
    metric: str
    attribute: str
    group: str
    n: Count
    numerator: float | int | None
    denominator: float | int | None
    estimate: float | None
    lower: float | None
    upper: float | None
    status: Status
    note: str = ""
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class ClassDisparity:
    """How far a rate of one class lies from that of the rest: group minus ``against``.

    ``lower`` and ``upper`` are a two-sided 95 % interval. No verdict rests on it.
    """

    class_: ClassName
    metric: str
    attribute: str
    group: str
    against: str
    difference: float | None
    lower: float | None
    upper: float | None
    n: Count
    status: Status
    note: str = ""
    effective_n: float | None = None


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """Of a group's people recorded as one class, how many were decided as another or the same.

    ``n`` of ``actual_n`` people; ``share`` is weighted where people are.
    """

    attribute: str
    group: str
    actual: str
    decided: str
    n: Count
    share: float | None
    actual_n: Count
    status: Status
    note: str = ""
