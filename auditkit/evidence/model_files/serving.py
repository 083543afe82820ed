"""What runs in the other process: a stranger's model is opened there and asked about rows.

Requests come on standard input, answers go to what was standard output; whatever a library prints
goes nowhere. Answers are JSON and plain arrays, never a pickle: what comes back is read by a
process that trusts this one with nothing.
"""

import io
import json
import os
import pickle
import time
from typing import Any, BinaryIO

MEMORY = 8 * 2**30
"""Bytes of address space: a model that asks for more is told there is none."""
FILES = 256
"""Files open at once; the libraries themselves need some."""


def main() -> None:
    """Open the model that the first request holds, then answer until nobody asks."""
    given, answers = _channels()
    try:
        opening = json.loads(given.readline())
        os.chdir(opening["folder"])
        limits = _limit()
        model = _opened(opening, given.read(opening["bytes"]), limits)
        _answer(answers, model.told())
    except BaseException as error:  # noqa: BLE001  (a damaged file may raise anything)
        _answer(answers, _failure(error))
        return
    for line in iter(given.readline, b""):
        asked = json.loads(line)
        rows = pickle.loads(given.read(asked["bytes"]))
        try:
            spent = asked["method"] == "spent"
            found = _spent() if spent else getattr(model, asked["method"])(rows)
        except BaseException as error:  # noqa: BLE001
            _answer(answers, _failure(error))
        else:
            _answer(answers, {}, _array(found))


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """Keep the way in and the way out, and point the usual ones to nothing."""
    given, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for usual in (0, 1, 2):
        os.dup2(nothing, usual)
    return given, answers


def _limit() -> set[str]:
    """Limit memory, the size of files and their number; say which the system could limit."""
    try:
        import resource
    except ImportError:
        return set()
    wanted = {"AS": MEMORY, "FSIZE": 0, "NOFILE": FILES, "CORE": 0}
    kept = set()
    for name, most in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        try:
            if kind is not None:
                resource.setrlimit(kind, (most, most))
                kept.add(name)
        except (ValueError, OSError):
            continue  # not on this system
    return kept


def _opened(opening: dict[str, Any], content: bytes, limits: set[str]) -> Any:  # noqa: ANN401
    from auditkit.errors import ModelError
    from auditkit.evidence.model_files.kinds import CATBOOST, LIGHTGBM, ONNX, PICKLE, XGBOOST

    kind = opening["kind"]
    if kind == ONNX:
        from auditkit.evidence.model_files.onnx_graphs import OnnxGraph

        return OnnxGraph(content)
    if kind == PICKLE:
        if not limits >= {"AS", "FSIZE"}:
            raise ModelError(
                "is a pickle, and this system cannot limit the memory and the files of the process "
                "that would open it. Audit it on Linux, or audit a column of its decisions."
            )
        from auditkit.evidence.model_files.pickles import Pickled

        return Pickled(content)
    from auditkit.evidence.model_files import boosters

    kinds = {
        XGBOOST: boosters.XGBoostFile,
        LIGHTGBM: boosters.LightGBMFile,
        CATBOOST: boosters.CatBoostFile,
    }
    return kinds[kind](content)


def _failure(error: BaseException) -> dict[str, Any]:
    """Tell what went wrong: our own words if they are ours, else only the kind of error."""
    from auditkit.errors import ModelError

    told = list(error.problems) if isinstance(error, ModelError) else []
    missing = getattr(error, "name", "") if isinstance(error, ModuleNotFoundError) else ""
    return {"error": type(error).__name__, "problems": told, "missing": missing or ""}


def _spent() -> Any:  # noqa: ANN401
    """Tell the seconds of processor time and the bytes of memory this process has taken."""
    import resource

    import numpy as np

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return np.array([time.process_time(), held], dtype=np.float64)


def _array(found: Any) -> bytes:  # noqa: ANN401
    import numpy as np

    out = io.BytesIO()
    np.save(out, found, allow_pickle=False)
    return out.getvalue()


def _answer(answers: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    answers.write(json.dumps({**head, "bytes": len(body)}).encode() + b"\n" + body)
    answers.flush()
