"""Launches on this machine: the code and the working directory that trials have."""

import subprocess
import time
from pathlib import Path

import pytest

from sweep.api import launch
from sweep.definition.study import load_study
from sweep.storage.study_data import StudyData
from tests.sweep.cli.test_launch import sweep_process

pytestmark = pytest.mark.slow

MODEL = """
import os
import time
from pathlib import Path

from settings import VERSION


def train(params, trial):
    time.sleep(params["wait_s"])
    import late
    trial.note("cwd", os.getcwd())
    trial.note("config", Path("configs/a.yaml").read_text())
    trial.note("data", Path("data/values.txt").read_text())
    Path("out.txt").write_text(str(trial.seed))
    Path("configs/out.txt").write_text(str(trial.seed))
    Path("data/values.txt").write_text(str(trial.seed))
    return {"score": VERSION + late.VERSION}


def evaluate(params, trial):
    return {"test_score": VERSION}
"""
STUDY = """
name: own
train: model:train
evaluate: model:evaluate
metric: score
direction: maximize
trials: 4
parallel: 2
space: {x: {type: float, low: 0.0, high: 1.0}}
fixed: {wait_s: 0.0}
"""


@pytest.fixture
def project(workplace: Path) -> Path:
    (workplace / "studies" / "own.yaml").write_text(STUDY)
    (workplace / "model.py").write_text(MODEL)
    (workplace / "configs").mkdir()
    (workplace / "data").mkdir()
    (workplace / "configs" / "a.yaml").write_text("first")
    (workplace / "data" / "values.txt").write_text("data")
    (workplace / ".gitignore").write_text("data/\nsweeps/\nsweep.db*\n__pycache__/\n")
    set_version(workplace, 1)
    return workplace


def set_version(project: Path, version: int) -> None:
    for module in ("settings", "late"):
        (project / f"{module}.py").write_text(f"VERSION = {version}\n")


def commit(project: Path) -> None:
    author = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    for arguments in (["init"], ["add", "."], [*author, "commit", "-m", "Begin"]):
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)


def run(*overrides: str, profile: str = "local", update_code: bool = False) -> StudyData:
    return launch(load_study("own", overrides), profile=profile, update_code=update_code)


def contents(project: Path) -> dict[str, bytes]:
    ignored = {"sweeps", "__pycache__", ".git"}
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and not ignored & set(path.parts) and not path.name.startswith("sweep.db")
    }


def notes(data: StudyData, key: str) -> list[str]:
    return [found[key] for found in data.attempts["notes"]]


@pytest.mark.parametrize("is_repository", [True, False])
def test_edits_during_a_study_affect_no_trial(project: Path, is_repository: bool) -> None:
    if is_repository:
        commit(project)
    arguments = ["--study", "own", "--set", "fixed.wait_s=1.0", "--set", "trials=3", "--set", "parallel=1"]
    with subprocess.Popen(
        ["python", "-m", "sweep", "launch", *arguments], stderr=subprocess.PIPE
    ) as launcher:
        while not list(project.glob("sweeps/own/00000/attempt-*/started.json")):
            time.sleep(0.05)
        set_version(project, 2)
        (project / "model.py").write_text("raise SystemExit('edited')")
        (project / "configs" / "a.yaml").write_text("second")
        _, errors = launcher.communicate(timeout=60)
    assert launcher.returncode == 0, errors
    data = run("fixed.wait_s=1.0", "trials=3", "parallel=1")
    assert list(data.trials["value"]) == [2.0, 2.0, 2.0]
    assert notes(data, "config") == ["first"] * 3
    assert data.code[0].snapshot.is_clean is (True if is_repository else None)


@pytest.mark.parametrize("profile", ["local", "inline"])
def test_writes_of_trials_collide_neither_with_each_other_nor_with_the_project(
    project: Path, profile: str
) -> None:
    before, folder = contents(project), Path.cwd()
    data = run(profile=profile)
    assert list(data.trials["state"]) == ["complete"] * 4
    assert contents(project) == before
    assert Path.cwd() == folder
    assert notes(data, "data") == ["data"] * 4
    for row in data.trials.to_dict("records"):
        (work,) = Path(row["folder"]).glob("attempt-1-*/work")
        written = {str(path.relative_to(work)): path.read_text() for path in work.rglob("*.txt")}
        assert written == dict.fromkeys(["out.txt", "configs/out.txt", "data/values.txt"], str(row["seed"]))


def test_project_as_working_directory(project: Path) -> None:
    set_version(project, 3)
    data = run("working_dir=project", "trials=1")
    assert notes(data, "cwd") == [str(project)]
    assert (project / "out.txt").exists()
    assert not list(project.glob("sweeps/own/*/*/work"))
    set_version(project, 4)
    (project / "data" / "values.txt").write_text("data")
    assert list(run("working_dir=project", "trials=2").trials["value"]) == [6.0, 6.0]  # of the snapshot


def test_update_code_switches_to_the_code_of_the_project(project: Path) -> None:
    run("trials=1", profile="inline")
    set_version(project, 2)
    launched = sweep_process("launch", "--study", "own", "--trials", "2", "--update-code")
    assert "changed: late.py, settings.py" in launched.err
    status = sweep_process("status", "--study", "own").out
    assert status.count("1 trial: snapshot ") == 2
    assert sweep_process("report", "--study", "own").code == 0
    page = (project / "report" / "own" / "report.html").read_text()
    assert "The trials ran different code: 1 trial ran snapshot " in page


def test_evaluation_runs_the_code_of_the_study(project: Path) -> None:
    assert sweep_process("launch", "--study", "own", "--trials", "1").code == 0
    set_version(project, 2)
    done = sweep_process("evaluate", "--study", "own", "--seeds", "1")
    assert done.code == 0, done.err
    assert launch(load_study("own", ["trials=1"]), profile="local").evaluation.trials["value"].tolist() == [
        1.0
    ]


def test_large_project_is_rejected_before_anything_is_changed(project: Path) -> None:
    commit(project)
    with (project / "weights.bin").open("wb") as file:
        file.truncate(150_000_000)
    result = sweep_process("launch", "--study", "own")
    assert result.code == 2
    assert "150.0 MB  weights.bin" in result.err
    assert not (project / "sweeps").exists()
    assert (
        sweep_process("launch", "--study", "own", "--set", "code.exclude=[weights.bin]", "--trials", "1").code
        == 0
    )
