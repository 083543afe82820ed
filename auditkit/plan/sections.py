"""The other sections of a plan: the system, its model, the policy, and how it is audited."""

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from auditkit.errors import listed
from auditkit.plan.values import InOrder, Value, canonical
from auditkit.strict import Strict


class System(Strict):
    """What is audited, and at which stage of its life."""

    name: str = Field(default="Unnamed system", min_length=1, max_length=200)
    version: Annotated[str, BeforeValidator(canonical)] = ""
    stage: Literal["explore", "sandbox", "pre_rollout", "in_use"] = "explore"


class Model(Strict):
    """A model file, its digest if it is known, and the source columns it reads.

    ``features`` names the columns in the model's order; as a table it also says how a column of
    text is read: ``number`` or ``text``. ``classes`` names the labels in the model's order, where
    its file knows them by number only.
    """

    source: str | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    features: Annotated[tuple[str, ...], InOrder] | dict[str, Literal["number", "text"]] | None = (
        None
    )
    classes: Annotated[tuple[Value, ...], InOrder] | None = Field(default=None, min_length=2)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = list(self.features or ())
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"features names {listed(twice)} more than once")
        labels = list(self.classes or ())
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"classes names {listed(twice)} more than once")
        return self


class Groups(Strict):
    """How deep attributes are crossed, and the smallest denominator that can show a limit kept."""

    intersections: int = Field(default=1, ge=1, le=4)
    smallest: int | None = Field(default=None, ge=1, le=1_000_000)


class PolicyChoice(Strict):
    """Which policy judges, shipped or a file, and the answers that set its risk level."""

    use: str = "icrc"
    answers: dict[str, Value] = Field(default_factory=dict)


class Explain(Strict):
    """How many rows are explained at most, against how many background rows, and how.

    ``rows = 0`` leaves explanations out. ``perturbation`` chooses between what the trees hold
    themselves and an explicit background. ``stand_ins`` names inputs of the model that may stand in
    for an attribute: what becomes of decisions is tried when they are drawn from another group,
    beside those that carry most of a gap.
    """

    rows: int = Field(default=2000, ge=0, le=100_000)
    background: int = Field(default=50, ge=1, le=1000)
    perturbation: Literal["auto", "interventional"] = "auto"
    stand_ins: Annotated[tuple[str, ...], InOrder] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = self.stand_ins
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"stand_ins names {listed(twice)} more than once")
        return self


class Report(Strict):
    """Options of the report: whether it tells what the model costs to ask.

    What is measured differs from run to run, and so then does the page.
    """

    footprint: bool = False


class AuditInfo(Strict):
    """The seed of all randomness, and the date the audit is made for."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    date: dt.date | None = None

    @field_validator("date", mode="before")
    @classmethod
    def _iso(cls, value: object) -> object:
        if isinstance(value, str):
            return dt.date.fromisoformat(value)
        if value is not None and not isinstance(value, dt.date):
            raise ValueError("is no date. Write it as 2026-11-23")
        return value
