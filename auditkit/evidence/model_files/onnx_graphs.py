"""An ONNX file: looked at first, then run; both in the other process.

What is refused: numbers kept in other files, operators that are not of ONNX itself, and tensors
that claim to be larger than the file that holds them.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditkit.errors import ModelError, listed
from auditkit.evidence.model_files.answers import (
    STRANGE,
    as_places,
    both,
    by_place,
    numbers,
    where,
    whole,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TEXT = "tensor(string)"
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
"""Attributes in which classifiers and ZipMap keep the labels, in the order of their columns."""
DEEPEST = 20
SUM = 1e-3
"""How far probabilities in single precision may be from adding up to 1."""
MOST_NODES = 1_000_000


class OnnxGraph:
    """A classifier or regressor in ONNX, as converters write them."""

    def __init__(self, content: bytes) -> None:
        import onnx
        import onnxruntime

        graph = onnx.load_model_from_string(content).graph
        nodes = list(_nodes(graph, 0))
        _refuse(nodes, list(_tensors(graph, nodes)), len(content))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        self.inputs = self.session.get_inputs()
        self.outputs = self.session.get_outputs()
        self.read_with = f"ONNX Runtime {onnxruntime.__version__}"
        self.columns = len(self.inputs) > 1  # else one matrix, whose columns the plan names
        self.label = next((o for o in self.outputs if o.type in DISCRETE), None)
        floats = [o for o in self.outputs if o.type in CONTINUOUS]
        named = [o for o in floats if "prob" in o.name.lower()]
        self.chance = next(iter(named or floats), None)
        if len(named or floats) > 1:
            raise ModelError(
                f"gives several outputs of numbers ({listed([o.name for o in floats])}), and it "
                f"cannot be told which counts. Keep one, or audit a column of its decisions."
            )
        self.classes = _labels(nodes) if self.label is not None else None
        if not self.columns and self.inputs[0].type == TEXT and not _width(self.inputs[0]):
            raise ModelError(
                "reads a matrix of texts of any width. Convert it anew with one input per column."
            )
        if self.label is None and self.chance is None:
            raise ModelError("gives neither a label nor a number that is known here.")
        if self.label is not None and self.classes is None:
            raise ModelError(
                "gives labels, but does not say which there are and in which order. Convert it "
                "anew with its labels, or audit a column of its decisions."
            )

    def told(self) -> dict[str, Any]:
        """Say what the file says of itself, in what JSON can hold."""
        width = len(self.inputs) if self.columns else _width(self.inputs[0])
        names = [i.name for i in self.inputs] if self.columns else by_place(width or 0)
        texts = [name for name, kind in zip(names, self._kinds(len(names)), strict=True) if kind]
        return {
            "model": "ONNX model",
            "features": [i.name for i in self.inputs] if self.columns else None,
            "n_features": width,
            "classes": self.classes,
            "n_classes": len(self.classes or ()),
            "probable": self.classes is not None and self.chance is not None,
            "levels": {name: [] for name in texts},
            "saved_with": "",
            "read_with": self.read_with,
        }

    def predict(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict places among the labels, or amounts; shape (n,)."""
        import numpy as np

        def amount(some: "pd.DataFrame") -> "NDArray[Any]":
            return np.asarray(self._run(some, self.chance)).ravel()

        if self.classes is None:
            return where(self._whole(rows), rows, amount)
        places = {str(label): place for place, label in enumerate(self.classes)}

        def answer(some: "pd.DataFrame") -> "NDArray[Any]":
            found = self._run(some, self.label).ravel().tolist()
            return np.array([places.get(whole(label), STRANGE) for label in found])

        return as_places(where(self._whole(rows), rows, answer))

    def predict_proba(self, rows: "pd.DataFrame") -> "NDArray[Any]":
        """Predict the probability of each label; shape (n, k)."""
        import numpy as np

        def answer(some: "pd.DataFrame") -> "NDArray[Any]":
            found = self._run(some, self.chance)
            if isinstance(found, list):  # a map for each row, by label
                found = np.array([[row[label] for label in self.classes or ()] for row in found])
            found = np.asarray(found)
            if found.shape[1:] != (1,) and (np.abs(found.sum(axis=1) - 1) > SUM).any():
                raise ModelError(
                    "gives numbers beside its labels that are no probabilities: they do not add up "
                    "to 1. Convert it anew without them, or audit a column of its decisions."
                )
            return found[:, 0] if found.shape[1:] == (1,) else found

        return both(where(self._whole(rows), rows, answer), len(self.classes or ()))

    def _kinds(self, columns: int) -> list[bool]:
        """Whether each column is read as text."""
        kinds = self.inputs if self.columns else [self.inputs[0]] * columns
        return [one.type == TEXT for one in kinds]

    def _whole(self, rows: "pd.DataFrame") -> "NDArray[np.bool_]":
        """Find the rows that can be asked about: ONNX has no empty text and no empty integer."""
        import numpy as np

        filled = np.ones(len(rows), dtype=bool)
        for place in range(rows.shape[1]):
            if self.inputs[place if self.columns else 0].type not in CONTINUOUS:
                filled &= rows.iloc[:, place].notna().to_numpy()
        return filled

    def _run(self, rows: "pd.DataFrame", output: Any) -> Any:  # noqa: ANN401
        import numpy as np

        if self.columns:
            columns = zip(self.inputs, rows.columns, strict=True)
            given = {i.name: _cells(rows[name], i.type).reshape(-1, 1) for i, name in columns}
        else:
            laid = np.stack([_cells(rows[n], self.inputs[0].type) for n in rows.columns], axis=1)
            given = {self.inputs[0].name: laid}
        return self.session.run([output.name], given)[0]


