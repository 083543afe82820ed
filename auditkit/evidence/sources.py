"""A file or a frame becomes one lazy frame, whatever engine holds the rows.

Files are read by DuckDB, which streams them; a pandas frame stays in pandas. The expressions that
count are the same narwhals expressions for all of them.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, did_you_mean, listed
from auditkit.plan import NUMBER
from auditkit.results import SourceFile

if TYPE_CHECKING:
    import duckdb
    import narwhals.stable.v2 as nw
    import pandas as pd

BATCH_ROWS = 100_000
VECTOR_ROWS = 2048  # DuckDB hands rows over in vectors of this size


@dataclass(frozen=True)
class Source:
    """Rows that can be counted in place and read in batches.

    ``text`` says that every cell is text (CSV) and is cast by the use the plan makes of it.
    """

    frame: "nw.LazyFrame[Any]"
    columns: tuple[str, ...]
    text: bool
    files: tuple[SourceFile, ...]
    connection: "duckdb.DuckDBPyConnection | None" = None

    @property
    def is_pandas(self) -> bool:
        """Whether the rows are held by pandas."""
        return self.connection is None

    def batches(
        self, frame: "nw.LazyFrame[Any]", size: int = BATCH_ROWS
    ) -> "Iterator[pd.DataFrame]":
        """Read a frame derived from this source in pandas frames of about ``size`` rows."""
        native = frame.to_native()
        if self.connection is None:
            for start in range(0, len(native), size):
                yield native.iloc[start : start + size]
            return
        native.create_view("batch_rows", replace=True)  # so that no SQL is built from names
        cursor = self.connection.cursor().execute("select * from batch_rows")
        while len(chunk := cursor.fetch_df_chunk(max(1, size // VECTOR_ROWS))):
            yield chunk


def open_source(data: Any, columns: Sequence[str]) -> Source:  # noqa: ANN401
    """Open a path (CSV, Parquet) or a pandas frame, and keep the columns that are needed.

    Raises
    ------
    DataError
        The file cannot be read, has no rows, or lacks columns; all missing columns are named.
    """
    import pandas as pd

    if not isinstance(data, pd.DataFrame | str | Path):
        raise DataError(
            f"The data are a {type(data).__name__}. Give a pandas DataFrame, or the path of a CSV "
            f"or Parquet file."
        )
    source = _frame(data) if isinstance(data, pd.DataFrame) else _file(Path(data))
    missing = [name for name in dict.fromkeys(columns) if name not in source.columns]
    if missing:
        raise DataError(
            *(
                f"Column '{name}' is not in the data. {did_you_mean(name, source.columns)}"
                for name in missing
            )
        )
    return source


def _frame(data: "pd.DataFrame") -> Source:
    import narwhals.stable.v2 as nw

    twice = sorted({str(name) for name in data.columns[data.columns.duplicated()]})
    if twice:
        raise DataError(f"The frame has more than one column named {listed(twice)}. Rename them.")
    if not len(data):
        raise DataError("The data have no rows. There is nothing to audit.")
    data = data.rename(columns=str)
    return Source(nw.from_native(data).lazy(), tuple(data.columns), text=False, files=())


def _file(path: Path) -> Source:
    import duckdb
    import narwhals.stable.v2 as nw

    if not path.is_file():
        raise DataError(f"Data file '{path.name}' does not exist where the plan points.")
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    try:
        if parquet:
            relation = connection.read_parquet(str(path))
        else:
            relation = connection.read_csv(
                str(path), header=True, all_varchar=True, na_values="", sample_size=20_480
            )
            _refuse_repeated_header(path, relation.columns)
        empty = relation.limit(1).fetchall() == []
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise DataError(f"Data file '{path.name}' cannot be read: {_reason(error)}.") from None
    if empty:
        raise DataError(f"Data file '{path.name}' has no rows. There is nothing to audit.")
    return Source(
        nw.from_native(relation).lazy(),
        tuple(relation.columns),
        text=not parquet,
        files=(source_file("data", path),),
        connection=connection,
    )


def _refuse_repeated_header(path: Path, columns: Sequence[str]) -> None:
    """DuckDB renames a repeated column to name_1; an audit must not choose one of the two."""
    for name in columns:
        stem, _, number = name.rpartition("_")
        if number.isdigit() and stem in columns and path.suffix != ".gz":
            with path.open(encoding="utf-8", errors="replace") as file:
                header = re.split(r"[,;\t|]", file.readline().lstrip("\ufeff").rstrip("\r\n"))
            names = [cell.strip().strip('"') for cell in header]
            if names.count(stem) > 1:
                raise DataError(
                    f"The header of '{path.name}' names the column '{stem}' {names.count(stem)} "
                    f"times. Rename them."
                )


def _reason(error: Exception) -> str:
    """Say why without repeating what DuckDB quotes of the file: that may be a row of data."""
    text = str(error)
    line = re.search(r"[Ll]ine:? *(\d+)", text)
    where = f" near line {line.group(1)}" if line else ""
    if "utf" in text.lower() or isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text{where}. Save it as UTF-8"
    if "sniff" in text.lower() or "parse" in text.lower() or "CSV" in text:
        return (
            f"its rows do not have the same columns throughout{where}. Check delimiters and quotes"
        )
    return "it is not a Parquet file that can be read, or it is damaged"


def source_file(role: str, path: Path) -> SourceFile:
    """Digest a file for the record; its folder is not told."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return SourceFile(role, path.name, digest.hexdigest(), path.stat().st_size)


def numbers(source: Source, name: str) -> "tuple[nw.Expr, nw.Expr]":
    """Read a column as numbers.

    Returns
    -------
    value : narwhals expression
        Float64; null where missing or unparsable.
    unparsable : narwhals expression
        Boolean: there is a value, and it is not a number.

    Raises
    ------
    DataError
        The column's type can hold no numbers.
    """
    import narwhals.stable.v2 as nw

    dtype = source.frame.collect_schema()[name]
    column = nw.col(name)
    if dtype == nw.String:
        given = ~column.is_null()
        parses = given & column.str.contains(f"^(?:{NUMBER.pattern})$").fill_null(value=False)
        value = nw.when(parses).then(column.str.strip_chars()).otherwise(None).cast(nw.Float64)
        return value, given & ~parses
    if dtype.is_numeric():
        value = column.cast(nw.Float64)
        infinite = (value == float("inf")) | (value == float("-inf"))
        finite = nw.when(~(value.is_nan() | infinite)).then(value)
        return finite, infinite.fill_null(value=False)
    raise DataError(
        f"Column '{name}' is used as a number, but its type is {dtype}. Cast it, or drop the bins."
    )
