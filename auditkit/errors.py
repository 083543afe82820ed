"""Everything auditkit raises, and how to read it.

::

    AuditkitError
    ├── PlanError      (ValueError)   the plan or the arguments do not say what to audit
    ├── PolicyError    (ValueError)   the policy file does not say what to check
    ├── DataError      (ValueError)   the rows cannot be audited as they are
    ├── ModelError     (ValueError)   the model cannot be loaded safely, or does not fit the rows
    ├── OutputError    (OSError)      the audit cannot be written where it was asked to go
    └── MissingExtra   (ImportError)  an optional package is needed

Each carries ``problems``: every problem that was found, one sentence of fact and one of help each.
The command line prints them, one to a line, and leaves with exit code 2.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path


class AuditkitError(Exception):
    """Base of everything raised on purpose; ``problems`` lists each thing to mend."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class PlanError(AuditkitError, ValueError):
    """The plan or the arguments do not say what to audit."""


class PolicyError(AuditkitError, ValueError):
    """The policy file does not say what to check."""


class DataError(AuditkitError, ValueError):
    """The rows cannot be audited as they are."""


class ModelError(AuditkitError, ValueError):
    """The model cannot be loaded safely, or does not fit the rows."""


class OutputError(AuditkitError, OSError):
    """The audit cannot be written where it was asked to go."""

    __str__ = Exception.__str__  # OSError would print its arguments as an errno tuple


class MissingExtra(AuditkitError, ImportError):  # noqa: N818  (it names what is missing)
    """An optional package is needed; the message names the extra that installs it."""


MOST_SHOWN = 50
"""More distinct values than this may be names, cases or scores of people: none of them is told."""


def seen(counts: Mapping[str, int], most: int = 5) -> str:
    """Tell the values of a column for a message: a few with their rows, or only how many there are.

    A message is an output, and no output holds a row of data. Values that may each be one person's
    are never quoted: there are many of them, most rows have one of their own, or it is in one row.

    >>> seen({"yes": 3, "no": 2}), seen({"Amal": 1, "Bakr": 1, "Chen": 1})
    ("'yes' in 3 rows, 'no' in 2 rows", '3 different values in 3 rows')
    >>> seen({"yes": 30, "no": 20, "Amal, 4 Mill Lane": 1})
    "'yes' in 30 rows, 'no' in 20 rows and 1 more"
    """
    rows = sum(counts.values())
    if looks_personal(len(counts), rows):
        return f"{len(counts)} different values in {rows} rows"
    few = [(value, n) for value, n in counts.items() if n > 1][:most]
    told = ", ".join(f"'{v}' in {n} rows" for v, n in few)
    more = len(counts) - len(few)
    if not few:
        return f"{more} different values in {rows} rows" if more > 1 else "a value in one row"
    return told + (f" and {more} more" if more else "")


def looks_personal(values: int, rows: int) -> bool:
    """Whether so many different values in so many rows may each be one person's."""
    return values > MOST_SHOWN or values > max(2, rows / 2)


def unreadable(error: OSError | ValueError) -> str:
    """Say why a file cannot be read, without its path."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return getattr(error, "strerror", None) or "its name cannot be the name of a file"


def named(path: Path) -> str:
    """Name a file or folder in a message, without its place; ``.`` has no name of its own.

    >>> named(Path("aid/audit.toml")), named(Path("."))
    ('audit.toml', '.')
    """
    return path.name or str(path)


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """End a message about an unknown ``name``: the nearest known one, or all of them.

    All are told only if they look like names that somebody gave: the columns of a file without a
    header are the cells of its first row.
    """
    choices = sorted({str(choice) for choice in known})
    near = get_close_matches(str(name), choices, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    if not all(GIVEN_NAME.fullmatch(choice) for choice in choices):
        return f"None of the {len(choices)} names there are is like it."
    return f"Known: {listed(choices)}." if choices else ""


GIVEN_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_.-][a-z0-9]+)*")


def listed(values: Sequence[object], most: int = 8) -> str:
    """Join values for a message; a long list is cut and says how many more there are."""
    shown = ", ".join(f"'{v}'" for v in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")
