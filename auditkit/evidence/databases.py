"""Databases by URL, and tables of ibis: counted by the database, read-only.

A password comes from the environment, where the driver looks for it itself. What a driver says of
an error is not repeated, because it may quote the connection or a row.
"""

import itertools
import re
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditkit.errors import DataError
from auditkit.evidence.files import no_table
from auditkit.evidence.sources import Source, digested, needs
from auditkit.results import SourceFile

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite"}
QUERY = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
NUMBERS = itertools.count()


def connect(url: str, folder: Path) -> Any:  # noqa: ANN401
    """Open a database by URL; a relative path of SQLite starts in ``folder``.

    Returns
    -------
    ibis backend

    Raises
    ------
    DataError
        It cannot be opened, or is of a kind that has to be handed over from Python.
    MissingExtra
        The packages that speak to it are not installed.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise DataError(
            f"Data of the kind '{scheme}://' are not opened by auditkit. Download the file; or "
            f"connect to the database with ibis and hand over the table from Python."
        )
    needs("ibis", "sql", "Databases are read")
    backend = _sqlite(url, folder) if SCHEMES[scheme] == "sqlite" else _postgresql(url)
    weakref.finalize(backend, backend.con.close)  # once nothing refers to a table of it any more
    return backend


def _postgresql(url: str) -> Any:  # noqa: ANN401
    import ibis

    needs("psycopg", "postgres", "PostgreSQL is read")
    try:
        backend = ibis.connect(url)
        backend.con.execute("set session characteristics as transaction read only")
        return backend
    except Exception as error:  # noqa: BLE001  (a driver may raise anything, and quote the URL)
        raise DataError(
            f"The PostgreSQL database cannot be opened ({type(error).__name__}). Check host, port, "
            f"user and database in data.source, and the password in PGPASSWORD."
        ) from None


def _sqlite(url: str, folder: Path) -> Any:  # noqa: ANN401
    import ibis

    path = sqlite_path(url, folder)
    if not path.is_file():
        raise DataError(f"Data file '{path.name}' does not exist where the plan points.")
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
    try:
        connection.execute("select count(*) from sqlite_master").fetchall()
    except sqlite3.Error:
        connection.close()
        raise DataError(f"Data file '{path.name}' is not a SQLite database.") from None
    return ibis.sqlite.from_connection(connection)


def sqlite_path(url: str, folder: Path) -> Path:
    """Resolve the path in ``sqlite:///file.db``; four slashes begin an absolute path."""
    return folder / url.partition("://")[2].removeprefix("/")


def open_table(backend: Any, url: str, table: str | None, folder: Path, role: str) -> Source:  # noqa: ANN401
    """Open a table, ``schema.table`` or query of a database.

    Raises
    ------
    DataError
        The table is not named or is not there, or the query is not one.
    """
    kind = SCHEMES[url.partition("://")[0].lower()]
    place = f"a {kind} database"
    try:
        rows = _rows(backend, table, place)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  (as above)
        what = "query" if table and QUERY.match(table) else "table"
        raise DataError(
            f"The {what} in data.table cannot be opened in {place} ({type(error).__name__}). Check "
            f"its spelling, and that the user may read it."
        ) from None
    told = "a query" if QUERY.match(table or "") else f"table {table}"
    if kind == "sqlite":
        file = digested(role, sqlite_path(url, folder))
        return _source(rows, SourceFile(role, f"{told} of {file.name}", file.sha256, file.bytes))
    return _source(rows, SourceFile(role, f"{told} of {place}", "", 0))


def _rows(backend: Any, table: str | None, place: str) -> "ir.Table":  # noqa: ANN401
    """Find a table by name among those that there are, so that no SQL is built from names."""
    found: ir.Table
    if table is not None and QUERY.match(table):
        return _query(backend, table)
    tables = backend.list_tables()
    schema, dot, name = (table or "").rpartition(".")
    if table in tables:
        found = backend.table(table)
    elif (
        dot and schema in backend.list_databases() and name in backend.list_tables(database=schema)
    ):
        found = backend.table(name, database=schema)
    else:
        raise DataError(no_table(table, place, sorted(tables)))
    return found


