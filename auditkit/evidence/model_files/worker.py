"""A stranger's model lives in a process of its own, with limits; here is what speaks with it."""

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, ValidationError, model_validator

from auditkit.errors import MissingExtra, ModelError
from auditkit.evidence.encoders import Fitted
from auditkit.evidence.model_files.answers import STRANGE
from auditkit.strict import Strict

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TO_OPEN, TO_ANSWER = 120.0, 600.0
"""Seconds a model may take to be opened, and to answer about one batch of rows."""
LONGEST_HEAD = 1 << 20
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from auditkit.evidence.model_files.serving import main; main()"
)
"""The process starts with no paths but those it is told."""
MOST_CLASSES, MOST_FEATURES = 1000, 10_000
KEPT = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL")
"""Of the environment: no password of a database, no token, no proxy."""
Label = bool | int | float | str


class Told(Strict):
    """What a model in another process says of itself; the process may lie, but not confuse.

    ``classes`` are the labels in the model's order, ``n_classes`` how many there are: 0 where it
    predicts amounts. ``levels`` are the values it knows of columns of categories, none where it
    keeps only hashes of them. ``logit`` says that there are margins that make its probabilities:
    log-odds, or of several classes one each. ``shares`` says that the library shares them, or the
    amount, out among the columns.
    """

    model: str = Field(max_length=200)
    features: tuple[str, ...] | None
    n_features: int | None = Field(ge=0, le=MOST_FEATURES)
    classes: tuple[Label, ...] | None
    n_classes: int = Field(ge=0, le=MOST_CLASSES)
    probable: bool
    logit: bool = False
    shares: bool = False
    levels: dict[str, tuple[Label | None, ...]]
    hidden: bool = False
    saved_with: str = Field(max_length=100)
    read_with: str = Field(max_length=100)
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.classes is not None and len(self.classes) != self.n_classes:
            raise ValueError("labels")
        if self.features is not None and len(self.features) != (self.n_features or 0):
            raise ValueError("features")
        if not set(self.levels) <= set(self.names(0)):
            raise ValueError("levels")
        return self

    def names(self, declared: int) -> tuple[str, ...]:
        """Name the columns as the process knows them: by place, where the file names none."""
        if self.features is not None:
            return self.features
        return tuple(map(str, range(self.n_features or declared)))


