"""Rows that are counted in place and read in batches, whatever engine holds them.

The expressions that count are the same narwhals expressions for files, frames, databases and Spark;
only counts, and batches where a model is scored, leave the engine.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, MissingExtra
from auditkit.plan import NUMBER
from auditkit.results import SourceFile

if TYPE_CHECKING:
    from concurrent.futures import Future

    import duckdb
    import narwhals.stable.v2 as nw
    import pandas as pd

BATCH_ROWS = 100_000
VECTOR_ROWS = 2048  # DuckDB hands rows over in vectors of this size
BLOCK = 1 << 24
"""Bytes of a file that are digested at a time: between two, other threads are waited for."""
FLOATS_WHOLE = 2.0**53
"""Up to which a float tells every whole number from the next."""
ENGINES = {
    "duckdb": "DuckDB",
    "polars": "Polars",
    "pyarrow": "Arrow",
    "ibis": "The database",
    "psycopg": "The database",
    "sqlite3": "The database",
    "sqlglot": "The database",
    "pyspark": "Spark",
    "py4j": "Spark",
}
"""Packages that answer for an engine, and what a reader calls it."""


@dataclass(frozen=True)
class Source:
    """Rows that can be counted in place and read in batches.

    ``text`` says that every cell is text (CSV) and is cast by the use the plan makes of it.
    ``files`` may still be in the making: ``digests`` waits for them.
    ``unmatched`` counts the rows without protected attributes, ``unmatched_protected`` the rows of
    protected attributes that belong to no row.
    """

    frame: "nw.LazyFrame[Any]"
    columns: tuple[str, ...]
    text: bool = False
    files: "tuple[SourceFile | Future[SourceFile], ...]" = ()
    connection: "duckdb.DuckDBPyConnection | None" = None
    notes: tuple[str, ...] = ()
    unmatched: int = 0
    unmatched_protected: int = 0

    def digests(self) -> tuple[SourceFile, ...]:
        """Tell what files the rows are from, once they are digested."""
        return tuple(file if isinstance(file, SourceFile) else file.result() for file in self.files)

    @property
    def engine(self) -> str:
        """Name what holds the rows: pandas, polars, duckdb, ibis or pyspark."""
        return str(self.frame.implementation.value)

    @property
    def is_pandas(self) -> bool:
        """Whether the rows are held by pandas."""
        return self.engine == "pandas"

    def batches(
        self, frame: "nw.LazyFrame[Any]", size: int = BATCH_ROWS
    ) -> "Iterator[pd.DataFrame]":
        """Read a frame derived from this source in pandas frames of about ``size`` rows.

        One of them is in memory at a time. What is missing is NaN, as in a pandas frame.
        """
        native: Any = frame.to_native()
        if self.is_pandas:
            for start in range(0, len(native), size):
                yield native.iloc[start : start + size]
            return
        for part in self._parts(native, size):
            yield part.apply(with_nan)

    def _parts(self, native: Any, size: int) -> "Iterator[pd.DataFrame]":  # noqa: ANN401
        from auditkit.evidence import databases

        if self.engine == "polars":
            yield from (part.to_pandas() for part in native.collect_batches(chunk_size=size))
        elif self.engine == "ibis":
            yield from databases.batches(native, size)
        elif self.connection is None:  # a relation does not tell the connection it belongs to
            needs("pyarrow", "arrow", "A relation of DuckDB is read in batches")
            yield from databases.parts(native, size)
        else:
            native.create_view("batch_rows", replace=True)  # so that no SQL is built from names
            cursor = self.connection.cursor().execute("select * from batch_rows")
            while len(chunk := cursor.fetch_df_chunk(max(1, size // VECTOR_ROWS))):
                yield chunk


def with_nan(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Spell what is missing as NaN: models know neither pd.NA nor None, which engines also use."""
    import pandas as pd

    types = pd.api.types
    if not column.hasnans:
        plain = getattr(column.dtype, "numpy_dtype", None)  # of a type that can hold pd.NA
        return column if plain is None else column.astype(plain)
    if types.is_datetime64_any_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return column.astype("float64")
    return column.astype(object).where(column.notna(), float("nan"))


def collected(frame: "nw.LazyFrame[Any]") -> "pd.DataFrame":
    """Let the engine compute a frame, and fetch its few rows.

    Whole numbers beside a missing one arrive as floats from most engines, which above 2^53 would
    make one of two: then they are fetched apart from where they are missing.
    """
    table: pd.DataFrame = frame.collect("pandas").to_native()
    large = [
        name
        for name in map(str, table.select_dtypes("float64"))
        if (table[name].abs() >= FLOATS_WHOLE).any() and frame.collect_schema()[name].is_integer()
    ]
    return _whole(frame, large) if large else table


