"""A path, a URL or a frame becomes a source, in the engine that already holds the rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from auditkit.errors import DataError, PlanError, did_you_mean, listed, unreadable
from auditkit.evidence import databases, spark
from auditkit.evidence.files import Reader
from auditkit.evidence.joining import joined, repeated
from auditkit.evidence.sources import Source, collected, needs
from auditkit.plan import AuditPlan, exposed

KINDS = (
    "a pandas DataFrame, or the path of a CSV or Parquet file, of a folder of Parquet files or of "
    "a DuckDB database; a URL of PostgreSQL or SQLite; an Arrow table, a DuckDB relation, or a "
    "table of polars, ibis or Spark"
)


def open_source(
    plan: AuditPlan,
    data: Any,  # noqa: ANN401
    protected: Any,  # noqa: ANN401
    columns: Sequence[str],
) -> Source:
    """Open the data, join the protected attributes if they are apart, and look for the columns.

    Raises
    ------
    DataError
        The data cannot be read, have no rows, lack columns, or cannot be joined; all missing
        columns are named.
    PlanError
        A URL holds a password.
    MissingExtra
        A package is needed that is not installed.
    """
    # a model reads the rows in batches
    opener = Opener(plan.folder, (data, protected), in_order=plan.data.decision is None)
    source = opener.open(data, plan.data.table, "data")
    key = plan.data.key
    if source.engine == "ibis":
        databases.refuse_other_kinds(source, [*columns, *((key,) if key else ())])
    if protected is None:
        _require(source.columns, [*columns, *((key,) if key else ())])
        source = source if key is None else repeated(source, key)
    else:
        assert key is not None  # noqa: S101  (the plan and the arguments were checked)
        beside = opener.beside(source, protected, plan.data.protected_table)
        attributes = list(dict.fromkeys(attribute.column for attribute in plan.measured))
        taken = [name for name in attributes if name in beside.columns]
        if twice := [name for name in taken if name in source.columns]:
            raise DataError(
                f"The attributes {listed(twice)} are both in the data and in the protected source. "
                f"Drop them from one of the two, so that it is plain which is meant."
            )
        _require(source.columns, [key, *(name for name in columns if name not in taken)], beside)
        _require(beside.columns, [key], where="the protected source")
        if beside.engine == "ibis":
            databases.refuse_other_kinds(beside, [key, *taken])
        source = joined(source, beside, key, taken)
    return source


def _require(
    known: Sequence[str],
    columns: Sequence[str],
    beside: Source | None = None,
    where: str = "the data",
) -> None:
    """Name all columns that are missing."""
    apart = () if beside is None else beside.columns
    also = " or in the protected source" if beside is not None else ""
    missing = [name for name in dict.fromkeys(columns) if name not in known]
    if missing:
        raise DataError(
            *(
                f"Column '{name}' is in the protected source, from which only attributes are "
                f"taken. Put it into {where}."
                if name in apart
                else f"Column '{name}' is not in {where}{also}. "
                f"{did_you_mean(name, [*known, *apart])}"
                for name in missing
            )
        )


class Opener:
    """Opens the data and what is joined to them, so that both are in one engine."""

    def __init__(self, folder: Path, places: Sequence[Any], *, in_order: bool) -> None:
        self.folder = folder
        self.files = [folder / place for place in places if _is_file(place)]
        self.in_order = in_order
        self.backends: dict[str, Any] = {}

    @cached_property
    def reader(self) -> Reader:
        """Start DuckDB when it is needed."""
        return Reader(self.files, in_order=self.in_order)

    def open(self, data: Any, table: str | None, role: str) -> Source:  # noqa: ANN401
        """Open data of any kind."""
        if isinstance(data, str | Path):
            source = self._place(data, table, role)
        elif table is not None:
            raise DataError(
                f"data.table names the table '{table}', but the data are a {type(data).__name__}. "
                f"Leave it out."
            )
        else:
            source = self._frame(data, role)
        if not len(collected(source.frame.select(source.columns[0]).head(1))):
            raise DataError("The data have no rows. There is nothing to audit.")
        return source

    def beside(self, source: Source, protected: Any, table: str | None) -> Source:  # noqa: ANN401
        """Open the protected attributes in the engine that holds the data.

        Raises
        ------
        DataError
            They are in another engine, and cannot be brought into that of the data.
        """
        import narwhals.stable.v2 as nw

        side = self.open(protected, table, "protected")
        if side.engine == source.engine == "ibis":
            ours, theirs = (one.frame.to_native().get_backend() for one in (source, side))
            if ours is not theirs:
                raise DataError(
                    "The data and the protected attributes are in two databases, which cannot be "
                    "joined without copying one into the other. Put both tables in one database, "
                    "or hand both over as files."
                )
        if side.engine == source.engine and side.connection is source.connection:
            return side
        local = side.engine in ("pandas", "polars") or side.connection is not None
        if local and source.engine == "pandas":
            rows: Any = collected(side.frame)
        elif local and source.engine == "polars":
            rows = side.frame.collect("polars").to_native()
        elif local and source.connection is not None:
            return replace(self.reader.frame(collected(side.frame)), files=side.files)
        else:
            raise DataError(
                f"The data are held by {source.engine} and the protected attributes by "
                f"{side.engine}: they cannot be joined without copying one into the other. Put "
                f"both in one place."
            )
        return replace(side, frame=nw.from_native(rows).lazy())

    def _place(self, data: str | Path, table: str | None, role: str) -> Source:
        text = str(data)
        if problem := exposed(text):
            raise PlanError(f"data.source {problem}.")
        if text.startswith(spark.PREFIX):
            return spark.open_parquet(text, self.folder, role)
        if _is_file(data):
            try:
                return self.reader.open(self.folder / data, table, role)
            except OSError as error:  # it may name a path of this machine
                name = Path(data).name
                raise DataError(
                    f"Data file '{name}' cannot be read: {unreadable(error)}."
                ) from None
        if text not in self.backends:
            self.backends[text] = databases.connect(text, self.folder)
        return databases.open_table(self.backends[text], text, table, self.folder, role)

    def _frame(self, data: Any, role: str) -> Source:  # noqa: ANN401
        import narwhals.stable.v2 as nw
        import pandas as pd

        kind = type(data).__module__.partition(".")[0].lstrip("_")
        if isinstance(data, pd.DataFrame):
            if data.columns.nlevels > 1:
                raise DataError(
                    "The frame has column names of several levels. Give each column one name."
                )
            data = data.rename(columns=str)
        if kind == "pyarrow" and hasattr(data, "schema"):
            _refuse_repeated(data.schema.names)
            return self.reader.frame(data)
        if kind in ("pandas", "duckdb", "pyspark"):
            _refuse_repeated(getattr(data, "columns", ()))
        frame: Any = nw.from_native(data, pass_through=True)
        if not isinstance(frame, nw.DataFrame | nw.LazyFrame):
            raise DataError(f"The data are a {type(data).__name__}. Give {KINDS}.")
        frame = frame.lazy()
        if frame.implementation.value not in ("pandas", "polars", "duckdb", "ibis", "pyspark"):
            raise DataError(f"The data are a {type(data).__name__} of {kind}. Give {KINDS}.")
        if kind == "polars":
            needs("pyarrow", "polars", "Polars hands its counts over")
        files = (databases.handed_over(data, role),) if kind == "ibis" else ()
        return Source(frame, tuple(frame.collect_schema().names()), files=files)


def _is_file(data: object) -> bool:
    """Whether data are given by the path of a file or folder of this machine."""
    text = str(data) if isinstance(data, str | Path) else "://"
    return "://" not in text and not text.startswith(spark.PREFIX)


def _refuse_repeated(columns: Sequence[str]) -> None:
    times = Counter(columns)
    if twice := sorted(name for name, number in times.items() if number > 1):
        raise DataError(f"The frame has more than one column named {listed(twice)}. Rename them.")
