"""What to audit: ``audit.toml`` or keyword arguments become one validated ``AuditPlan``.

A plan is frozen and complete: two equal plans over equal data give equal audits. Every unknown key
is an error with the nearest known name, and all errors are told at once.
"""

import datetime as dt
import itertools
import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from auditkit.errors import PlanError, listed, unreadable
from auditkit.results import CROSS, RESERVED
from auditkit.strict import Strict, problems_of

NOT_BUILT = {
    "system.card": "system cards",
}
"""Keys of the plan's contract that this version does not carry out, so it refuses them."""

MOST_NEED_LEVELS = 20
"""More levels of need than this are not compared one by one."""

MOST_BINS = 50
"""More cuts than this make groups that nobody can be told apart by."""

MOST_SEEDS = 50
"""Other training runs: each is counted in a pass of its own."""

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+\.0+")
NUMBER = re.compile(
    "[ \t\r\n]*"
    r"[-+]?(?:(?:[0-9]{1,150}[0-9]{0,150}(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?:[0-9]{1,8}(?:\.[0-9]*)?|\.[0-9]+)[eE](?:\+?[0-2]?[0-9]{1,2}|-[0-9]{1,3}))"
    "[ \t\r\n]*"
)
"""Text that is read as a number, the same on every engine, and never an infinite one.

Engines do not agree on what else is a blank (SQLite read 20 behind a no-break space as 0), and
PostgreSQL repeats nothing more than 255 times.
"""


def canonical(value: object) -> str:
    """Spell a value the one way values are compared: ``1.0`` as ``1``, ``True`` as ``true``.

    Text is normalised to Unicode NFC and otherwise left as it is: ``01`` and ``1`` stay two values.

    >>> canonical(1.0), canonical("1.0"), canonical(True), canonical("01"), canonical("yes")
    ('1', '1', 'true', '01', 'yes')
    >>> canonical(dt.datetime(2026, 11, 23)), canonical(Decimal("1.50"))
    ('2026-11-23', '1.5')
    >>> canonical(dt.datetime(2026, 11, 23, 9, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    '2026-11-23T08:00:00+00:00'
    """
    if isinstance(value, str):
        if value in ("True", "False"):
            return value.lower()
        if WHOLE_NUMBER.fullmatch(value):
            whole = value.split(".")[0].removeprefix("+")
            return "0" if whole == "-0" else whole  # a float spells it so too
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.UTC)  # engines hand one moment over in different zones
    if isinstance(value, dt.datetime) and value.time() == dt.time() and value.tzinfo is None:
        value = value.date()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return canonical(f"{value.normalize():f}")
    item = getattr(value, "item", None)  # a NumPy scalar
    return canonical(item()) if callable(item) else str(value)


FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
"""What shows nothing though Unicode does not count it among the characters of format."""


def visible(text: str) -> str:
    """Leave out what cannot be seen: characters of format and direction, and spaces at the ends.

    >>> visible(" a" + chr(0x200B)), visible(chr(0x200F))
    ('a', '')
    """
    if text.isascii():
        return text.strip()
    shown = (c for c in text if unicodedata.category(c) != "Cf" and c not in FILLERS)
    return "".join(shown).strip()


def _one_value(value: object) -> str:
    """Spell one value of the data; a list is none, and an empty text is missing."""
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        raise ValueError(f"is a {type(value).__name__}; give one value")
    if value is None or value != value or not (text := canonical(value)):
        raise ValueError("is empty, and what is empty counts as missing. Name a value")
    return text


def _one_or_several(value: object) -> str | tuple[str, ...]:
    """Spell one value of the data, or each of a list."""
    if not isinstance(value, list | tuple) or not value:
        return _one_value(value)
    several = tuple(_one_value(one) for one in value)
    if twice := sorted({one for one in several if several.count(one) > 1}):
        raise ValueError(f"names {listed(twice)} more than once")
    return several


def _in_order(value: object) -> object:
    """Refuse what has no order of its own: it would be another one on another day."""
    if isinstance(value, set | frozenset):
        raise ValueError("is a set, which has no order of its own. Write a list")
    if isinstance(value, str):
        raise ValueError(f"is one text. Write a list: [{value!r}]")
    return value


