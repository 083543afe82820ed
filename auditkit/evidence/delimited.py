"""How a file of delimited text is written, read from its header and never guessed from its rows.

A guess from a sample can drop rows that begin with '#', take a quote for a letter further down, or
rename a column that is there twice. RFC 4180 is what is read: the delimiter is the one that the
header uses most, the quote is '"', and every row has as many cells as the header.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from auditkit.errors import DataError, listed

DELIMITERS = (",", ";", "\t", "|")
GZIP = b"\x1f\x8b"
LONGEST_HEADER = 1 << 20
LONGEST_LINE = 2_000_000
"""In bytes, as for DuckDB, which refuses longer ones except the last."""
MOST_COLUMNS = 10_000
"""Engines take a time for each column that is there, used or not: seconds for so many."""


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
            delimiter = max(DELIMITERS, key=lambda d: _cells(first, d))
            file.seek(0)
            names = next(csv.reader(_header(file), delimiter=delimiter, strict=True), [])
        _refuse_endless_line(path, packed)
    except (csv.Error, EOFError, OSError, zlib.error):
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
    refuse_many_columns(path.name, len(names))
    _refuse_repeated(path, names)
    return Delimited(tuple(names), delimiter, packed)


@contextmanager
def _text(path: Path, packed: bool) -> Iterator[TextIO]:
    opened: Any = gzip.open if packed else open
    # rows further down may be of another encoding: the engine will say in which line
    with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield file


def _refuse_endless_line(path: Path, packed: bool) -> None:
    """Refuse a last line so long that DuckDB leaves it out without a word: over 32 MB.

    Raises
    ------
    DataError
        The file ends so, or a packed one has such a line anywhere.
    """
    opened: Any = gzip.open if packed else open
    with opened(path, "rb") as file:
        if not packed:
            file.seek(max(0, path.stat().st_size - LONGEST_LINE - len("\r\n")))
        while len(block := file.read(LONGEST_LINE)) == LONGEST_LINE:
            if b"\n" not in block and b"\r" not in block:
                raise DataError(
                    f"Data file '{path.name}' cannot be read: it is not delimited text throughout: "
                    f"a line has more than {LONGEST_LINE:,} bytes. Check delimiters, quotes and "
                    f"line ends."
                )


def _cells(line: str, delimiter: str) -> int:
    """Count the cells of a line; a cell longer than a reader takes is not parted by this."""
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0


def _header(file: TextIO) -> Iterator[str]:
    """Read the lines that a header may take: one without an end would fill the memory."""
    left = LONGEST_HEADER
    while left > 0 and (line := file.readline(left)):
        left -= len(line)
        yield line
    if left <= 0:
        raise csv.Error


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


def refuse_many_columns(name: str, number: int) -> None:
    """Refuse a file that would take minutes to open.

    Raises
    ------
    DataError
        It has more than 10,000 columns.
    """
    if number > MOST_COLUMNS:
        raise DataError(
            f"Data file '{name}' has {number:,} columns, and at most {MOST_COLUMNS:,} are opened. "
            f"Leave those out that the audit does not use."
        )


def literal(path: Path) -> str:
    """Spell a path so that DuckDB takes no character of it for a pattern of several files."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))
