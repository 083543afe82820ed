"""The house stays as it is drawn: imports point one way, heavy packages enter by one door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import auditkit

ROOT = Path(auditkit.__file__).parent
ORDER = [
    "errors",
    "documents",
    "results",
    "strict",
    "plan",
    "policy",
    "metrics",
    "evidence",
    "inference",
    "measure",
    "disparity",
    "spread",
    "scores",
    "residuals",
    "stratified",
    "need",
    "baseline",
    "seeds",
    "classes",
    "own_metrics",
    "unrecorded",
    "label_error",
    "explain",
    "probes",
    "reasons",
    "footprint",
    "judge",
    "self_test",
    "record",
    "account",
    "pipeline",
    "report",
    "api",
    "cli",
    "__main__",
]
DOORS = {
    "narwhals": {"evidence"},
    "duckdb": {"evidence"},
    "skops": {"evidence"},
    "onnx": {"evidence"},
    "onnxruntime": {"evidence"},
    "xgboost": {"evidence"},
    "lightgbm": {"evidence"},
    "catboost": {"evidence"},
    "joblib": {"evidence"},
    "pickle": {"evidence"},
    "ibis": {"evidence"},
    "polars": {"evidence"},
    "pyspark": {"evidence"},
    "pyarrow": {"evidence"},
    "shap": {"explain"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "nbconvert": {"report"},
    "click": {"cli"},
}
HEAVY = {"numpy", "pandas", "scipy", "sklearn", "fairlearn", "shap", "matplotlib", "duckdb",
         "narwhals", "ibis", "polars", "pyspark", "pyarrow", "skops", "nbconvert", "nbformat",
         "jinja2", "onnx", "onnxruntime", "xgboost", "lightgbm", "catboost", "joblib"}  # fmt: skip
FILES = sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.AST) -> list[tuple[ast.stmt, str]]:
    out: list[tuple[ast.stmt, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            out += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            out += [(node, node.module)]
            out += [(node, f"{node.module}.{alias.name}") for alias in node.names]
    return out


def without_typing(tree: ast.Module) -> ast.Module:
    """Leave out what only type checkers read."""
    body = [n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n))]
    return ast.Module(body=body, type_ignores=[])


def at_import(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run when the module is imported: not in functions, not for type checkers."""
    body = without_typing(tree).body
    return [n for n in body if not isinstance(n, ast.FunctionDef | ast.ClassDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
class TestModule:
    def test_imports_only_from_above(self, path):
        if path == ROOT / "__init__.py":
            pytest.skip("the package itself binds names lazily, for everybody")
        place = ORDER.index(room(path))
        for _, name in imports(ast.parse(path.read_text())):
            if name.startswith("auditkit.") and (other := name.split(".")[1]) in ORDER:
                assert ORDER.index(other) <= place, f"{path.name} imports {name} from below"

    def test_heavy_packages_enter_by_their_door(self, path):
        for _, name in imports(without_typing(ast.parse(path.read_text()))):
            doors = DOORS.get(name.split(".")[0])
            assert doors is None or room(path) in doors, f"{path.name} opens a door to {name}"

    def test_nothing_heavy_at_import(self, path):
        for statement in at_import(ast.parse(path.read_text())):
            for _, name in imports(ast.Module(body=[statement], type_ignores=[])):
                assert name.split(".")[0] not in HEAVY, f"{path.name} imports {name} at once"

    def test_only_the_command_line_prints(self, path):
        calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        names = {call.id for call in calls if isinstance(call, ast.Name)}
        assert "print" not in names


def test_every_room_has_its_place_in_the_order():
    rooms = {room(p) for p in FILES} - {"__init__"}
    assert rooms == set(ORDER)


def test_no_rooms_without_a_name_of_their_own():
    assert not {"utils", "helpers", "common", "base"} & {p.stem for p in FILES}


def test_public_names_are_sorted_and_bound():
    assert sorted(auditkit.__all__) == auditkit.__all__
    for name in auditkit.__all__:
        assert getattr(auditkit, name) is not None
    assert not set(auditkit.__all__) & {p.stem for p in FILES}, "a module would hide a function"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="auditit"):
        auditkit.auditit  # noqa: B018


def test_importing_auditkit_loads_nothing_heavy():
    code = "import auditkit, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(out.stdout.split())


def test_help_needs_nothing_heavy():
    code = (
        "import sys\nfrom auditkit.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not (HEAVY | {"pydantic"}) & set(out.stdout.split())


def test_the_top_level_holds_what_belongs_there():
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT.parent, capture_output=True, text=True, check=False
    )
    if done.returncode or not done.stdout:
        pytest.skip("this is no checkout")
    top = {line.split("/")[0] for line in done.stdout.splitlines()}
    known = {"auditkit", "notebooks", "datasets", "reports", "tests", "pyproject.toml", "README.md"}
    known |= {"LICENSE", "CHANGELOG.md", "Makefile"}
    assert not {name for name in top - known if not name.startswith(".")}
