"""What kind of model file this is, told by its first bytes: a name can say anything."""

import io
import zipfile
from collections.abc import Callable

SKOPS, ONNX, XGBOOST, LIGHTGBM, CATBOOST = "skops", "ONNX", "XGBoost", "LightGBM", "CatBoost"
PICKLE = "pickle"
"""Also compressed: what joblib writes is a pickle inside."""

ANEW = (
    "Save the model with skops.io.dump, as ONNX, or with its own save_model (XGBoost, LightGBM, "
    "CatBoost), or audit a column of its decisions; 'auditkit docs models' says how."
)

COMPRESSED = (
    b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"]\x00\x00", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd",
    b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"ZF",
)  # fmt: skip
"""How gzip, bzip2, xz, LZMA, LZ4, Zstandard, zlib and old joblib files begin."""

STARTS: tuple[tuple[bytes, str], ...] = (
    (b"CBM1", CATBOOST),
    (b"tree\n", LIGHTGBM),
    (b"tree\r\n", LIGHTGBM),
    (b"\x80", PICKLE),
    *((start, PICKLE) for start in COMPRESSED),
    (b"binf", "a model in XGBoost's old binary layout, which XGBoost itself reads no more"),
    (b"bs64", "a model in XGBoost's old binary layout, which XGBoost itself reads no more"),
    (b"\x89HDF", "an HDF5 file, as Keras writes"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the model that it points to"),
    (b"<?xml", "an XML file"),
    (b"<PMML", "a PMML file"),
    (b"GGUF", "a language model"),
)


def kind_of(content: bytes) -> str:
    r"""Name the kind of a model file; what is not audited is described in words.

    >>> kind_of(b"CBM1\x00"), kind_of(b""), kind_of(b"hello")
    ('CatBoost', 'an empty file', 'no kind of model file that is known here')
    """
    if not content:
        return "an empty file"
    if content.startswith(b"PK"):
        return _archive(content)
    for start, kind in STARTS:
        if content.startswith(start):
            return kind
    for is_kind, kind in TESTS:
        if is_kind(content):
            return kind
    return "no kind of model file that is known here"


def _archive(content: bytes) -> str:
    """Tell archives apart by what they hold."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return "a damaged zip archive"
    if "schema.json" in names:
        return SKOPS
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file, which holds a pickle"
    if "model.weights.h5" in names:
        return "a Keras file"
    return "a zip archive without a schema.json, so not a .skops file"


def _xgboost(content: bytes) -> bool:
    """Whether it is XGBoost's JSON or binary JSON (UBJSON)."""
    start = content[:4096].lstrip()
    return start.startswith(b"{") and (b'"learner"' in start or b"\x07learner" in start)


def _onnx(content: bytes) -> bool:
    """Whether it begins as ONNX does: field 1 of the message is a small whole number."""
    return content[:1] == b"\x08" and b"\x00" < content[1:2] < b"\x20"


TESTS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (_xgboost, XGBOOST),
    (_onnx, ONNX),
    (lambda c: c.lstrip()[:1] == b"{", "a JSON file that is no model of XGBoost"),
    (lambda c: c[:1] in b"(c]}" and c.rstrip().endswith(b"."), PICKLE),
)
