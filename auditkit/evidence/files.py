"""Files that DuckDB reads: CSV, Parquet, folders of Parquet, DuckDB databases, Arrow tables.

DuckDB streams them. It is told which files it may open, and can reach nothing else: no other file,
no network, no extension.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.documents import refuse_other_than_files
from auditkit.errors import DataError, did_you_mean, listed, named
from auditkit.evidence.delimited import delimited, literal, refuse_many_columns
from auditkit.evidence.held import private_duckdb
from auditkit.evidence.sources import Source, digested_meanwhile, fault, parquet_files

if TYPE_CHECKING:
    import duckdb

PARQUET, DUCKDB_AT_8 = b"PAR1", b"DUCK"
"""How the files begin; a DuckDB database has a checksum before its name."""
NOTHING = "nothing"
"""What a column holds in which every cell is empty: it fits every kind."""


class Reader:
    """A DuckDB in memory that can open some files, and reach nothing else.

    Rows come in the order of the file only where somebody reads them: a look at some of them is
    much cheaper without.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders that may be opened.
    in_order : bool
        Whether rows are read, and not only counted.
    """

    def __init__(self, paths: Sequence[Path] = (), *, in_order: bool = False) -> None:
        # what is not there is told when it is opened, by its own name
        there = [path for path in paths if os.path.exists(path)]  # noqa: PTH110  (never raises)
        files = [part for path in there for part in files_of(path)]
        self.connection = private_duckdb(
            paths=[spelled for file in files for spelled in _spellings(file)],
            preserve_insertion_order=str(in_order).lower(),
            # cells of scores are whole numbers: grouped in an array while they fit into one
            perfect_ht_threshold="22",
        )
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

        refuse_other_than_files(path)
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
            empty = not self._rows(relation, counted=not database and not text)
        except duckdb.Error as error:
            if text:
                raise DataError(
                    f"Data file '{path.name}' cannot be read: {fault(error)}."
                ) from None
            raise _damaged(path, "DuckDB database" if database else "Parquet file") from None
        if empty:
            raise DataError(f"Data file '{path.name}' has no rows. There is nothing to audit.")
        return Source(
            nw.from_native(relation).lazy(),
            tuple(relation.columns),
            text=text,
            files=(digested_meanwhile(role, path),),
            connection=self.connection,
        )

    def _rows(self, relation: "duckdb.DuckDBPyRelation", *, counted: bool) -> int:
        """Count rows where the count is written down, as in Parquet; else look for the first."""
        if not counted:
            return len(relation.limit(1).fetchall())
        (rows,) = relation.count("*").fetchall()[0]
        return int(rows)

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

    def _csv(self, path: Path) -> "duckdb.DuckDBPyRelation":
        return self.connection.read_csv(literal(path), **delimited(path).options())

    def _parquet(self, path: Path) -> "duckdb.DuckDBPyRelation":
        parts = files_of(path)
        if not parts:
            raise DataError(f"The folder '{named(path)}' holds no Parquet file.")
        quoted = [literal(part) for part in parts]
        self.look_at_parts(quoted, path.name)
        # a partition in a folder's name would be guessed to be a number, and 01 would become 1;
        # by name, whole numbers in one part and decimal ones in another become decimal ones
        return self.connection.read_parquet(quoted, hive_partitioning=False, union_by_name=True)

    def look_at_parts(self, parts: Sequence[str], name: str) -> None:
        """Refuse Parquet files that together make no table.

        Raises
        ------
        DataError
            Columns are missing in some, hold another kind of value there, or have names that
            differ only in case; all at once.
        """
        kinds: dict[str, dict[str, int]] = {}
        for part in parts:
            for column, kind in self._columns(part):
                held = kinds.setdefault(column, {})
                held[kind] = held.get(kind, 0) + 1
        refuse_many_columns(name, len(kinds))
        by_case: dict[str, list[str]] = {}
        for column in kinds:
            by_case.setdefault(column.casefold(), []).append(column)
        problems = [
            f"The columns {listed(alike)} of '{name}' differ only in case from each other. "
            f"Rename them."
            for alike in by_case.values()
            if len(alike) > 1
        ]
        for column, held in kinds.items():
            if lacking := len(parts) - sum(held.values()):
                problems.append(
                    f"Column '{column}' is missing in {lacking} of the {len(parts)} files of "
                    f"'{name}': they have not the same columns. Write those anew that lack some."
                )
            known = {kind: files for kind, files in held.items() if kind != NOTHING}
            if len(known) > 1:
                told = ", ".join(f"{kind} in {files}" for kind, files in sorted(known.items()))
                problems.append(
                    f"Column '{column}' is not of one type in the {len(parts)} files of '{name}' "
                    f"({told}). Write them anew with one type."
                )
        if problems:
            raise DataError(*problems)

    def _columns(self, part: str) -> Iterator[tuple[str, str]]:
        """List the columns of a Parquet file, and what kind of value each holds."""
        rows = self.connection.execute("from parquet_schema(?)", [part])
        titles = [title[0] for title in rows.description]
        lines = iter([dict(zip(titles, row, strict=True)) for row in rows.fetchall()])
        for _ in range(next(lines)["num_children"] or 0):
            column = next(lines)
            inside = column["num_children"] or 0
            while inside:  # the parts of a list or record follow it
                inside += (next(lines)["num_children"] or 0) - 1
            yield column["name"], _family(str(column.get("duckdb_type") or column["type"]))

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


def files_of(path: Path) -> list[Path]:
    """List what is read of a file or a folder."""
    return parquet_files(path) if path.is_dir() else [path]


def _spellings(path: Path) -> tuple[str, ...]:
    """Spell a path in every way that DuckDB is told it here; a database may have a log beside."""
    absolute = str(path.resolve())
    return str(path), literal(path), absolute, f"{absolute}.wal"


def look_at_parts(path: Path) -> None:
    """Refuse a folder of Parquet files that together make no table, whoever will read them.

    Raises
    ------
    DataError
        Some are damaged, or do not go together.
    """
    import duckdb

    try:
        Reader([path]).look_at_parts([literal(part) for part in files_of(path)], path.name)
    except duckdb.Error:
        raise _damaged(path, "Parquet file") from None


def _damaged(path: Path, kind: str) -> DataError:
    return DataError(
        f"Data file '{path.name}' cannot be read: it is not a {kind} that can be read, or it is "
        f"damaged."
    )


def no_table(table: str | None, place: str, known: Sequence[str]) -> str:
    """Say that a table of a database is not named, or is not there."""
    if table is None:
        return f"'{place}' is a database: name the table in data.table. Tables: {listed(known)}."
    return f"There is no table '{table}' in '{place}'. {did_you_mean(table, known)}".strip()


def _family(kind: str) -> str:
    """Name what a type of DuckDB holds; numbers of all widths are one kind."""
    if "NULL" in kind:
        return NOTHING
    number = re.fullmatch(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL.*", kind)
    return "numbers" if number else {"VARCHAR": "text"}.get(kind, kind)


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
