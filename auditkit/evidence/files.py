"""Files that DuckDB reads: CSV, Parquet, folders of Parquet, DuckDB databases, Arrow tables.

DuckDB streams them. It is told which files it may open, and can reach nothing else: no other file,
no network, no extension.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import DataError, did_you_mean, listed, named
from auditkit.evidence.delimited import delimited, literal
from auditkit.evidence.held import private_duckdb
from auditkit.evidence.sources import Source, digested, fault, parquet_files

if TYPE_CHECKING:
    import duckdb

PARQUET, DUCKDB_AT_8 = b"PAR1", b"DUCK"
"""How the files begin; a DuckDB database has a checksum before its name."""


class Reader:
    """A DuckDB in memory, and the files it was asked to open."""

    def __init__(self) -> None:
        # cells of scores are whole numbers: grouped in an array while they fit into one
        self.connection = private_duckdb(perfect_ht_threshold="22")
        self.paths: list[str] = []
        self.databases = 0

    def open(self, path: Path, table: str | None, role: str) -> Source:
        """Open a file or folder by what is in it.

        Raises
        ------
        DataError
            It does not exist, cannot be read, or has no such table.
        """
        import duckdb
        import narwhals.stable.v2 as nw

        if not path.exists():
            raise DataError(f"Data file '{path.name}' does not exist where the plan points.")
        start = b"" if path.is_dir() else _start(path)
        database = start[8:12] == DUCKDB_AT_8
        if table is not None and not database:
            raise DataError(
                f"data.table names the table '{table}', but '{path.name}' holds a single table. "
                f"Leave it out."
            )
        text = not database and not path.is_dir() and start[:4] != PARQUET
        try:
            if database:
                relation = self._table(path, table)
            elif text:
                relation = self._csv(path)
            else:
                relation = self._parquet(path)
            empty = relation.limit(1).fetchall() == []
        except duckdb.Error as error:
            kind = "DuckDB database" if database else "Parquet file"
            why = f"it is not a {kind} that can be read, or it is damaged"
            if text:
                why = fault(error)
            elif "schema" in str(error).lower():
                why = "its files have not the same columns. Write those anew that lack some"
            raise DataError(f"Data file '{path.name}' cannot be read: {why}.") from None
        if empty:
            raise DataError(f"Data file '{path.name}' has no rows. There is nothing to audit.")
        return Source(
            nw.from_native(relation).lazy(),
            tuple(relation.columns),
            text=text,
            files=(digested(role, path),),
            connection=self.connection,
        )

    def frame(self, native: Any) -> Source:  # noqa: ANN401
        """Read an Arrow table or data set, or a pandas frame, where it is."""
        import narwhals.stable.v2 as nw
        import pandas as pd

        take = self.connection.from_df if isinstance(native, pd.DataFrame) else (
            self.connection.from_arrow
        )  # fmt: skip
        relation = take(native)
        frame = nw.from_native(relation).lazy()
        return Source(frame, tuple(relation.columns), connection=self.connection)

    def lock(self, *, in_order: bool) -> None:
        """Let DuckDB reach the files it has opened and nothing else from here on.

        Rows come in the order of the file only where somebody reads them: a look at some of them
        is much cheaper without.
        """
        self.connection.execute("set preserve_insertion_order = ?", [in_order])
        self.connection.execute("set allowed_paths = ?", [self.paths])
        self.connection.execute("set enable_external_access = false")
        self.connection.execute("set lock_configuration = true")

    def _csv(self, path: Path) -> "duckdb.DuckDBPyRelation":
        self.paths += [str(path), literal(path)]
        return self.connection.read_csv(literal(path), **delimited(path).options())

    def _parquet(self, path: Path) -> "duckdb.DuckDBPyRelation":
        parts = parquet_files(path) if path.is_dir() else [path]
        if not parts:
            raise DataError(f"The folder '{named(path)}' holds no Parquet file.")
        quoted = [literal(part) for part in parts]
        self.paths += [*map(str, parts), *quoted]
        # a partition in a folder's name would be guessed to be a number, and 01 would become 1
        relation = self.connection.read_parquet(quoted, hive_partitioning=False)
        self._refuse_alike(relation.columns, quoted[0], path.name)
        return relation

    def _refuse_alike(self, columns: Sequence[str], part: str, name: str) -> None:
        """Refuse names that differ only in case, of which DuckDB renames all but one."""
        asked = "select name from parquet_schema(?)"
        given = {row[0] for row in self.connection.execute(asked, [part]).fetchall()}
        alike = [column for column in columns if column not in given]
        if alike:
            held = {column.casefold() for column in columns if column in given}
            twice = sorted(one for one in given if one.casefold() in held and one not in columns)
            raise DataError(
                f"The columns {listed(twice or alike)} of '{name}' differ only in case from "
                f"others. Rename them."
            )

    def _table(self, path: Path, table: str | None) -> "duckdb.DuckDBPyRelation":
        name = f"source{self.databases}"
        self.databases += 1
        place = str(path.resolve()).replace("'", "''")  # DuckDB 1 takes no parameter here
        self.connection.execute(f"attach '{place}' as {name} (read_only)")
        found = self.connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = ? order by all",
            [name],
        ).fetchall()
        tables = {f"{schema}.{one}": (schema, one) for schema, one in found}
        tables |= {one: (schema, one) for schema, one in found if schema == "main"}
        if table is None or table not in tables:
            raise DataError(no_table(table, path.name, sorted(tables, key=len)))
        parts = (part.replace('"', '""') for part in tables[table])
        return self.connection.table(".".join([name, *(f'"{part}"' for part in parts)]))


def no_table(table: str | None, place: str, known: Sequence[str]) -> str:
    """Say that a table of a database is not named, or is not there."""
    if table is None:
        return f"'{place}' is a database: name the table in data.table. Tables: {listed(known)}."
    return f"There is no table '{table}' in '{place}'. {did_you_mean(table, known)}".strip()


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
