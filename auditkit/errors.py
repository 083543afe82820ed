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

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End a message about an unknown ``name``: the nearest known one, or all of them."""
    choices = sorted(set(known))
    near = get_close_matches(name, choices, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {listed(choices)}." if choices else ""


def listed(values: Sequence[object], most: int = 8) -> str:
    """Join values for a message; a long list is cut and says how many more there are."""
    shown = ", ".join(f"'{v}'" for v in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")
