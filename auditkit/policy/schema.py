"""A policy file becomes one validated ``Policy``, settled for a risk level and an outcome.

Policies are TOML: data only, nothing in them is evaluated. Unknown keys are errors.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from auditkit import documents
from auditkit.errors import PolicyError, did_you_mean, listed, unreadable
from auditkit.plan import AuditPlan
from auditkit.results import Effect, PolicyInfo, Requirement
from auditkit.strict import Strict, problems_of

T = TypeVar("T")
Limit = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
SMALLEST_LIMIT = 0.001
"""No audit has the people to show a gap this small, nor a ratio this close to 1."""
LARGEST_RATIO = 100.0
"""A ratio beyond this holds nothing back."""


class ByLevel(Strict, Generic[T]):
    """A value for each risk level."""

    low: T
    medium: T
    high: T


class CheckRule(Strict):
    """One metric compared between a group and the rest, and what a limit on it does.

    The metric is a rate, or ``selection_at_equal_need`` or ``calibration``, which do not block.
    A ``difference`` is held within plus and minus ``limit``. A ``ratio`` is held within ``limit``
    and its reciprocal, and only where the gap is shown to exceed ``gap_floor``.
    """

    metric: str
    statistic: Literal["difference", "ratio"]
    limit: Limit | ByLevel[Limit]
    effect: Effect | ByLevel[Effect]
    outcome: Literal["benefit", "burden"] | None = None
    gap_floor: float | None = Field(default=None, ge=0, le=0.5)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        limits = [self.limit] if isinstance(self.limit, float) else self.limit.model_dump().values()
        if self.statistic == "ratio" and min(limits) <= 1:
            raise ValueError("the limit of a ratio is above 1; its reciprocal is held too")
        if self.statistic == "difference" and max(limits) >= 1:
            raise ValueError("the limit of a difference of rates is below 1")
        parity = 1 if self.statistic == "ratio" else 0
        if min(limits) < parity + SMALLEST_LIMIT or max(limits) > LARGEST_RATIO:
            raise ValueError(
                f"a limit lies at least {SMALLEST_LIMIT} from no gap, and that of a ratio at most "
                f"at {LARGEST_RATIO:g}"
            )
        if (self.statistic == "ratio") != (self.gap_floor is not None):
            raise ValueError("gap_floor goes with a ratio, and only with a ratio")
        return self


class RiskRule(Strict):
    """Holds when every answer in ``all`` is at least that grave, and one in ``any`` if given."""

    all: dict[str, str] = Field(default_factory=dict)
    any: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not self.all and not self.any:
            raise ValueError("a rule without conditions says nothing. Name answers in all or any")
        return self


Answers = Annotated[tuple[str, ...], Field(min_length=1)]


class Risk(Strict):
    """Questions with their answers from least to most grave, and the rules of the levels."""

    questions: dict[str, Answers] = Field(min_length=1)
    high: tuple[RiskRule, ...] = ()
    medium: tuple[RiskRule, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.high and not self.medium:
            raise ValueError("no rule leads to a higher level, so every system would be at low")
        for question, answers in self.questions.items():
            if len(set(answers)) < len(answers):
                raise ValueError(f"the question '{question}' lists an answer twice")
        for rule in (*self.high, *self.medium):
            for question, answer in (*rule.all.items(), *rule.any.items()):
                if question not in self.questions:
                    raise ValueError(f"a rule names the question '{question}', which is not asked")
                if answer not in self.questions[question]:
                    raise ValueError(f"'{answer}' is not an answer to '{question}'")
        return self


class Inference(Strict):
    """The error allowed to an all-clear and to all breaches together; the least denominator."""

    alpha: float = Field(default=0.05, ge=0.0001, le=0.2)
    floor: int = Field(default=30, ge=1, le=1_000_000)


class PolicyRequirement(Strict):
    """A sentence of the policy and the checks that bear on it."""

    id: str
    title: str
    text: str
    status: str
    checks: tuple[str, ...] = Field(min_length=1)


class PolicyFile(Strict):
    """A policy as it is written."""

    id: str
    version: str
    title: str
    source: str
    inference: Inference = Field(default_factory=Inference)
    risk: Risk | None = None
    checks: dict[str, CheckRule]
    requirements: tuple[PolicyRequirement, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        used = [check for requirement in self.requirements for check in requirement.checks]
        for check in used:
            if check not in self.checks:
                raise ValueError(
                    f"a requirement names the check '{check}', which the policy does not have. "
                    f"{did_you_mean(check, self.checks)}"
                )
        if unused := sorted(set(self.checks) - set(used)):
            raise ValueError(f"no requirement uses the checks {listed(unused)}")
        ids = [requirement.id for requirement in self.requirements]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"more than one requirement has the id {listed(twice)}")
        if len(used) != len(set(used)):
            raise ValueError("each check serves one requirement")
        for name, rule in self.checks.items():
            if self.risk is None and not (
                isinstance(rule.limit, float) and isinstance(rule.effect, Effect)
            ):
                raise ValueError(f"check '{name}' differs by risk level, but the policy has none")
        return self


@dataclass(frozen=True, slots=True)
class SettledCheck:
    """A check with its limit and effect settled for the risk level in force."""

    name: str
    requirement: str
    metric: str
    statistic: str
    limit: float
    gap_floor: float
    effect: Effect


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force: risk level determined, checks settled for it and for the outcome."""

    file: PolicyFile
    digest: str
    level: str
    level_reason: str
    alpha: float
    floor: int
    checks: tuple[SettledCheck, ...]

    def info(self, hypotheses: int) -> PolicyInfo:
        """Tell who judges, for the record."""
        return PolicyInfo(
            id=self.file.id,
            version=self.file.version,
            title=self.file.title,
            source=self.file.source,
            level=self.level,
            level_reason=self.level_reason,
            alpha=self.alpha,
            floor=self.floor,
            hypotheses=hypotheses,
        )

    def requirements(self) -> tuple[Requirement, ...]:
        """List the requirements, each with those of its checks that apply here."""
        applying = {check.name for check in self.checks}
        return tuple(
            Requirement(
                r.id, r.title, r.text, r.status, tuple(c for c in r.checks if c in applying)
            )
            for r in self.file.requirements
        )


