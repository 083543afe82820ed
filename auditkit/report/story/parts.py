"""The pieces a told audit is made of: words and tables, no markup."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences; ``kind`` is ``plain``, ``note`` (smaller) or ``caution`` (set off)."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Banner:
    """The disposition: a symbol, a word in ``tone``, and the sentences under it."""

    symbol: str
    tone: str
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One number of page 1 and what it counts."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of page 1, side by side."""

    items: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, with a second line under the first where there is a ``detail``.

    ``tone`` colours an outcome, never instead of its symbol and word.
    """

    text: str
    tone: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers are set flush with each other."""

    name: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first cell names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure to draw: which function of ``figures``, of what, and its words."""

    kind: str
    subject: str
    attribute: str
    title: str
    description: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A figure with the table that states the same numbers beside it."""

    chart: Chart
    table: Table


Block = Paragraph | Heading | Bullets | Banner | Facts | Table | Evidence


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report under one heading; ``short`` is its name in the navigation."""

    id: str
    title: str
    short: str
    blocks: tuple[Block, ...]


MOST_ROWS = 60
"""Rows of one table of groups: nobody reads more, and the page must stay small enough to send."""


def cut(number: int, what: str = "groups") -> str:
    """Say how many rows of a table were left out; empty if none were."""
    if number <= MOST_ROWS:
        return ""
    return f"{MOST_ROWS} of {number:,} {what} are shown; audit.json has all of them."


def table(caption: str, columns: str, rows: list[tuple[str | Cell, ...]], note: str = "") -> Table:
    """Lay out a table; ``columns`` are parted by ``|``, a ``#`` in front marks a numeric one."""
    named = tuple(
        Column(c.strip().lstrip("#"), c.strip().startswith("#")) for c in columns.split("|")
    )
    cells = tuple(tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in rows)
    return Table(caption, named, cells, note)
