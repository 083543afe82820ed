"""The notebooks run from top to bottom, and are kept without outputs."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_kept_without_outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    assert all(not cell.get("outputs") for cell in cells)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the kernel's own packages warn as they like
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs(path):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    done = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}})
    done.execute()
    shown = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert any("Not ready for a decision" in str(output) for output in shown)
    drawn = sum("<svg" in output.get("data", {}).get("text/html", "") for output in shown)
    assert drawn == sum(".figure(" in cell.source for cell in notebook.cells)
    assert not [o for o in shown if o.output_type == "error" or o.get("name") == "stderr"]