def _names_differ(value: object) -> object:
    """Refuse a table in which two keys are one value: the later would win without a word."""
    if isinstance(value, Mapping):
        spelled = [canonical(key) for key in value]
        if twice := sorted({key for key in spelled if spelled.count(key) > 1}):
            raise ValueError(f"names {listed(twice)} more than once")
    return value


Value = Annotated[str, BeforeValidator(_one_value)]
Values = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several)]
Named = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
InOrder = BeforeValidator(_in_order)
Differ = BeforeValidator(_names_differ)


SECRET = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)
"""A word in the name of a URL's parameter whose value nobody else should read."""


def exposed(source: str) -> str:
    """Say what is wrong with writing a source down; empty if nothing is. It is never repeated.

    >>> exposed("postgresql://auditor@host/aid"), exposed("households.csv")
    ('', '')
    >>> exposed("postgresql://auditor:hunter2@host/aid")[:22]
    'holds a password. Take'
    """
    if "://" not in source:
        secret = re.search(r"(?:passw\w*|pwd)\s*=", source, re.IGNORECASE) is not None
    else:
        try:
            url = urlsplit(source)
            _ = url.port
        except ValueError:
            return "is not a URL that can be read. Write scheme://user@host:port/name"
        names = [name for name, _ in parse_qsl(url.query, keep_blank_values=True)]
        secret = url.password is not None or any(SECRET.search(name) for name in names)
    if not secret:
        return ""
    return (
        "holds a password. Take it out, because plans are kept and shared, and set PGPASSWORD or "
        "the variable that the service itself reads"
    )


OF_SELECTION = (
    "positive",
    "selected",
    "score",
    "score_range",
    "quota",
    "need",
    "need_order",
    "in_need",
    "need_reliability",
    "baseline",
    "seeds",
    "control",
    "control_reason",
)
"""Keys of the data that say something of a selection, and nothing of a predicted amount."""


class Above(Strict):
    """Selected are the rows whose decision column, or score, lies strictly above a number."""

    above: float = Field(allow_inf_nan=False)


class System(Strict):
    """What is audited, and at which stage of its life."""

    name: str = Field(default="Unnamed system", min_length=1, max_length=200)
    version: Annotated[str, BeforeValidator(canonical)] = ""
    stage: Literal["explore", "sandbox", "pre_rollout", "in_use"] = "explore"


