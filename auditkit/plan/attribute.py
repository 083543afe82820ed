"""A protected attribute, and how its values become groups."""

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from auditkit.errors import PlanError, listed
from auditkit.plan.values import Differ, InOrder, Share, Value, canonical, visible
from auditkit.results import CROSS, RESERVED
from auditkit.strict import Strict, problems_of

MOST_BINS = 50
"""More cuts than this make groups that nobody can be told apart by."""


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