def _whole(frame: "nw.LazyFrame[Any]", names: list[str]) -> "pd.DataFrame":
    """Fetch whole numbers as such, missing ones as ``pd.NA``."""
    import narwhals.stable.v2 as nw

    marks = {name: f"{name}_is_missing" for name in names}
    filled = {
        name: nw.when(nw.col(name).is_null()).then(nw.lit(0)).otherwise(nw.col(name))
        for name in names
    }
    missing = {mark: ones(nw.col(name).is_null()) for name, mark in marks.items()}
    table: pd.DataFrame = frame.with_columns(**filled, **missing).collect("pandas").to_native()
    for name, mark in marks.items():
        table[name] = table[name].convert_dtypes().mask(table[mark] == 1)
    return table.drop(columns=[*marks.values()])


@contextmanager
def plainly() -> Iterator[None]:
    """Say in our own words that an engine failed: its message may quote rows or a connection.

    Raises
    ------
    DataError
        In place of anything that an engine raises.
    """
    try:
        yield
    except Exception as error:
        if _engine(error) not in ENGINES:
            raise
        raise DataError(f"The data cannot be read or counted: {fault(error)}.") from None


def fault(error: Exception) -> str:
    """Say why an engine failed, without its own words: they may quote a row or a connection."""
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = f" (line {line.group(1)})" if line else ""
    if "unicode" in text.lower() or "utf" in text.lower():
        return f"the file is not UTF-8 text{where}. Save it as UTF-8"
    if "Expected Number of Columns" in text:
        return f"a row has not as many cells as the header{where}. Mend it, or quote its delimiters"
    if "unterminated quote" in text:
        return f"a quote is not closed{where}. Mend it, or double the quotes inside a cell"
    if "CSV" in text:
        return f"it is not delimited text throughout{where}. Check delimiters, quotes and line ends"
    engine = ENGINES.get(_engine(error), "The engine")
    return (
        f"{engine} failed ({type(error).__name__}). Its message is not repeated, because it may "
        f"quote rows. Check that the file is whole, and that the user may read the table"
    )


def _engine(error: Exception) -> str:
    return type(error).__module__.partition(".")[0].lstrip("_")


def needs(package: str, extra: str, what: str) -> None:
    """Make sure that an optional package is there.

    Raises
    ------
    MissingExtra
        It is not; the message names the extra that installs it.
    """
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise MissingExtra(f"{what} with {package}. Install it: pip install 'auditkit[{extra}]'.")


def digested_meanwhile(role: str, path: Path) -> "Future[SourceFile]":
    """Digest a file or folder in a thread of its own: its rows can be counted at the same time."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)
    file = pool.submit(digested, role, path)
    pool.shutdown(wait=False)
    return file


def digested(role: str, path: Path) -> SourceFile:
    """Digest a file, or a folder's files by name and content; where it is, is not told."""
    if not path.is_dir():
        return source_file(role, path)
    digest, size, parts = hashlib.sha256(), 0, parquet_files(path)
    for part in parts:
        one = source_file(role, part)
        digest.update(f"{part.relative_to(path).as_posix()} {one.sha256}\n".encode())
        size += one.bytes
    return SourceFile(role, f"{path.name} ({len(parts)} Parquet files)", digest.hexdigest(), size)


def parquet_files(folder: Path) -> list[Path]:
    """List the Parquet files of a folder in order; ``_`` or ``.`` begins the name of an aside."""
    inside = sorted(folder.rglob("*.parquet"), key=lambda path: path.relative_to(folder).as_posix())
    return [
        path
        for path in inside
        if path.is_file()
        and not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    ]


def source_file(role: str, path: Path) -> SourceFile:
    """Digest a file for the record; its folder is not told."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return SourceFile(role, path.name, digest.hexdigest(), path.stat().st_size)


def ones(condition: "nw.Expr") -> "nw.Expr":
    """Count a condition: 1 where it holds, else 0; not every database casts booleans itself."""
    import narwhals.stable.v2 as nw

    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)


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
        size = value.abs()  # NaN is below infinity nowhere, and not every database knows it by name
        infinite = (size == float("inf")).fill_null(value=False)
        return nw.when(size < float("inf")).then(value), infinite
    raise DataError(
        f"Column '{name}' is used as a number, but its type is {dtype}. Cast it to a number."
    )
