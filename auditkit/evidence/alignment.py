"""Columns handed beside a frame, matched by index and never by place."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, PlanError
from auditkit.plan import Attribute

if TYPE_CHECKING:
    import pandas as pd


class Rowwise:
    """Rows, and columns handed beside them: by name or as Series with the same index."""

    def __init__(self, data: Any) -> None:  # noqa: ANN401
        self.data = data

    def column(self, role: str, given: Any) -> str | None:  # noqa: ANN401
        """Return the name of a column, after taking a Series into the frame under its role's name.

        Raises
        ------
        DataError
            A bare array, or a Series whose index is not the frame's.
        """
        import pandas as pd

        if given is None or isinstance(given, str):
            return given
        if not isinstance(given, pd.Series) or not isinstance(self.data, pd.DataFrame):
            raise DataError(
                f"{role} is a {type(given).__name__}. Give the name of a column, or a Series with "
                f"the index of the data: an array could be in another order and nobody would know."
            )
        self._refuse_other_index(role, given)
        name = str(given.name) if given.name is not None else role
        aligned = given.reindex(self.data.index)
        if name in self.data.columns and not self.data[name].equals(aligned):
            name = f"{name} ({role})"
        self.data = self.data.assign(**{name: aligned})
        return name

    def columns(self, role: str, given: Any) -> list[str | None]:  # noqa: ANN401
        """Return the names of several columns; a single name is no list of them.

        Raises
        ------
        PlanError, DataError
        """
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise PlanError(f"{role} is a list of columns, such as ['run_2', 'run_3'].")
        return [self.column(f"{role} {place}", one) for place, one in enumerate(given, start=1)]

    def _refuse_other_index(self, role: str, given: "pd.Series[Any]") -> None:
        index = self.data.index
        if not index.is_unique or not given.index.is_unique:
            raise DataError(
                f"The index of the data or of {role} has repeated values, so rows cannot be "
                f"matched. Use reset_index(drop=True) on both before they are parted."
            )
        alone = len(index.difference(given.index)), len(given.index.difference(index))
        if any(alone):
            raise DataError(
                f"The index of {role} ({len(given)} rows) is not that of the data ({len(index)} "
                f"rows): {alone[0]} rows of the data have no {role}, {alone[1]} of {role} no row."
            )

    def attributes(self, given: Any) -> dict[str, Any]:  # noqa: ANN401
        """Make the plan's attribute section of names, Attributes and Series."""
        if isinstance(given, str | Attribute) or not isinstance(given, Sequence):
            raise PlanError(
                "attributes is a list, such as ['gender', Attribute('age', bins=[18, 61])]."
            )
        out: dict[str, Any] = {}
        for item in given:
            if isinstance(item, Attribute):
                name, spec = item.name, item.model_dump(exclude_defaults=True, exclude={"name"})
            else:
                name = self.column(f"attribute {len(out) + 1}", item) or ""
                spec = {"column": name}
            if name in out:
                raise PlanError(f"The attribute '{name}' is given twice. Name each attribute once.")
            out[name] = spec
        return out
