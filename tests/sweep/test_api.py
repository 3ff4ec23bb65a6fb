"""The public Python API, and the code of docs/python_api.md."""

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from sweep import api
from sweep.api import InputError, Study, StudyFailedError, figures, launch, load_study, results

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "python_api.md"


def test_code_of_the_page_runs(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each block is run in order; one that starts with a file's name is saved under that name."""
    (workplace / "cluster.yaml").unlink()
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for block in blocks:
        if file := re.match(r"# (\w+\.py)\n", block):
            (workplace / file[1]).write_text(block)
        else:
            exec(block, names)
    assert names["data"].trials["state"].tolist() == ["complete"] * 6
    assert names["data"].epochs.groupby("number").size().tolist() == [3] * 6
    assert names["data"].attempts["host"].notna().all()
    assert "'history'" in capsys.readouterr().out
    assert (workplace / "history.html").stat().st_size > 1000


def test_page_lists_every_public_name() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in api.__all__ if f"`{name}" not in text] == []


def test_study_is_continued_by_the_same_call(workplace: Path) -> None:
    first = launch(load_study("toy", ["trials=2"]), profile="inline")
    second = launch(load_study("toy"), profile="inline")
    assert (len(first.trials), len(second.trials)) == (2, 4)
    assert second.trials["param_x"].tolist()[:2] == first.trials["param_x"].tolist()
    assert results("toy").trials.equals(second.trials)


def test_figures_without_data_are_omitted(workplace: Path) -> None:
    data = launch(load_study("toy"), profile="inline")
    drawn = figures(data)
    assert "history" in drawn
    assert "overfitting_val_loss" not in drawn
    assert all(any(len(trace.x) for trace in figure.data if trace.x is not None) for figure in drawn.values())


def test_folders_and_storage_are_those_given(workplace: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    study = load_study("toy", ["trials=1"])
    data = launch(study, profile="inline", storage=url, workdir=tmp_path / "folders", code_dir=workplace)
    assert Path(data.trials["folder"][0]).is_relative_to(tmp_path / "folders")
    assert results("toy", url).name == "toy"
    assert not (workplace / "sweep.db").exists()


def test_study_that_fails_raises_an_error(workplace: Path) -> None:
    with pytest.raises(StudyFailedError, match="every trial failed"):
        launch(load_study("toy", ["trials=2", "fixed.fault=raise"]), profile="inline")


def test_unknown_profile_is_rejected(workplace: Path) -> None:
    study = Study(name="x", train="toy_model:train", metric="score", direction="maximize", trials=1)
    with pytest.raises(InputError, match='no profile "slrum"'):
        launch(study, profile="slrum")


def test_package_is_typed_and_imports_the_standard_library_only() -> None:
    assert files("sweep").joinpath("py.typed").is_file()
    code = "import sys, sweep; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.strip("'[]\n ") for name in done.stdout.split(",")}
    assert not loaded & {"pydantic", "optuna", "typer", "sqlalchemy", "submitit", "pandas"}
