"""A zoo of hostile model files: none runs code, each gets one clear refusal, the canary lives.

Every file would touch, empty or remove a canary if anything in it were run. They are opened through
the command line too, which must leave with 2 and write nothing.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import subprocess
import sys
import time
import zipfile
import zlib

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree._tree import Tree

import auditkit
from auditkit import ModelError
from auditkit.errors import MissingExtra
from auditkit.evidence.model_files import open_model, worker
from auditkit.plan import make_plan

PLAN = make_plan(
    {
        "data": {"label": "y", "positive": "1", "outcome": "benefit"},
        "attributes": {"g": {"column": "g"}},
    }
)


class Call:
    """Unpickling it calls a function."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


def removal(canary):
    return Call(os.remove, str(canary))


def protocol(number):
    return lambda canary: pickle.dumps(removal(canary), protocol=number)


def packed(with_):
    return lambda canary: with_(pickle.dumps(removal(canary)))


def by_joblib(compress):
    def made(canary):
        out = io.BytesIO()
        joblib.dump({"model": removal(canary)}, out, compress=compress)
        return out.getvalue()

    return made


def by_import(canary):
    """Call nothing that scanners know: a module that does harm when it is imported."""
    import importlib

    folder = canary.parent / "evil"
    folder.mkdir(exist_ok=True)
    (folder / "harm.py").write_text(f"import os; os.remove({str(canary)!r})")
    sys.path.append(str(folder))
    return pickle.dumps(Call(importlib.import_module, "harm"))


def archive(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "."), content)
    return out.getvalue()


def pytorch(canary):
    return archive(model_data__pkl=pickle.dumps(removal(canary)))


def nested(canary):
    inner = archive(schema__json="{}", evil__pkl=pickle.dumps(removal(canary)))
    return archive(inner__zip=inner)


def skops_of(model):
    return skops.io.dumps(model)


def skops_system(canary):
    return skops_of(make_pipeline(FunctionTransformer(os.system), LogisticRegression()))


def skops_partial(canary):
    import functools

    harm = functools.partial(os.remove, str(canary))
    return skops_of(make_pipeline(FunctionTransformer(harm), LogisticRegression()))


