"""The one door through which a model comes out of a file, told by its content, not by its name.

``.skops`` files are loaded here if every type in them is on a reviewed list. Files of other
libraries are opened in a process of their own, with limits. Pickles run code when they are opened:
they are refused, unless a person allows the very file by its digest.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit import documents
from auditkit.errors import ModelError, listed, unreadable
from auditkit.evidence.model_files import kinds
from auditkit.evidence.model_files.reviewed import MOST_BYTES, read_skops
from auditkit.evidence.model_files.worker import FileModel, Told, Worker
from auditkit.plan import AuditPlan, canonical
from auditkit.results import SourceFile

__all__ = ["FileModel", "Opened", "Worker", "open_model"]


@dataclass(frozen=True)
class Opened:
    """A model out of a file.

    Attributes
    ----------
    model : estimator or FileModel
    kind : str
        Of the file, such as ``ONNX``.
    saved_with, read_with : str
        Library and version; ``saved_with`` is empty where the file does not say.
    source : SourceFile
        The file itself, for the record.
    ran_code : bool
        Whether code from the file was run, because a person allowed it.
    note : str
        What a reader must know of how it was read.
    """

    model: Any
    kind: str
    source: SourceFile
    saved_with: str = ""
    read_with: str = ""
    ran_code: bool = False
    note: str = ""


def open_model(path: Path, plan: AuditPlan, allow_pickle: str | None = None) -> Opened:
    """Open a model file.

    Parameters
    ----------
    path : Path
    plan : AuditPlan
        Holds the digest that is expected, and the labels where the file names none.
    allow_pickle : str, optional
        SHA-256 of a pickle that a person allows to run its code.

    Raises
    ------
    ModelError
        It is missing, refused, damaged, or has another digest.
    MissingExtra
        The library that reads it is not installed.
    """
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if plan.model.sha256 and plan.model.sha256.lower() != digest:
        raise ModelError(
            f"Model file '{path.name}' has the SHA-256 {digest}, but the plan expects "
            f"{plan.model.sha256.lower()}. It is another file, or it was changed."
        )
    kind, source = kinds.kind_of(content), SourceFile("model", path.name, digest, len(content))
    if kind == kinds.SKOPS:
        return _skops(source, content)
    pickled = kind == kinds.PICKLE
    if pickled:
        _refuse_pickle(path.name, digest, allow_pickle)
    elif kind not in (kinds.ONNX, kinds.XGBOOST, kinds.LIGHTGBM, kinds.CATBOOST):
        raise ModelError(f"Model file '{path.name}' is {kind}. {kinds.ANEW}")
    worker = Worker(path.name, kind, content)
    told = worker.told
    model = FileModel(worker, _features(told, plan), _classes(path.name, told, plan))
    return Opened(model, kind, source, told.saved_with, told.read_with, pickled, told.note)


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ModelError(f"Model file '{path.name}' is a folder. {kinds.ANEW}")
        if not path.exists():
            raise ModelError(f"Model file '{path.name}' does not exist where the plan points.")
        return documents.content(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"Model file '{path.name}' cannot be read: {unreadable(error)}.") from None


def _skops(source: SourceFile, content: bytes) -> Opened:
    import sklearn

    model, other = read_skops(source.name, content)
    saved = f"scikit-learn {other}" if other else ""
    return Opened(model, kinds.SKOPS, source, saved, f"scikit-learn {sklearn.__version__}")


def _refuse_pickle(name: str, digest: str, allowed: str | None) -> None:
    if allowed is None:
        raise ModelError(
            f"Model file '{name}' is a pickle, as joblib writes too: it can run any code when it "
            f"is opened, and was not opened. {kinds.ANEW}"
        )
    if allowed.lower() != digest:
        raise ModelError(
            f"Model file '{name}' is a pickle with the SHA-256 {digest}, but the one that was "
            f"allowed is {allowed.lower()}. It was not opened."
        )


def _features(told: Told, plan: AuditPlan) -> tuple[str, ...] | None:
    """Name a model's columns in its order: as the file does, else as the plan declares."""
    if told.features is not None:
        return told.features
    declared = tuple(plan.model.features or ())
    if not declared:
        return None
    if told.n_features is not None and told.n_features != len(declared):
        raise ModelError(
            f"model.features lists {len(declared)} columns, but the model reads {told.n_features}."
        )
    return declared


def _classes(name: str, told: Told, plan: AuditPlan) -> tuple[Any, ...]:
    """Say which labels a model gives, in its order: as the file says, else as the plan declares.

    Raises
    ------
    ModelError
        The plan declares other labels than the file, or not as many as the model has.
    """
    count = told.n_classes
    named, declared = told.classes, plan.model.classes
    if declared and named is not None and [canonical(label) for label in named] != list(declared):
        raise ModelError(
            f"Model file '{name}' names its labels itself, in this order: "
            f"{listed([canonical(label) for label in named])}. model.classes says "
            f"{listed(declared)}. Leave it out, or mend it."
        )
    if declared and named is None and len(declared) != count:
        raise ModelError(
            f"model.classes lists {len(declared)} labels, but model file '{name}' has {count}."
        )
    if named is not None:
        return named
    unnamed: tuple[Any, ...] = declared or tuple(range(count))
    return unnamed
