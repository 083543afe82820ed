"""Where the rows are, and what their columns mean."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import unquote_plus, urlsplit

from pydantic import Field, field_validator, model_validator

from auditkit.errors import listed
from auditkit.plan.values import InOrder, Named, Value, Values
from auditkit.results import RESERVED
from auditkit.strict import Strict

MOST_NEED_LEVELS = 20
"""More levels of need than this are not compared one by one."""
MOST_SEEDS = 50
"""Other training runs: each is counted in a pass of its own."""
SECRET = re.compile(
    r"pass|pwd|secret|token|credential|signature|api_?key|^(?:access_?)?key$|^sig$", re.IGNORECASE
)
"""A word in the name of a URL's parameter whose value nobody else should read."""
FOLDER = re.compile(r"(^|/)key=[^/&;,\s]+(?=/)")
"""A folder of rows that share the value of a column called key, as in ``key=3/part.parquet``."""


def exposed(source: str) -> str:
    """Say what is wrong with writing a source down; empty if nothing is. It is never repeated.

    >>> exposed("postgresql://auditor@host/aid"), exposed("households.csv")
    ('', '')
    >>> exposed("households/key=3/part.parquet")
    ''
    >>> exposed("postgresql://auditor:hunter2@host/aid")[:22]
    'holds a password. Take'
    """
    inner = re.sub(r"^(?:(?:spark|jdbc):)+(?=\w+:)", "", source)
    place, mark, more = inner.partition("?")
    place = FOLDER.sub(r"\1", place)
    names = re.findall(r"([^?&;,\s=]+)\s*=", unquote_plus(f"{place}{mark}{more}"))
    secret = any(SECRET.search(name) for name in names)
    if "://" in inner:
        try:
            url = urlsplit(inner)
            _ = url.port
        except ValueError:
            return "is not a URL that can be read. Write scheme://user@host:port/name"
        secret = secret or url.password is not None
    else:  # a slash too few makes no file name of it
        secret = secret or re.match(r"\w{2,}:?/{0,2}[^/:@]+:[^/@]+@", inner) is not None
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
            says, what = ("says", "it") if len(given) == 1 else ("say", "them")
            problems.append(
                f"{listed([f'data.{name}' for name in given])} {says} who is selected, but "
                f"data.task is 'regression': an amount is predicted, and nobody is selected. Take "
                f'{what} out, or set data.task = "binary"'
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
