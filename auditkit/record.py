"""AuditRecord to ``audit.json`` and back, its digests, and the folder an audit is kept in.

Strict JSON: no NaN, no infinity, no clock. The same inputs give the same bytes.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from auditkit import documents
from auditkit.errors import DataError, OutputError, named, unreadable
from auditkit.plan import AuditPlan
from auditkit.results import AuditRecord, Version, as_told

FORMAT = "auditkit.audit/1"
RECORD_FILE = "audit.json"
REPORT_FILE = "report.html"
PACKAGES = (
    "auditkit",
    "duckdb",
    "matplotlib",
    "narwhals",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "shap",
    "skops",
)
SCHEMA = Path(__file__).with_name("audit.schema.json")


def dumps(record: AuditRecord) -> str:
    """Write a record as strict JSON, ending with a newline."""
    return json.dumps(as_told(record), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def loads(text: str | bytes, name: str = RECORD_FILE) -> AuditRecord:
    """Read a record back; it equals the one that was written.

    Raises
    ------
    DataError
        It is not an audit of this format; every part that does not fit is named.
    """
    from pydantic import ValidationError

    try:
        record: AuditRecord = _adapter().validate_python(_strictly(text), strict=False)
    except (RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"'{name}' is not an audit of format {FORMAT}: it is not JSON ({type(error).__name__})."
        ) from None
    except ValidationError as error:
        places = [".".join(str(p) for p in e["loc"]) or "the whole" for e in error.errors()[:5]]
        raise _unfit(name, f"{', '.join(places)} does not fit") from None
    except ValueError as error:
        raise _unfit(name, str(error)) from None
    if record.format != FORMAT:
        raise DataError(f"'{name}' has the format '{record.format}', this version reads {FORMAT}.")
    return record


def _unfit(name: str, why: str) -> DataError:
    return DataError(
        f"'{name}' is not an audit of format {FORMAT}: {why}. Was it edited, or written by another "
        f"version?"
    )


def _strictly(text: str | bytes) -> Any:  # noqa: ANN401
    """Read JSON as its standard has it: no NaN, no infinity, no key twice."""

    def refuse(constant: str) -> Any:  # noqa: ANN401
        raise ValueError(f"it holds {constant}, which is no JSON")

    def finite(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else refuse("a number too large")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("it holds a key twice")
        return found

    return json.loads(text, parse_constant=refuse, parse_float=finite, object_pairs_hook=once)


@cache
def _adapter() -> Any:  # noqa: ANN401
    from pydantic import TypeAdapter

    return TypeAdapter(AuditRecord)


def schema() -> str:
    """Return the JSON Schema of ``audit.json``, as it is shipped."""
    content = _adapter().json_schema(mode="serialization")
    content["title"] = FORMAT
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def content_digest(record: AuditRecord) -> str:
    """Digest what the audit says, whatever files it was read from."""
    bare = replace(record, provenance=replace(record.provenance, source=()))
    return hashlib.sha256(dumps(bare).encode()).hexdigest()


def plan_digest(plan: AuditPlan) -> str:
    """Digest what the plan asks for, whatever its layout and wherever the files are.

    What is in the files has digests of its own; their names and places say nothing about the audit.
    """
    places = {"data": {"source"}, "model": {"source"}}
    asked = plan.model_dump(mode="json", exclude=places)
    content = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


@cache
def code_digest() -> str:
    """Digest the source of the package itself."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".toml", ".j2")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def versions() -> tuple[Version, ...]:
    """List the packages that take part in an audit, Python first."""
    import platform

    out = [Version("python", platform.python_version())]
    for package in PACKAGES:
        try:
            out.append(Version(package, version(package)))
        except PackageNotFoundError:
            out.append(Version(package, "not installed"))
    return tuple(out)


def write(folder: Path, files: Mapping[str, str], record: AuditRecord) -> None:
    """Write the files of an audit into a new folder, all of them or none.

    They are written beside their place and moved there in one step. A folder that holds an earlier
    audit of the same system is replaced; one that holds anything else is left alone.

    Raises
    ------
    OutputError
        The folder holds other content, or cannot be written.
    """
    try:
        _refuse_other_content(folder, record)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".auditkit-") as temporary:
            new = Path(temporary) / "new"
            new.mkdir()
            for name, text in files.items():
                (new / name).write_text(text, encoding="utf-8", newline="\n")
            if folder.exists():
                os.replace(folder, Path(temporary) / "old")  # noqa: PTH105  (moves a folder)
            new.rename(folder)
    except OutputError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(
            f"The audit cannot be written to '{named(folder)}': {unreadable(error)}. "
            f"Choose another --out."
        ) from None


def _refuse_other_content(folder: Path, record: AuditRecord) -> None:
    if folder.resolve() == Path.cwd():
        raise OutputError(
            "The folder you are in cannot be moved into place. An audit gets a folder of its own: "
            "choose another --out, such as reports/my-audit."
        )
    if not folder.exists():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise OutputError(f"'{named(folder)}' is not a folder. Choose another --out.")
    content = sorted(path.name for path in folder.iterdir())
    if not content:
        return
    foreign = [name for name in content if name not in (RECORD_FILE, REPORT_FILE)]
    if foreign or RECORD_FILE not in content:
        raise OutputError(
            f"The folder '{named(folder)}' holds other content ({', '.join(content[:5])}). "
            f"Choose another --out."
        )
    try:
        there = loads(documents.content(folder / RECORD_FILE, documents.RECORD_BYTES))
    except (DataError, OSError):
        raise OutputError(
            f"The folder '{named(folder)}' holds an audit.json that this version cannot read. "
            f"Choose another --out."
        ) from None
    if (there.system.name, there.system.version) != (record.system.name, record.system.version):
        raise OutputError(
            f"The folder '{named(folder)}' holds an audit of another system "
            f"('{f'{there.system.name} {there.system.version}'.strip()}'). Choose another --out."
        )