CONTINUOUS = ("tensor(float)", "tensor(double)", "seq(map(string,tensor(float)))",
              "seq(map(int64,tensor(float)))")  # fmt: skip
DISCRETE = ("tensor(int64)", "tensor(string)", "tensor(int32)", "tensor(bool)")


def _cells(column: "pd.Series[Any]", kind: str) -> "NDArray[Any]":
    import numpy as np

    if kind == TEXT:
        texts: NDArray[np.object_] = column.map(whole).to_numpy(dtype=object)
        return texts
    types = {
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
        "tensor(int64)": np.int64,
        "tensor(int32)": np.int32,
        "tensor(bool)": np.bool_,
    }
    if kind not in types:
        raise TypeError(kind)
    return numbers(column).to_numpy().astype(types[kind])


def _width(one: Any) -> int | None:  # noqa: ANN401
    """Columns of an input, if the file says so."""
    width = one.shape[1] if len(one.shape) > 1 else 1
    return width if isinstance(width, int) else None


def _labels(nodes: Sequence[Any]) -> list[Any] | None:
    """Find the labels in their order; ``None`` if there are none, or two lists that differ."""
    found = []
    for node in nodes:
        for attribute in node.attribute:
            if attribute.name in LABELS and (attribute.strings or attribute.ints):
                texts = [text.decode("utf-8") for text in attribute.strings]
                found.append(texts or list(attribute.ints))
    return found[0] if found and all(one == found[0] for one in found) else None


def _graphs(attribute: Any) -> list[Any]:  # noqa: ANN401
    """List the graphs that an attribute of a node holds."""
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _nodes(graph: Any, depth: int) -> Iterator[Any]:  # noqa: ANN401
    """List the nodes of a graph and of the graphs inside them."""
    if depth > DEEPEST:
        raise ModelError("holds graphs within graphs, deeper than is read.")
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in _graphs(attribute):
                yield from _nodes(inner, depth + 1)


def _tensors(graph: Any, nodes: Sequence[Any]) -> Iterator[Any]:  # noqa: ANN401
    """List every tensor that a graph holds."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in _graphs(attribute):
                yield from inner.initializer


def _refuse(nodes: Sequence[Any], tensors: Sequence[Any], size: int) -> None:
    """Refuse what reaches beyond the file, or claims more than is in it."""
    import math

    problems = []
    foreign = sorted({node.domain for node in nodes} - DOMAINS)
    if foreign:
        problems.append(f"uses operators that are not of ONNX itself ({listed(foreign)}).")
    outside = sum(1 for one in tensors if one.external_data or one.data_location == 1)
    if outside:
        problems.append(f"keeps {outside} of its tensors in other files, which are not read.")
    most = 8 * size  # no cell takes less than a bit
    huge = sum(math.prod(one.dims) > most or min(one.dims, default=0) < 0 for one in tensors)
    if huge and not outside:
        problems.append(f"holds {huge} tensors that claim to be larger than the file itself.")
    if len(nodes) > MOST_NODES:
        problems.append(f"has {len(nodes):,} operators; at most {MOST_NODES:,} are run.")
    if problems:
        raise ModelError(*problems)
