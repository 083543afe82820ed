"""How a file of delimited text is written, read from its header and never guessed from its rows.

A guess from a sample can drop rows that begin with '#', take a quote for a letter further down, or
rename a column that is there twice. RFC 4180 is what is read: the delimiter is the one that the
header uses most, the quote is '"', and every row has as many cells as the header.
"""

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from auditkit.errors import DataError, listed

DELIMITERS = (",", ";", "\t", "|")
GZIP = b"\x1f\x8b"
LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Delimited:
    """A file of delimited text: its columns in order, its delimiter, and whether it is packed."""

    columns: tuple[str, ...]
    delimiter: str
    packed: bool

    def options(self) -> dict[str, Any]:
        """Tell DuckDB everything, so that it guesses nothing; every cell is text."""
        return {
            "auto_detect": False,
            "columns": dict.fromkeys(self.columns, "VARCHAR"),
            "comment": "",
            "compression": "gzip" if self.packed else "none",
            "escapechar": '"',
            "header": True,
            "hive_partitioning": False,  # a folder named sex=f is no column
            "na_values": "",
            "quotechar": '"',
            "sep": self.delimiter,
            "strict_mode": True,
        }


def delimited(path: Path) -> Delimited:
    """Read how a file is written from its header.

    Raises
    ------
    DataError
        It is not UTF-8 text, has no header, or names a column twice.
    """
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    try:
        with _text(path, packed) as file:
            first = file.readline(LONGEST_HEADER)
            cells = {d: len(next(csv.reader([first], delimiter=d), [])) for d in DELIMITERS}
            delimiter = max(DELIMITERS, key=lambda d: cells[d])
            file.seek(0)
            names = next(csv.reader(file, delimiter=delimiter, strict=True), [])
    except (csv.Error, EOFError, OSError):
        raise DataError(
            f"Data file '{path.name}' cannot be read: its first line is no header of delimited "
            f"text, or the file is damaged."
        ) from None
    if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
        raise DataError(
            f"Data file '{path.name}' cannot be read: it is not UTF-8 text. Save it as UTF-8."
        )
    if not any(names):
        raise DataError(f"Data file '{path.name}' has no rows. There is nothing to audit.")
    # an index that was written without a name is a column all the same
    names = [name or f"(unnamed {place})" for place, name in enumerate(names, start=1)]
    _refuse_repeated(path, names)
    return Delimited(tuple(names), delimiter, packed)


@contextmanager
def _text(path: Path, packed: bool) -> Iterator[TextIO]:
    opened: Any = gzip.open if packed else open
    # rows further down may be of another encoding: the engine will say in which line
    with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield file


def _refuse_repeated(path: Path, names: list[str]) -> None:
    """Refuse two columns of one name: an audit must not choose one, nor an engine rename it.

    DuckDB does not tell upper from lower case in the name of a column.
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.casefold(), []).append(name)
    for same in alike.values():
        if len(same) > 1 and len(set(same)) == 1:
            raise DataError(
                f"The header of '{path.name}' names the column '{same[0]}' {len(same)} times. "
                f"Rename them."
            )
        if len(same) > 1:
            raise DataError(
                f"The header of '{path.name}' names {listed(same)}, which differ only in case. "
                f"Rename all but one."
            )


def literal(path: Path) -> str:
    """Spell a path so that DuckDB takes no character of it for a pattern of several files."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))