class Data(Strict):
    """Where the rows are, and what their columns mean.

    ``source`` is a CSV or Parquet file, a folder of Parquet files, a DuckDB database file,
    ``sqlite:///file.db``, ``postgresql://user@host/name`` or ``spark:file.parquet``. ``table``
    names a database's table, ``schema.table``, or, for a database opened by URL, is a query that
    begins with SELECT or WITH.

    ``protected_source`` and ``protected_table`` say the same of the rows that hold the protected
    attributes, if those are kept apart; ``key`` names the column that both have, whose values are
    compared as text and occur once. Alone, ``key`` names what a row is about.

    ``need`` names the column that says how deep a person's need is: numbers, of which more is more
    need, or levels that ``need_order`` lists, least need first. People are then compared at equal
    need. ``in_need`` says who counts as in need: ``{above = 3}``, or the highest levels. Without a
    label, to be in need is the recorded outcome. ``need_reliability`` is the share of the spread of
    recorded need that is no error of measurement, where it is known. ``need`` may also name the
    label, if what that records is need itself. Whoever is in need and not selected is missed need;
    with another label it is a missed recorded outcome.

    ``baseline`` names a second column of decisions about the same rows: what people or the present
    rule decided. It is read with the same ``selected`` and stands beside the system; no verdict
    rests on it.

    ``seeds`` names columns of decisions about the same rows by the same system, trained again with
    other seeds. They tell how far rates and gaps depend on the training run; no verdict rests on
    them.

    ``quota`` says how many people the budget can select, in weight where people are weighted; they
    are those with the highest scores.

    ``task`` is ``binary``, or ``multiclass`` where label and decision have more than two values.
    Each class is then told against all others beside the reading that the verdict rests on, which
    stays that of ``positive`` (one label or several) and ``selected``.

    ``outcome`` says what being selected means to the person: a benefit or a burden. It has no
    default, because guessing it turns every finding round.

    ``task`` is ``binary`` where people are selected or not, and ``regression`` where an amount is
    predicted: then label and decision hold numbers, and ``outcome`` says whether it is a benefit or
    a burden to be given more. ``tolerance`` is the largest error that does no harm, in the label's
    units.
    """

    source: Named | None = None
    table: Named | None = Field(default=None, min_length=1)
    key: Named | None = None
    protected_source: Named | None = None
    protected_table: Named | None = Field(default=None, min_length=1)
    label: Named | None = None
    positive: Values | None = None
    decision: Named | None = None
    selected: Above | Annotated[tuple[Value, ...], InOrder] | None = None
    need: Named | None = None
    need_order: Annotated[tuple[Value, ...], InOrder] | None = None
    in_need: Above | Annotated[tuple[Value, ...], InOrder] | None = None
    need_reliability: float | None = Field(default=None, gt=0, le=1)
    score: Named | None = None
    score_range: tuple[float, float] | None = None
    quota: int | None = Field(default=None, ge=1, le=10**15, strict=True)
    weight: Named | None = None
    cluster: Named | None = None
    strata: Named | None = None
    count: Named | None = None
    baseline: Named | None = None
    seeds: Annotated[tuple[Named, ...], InOrder, Field(max_length=MOST_SEEDS)] = ()
    control: Named | None = None
    control_reason: str = ""
    task: Literal["binary", "multiclass", "regression"] = "binary"
    tolerance: float | None = Field(default=None, gt=0, allow_inf_nan=False, strict=True)
    outcome: Literal["benefit", "burden"]

    @property
    def positives(self) -> tuple[str, ...]:
        """The label's values that are the positive outcome."""
        one = self.positive
        return one if isinstance(one, tuple) else () if one is None else (one,)

    @property
    def amounts(self) -> bool:
        """Whether label and decision are amounts, and nobody is selected."""
        return self.task == "regression"

    @property
    def several_classes(self) -> bool:
        """Whether label and decision have more than two values, each told by itself."""
        return self.task == "multiclass"

    @field_validator("selected", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if value is None or isinstance(value, Mapping | Above):
            return value
        return value if isinstance(value, list | tuple | set | frozenset) else (value,)

    @field_validator("score_range")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not (all(map(math.isfinite, value)) and value[0] < value[1]):
            raise ValueError("is the lowest and the highest score possible, such as [300, 850]")
        return value

    @field_validator("selected")
    @classmethod
    def _not_empty(cls, value: object) -> object:
        if value == ():
            raise ValueError("is empty, so nobody would be selected. Name at least one value")
        return value

    @model_validator(mode="after")
    def _as_many_values_as_the_task(self) -> Self:
        if not self.several_classes and isinstance(self.positive, tuple):
            raise ValueError(
                f"data.positive is a list, {listed(self.positives)}, but the task is binary, with "
                f'one positive value of two. Name that, or say task = "multiclass"'
            )
        if self.several_classes and isinstance(self.selected, Above):
            raise ValueError(
                f"data.selected cuts decisions above {self.selected.above:g}, but the task is "
                f"multiclass, with a class decided for each row. Name the classes that select"
            )
        return self

    @model_validator(mode="after")
    def _of_its_task(self) -> Self:
        if not self.amounts:
            if self.tolerance is not None:
                raise ValueError(
                    f"data.tolerance says how far a predicted amount may be wrong, but data.task "
                    f"is '{self.task}'. Set data.task = \"regression\", or take it out"
                )
            return self
        problems = []
        if given := [name for name in OF_SELECTION if getattr(self, name) not in (None, "", ())]:
            problems.append(
                f"{listed([f'data.{name}' for name in given])} say who is selected, but data.task "
                f"is 'regression': an amount is predicted, and nobody is selected. Take them out, "
                f'or set data.task = "binary"'
            )
        if self.label is None:
            problems.append(
                "data.task is 'regression', but data.label is missing. Name the column of the "
                "recorded amounts that predictions are held against"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _no_password(self) -> Self:
        # not a validator of the field, because an error of a field shows its value
        for name in ("source", "protected_source"):
            if problem := exposed(getattr(self, name) or ""):
                raise ValueError(f"{name} {problem}")
        return self

    @model_validator(mode="after")
    def _joined_by_a_key(self) -> Self:
        if self.protected_source is not None and self.key is None:
            raise ValueError(
                "protected_source is given without key. Name the column that both sides have and "
                "that says which rows belong together"
            )
        if self.protected_source is not None and self.count is not None:
            raise ValueError(
                "protected_source and count exclude each other: a row that counts several people "
                "has no key of its own"
            )
        if self.protected_table is not None and self.protected_source is None:
            raise ValueError("protected_table is given without protected_source")
        return self

    @field_validator("need_order")
    @classmethod
    def _a_ladder(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        if twice := sorted({level for level in value if value.count(level) > 1}):
            raise ValueError(f"names {listed(twice)} more than once")
        if taken := sorted({level for level in value if level in RESERVED}):
            raise ValueError(
                f"names {listed(taken)}, which auditkit uses itself. Write that level otherwise, "
                f"in the data too"
            )
        if not 2 <= len(value) <= MOST_NEED_LEVELS:
            raise ValueError(
                f"lists {len(value)} levels of need, least need first; give 2 to {MOST_NEED_LEVELS}"
            )
        return value

    @model_validator(mode="after")
    def _decisions_apart(self) -> Self:
        for role in ("label", "decision"):
            column = getattr(self, role)
            if self.baseline is not None and self.baseline == column:
                raise ValueError(
                    f"data.baseline and data.{role} both name '{column}': nothing would be "
                    f"compared. Name the column of what is decided today"
                )
            if column is not None and column in self.seeds:
                raise ValueError(
                    f"data.seeds and data.{role} both name '{column}'. Name the decisions of other "
                    f"training runs only"
                )
        if self.seeds and self.decision is None:
            raise ValueError(
                "data.seeds names decisions of other training runs, but data.decision is not "
                "given. Write the decisions of the audited run into a column too"
            )
        if twice := sorted({name for name in self.seeds if self.seeds.count(name) > 1}):
            raise ValueError(f"data.seeds names {listed(twice)} more than once")
        return self

    @model_validator(mode="after")
    def _need_is_declared_whole(self) -> Self:
        beside = ("need_order", "in_need", "need_reliability")
        given = [key for key in beside if getattr(self, key) is not None]
        if self.need is None:
            if given:
                raise ValueError(
                    f"data.{given[0]} is given without data.need. Name the column of need"
                )
            return self
        if self.outcome == "burden":
            raise ValueError(
                "data.need says who needs a benefit, but data.outcome is 'burden'. Leave it out"
            )
        if self.need == self.label and given:
            raise ValueError(
                f"data.need names the label '{self.need}', and data.positive says who is in need. "
                f"Take data.{given[0]} out"
            )
        apart = ("decision", "baseline", "score", "weight", "cluster", "count", "key")
        for role in (*apart, "seeds"):
            named = getattr(self, role)
            if self.need == named or (role == "seeds" and self.need in self.seeds):
                raise ValueError(
                    f"data.need and data.{role} both name '{self.need}': nobody would be compared "
                    f"at equal need. Name the column that says who needs help"
                )
        return self

    @model_validator(mode="after")
    def _in_need_is_the_upper_end(self) -> Self:
        order, chosen = self.need_order, self.in_need
        if chosen is not None and isinstance(chosen, Above) == (order is not None):
            raise ValueError(
                "data.in_need is a cut of numbers, such as { above = 3 }, or with data.need_order "
                "a list of its highest levels"
            )
        if order is not None and isinstance(chosen, tuple):
            if unknown := [level for level in chosen if level not in order]:
                raise ValueError(f"data.in_need names {listed(unknown)}, not in data.need_order")
            if not chosen or set(chosen) != set(order[-len(set(chosen)) :]):
                raise ValueError(
                    f"data.in_need names {listed(chosen)}, but whoever is above somebody in need "
                    f"is in need too. Name the last levels of data.need_order"
                )
        if order is not None and self.need_reliability is not None:
            raise ValueError(
                "data.need_reliability is about numbers, but data.need_order lists levels. Give "
                "one of the two"
            )
        return self

    @property
    def recorded(self) -> str | None:
        """The column of the recorded outcome: the label, else that of need if it says who is."""
        return self.label or (self.need if self.in_need is not None else None)

    @property
    def need_apart(self) -> str | None:
        """The column of need, if it is not the label."""
        return self.need if self.need != self.label else None

    @model_validator(mode="after")
    def _a_score_beside_the_label(self) -> Self:
        if self.score is None and self.score_range is not None:
            raise ValueError("data.score_range is given without data.score")
        if self.quota is not None and self.score is None and self.decision is not None:
            raise ValueError(
                "data.quota says that the highest scores are selected, but no score is named. Name "
                "the score column as data.score, or give a model that gives probabilities"
            )
        if self.score is not None and self.score == self.label:
            raise ValueError(
                f"data.label and data.score both name '{self.score}': every score would look right"
            )
        return self


class Model(Strict):
    """A model file, its digest if it is known, and the source columns it reads.

    ``features`` names the columns in the model's order; as a table it also says how a column of
    text is read: ``number`` or ``text``.
    """

    source: str | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    features: Annotated[tuple[str, ...], InOrder] | dict[str, Literal["number", "text"]] | None = (
        None
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = list(self.features or ())
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"features names {listed(twice)} more than once")
        return self


class Attribute(Strict):
    """A protected attribute: the column it is in and how its values become groups.

    Parameters
    ----------
    name : str
        What the tables call it.
    column : str, optional
        The column, if it has another name.
    bins : sequence of float, optional
        Rising cut points for numbers: ``[18, 61]`` gives ``<18``, ``[18,61)`` and ``>=61``.
    labels : sequence or mapping of str, optional
        Other names for the groups: one for each bin, or value by value.
    merge : mapping of str to sequence, optional
        Values to be counted as one group; each merge is recorded.
    reference : str, optional
        A group that every other is also compared with.
    unrecorded_at_most : mapping of str to float, optional
        The largest share, group by group, that people of that group can be of those whose value is
        not recorded; a gap is then bounded no further. ``unrecorded_reason`` says how that is known
        and is printed.
    ground : str, optional
        The ground of distinction in the policy's words.
    state : {"measured", "not_collected", "unsafe_to_collect"}
        The last two are listed on page 1 and never guessed at.
    """

    name: str = ""
    column: str = ""
    ground: str = ""
    bins: Annotated[tuple[float, ...], Field(max_length=MOST_BINS), InOrder] | None = None
    labels: Annotated[tuple[str, ...], InOrder] | Annotated[dict[Value, str], Differ] | None = None
    merge: Annotated[dict[Value, Annotated[tuple[Value, ...], InOrder]], Differ] | None = None
    reference: Value | None = None
    unrecorded_at_most: Annotated[dict[Value, Share], Differ] = Field(default_factory=dict)
    unrecorded_reason: str = ""
    state: Literal["measured", "not_collected", "unsafe_to_collect"] = "measured"

    def __init__(self, name: str | None = None, /, **data: Any) -> None:  # noqa: ANN401
        if name is not None and "name" in data:
            raise PlanError(f"Attribute '{name}' is also given the name '{data['name']}'.")
        try:
            super().__init__(**(data if name is None else {"name": name, **data}))
        except ValidationError as error:
            raise PlanError(*problems_of(error, Attribute, "attribute", {})) from None

    @model_validator(mode="before")
    @classmethod
    def _column_is_name(cls, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, dict) and data.get("name") and not data.get("column"):
            return {**data, "column": data["name"]}
        return data

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not self.name or CROSS in self.name or self.name in RESERVED:
            raise ValueError(
                f"'{self.name}' cannot name an attribute: it is empty, holds '*', or is a word "
                f"of the tables"
            )
        if self.bins is not None:
            finite = all(math.isfinite(cut) for cut in self.bins)
            if not self.bins or not finite or list(self.bins) != sorted(set(self.bins)):
                raise ValueError("bins must be rising cut points, such as [18, 31, 61]")
            if self.merge is not None:
                raise ValueError(
                    "bins and merge do not go together: leave out the cuts between what is one "
                    "group"
                )
            if isinstance(self.labels, dict):
                raise ValueError("labels of bins are a list, one for each group, not a table")
            if self.labels is not None and len(self.labels) != len(self.bins) + 1:
                raise ValueError(
                    f"{len(self.bins)} bins make {len(self.bins) + 1} groups, but labels names "
                    f"{len(self.labels)}"
                )
        elif isinstance(self.labels, tuple):
            raise ValueError(
                "a list of labels goes with bins; without bins write a table, value = label"
            )
        return self

    @model_validator(mode="after")
    def _shares_with_a_reason(self) -> Self:
        if bool(self.unrecorded_at_most) != bool(self.unrecorded_reason.strip()):
            raise ValueError(
                "unrecorded_at_most and unrecorded_reason go together: who the people not recorded "
                "can be needs a sentence that says how that is known, and the report prints it"
            )
        if self.unrecorded_at_most and self.state != "measured":
            raise ValueError(
                f"unrecorded_at_most says who people without a value can be, but the state is "
                f"'{self.state}'. Take one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _each_row_in_one_named_group(self) -> Self:
        merged = [value for values in (self.merge or {}).values() for value in values]
        if twice := sorted({value for value in merged if merged.count(value) > 1}):
            raise ValueError(f"merge puts {listed(twice)} into two groups; a row is in one of them")
        names = [
            *(self.labels.values() if isinstance(self.labels, dict) else self.labels or ()),
            *(self.merge or {}),
        ]
        for name in names:
            if problem := unusable_group(name):
                raise ValueError(problem)
        if isinstance(self.labels, tuple) and len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must differ from each other")
        if isinstance(self.labels, dict):
            self._refuse_merging_labels(self.labels)
        return self

    def _refuse_merging_labels(self, labels: Mapping[str, str]) -> None:
        """Refuse two values under one label: only ``merge`` makes one group of two."""
        into: dict[str, list[str]] = {group: [group] for group in self.merge or {}}
        for value, label in labels.items():
            if value != label:
                into.setdefault(label, []).append(value)
        for label, values in into.items():
            if len(values) > 1:
                raise ValueError(
                    f"labels gives {listed(values)} the one name '{label}'. If they are one group, "
                    f'say so: merge = {{ "{label}" = [...] }}'
                )

    def speaks_of(self, group: str) -> bool:
        """Whether the plan itself names a group, so that to find nobody of it is a gap."""
        labels = self.labels.values() if isinstance(self.labels, dict) else ()
        return self.bins is not None or group in {*labels, *(self.merge or {}), self.reference}

    @property
    def groups_of_bins(self) -> tuple[str, ...]:
        """Names of the groups that the bins make, lowest first."""
        if self.bins is None:
            return ()
        if isinstance(self.labels, tuple):
            return self.labels
        cuts = [canonical(cut) for cut in self.bins]
        between = (f"[{low},{high})" for low, high in itertools.pairwise(cuts))
        return (f"<{cuts[0]}", *between, f">={cuts[-1]}")


def unusable_group(level: str) -> str:
    """Say why a value cannot name a group; empty if it can."""
    if not visible(level):
        return "a text that shows nothing names no group. Empty those cells, or merge the value"
    if CROSS in level:
        return (
            f"the value '{level}' holds '*', which the tables use for crossings. Merge it under "
            f"another name"
        )
    if level in RESERVED:
        return f"the value '{level}' is a word of the tables. Merge it under another name"
    return ""


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
    themselves and an explicit background.
    """

    rows: int = Field(default=2000, ge=0, le=100_000)
    background: int = Field(default=50, ge=1, le=1000)
    perturbation: Literal["auto", "interventional"] = "auto"


class Report(Strict):
    """Options of the report; this version has none."""


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
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise PlanError(f"Plan '{path.name}' cannot be read: {unreadable(error)}.") from None
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
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
