"""The whole plan, read from ``audit.toml`` or made of keyword arguments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from auditkit import documents
from auditkit.errors import PlanError, named, unreadable
from auditkit.plan.attribute import Attribute
from auditkit.plan.data import Data
from auditkit.plan.sections import AuditInfo, Explain, Groups, Model, PolicyChoice, Report, System
from auditkit.strict import Strict, problems_of

NOT_BUILT = {
    "system.card": "system cards",
}
"""Keys of the plan's contract that this version does not carry out, so it refuses them."""


class AuditPlan(Strict):
    """One audit, fully said. Relative paths start in ``folder``, which is not part of the plan."""

    system: System = Field(default_factory=System)
    data: Data
    model: Model = Field(default_factory=Model)
    attributes: dict[str, Attribute]
    groups: Groups = Field(default_factory=Groups)
    policy: PolicyChoice = Field(default_factory=PolicyChoice)
    explain: Explain = Field(default_factory=Explain)
    report: Report = Field(default_factory=Report)
    audit: AuditInfo = Field(default_factory=AuditInfo)
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _name_attributes(cls, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, dict) and isinstance(data.get("attributes"), dict):
            named = {
                name: {"name": name, **spec} if isinstance(spec, dict) else spec
                for name, spec in data["attributes"].items()
            }
            return {**data, "attributes": named}
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.measured:
            raise ValueError(
                "attributes: no measured attribute is declared. Add at least one, such as "
                "[attributes.gender]"
            )
        amounts = self.data.amounts
        if not amounts and self.data.label is not None and self.data.positive is None:
            raise ValueError(
                f"data.positive is missing: say which value of '{self.data.label}' is the "
                f"positive one"
            )
        if (
            self.data.label is None
            and self.data.positive is not None
            and self.data.selected is None
            and self.data.decision
        ):
            raise ValueError(
                "data.positive is given without data.label. Name the label column, or use "
                "data.selected"
            )
        if self.data.label is not None and self.data.label == self.data.decision:
            raise ValueError(
                f"data.label and data.decision both name '{self.data.label}': every decision "
                f"would look right"
            )
        drawn = {"weight": self.data.weight, "cluster": self.data.cluster}
        if self.data.count is not None and (given := [k for k, v in drawn.items() if v]):
            raise ValueError(
                f"data.count says that a row stands for several people, so data.{given[0]} cannot "
                f"say how one was drawn. Give one of the two"
            )
        if self.data.count is not None and self.model.source is not None:
            raise ValueError(
                "data.count says that a row stands for several people; a model scores one person "
                "a row. Count its decisions, or give the rows"
            )
        apart = [k for k in ("weight", "cluster", "strata") if getattr(self.data, k) is not None]
        capped = [name for name, a in self.attributes.items() if a.unrecorded_at_most]
        if apart and capped:
            raise ValueError(
                f"attributes.{capped[0]}.unrecorded_at_most counts people drawn one by one, but "
                f"data.{apart[0]} says that these were not. Take one of the two out"
            )
        if (self.data.control is None) == bool(self.data.control_reason):
            raise ValueError(
                "data.control and data.control_reason go together: a factor at which groups are "
                "compared needs a sentence that says why it is legitimate, and the report prints it"
            )
        return self

    @model_validator(mode="after")
    def _attributes_apart(self) -> Self:
        for name, attribute in self.attributes.items():
            if attribute.name != name:
                raise ValueError(
                    f"attributes.{name} is also given the name '{attribute.name}'. Take that key "
                    f"out; the name of the section is the attribute's"
                )
        named = ("need", "label", "decision", "baseline")
        outcomes = {getattr(self.data, role): f"data.{role}" for role in named}
        outcomes |= dict.fromkeys(self.data.seeds, "data.seeds")
        for attribute in self.measured:
            if role := outcomes.get(attribute.column):
                raise ValueError(
                    f"attribute '{attribute.name}' and {role} both name '{attribute.column}': "
                    f"groups made of the outcome itself say nothing"
                )
        return self

    @property
    def measured(self) -> tuple[Attribute, ...]:
        """The attributes that have a column, in the plan's order."""
        return tuple(a for a in self.attributes.values() if a.state == "measured")

    @property
    def depth(self) -> int:
        """How many attributes are crossed at most."""
        return min(self.groups.intersections, len(self.measured))

    def path(self, name: str) -> Path:
        """Resolve a path of the plan from the plan's folder."""
        return self.folder / name


HELP = {
    "data.outcome": 'Say what being selected means to the person: "benefit" or "burden".',
    "data": "Add a [data] section with source, label, positive and outcome.",
    "attributes": "Name at least one protected attribute, such as [attributes.gender].",
}


def read_plan(path: str | Path) -> AuditPlan:
    """Read ``audit.toml``.

    Raises
    ------
    PlanError
        The file is missing, is not TOML, or does not make a plan; every problem is listed.
    """
    path = Path(path)
    try:
        text = documents.written(path)
    except IsADirectoryError:
        raise PlanError(
            f"Plan '{named(path)}' is a folder. Name the plan in it, such as audit.toml."
        ) from None
    except (OSError, ValueError) as error:
        raise PlanError(f"Plan '{named(path)}' cannot be read: {unreadable(error)}.") from None
    try:
        content = documents.toml(text)
    except ValueError as error:  # a number of 5,000 digits is a ValueError
        raise PlanError(f"Plan '{path.name}' is not valid TOML: {error}.") from None
    return make_plan(content, folder=path.parent)


def make_plan(content: Mapping[str, Any], folder: Path | None = None) -> AuditPlan:
    """Validate the content of a plan.

    Raises
    ------
    PlanError
        Lists every problem, one to a line.
    """
    unbuilt = [
        f"'{key}' is not carried out by this version ({what}). An audit that ignored it would "
        f"mislead, so remove the key or wait for the version that has it."
        for key, what in NOT_BUILT.items()
        if _given(content, key)
    ]
    kept = {s: _without(s, v) for s, v in content.items() if s != "folder"}
    stray = ["'folder' is not a key of the plan."] if "folder" in content else []
    try:
        plan = AuditPlan.model_validate({**kept, "folder": folder or Path()})
    except ValidationError as error:
        raise PlanError(*unbuilt, *stray, *problems_of(error, AuditPlan, "plan", HELP)) from None
    if unbuilt or stray:
        raise PlanError(*unbuilt, *stray)
    return plan


def _given(content: Mapping[str, Any], key: str) -> bool:
    section, name = key.split(".")
    return isinstance(content.get(section), Mapping) and content[section].get(name) is not None


def _without(section: str, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, Mapping):
        return value
    return {k: v for k, v in value.items() if f"{section}.{k}" not in NOT_BUILT}