class Worker:
    """A process that holds one model and answers about rows; it ends with the object."""

    def __init__(self, name: str, kind: str, content: bytes) -> None:
        self.name = name
        # private, and the only folder it stands in; nothing can be written there
        folder = tempfile.TemporaryDirectory(prefix="auditkit-model-")
        paths = json.dumps([path for path in sys.path if path])
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=folder.name,
            env={key: os.environ[key] for key in KEPT if key in os.environ} | {"HOME": folder.name},
            start_new_session=True,
        )
        self.close = weakref.finalize(self, _end, self.process, folder)
        head = {"kind": kind, "folder": folder.name, "bytes": len(content)}
        told, _ = self._asked(json.dumps(head).encode() + b"\n" + content, TO_OPEN, 0)
        if "error" in told:
            self.close()
            raise self._refused(told)
        try:
            self.told = Told.model_validate({k: v for k, v in told.items() if k != "bytes"})
        except ValidationError:
            raise self._ended("says of it what cannot be") from None

    def ask(self, method: str, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Ask about rows; shape as the method gives it.

        Raises
        ------
        ModelError
            The process ended, took too long, or answered with something that is no array.
        RuntimeError
            The model raised: its kind of error, as it may quote a row.
        """
        import numpy as np

        content = pickle.dumps(rows, protocol=5)
        head = json.dumps({"method": method, "bytes": len(content)}).encode()
        # a number for each label and column of a row, and room for a header
        numbers = len(rows) * max(self.told.n_classes, 1) * ((self.told.n_features or 0) + 1)
        most = 16 * numbers + (1 << 16)
        told, body = self._asked(head + b"\n" + content, TO_ANSWER, most)
        if problems := self._problems(told):
            raise ModelError(*problems)
        if "error" in told:
            raise RuntimeError(str(told["error"]))
        try:
            found: NDArray[Any] = np.load(io.BytesIO(body), allow_pickle=False)
        except (ValueError, EOFError, OSError):
            raise self._ended("answered with something that is no array") from None
        return found

    def spent(self) -> "NDArray[Any]":
        """Tell the seconds of processor time it has used, and the bytes it has held; shape (2,)."""
        import pandas as pd

        told = self.ask("spent", pd.DataFrame())
        if told.shape != (2,) or told.dtype.kind != "f":
            raise self._ended("says of its cost what cannot be")
        return told

    def _asked(self, request: bytes, seconds: float, most: int) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for ``most`` bytes of answer, no longer than ``seconds``.

        A thread waits, for a process can leave children behind that hold the other end open.
        """
        found: list[tuple[dict[str, Any], bytes]] = []
        waits = threading.Thread(target=lambda: found.extend(self._exchanged(request, most)))
        waits.daemon = True
        waits.start()
        waits.join(seconds)
        if waits.is_alive():
            LOST.append(self.process)  # its ends stay open, as the thread may still read from them
            raise self._ended(f"took longer than {seconds:.0f} seconds")
        if not found:
            raise self._ended(ENDED)
        return found[0]

    def _exchanged(self, request: bytes, most: int) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Send a request and give its answer: nothing, if it is none."""
        assert self.process.stdin is not None  # noqa: S101
        assert self.process.stdout is not None  # noqa: S101
        there, back = self.process.stdin.fileno(), self.process.stdout.fileno()
        with contextlib.suppress(
            OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError
        ):
            left = memoryview(request)
            while left:
                left = left[os.write(there, left[:CHUNK]) :]
            line, body = b"", b""
            while b"\n" not in line and len(line) < LONGEST_HEAD:
                line += _some(back, CHUNK)
            line, _, body = line.partition(b"\n")
            head = json.loads(line)
            size = head["bytes"]
            if not len(body) <= size <= most:
                return
            parts, missing = [body], size - len(body)
            while missing:
                parts.append(_some(back, min(missing, CHUNK)))
                missing -= len(parts[-1])
            yield head, b"".join(parts)

    def _ended(self, why: str) -> ModelError:
        self.close()
        return ModelError(
            f"The process that holds model file '{self.name}' {why}. The model was not used. "
            f"Audit a column of its decisions instead."
        )

    def _refused(self, told: dict[str, Any]) -> Exception:
        """Say why a model was not opened."""
        if package := told.get("missing"):
            if package not in EXTRAS:  # a pickle says so, and nobody installs what a stranger says
                return ModelError(
                    f"Model file '{self.name}' was made with a package that is not installed here. "
                    f"Audit a column of its decisions instead."
                )
            return MissingExtra(
                f"Model file '{self.name}' is read by the package {package}, which is not "
                f"installed. Install it: pip install 'auditkit[{EXTRAS[package]}]'."
            )
        return ModelError(
            *self._problems(told)
            or (
                f"Model file '{self.name}' cannot be loaded ({str(told['error'])[:60]}): it "
                f"is damaged, or is larger than the memory it may use.",
            )
        )

    def _problems(self, told: dict[str, Any]) -> list[str]:
        """Take our own sentences from an answer; a process that lies may say anything."""
        said = told.get("problems")
        texts = said[:10] if isinstance(said, list) else []
        return [f"Model file '{self.name}' {str(text)[:1000]}" for text in texts]


EXTRAS = {
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
}
"""The extra that installs a package which reads model files."""
LOST: list["subprocess.Popen[bytes]"] = []
"""Processes that were ended while something else held their pipes open."""
CHUNK = 1 << 16
ENDED = "ended (it crashed, or wanted more memory than it may use)"


def _some(end: int, most: int) -> bytes:
    """Read some bytes; an end that was closed is no answer."""
    read = os.read(end, most)
    if not read:
        raise ValueError
    return read


def _end(process: "subprocess.Popen[bytes]", folder: "tempfile.TemporaryDirectory[str]") -> None:
    """End a process and what it has started, and remove its folder."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
    process.kill()
    process.wait()
    if process not in LOST:
        for end in (process.stdin, process.stdout):
            if end is not None:
                end.close()
    folder.cleanup()


@dataclass
class FileModel:
    """A model in another process, with the interface of a fitted scikit-learn estimator.

    Attributes
    ----------
    kind : str
        What it is called in the report, such as ``XGBoost model``.
    feature_names_in_ : tuple of str
        Columns in the model's order; missing where the file names none.
    classes_ : tuple
        Labels in the model's order; missing where it predicts amounts.
    predict_proba : callable
        Missing where the model gives no probabilities.
    decision_function : callable
        Log-odds, shape (n,), or margins of k classes, shape (n, k); missing where the margins do
        not make the probabilities.
    contributions : callable
        How a boosting library shares them, or an amount, out among the columns, shape (n, p + 1) or
        (n, k, p + 1); missing where there are none.
    """

    worker: Worker
    kind: str
    n_features_in_: int | None
    fitted_columns_: dict[str, Fitted]

    def __init__(
        self, worker: Worker, features: tuple[str, ...] | None, classes: tuple[Any, ...]
    ) -> None:
        told = worker.told
        self.worker = worker
        self.kind = told.model
        self.n_features_in_ = told.n_features
        if features is not None:
            self.feature_names_in_ = features
        self._own = told.names(len(features or ()))
        if told.n_classes:
            self.classes_ = classes
        if told.probable:
            self.predict_proba = lambda rows: self._asked("predict_proba", rows)
        if told.logit:
            self.decision_function = lambda rows: self._asked("decision_function", rows)
        if told.shares:
            self.contributions = lambda rows: self._asked("contributions", rows)
        self.hides_encoders_ = told.hidden
        named = dict(zip(self._own, features or self._own, strict=False))
        self.fitted_columns_ = {
            named[name]: Fitted.of(levels) if levels else Fitted("text", (), float("nan"))
            for name, levels in told.levels.items()
        }

    def predict(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict labels, ``None`` where there is none, or amounts; shape (n,)."""
        import numpy as np

        found = self._asked("predict", rows)
        if not hasattr(self, "classes_"):
            return found
        labels = np.array([*self.classes_, "(none of its labels)", None], dtype=object)
        if found.dtype.kind != "i" or ((found < STRANGE) | (found >= len(self.classes_))).any():
            raise RuntimeError("no places of labels")
        decided: NDArray[np.object_] = labels[found]  # STRANGE and NO_ANSWER count from the end
        return decided

    def _asked(self, method: str, rows: "pd.DataFrame") -> "NDArray[Any]":
        return self.worker.ask(method, rows.set_axis(list(self._own), axis=1))