def rewritten(content, change):
    """Change the schema of a .skops file."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data.decode()).encode() if name == "schema.json" else data)
    return out.getvalue()


def skops_renamed(canary):
    honest = skops_of(LogisticRegression())
    return rewritten(
        honest,
        lambda text: text.replace("sklearn.linear_model._logistic", "os").replace(
            '"LogisticRegression"', '"system"'
        ),
    )


def skops_method(canary):
    schema = {
        "__class__": "method", "__module__": "builtins", "__loader__": "MethodNode",
        "__id__": 1, "protocol": 1, "_skops_version": "0.14",
        "content": {
            "func": "system",
            "obj": {"__class__": "str", "__module__": "os", "__loader__": "ObjectNode", "__id__": 2,
                    "content": None},
        },
    }  # fmt: skip
    return archive(schema__json=json.dumps(schema))


def skops_operator(canary):
    """Builtin containers that would call what they are told."""
    schema = {
        "__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode",
        "__id__": 1, "protocol": 1, "_skops_version": "0.14",
        "attrs": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode",
                  "__id__": 2, "content": []},
    }  # fmt: skip
    return archive(schema__json=json.dumps(schema))


def skops_deep(canary):
    return archive(schema__json='{"content":' * 100_000 + "1" + "}" * 100_000)


def skops_bomb(canary):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("schema.json", "{}")
        for place in range(33):
            with made.open(f"{place}.npy", "w", force_zip64=True) as part:
                for _ in range(64):
                    part.write(bytes(1 << 20))
    return out.getvalue()


def skops_many(canary):
    return archive(schema__json="{}", **{f"m{place}": "" for place in range(100_001)})


def skops_letters(canary):
    model = LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"])
    texts = np.array(["no", "yes"])
    texts.view(np.uint32)[0] = 0x7FFFFFFF  # no letter: a text of it would break the process
    model.classes_ = texts
    return skops_of(model)


def skops_pickled_array(canary):
    """An array of objects inside, which NumPy itself would unpickle."""
    out = io.BytesIO()
    np.save(out, np.array([removal(canary)], dtype=object), allow_pickle=True)
    honest = skops_of(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(honest)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, out.getvalue() if name.endswith(".npy") else old.read(name))
    return made.getvalue()


def astray(model):
    """A fitted model, one number of which points outside it."""
    frame = pd.DataFrame({"x": np.arange(60.0), "z": np.arange(60.0) % 7})
    model.fit(frame, (frame["z"] > 3).astype(int))
    return model


def tree_outside(canary):
    model = astray(RandomForestClassifier(2, max_depth=2, random_state=0))
    tree = model.estimators_[0].tree_
    tree.children_left[0] = 1_000_000_000
    return skops_of(model)


def tree_circle(canary):
    model = astray(RandomForestClassifier(2, max_depth=2, random_state=0))
    model.estimators_[1].tree_.children_right[0] = 0
    return skops_of(model)


def tree_column(canary):
    model = astray(RandomForestClassifier(2, max_depth=2, random_state=0))
    model.estimators_[0].tree_.feature[0] = 1_000_000
    return skops_of(model)


def boosting_outside(canary):
    model = astray(HistGradientBoostingClassifier(max_iter=2))
    model._predictors[0][0].nodes["left"][0] = 4_000_000_000
    return skops_of(model)


def boosting_column(canary):
    model = astray(HistGradientBoostingClassifier(max_iter=2))
    model._predictors[0][0].nodes["feature_idx"][0] = 1_000_000_000
    return skops_of(model)


def stages_outside(canary):
    """Inner trees that say they have more columns than boosting hands them."""
    model = astray(GradientBoostingClassifier(n_estimators=3, max_depth=1))
    for one in model.estimators_.ravel()[1:]:
        state, wide = one.tree_.__getstate__(), 300_000
        nodes = state["nodes"].copy()
        nodes["feature"][nodes["left_child"] != -1] = wide - 1
        one.tree_ = Tree(wide, np.array([1], dtype=np.intp), 1)
        one.tree_.__setstate__({**state, "nodes": nodes})
        one.n_features_in_ = wide
    return skops_of(model)


def votes_of_votes(canary):
    """Each asks the next twice: a small file that would be asked for ever."""
    model = astray(LogisticRegression())
    for _ in range(20):
        outer = astray(VotingClassifier([("x", LogisticRegression())], voting="soft"))
        outer.estimators_ = [model]
        model = outer
    return skops_of(model)


def neighbours_outside(canary):
    model = astray(KNeighborsClassifier(algorithm="kd_tree"))
    _, places, _, _ = model._tree.get_arrays()
    np.asarray(places)[0] = 1 << 40
    return skops_of(model)


def machine_outside(canary):
    model = astray(SVC())
    model._n_support = np.array([1_000_000, 1_000_000], dtype=np.int32)
    return skops_of(model)


def sparse_outside(canary):
    model = astray(LogisticRegression()).sparsify()
    model.coef_.indices[0] = 1 << 30
    return skops_of(model)


def words_in_files(canary):
    """A counter of words opens the files that cells name: their words would be in its decisions."""
    texts = CountVectorizer(input="filename", vocabulary={"alive": 0})
    return skops_of(make_pipeline(texts, astray(LogisticRegression())))


def onnx_file(change):
    """A small ONNX classifier, changed for the worse."""

    def made(canary):
        onnx = pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
        numbers = onnx.TensorProto
        node = onnx.helper.make_node(
            "LinearRegressor", ["x"], ["y"], domain="ai.onnx.ml", coefficients=[1.0, 2.0]
        )
        graph = onnx.helper.make_graph(
            [node], "g",
            [onnx.helper.make_tensor_value_info("x", numbers.FLOAT, [None, 2])],
            [onnx.helper.make_tensor_value_info("y", numbers.FLOAT, [None, 1])],
        )  # fmt: skip
        opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        change(onnx, model, canary)
        return model.SerializeToString()

    return made


def outside_tensor(onnx, model, canary):
    tensor = model.graph.initializer.add(name="w", data_type=1, dims=[4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../canary")


def huge_tensor(onnx, model, canary):
    model.graph.initializer.add(name="w", data_type=1, dims=[1 << 20, 1 << 20])


def negative_tensor(onnx, model, canary):
    model.graph.initializer.add(name="w", data_type=1, dims=[-4, 2])


def foreign_operator(onnx, model, canary):
    model.graph.node.add(op_type="PyOp", domain="evil.python", input=["x"], output=["q"])


def hidden_inside(onnx, model, canary):
    """An outside tensor in the branch of a condition."""
    inner = onnx.GraphProto(name="inner")
    outside_tensor(onnx, onnx.ModelProto(graph=inner), canary)
    tensor = inner.initializer.add(name="w", data_type=1, dims=[4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    node = model.graph.node.add(op_type="If", input=["x"], output=["z"])
    node.attribute.append(onnx.helper.make_attribute("then_branch", inner))


def booster_text(package, text):
    def made(canary):
        pytest.importorskip(package)
        return text

    return made


PICKLE, TYPES, SOUND = "is a pickle", "not on the reviewed list", "points outside itself"
ZOO = {
    **{f"pickle, protocol {n}": (protocol(n), PICKLE) for n in range(2, 6)},
    "pickle, protocol 0": (protocol(0), PICKLE),
    "pickle that imports": (by_import, PICKLE),
    "gzip": (packed(gzip.compress), PICKLE),
    "zlib": (packed(zlib.compress), PICKLE),
    "bzip2": (packed(bz2.compress), PICKLE),
    "xz": (packed(lzma.compress), PICKLE),
    "joblib": (by_joblib(0), PICKLE),
    "joblib, zlib": (by_joblib(("zlib", 3)), PICKLE),
    "joblib, gzip": (by_joblib(("gzip", 3)), PICKLE),
    "joblib, lzma": (by_joblib(("lzma", 3)), PICKLE),
    "PyTorch": (pytorch, "a PyTorch file"),
    "nested zip": (nested, "without a schema.json"),
    "skops, os.system": (skops_system, TYPES),
    "skops, partial of os.remove": (skops_partial, TYPES),
    "skops, renamed type": (skops_renamed, "not on the reviewed list|cannot be loaded"),
    "skops, method": (skops_method, "not on the reviewed list|cannot be loaded"),
    "skops, operator": (skops_operator, "not on the reviewed list|cannot be loaded"),
    "skops, deep": (skops_deep, "cannot be loaded"),
    "skops, bomb": (skops_bomb, "unpacks to"),
    "skops, 100,000 parts": (skops_many, "unpacks to"),
    "skops, letters": (skops_letters, "points outside itself"),
    "skops, pickled array": (skops_pickled_array, "cannot be loaded"),
    "tree, outside": (tree_outside, SOUND),
    "tree, in a circle": (tree_circle, SOUND),
    "tree, no such column": (tree_column, SOUND),
    "boosting, outside": (boosting_outside, SOUND),
    "boosting, no such column": (boosting_column, SOUND),
    "stages, outside": (stages_outside, SOUND),
    "votes of votes": (votes_of_votes, "cannot be loaded"),
    "neighbours, outside": (neighbours_outside, SOUND),
    "support vectors, outside": (machine_outside, SOUND),
    "sparse, outside": (sparse_outside, "not on the reviewed list"),
    "words in files": (words_in_files, SOUND),
    "ONNX, tensor in another file": (onnx_file(outside_tensor), "in other files"),
    "ONNX, hidden in a branch": (onnx_file(hidden_inside), "in other files"),
    "ONNX, huge tensor": (onnx_file(huge_tensor), "larger than the file"),
    "ONNX, negative tensor": (onnx_file(negative_tensor), "larger than the file"),
    "ONNX, foreign operator": (onnx_file(foreign_operator), "'evil.python'"),
    "ONNX, cut off": (lambda canary: onnx_file(lambda *_: None)(canary)[:40], "cannot be loaded"),
    "XGBoost, cut off": (booster_text("xgboost", b'{"learner":{"objective":'), "cannot be loaded"),
    "LightGBM, cut off": (booster_text("lightgbm", b"tree\nversion=v4\nTree=0\n"), "cannot be"),
    "CatBoost, cut off": (booster_text("catboost", b"CBM1\xff\xff\xff\x7f"), "cannot be loaded"),
    "HDF5": (lambda canary: b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "pickled array": (lambda canary: b"\x93NUMPY\x01\x00", "a NumPy array"),
    "empty": (lambda canary: b"", "an empty file"),
}


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary"
    path.write_text("alive")
    before = list(sys.path)
    yield path
    sys.path[:] = before


def test_the_zoo_is_large_enough():
    assert len(ZOO) >= 25


@pytest.mark.parametrize("name", ZOO)
def test_it_is_refused_and_nothing_is_run(name, canary, tmp_path):
    make, why = ZOO[name]
    path = tmp_path / "model.skops"  # a name says nothing
    path.write_bytes(make(canary))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelError, match=why) as caught:
        open_model(path, PLAN)
    assert len(str(caught.value)) < 600
    assert str(tmp_path) not in str(caught.value)
    assert canary.read_text() == "alive"
    assert sorted(tmp_path.rglob("*")) == before


def test_the_pickles_would_harm(canary):
    pickle.loads(protocol(4)(canary))
    assert not canary.exists()


def test_through_the_command_line(canary, tmp_path):
    (tmp_path / "rows.csv").write_text("x,y,g\n" + "1,1,a\n0,0,b\n" * 40)
    (tmp_path / "model.pkl").write_bytes(protocol(4)(canary))
    (tmp_path / "audit.toml").write_text(
        '[data]\nsource = "rows.csv"\nlabel = "y"\npositive = 1\noutcome = "benefit"\n'
        '[model]\nsource = "model.pkl"\n[attributes.g]\n[policy]\nuse = "minimal"\n'
    )
    asked = [sys.executable, "-m", "auditkit", "run", "audit.toml", "--out", "out"]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "is a pickle" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
    assert canary.exists()
    assert not (tmp_path / "out").exists()


# ------------------------------------------------- a pickle that a person allows, by its digest


def digest(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


def rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=400), "g": rng.choice(["a", "b"], 400)})
    return frame.assign(y=(frame["x"] + rng.normal(size=400) > 0).astype(int))


def allowed(path, frame, sha256, **changes):
    asked = {"label": "y", "positive": 1, "outcome": "benefit", "attributes": ["g"]}
    asked |= {"policy": "minimal", "explain": {"rows": 0}, "allow_pickle": sha256}
    return auditkit.audit(path, frame, **asked | changes)


def test_an_allowed_pickle_decides_as_the_original_and_the_report_says_so(tmp_path):
    frame = rows()
    model = LogisticRegression().fit(frame[["x"]], frame["y"])
    path = tmp_path / "model.joblib"
    joblib.dump(model, path, compress=3)
    made = allowed(path, frame, digest(path.read_bytes()))
    own = allowed(model, frame, None)
    assert made.record.measurements == own.record.measurements
    assert made.record.model_file.ran_code
    page = made.files()["report.html"]
    assert "The model file is a pickle" in page
    assert page.index("The model file is a pickle") < page.index("For whom")


def test_another_pickle_than_the_allowed_one(canary, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(protocol(4)(canary))
    with pytest.raises(ModelError, match="the one that was allowed is 0000"):
        allowed(path, rows(), "0" * 64)
    assert canary.exists()


def hostile(path, function, *arguments):
    path.write_bytes(pickle.dumps(Call(function, *arguments)))
    return digest(path.read_bytes())


def test_an_allowed_pickle_writes_no_file(tmp_path):
    target = tmp_path / "written"
    sha256 = hostile(
        tmp_path / "m.pkl", exec, f"f = open({str(target)!r}, 'w'); f.write('x' * 10); f.flush()"
    )
    with pytest.raises(ModelError, match="cannot be loaded"):
        allowed(tmp_path / "m.pkl", rows(), sha256)
    assert not target.exists() or target.stat().st_size == 0


def test_an_allowed_pickle_gets_no_more_memory_than_it_may(tmp_path):
    sha256 = hostile(tmp_path / "m.pkl", bytearray, 40 * 2**30)
    with pytest.raises(ModelError, match="larger than the memory it may use"):
        allowed(tmp_path / "m.pkl", rows(), sha256)


def test_an_allowed_pickle_gets_no_more_time_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "TO_OPEN", 3.0)
    sha256 = hostile(tmp_path / "m.pkl", time.sleep, 60)
    started = time.monotonic()
    with pytest.raises(ModelError, match="took longer than 3 seconds"):
        allowed(tmp_path / "m.pkl", rows(), sha256)
    assert time.monotonic() - started < 30


def test_an_allowed_pickle_sees_no_password_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIT_PASSWORD", "secret")
    sha256 = hostile(tmp_path / "m.pkl", exec, "import os; assert 'AUDIT_PASSWORD' in os.environ")
    with pytest.raises(ModelError, match="AssertionError"):
        allowed(tmp_path / "m.pkl", rows(), sha256)


def test_a_model_saved_with_another_version_is_told_of_on_page_1(tmp_path):
    frame = rows()
    model = LogisticRegression().fit(frame[["x"]], frame["y"])
    content = skops_of(model)
    (tmp_path / "m.skops").write_bytes(
        rewritten(content, lambda text: text.replace(sklearn_version(), "1.2.2"))
    )
    made = allowed(tmp_path / "m.skops", frame, None)
    page = made.files()["report.html"]
    told = "was saved with scikit-learn 1.2.2 and read with scikit-learn"
    assert 0 < page.index(told) < page.index("For whom")
    assert made.record.measurements == allowed(model, frame, None).record.measurements
    (tmp_path / "same.skops").write_bytes(content)
    same = allowed(tmp_path / "same.skops", frame, None)
    assert same.record.model_file.saved_with == ""


def sklearn_version():
    import sklearn

    return sklearn.__version__


def test_a_pickle_names_no_package_to_install(tmp_path):
    sha256 = hostile(tmp_path / "m.pkl", exec, "import a_package_of_a_stranger")
    with pytest.raises(ModelError, match="a package that is not installed") as caught:
        allowed(tmp_path / "m.pkl", rows(), sha256)
    assert "stranger" not in str(caught.value)


ABSENT = {
    "onnx": (onnx_file(lambda *_: None), "onnx"),
    "onnxruntime": (onnx_file(lambda *_: None), "onnx"),
    "xgboost": (booster_text("xgboost", b'{"learner":{}}'), "xgboost"),
    "lightgbm": (booster_text("lightgbm", b"tree\nversion=v4\n"), "lightgbm"),
    "catboost": (booster_text("catboost", b"CBM1"), "catboost"),
}


@pytest.mark.parametrize("package", ABSENT)
def test_a_library_that_is_not_installed_is_named_with_its_extra(package, tmp_path, monkeypatch):
    make, extra = ABSENT[package]
    (tmp_path / "model").write_bytes(make(tmp_path / "canary"))
    away = tmp_path / "away" / package
    away.mkdir(parents=True)
    (away / "__init__.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    monkeypatch.syspath_prepend(tmp_path / "away")
    with pytest.raises(MissingExtra, match=rf"package {package}, .*auditkit\[{extra}\]"):
        open_model(tmp_path / "model", PLAN)


def test_what_an_allowed_pickle_prints_does_not_speak_for_it(tmp_path):
    said = 'print(\'{"model": "x", "bytes": 0}\', flush=True)'
    sha256 = hostile(tmp_path / "m.pkl", exec, said)
    with pytest.raises(ModelError, match="cannot be loaded"):
        allowed(tmp_path / "m.pkl", rows(), sha256)


LIES = {
    "nothing": {},
    "another kind": {"model": 3},
    "labels that are not as many": {"classes": ["a"]},
    "columns that are not as many": {"features": ["a", "b"]},
    "a thousand million labels": {"n_classes": 10**9, "classes": None},
    "levels of no column": {"levels": {"z": ["a"]}},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_allowed_pickle_that_speaks_for_the_process(lie, tmp_path):
    """It finds the way out of its process, and answers in its place."""
    told = {"model": "m", "features": ["x"], "n_features": 1, "classes": ["0", "1"]}
    told |= {"n_classes": 2, "probable": True, "levels": {}, "saved_with": "", "read_with": ""}
    told = (told | LIES[lie] if LIES[lie] else {}) | {"bytes": 0}
    code = (
        "import os, gc, io\n"
        "for way in range(3, 20):\n"
        "    try:\n"
        f"        os.write(way, {json.dumps(told)!r}.encode() + b'\\n')\n"
        "    except OSError:\n"
        "        pass\n"
    )
    sha256 = hostile(tmp_path / "m.pkl", exec, code)
    with pytest.raises(ModelError, match=r"says of it what cannot be|ended"):
        allowed(tmp_path / "m.pkl", rows(), sha256)


def processes():
    """Processes of models that this one has started."""
    told = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=1) for line in told.stdout.splitlines()]
    return [args for parent, args in lines if parent == str(os.getpid()) and "serving" in args]


def sleepers(seconds):
    told = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in told.stdout.splitlines() if line == f"sleep {seconds}"]


def test_the_process_of_a_model_ends_with_the_audit(tmp_path):
    frame = rows()
    path = tmp_path / "model.joblib"
    joblib.dump(LogisticRegression().fit(frame[["x"]], frame["y"]), path)
    made = allowed(path, frame, digest(path.read_bytes()))
    assert made.record.model_file.ran_code
    assert not processes()
    with pytest.raises(ValueError, match="nowhere"):  # and with an audit that comes to nothing
        allowed(path, frame, digest(path.read_bytes()), attributes=["nowhere"])
    assert not processes()


def test_what_an_allowed_pickle_has_started_ends_with_it(tmp_path):
    frame, path = rows(), tmp_path / "m.pkl"
    model = pickle.dumps(LogisticRegression().fit(frame[["x"]], frame["y"]))
    code = (
        "(__import__('subprocess').Popen(['sleep', '4321']), "
        f"__import__('pickle').loads({model!r}))[1]"
    )
    allowed(path, frame, hostile(path, eval, code))
    assert not sleepers(4321)


def test_an_allowed_pickle_whose_child_keeps_the_pipe_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "TO_OPEN", 4.0)
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.execlp('sleep', 'sleep', '27')\n"
        "time.sleep(60)"
    )
    sha256 = hostile(tmp_path / "m.pkl", exec, code)
    started = time.monotonic()
    with pytest.raises(ModelError, match="took longer than 4 seconds"):
        allowed(tmp_path / "m.pkl", rows(), sha256)
    assert time.monotonic() - started < 20


def test_an_allowed_pickle_that_answers_without_depth(tmp_path):
    code = (
        "import os\n"
        "for way in range(3, 20):\n"
        "    try:\n"
        "        os.write(way, b'[' * 60000 + b'\\n')\n"
        "    except OSError:\n"
        "        pass\n"
        "os._exit(0)\n"
    )
    sha256 = hostile(tmp_path / "m.pkl", exec, code)
    with pytest.raises(ModelError, match="ended"):
        allowed(tmp_path / "m.pkl", rows(), sha256)
