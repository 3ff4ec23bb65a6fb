"""Tests that the notebook runs from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_notebook_trains_and_shows_curves_and_images(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(ROOT / "notebooks" / "capsnet.ipynb", as_version=4)
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells), (
        "the notebook contains outputs; clear them before committing"
    )
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") == 2
    assert "application/vnd.plotly.v1+json" in kinds
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    accuracy = float(printed.partition("validation accuracy ")[2].partition("%")[0])
    assert accuracy > 80