def shipped() -> dict[str, Path]:
    """Name the policies that come with auditkit."""
    return {path.stem: path for path in sorted(Path(__file__).with_name("files").glob("*.toml"))}


def read_policy(plan: AuditPlan) -> Policy:
    """Read the policy the plan names, and settle it for the plan's answers and outcome.

    Raises
    ------
    PolicyError
        No such policy, not a policy, or answers that it does not ask for.
    """
    use = plan.policy.use
    name = Path(use).name or use
    try:
        text = _written(use, plan)
    except (OSError, ValueError) as error:
        raise PolicyError(f"Policy '{name}' cannot be read: {unreadable(error)}.") from None
    if text is None:
        raise PolicyError(
            f"Policy '{name}' is neither shipped nor a .toml file beside the plan. "
            f"{did_you_mean(use, shipped())}"
        )
    try:
        content = documents.toml(text)
    except ValueError as error:  # a number of 5,000 digits is a ValueError
        raise PolicyError(f"Policy '{name}' cannot be read as TOML: {error}.") from None
    try:
        file = PolicyFile.model_validate(content)
    except ValidationError as error:
        found = problems_of(error, PolicyFile, "policy", {})
        raise PolicyError(*(f"Policy '{name}': {problem}" for problem in found)) from None
    return settle(file, plan)


def _written(use: str, plan: AuditPlan) -> str | None:
    """Read the text of a policy; ``None`` if there is no such file."""
    path = shipped().get(use) or plan.path(use)
    if path.suffix != ".toml" or not path.exists():
        return None
    return documents.written(path)


def settle(file: PolicyFile, plan: AuditPlan) -> Policy:
    """Determine the risk level and settle every check for it.

    Raises
    ------
    PolicyError
        Answers to questions that the policy does not ask, or answers it does not know.
    """
    level, reason = risk_level(file.risk, plan.policy.answers)
    requirement_of = {check: r.id for r in file.requirements for check in r.checks}
    checks = tuple(
        SettledCheck(
            name=name,
            requirement=requirement_of[name],
            metric=rule.metric,
            statistic=rule.statistic,
            limit=_at(rule.limit, level),
            gap_floor=rule.gap_floor or 0.0,
            effect=_at(rule.effect, level),
        )
        for name, rule in file.checks.items()
        if rule.outcome in (None, plan.data.outcome)
    )
    canonical = json.dumps(file.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return Policy(
        file=file,
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        level=level,
        level_reason=reason,
        alpha=file.inference.alpha,
        floor=plan.groups.smallest or file.inference.floor,
        checks=checks,
    )


def _at(value: T | ByLevel[T], level: str) -> T:
    return getattr(value, level) if isinstance(value, ByLevel) else value


def risk_level(risk: Risk | None, answers: Mapping[str, str]) -> tuple[str, str]:
    """Determine the risk level and say why; the worst case wins, an answer not given is the worst.

    Returns
    -------
    level : str
        ``low``, ``medium``, ``high``, or empty for a policy without levels.
    reason : str
        The rule that set the level, in words.

    Raises
    ------
    PolicyError
        An answer to an unknown question, or an unknown answer.
    """
    if risk is None:
        if answers:
            raise PolicyError("policy.answers: this policy has no risk levels and asks nothing.")
        return "", "The policy has no risk levels."
    problems = [
        f"policy.answers.{q}: the policy does not ask this. {did_you_mean(q, risk.questions)}"
        for q in answers
        if q not in risk.questions
    ]
    problems += [
        f"policy.answers.{q}: '{a}' is not an answer. Choose one of {listed(risk.questions[q])}."
        for q, a in answers.items()
        if q in risk.questions and a not in risk.questions[q]
    ]
    if problems:
        raise PolicyError(*problems)
    given = {q: answers.get(q, choices[-1]) for q, choices in risk.questions.items()}
    silent = [q for q in risk.questions if q not in answers]
    unknown = f" Not answered, so taken as the worst: {listed(silent, 12)}." if silent else ""
    for level, rules in (("high", risk.high), ("medium", risk.medium)):
        for rule in rules:
            if reason := _holds(rule, given, risk.questions):
                return level, f"{level.capitalize()} because {reason}.{unknown}"
    return "low", f"Low because no rule for a higher level applies.{unknown}"


def _holds(rule: RiskRule, given: dict[str, str], questions: dict[str, tuple[str, ...]]) -> str:
    """Say which answers make the rule hold; empty if it does not."""

    def met(wanted: dict[str, str]) -> list[str]:
        order = questions
        return [
            f"{q} is {given[q]}"
            for q, least in wanted.items()
            if order[q].index(given[q]) >= order[q].index(least)
        ]

    every, some = met(rule.all), met(rule.any)
    if len(every) < len(rule.all) or (rule.any and not some):
        return ""
    return " and ".join([*every, *some[:1]])
