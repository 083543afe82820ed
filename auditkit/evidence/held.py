"""Rows that are made here, such as what a model predicts, kept on disk until they are counted."""

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.evidence.sources import Source

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

ALONE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}
"""DuckDB fetches nothing."""


def private_duckdb(
    file: str = "", paths: Sequence[str] = (), **settings: str
) -> "duckdb.DuckDBPyConnection":
    """Start a DuckDB whose files are in a private folder, which goes when the connection does.

    It can reach nothing else but ``paths``, whatever it is asked: a view in a stranger's database
    may name any file of this machine.

    Parameters
    ----------
    file : str
        Name of the file that holds its tables; without one they are in memory.
    paths : sequence of str
        Files that it may open, as they will be spelled.
    **settings : str
        Further settings of DuckDB.
    """
    import duckdb

    # what does not fit in memory is spilled there, never into the working folder
    private = tempfile.mkdtemp(prefix="auditkit-")
    place = str(Path(private) / file) if file else ":memory:"
    connection = duckdb.connect(place, config={**ALONE, "temp_directory": private, **settings})
    weakref.finalize(connection, shutil.rmtree, private, ignore_errors=True)
    connection.execute("set allowed_paths = ?", [list(paths)])
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


class Held:
    """A table on disk that grows batch by batch: a row of it is never in memory for long."""

    def __init__(self) -> None:
        self.connection = private_duckdb("rows.duckdb", preserve_insertion_order="false")
        self.begun = False

    def add(self, batch: "pd.DataFrame") -> None:
        """Append rows of columns that keep their names and types."""
        self.connection.register("batch", batch)
        into = "insert into rows" if self.begun else "create table rows as"
        self.connection.execute(f"{into} select * from batch")
        self.connection.unregister("batch")
        self.begun = True

    def source(self) -> Source:
        """Return the rows as a source, to be counted where they are."""
        import narwhals.stable.v2 as nw

        relation: Any = self.connection.table("rows")
        frame = nw.from_native(relation).lazy()
        return Source(frame, tuple(relation.columns), connection=self.connection)
