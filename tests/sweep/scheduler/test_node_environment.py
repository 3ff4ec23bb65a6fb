"""The environment of trials on this machine: versions of Python, uv, conda, containers, variables, GPUs."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.local_profile import LocalProfile
from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.scheduler.local import LocalExecutor
from sweep.states import JobState, Outcome
from tests.pythons import find_python
from tests.sweep.scheduler.contract import new_job, results, state, submit, wait_for_end

pytestmark = pytest.mark.slow

MODEL = """
import json, os, sys

def train(params, trial):
    trial.report(1, {"score": 0.5})
    found = {}
    for name in ("submitit", "cloudpickle", "typing_extensions", "optuna"):
        try:
            found[name] = __import__(name).__file__
        except ImportError:
            found[name] = None
    names = ("CUDA_VISIBLE_DEVICES", "GREETING", "CONTAINER", "CONDA")
    (trial.folder / "seen.json").write_text(json.dumps({
        "version": list(sys.version_info[:2]), "prefix": sys.prefix, "packages": found,
        "variables": {name: os.environ.get(name) for name in names},
    }))
    return {"score": 0.5}
"""


def run(workplace: Path, **settings: Any) -> dict[str, Any]:
    """Run a trial under a local profile with these settings, and return what it has seen."""
    (workplace / "toy_model.py").write_text(MODEL)
    executor = LocalExecutor(LocalProfile(executor="local", **settings))
    job = submit(executor, new_job(workplace))
    wait_for_end(executor, job)
    (result,) = results(job)
    assert result is not None, [file.read_text() for file in job.folder.glob("*_log.*")]
    assert result.outcome is Outcome.COMPLETE, result.error
    seen: dict[str, Any] = json.loads((job.attempts[0].artifacts / "seen.json").read_text())
    return seen


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.13"])
def test_empty_environment_with_another_version_of_python(workplace: Path, version: str) -> None:
    if (python := find_python(version)) is None:
        pytest.skip(f"Python {version} is not installed")
    environment = workplace / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True)
    seen = run(workplace, python=shlex.quote(f"{environment}/bin/python"))
    assert seen["version"] == [int(part) for part in version.split(".")]
    assert Path(seen["prefix"]) == environment
    assert set(seen["packages"].values()) == {None}  # the worker's own packages are hidden


def test_environment_that_setup_activates(workplace: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "environment"], check=True)
    seen = run(workplace, setup=["source environment/bin/activate"], python="python")
    assert Path(seen["prefix"]) == workplace / "environment"
    assert seen["packages"]["optuna"] is None


def test_uv_run(workplace: Path) -> None:
    if (uv := shutil.which("uv")) is None:
        pytest.skip("uv is not installed")
    project = workplace / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "users"\nversion = "1"\nrequires-python = ">=3.8"\n'
    )
    seen = run(
        workplace, python=f"{uv} run --quiet --offline --project project --python {sys.executable} python"
    )
    assert Path(seen["prefix"]) == project / ".venv"
    assert set(seen["packages"].values()) == {None}


def test_conda_environment_is_activated_before_python_starts(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script in place of conda shows what is called; its environment is one of venv."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "my env"], check=True)
    conda = workplace / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(
        "#!/bin/sh\n[ \"$1 $2\" = 'shell.bash hook' ] && "
        'echo \'conda() { export CONDA="$1 $2" CONDA_PREFIX="$PWD/$2"; source "$2/bin/activate"; }\'\n'
    )
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", f"{conda.parent}:/usr/bin:/bin")
    seen = run(workplace, conda="my env")
    assert Path(seen["prefix"]) == workplace / "my env"
    assert seen["variables"]["CONDA"] == "activate my env"


def test_container_runs_python_and_sees_the_folder_of_the_study(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script in place of apptainer shows its arguments and runs the command."""
    program = workplace / "bin" / "apptainer"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nall="$*"\nwhile [ "$1" != image.sif ]; do shift; done\nshift\n'
        f'[ "$1" = python3 ] && shift\nCONTAINER="$all" exec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    seen = run(workplace, container={"image": "image.sif", "binds": ["/data:/data:ro"], "gpu": True})
    called = seen["variables"]["CONTAINER"]
    assert called.startswith("exec --nv --bind /data:/data:ro --bind ")
    assert f"--bind {workplace}/sweeps/toy image.sif python3 -u {workplace}/sweeps/toy/worker/" in called


def test_variables_are_set_literally(workplace: Path) -> None:
    seen = run(workplace, env={"GREETING": "it's $HOME"})
    assert seen["variables"]["GREETING"] == "it's $HOME"


def test_failing_setup_line_is_a_launch_failure_with_the_words_of_the_shell(
    workplace: Path,
) -> None:
    (workplace / "cluster.yaml").write_text(
        "default: here\nprofiles: {here: {executor: local, modules: [nosuch/1.0]}}\n"
    )
    command = [sys.executable, "-m", "sweep", "launch", "--study", "toy", "--trials", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    shown = done.stderr
    assert "failed (launch_failure)" in shown
    assert "module: command not found" in shown


def test_each_gpu_is_used_by_one_trial_at_a_time(workplace: Path) -> None:
    executor = LocalExecutor(LocalProfile(executor="local", gpus=[1, 3]))
    jobs = [submit(executor, new_job(workplace, {"hold": 1})) for _ in range(2)]
    with pytest.raises(
        SubmissionError, match=r"each GPU of the profile \(1, 3\) is used by a trial"
    ) as error:
        submit(executor, new_job(workplace))
    assert error.value.rejection is Rejection.SUBMIT_LIMIT
    executor.cancel(jobs[0])
    assert wait_for_end(executor, jobs[0]) is JobState.GONE
    assert state(executor, jobs[1]) is JobState.RUNNING
    assert run(workplace, gpus=[1, 3])["variables"]["CUDA_VISIBLE_DEVICES"] == "1"
    executor.cancel(jobs[1])
    wait_for_end(executor, jobs[1])