def _query(backend: Any, query: str) -> "ir.Table":  # noqa: ANN401
    """Name a query for this session; ibis' own way fails with new releases of sqlglot."""
    name = f"auditkit_query_{next(NUMBERS)}"
    view = f"create temporary view {name} as {query}"
    if backend.name == "sqlite":
        backend.con.execute(view)  # refuses more than one statement
        return backend.table(name, database="temp")
    with backend.con.transaction():
        backend.con.execute("set transaction read write")  # for the name alone
        backend.con.execute(view, prepare=True)  # refuses it too, unlike psycopg's usual protocol
    return backend.table(name)


def refuse_other_kinds(source: Source, columns: Sequence[str]) -> None:
    """Refuse columns of SQLite in which cells are of another kind than the column is declared.

    SQLite keeps a text in a column of numbers as it is, and every text lies above every number.

    Raises
    ------
    DataError
        Some are; all columns are named, with counts.
    """
    rows: Any = source.frame.to_native()
    if rows.get_backend().name != "sqlite":
        return
    schema = rows.schema()
    used = [name for name in dict.fromkeys(columns) if name in schema]
    kinds = {
        f"{kind}{i}": rows[name].typeof().isin(held).ifelse(1, 0).sum()
        for i, name in enumerate(used)
        for kind, held in (("text", ["text", "blob"]), ("number", ["integer", "real"]))
    }
    if not kinds:
        return
    seen = rows.aggregate(**kinds).execute().iloc[0]
    problems = []
    for i, name in enumerate(used):
        text, number = int(seen[f"text{i}"] or 0), int(seen[f"number{i}"] or 0)
        if text and (number or schema[name].is_numeric() or schema[name].is_boolean()):
            problems.append(
                f"Column '{name}' holds text in {text} rows and numbers in {number}, though SQLite "
                f"says that its type is {schema[name]}. Make the text NULL where it says that "
                f"nothing is known, or cast the column to one type in a query."
            )
    if problems:
        raise DataError(*problems)


def handed_over(rows: Any, role: str) -> SourceFile:  # noqa: ANN401
    """Say where a table of ibis is that was handed over from Python."""
    kind = rows.get_backend().name
    return SourceFile(role, f"a table of a {SCHEMES.get(kind, kind)} database", "", 0)


def _source(rows: Any, file: SourceFile) -> Source:  # noqa: ANN401
    import narwhals.stable.v2 as nw

    return Source(nw.from_native(rows).lazy(), tuple(rows.columns), files=(file,))


def batches(rows: Any, size: int) -> "Iterator[pd.DataFrame]":  # noqa: ANN401
    """Read a table in pandas frames of at most ``size`` rows, one in memory at a time.

    ibis reads a whole table of SQLite at once, and so does PostgreSQL's driver unless the cursor
    has a name: then it stays in the database.
    """
    import pandas as pd

    backend, schema = rows.get_backend(), rows.schema()
    if backend.name == "postgres":
        from ibis.backends.postgres.converter import PostgresPandasData as Postgres

        with backend.con.transaction(), backend.con.cursor(name="auditkit") as cursor:
            cursor.execute(backend.compile(rows))
            while part := cursor.fetchmany(size):
                frame = pd.DataFrame.from_records(part, columns=schema.names, coerce_float=True)
                yield Postgres.convert_table(frame, schema)
    elif backend.name == "sqlite":
        from ibis.backends.sqlite.converter import SQLitePandasData as SQLite

        with closing(backend.con.execute(backend.compile(rows))) as cursor:
            while part := cursor.fetchmany(size):
                frame = pd.DataFrame.from_records(part, columns=schema.names, coerce_float=True)
                yield SQLite.convert_table(frame, schema)
    elif backend.name == "duckdb":  # ibis asks by a name that DuckDB 2 has given up
        yield from parts(backend.con.sql(backend.compile(rows)), size)
    else:
        yield from (part.to_pandas() for part in rows.to_pyarrow_batches(chunk_size=size))


def parts(relation: Any, size: int) -> "Iterator[pd.DataFrame]":  # noqa: ANN401
    """Read a relation of DuckDB in pandas frames; version 2 has renamed the way in."""
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    yield from (part.to_pandas() for part in read(size))
