"""Sections of plan and policy files that know all their keys; their faults in plain sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from auditkit.errors import AuditkitError, did_you_mean

KINDS = {
    "model_type": "is not a table. Write a section of keys, in Python a mapping",
    "dict_type": "is not a table. Write a section of keys, in Python a mapping",
    "tuple_type": "is not a list",
    "string_type": "is not a text",
}
"""What pydantic says of a wrong type, for people who write plans."""


class Strict(BaseModel):
    """A frozen section of a file that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def problems_of(
    error: ValidationError, root: type[BaseModel], document: str, help_for: Mapping[str, str]
) -> list[str]:
    """Turn pydantic's findings into one sentence of fact and one of help each.

    Parameters
    ----------
    error : ValidationError
    root : type
        The model of the whole document.
    document : str
        What a reader calls it: ``plan`` or ``policy``.
    help_for : mapping
        A sentence of help for a missing key, by its dotted name.
    """
    out: dict[str, None] = {}
    items = error.errors(include_url=False)
    keys = [[str(part) for part in item["loc"] if not _is_branch(str(part))] for item in items]
    best: dict[tuple[str, ...], int] = {}
    for where, item in zip(keys, items, strict=True):
        best[tuple(where)] = min(_meant(item), best.get(tuple(where), 2))
    for where, item in zip(keys, items, strict=True):
        deeper = any(len(k) > len(where) and k[: len(where)] == where for k in keys)
        if _meant(item) == best[tuple(where)] and not (deeper and _meant(item)):
            for text in _sentences(item, ".".join(where), where, root, document, help_for):
                out[text] = None
    return list(out)


def _sentences(
    item: Any,  # noqa: ANN401
    key: str,
    where: list[str],
    root: type[BaseModel],
    document: str,
    help_for: Mapping[str, str],
) -> Iterator[str]:
    cause = item.get("ctx", {}).get("error")
    if item["type"] == "extra_forbidden":
        near = did_you_mean(where[-1], _known_keys(root, where[:-1]))
        yield f"'{key}' is not a key of the {document}. {near}".strip()
    elif item["type"] == "missing":
        yield f"'{key}' is missing. {help_for.get(key, '')}".strip()
    elif isinstance(cause, AuditkitError):  # a part that was validated by itself
        yield from (f"{key}: {problem}" for problem in cause.problems)
    else:
        message = KINDS.get(item["type"]) or item["msg"].removeprefix("Value error, ")
        shown = _shown(item.get("input"))
        yield f"{key}: {message}{shown}." if key else f"{message}."


def _meant(item: Any) -> int:  # noqa: ANN401
    """Rank the findings on one key: of several kinds of value, the last are not what was meant."""
    kind = item["type"]
    return 2 if kind in ("model_type", "dict_type") else 1 if kind.endswith("_type") else 0


def _is_branch(part: str) -> bool:
    """Whether pydantic put this into the place of an error to name a branch of a union."""
    named = ("Above", "str", "int", "float", "bool", "constrained-float", "nullable")
    return part in named or part.startswith(("tuple[", "dict[", "function-", "ByLevel", "lax-or"))


def _shown(value: object) -> str:
    simple = value is None or isinstance(value, str | int | float | bool)
    return f" (got {value!r})" if simple and len(repr(value)) < 80 else ""


def _known_keys(root: type[BaseModel], where: list[str]) -> list[str]:
    """Walk from the root model to the section an unknown key stands in, and list its keys."""
    model: Any = root
    for part in where:
        field = getattr(model, "model_fields", {}).get(part)
        inner = field.annotation if field is not None else model
        parts = (inner, *getattr(inner, "__args__", ()))
        model = next((m for m in parts if hasattr(m, "model_fields")), model)
    return [name for name in model.model_fields if name != "folder"]
