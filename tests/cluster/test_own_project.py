"""The profiles of docs/own_project.md on the real Slurm: conda, a container, torchrun on two nodes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.yaml_text import parse
from tests.cluster.launch_process import LaunchProcess, launched
from tests.pages import DOCS, command_key, profile_file, saved_on_page, study_files
from tests.pythons import find_python

PAGE = DOCS / "own_project.md"
MODEL = """
import json, os, sys

def train(params, trial):
    file = params.get("file")
    seen = {
        "version": list(sys.version_info[:2]),
        "conda": os.environ.get("CONDA_PREFIX"),
        "container": os.environ.get("APPTAINER_CONTAINER"),
        "file": file and open(file).read(),
    }
    (trial.folder / "seen.json").write_text(json.dumps(seen))
    return {"score": 0.5}
"""
NOT_ON_TEST_CLUSTER = ("workdir", "gres")


def write_profile(workplace: Path, section: str, **changes: object) -> None:
    """Write the profile of a section of the page, with the changes that the test cluster needs."""
    cluster: dict[str, Any] = parse(profile_file(PAGE, section))
    profile = cluster["profiles"]["gpu"]
    for key in NOT_ON_TEST_CLUSTER:
        profile.pop(key, None)
    profile |= {"poll_seconds": 0.5, "settle_seconds": 1, **changes}
    (workplace / "cluster.yaml").write_text(json.dumps(cluster))


def seen_by_trial(launch: LaunchProcess) -> dict[str, object]:
    (file,) = launch.workplace.glob("**/seen.json")
    seen: dict[str, object] = json.loads(file.read_text())
    return seen


@pytest.fixture
def model(slurm_workplace: Path) -> Path:
    (slurm_workplace / "toy_model.py").write_text(MODEL)
    return slurm_workplace


@pytest.fixture(scope="module")
def container_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a container image that contains Debian with Python."""
    if shutil.which("apptainer") is None or shutil.which("debootstrap") is None:
        pytest.skip("Apptainer or debootstrap is not installed")
    image = tmp_path_factory.mktemp("image") / "debian"
    command = ["debootstrap", "--variant=minbase", "--include=python3", "bookworm", str(image)]
    subprocess.run(command, check=True, capture_output=True)
    return image


def test_conda_environment(model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    if shutil.which("conda") is None or (python := find_python("3.9")) is None:
        pytest.skip("conda or Python 3.9 is not installed")
    # Without a channel from which packages can be downloaded, this is what `conda create` leaves. conda
    # cannot activate an environment with a quotation mark in its path, as the workplace has one.
    environment = tmp_path_factory.mktemp("conda") / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True)
    (environment / "conda-meta").mkdir()
    (environment / "conda-meta" / "history").touch()
    write_profile(model, "A conda environment", conda=str(environment))
    with launched(model, "--trials", "1") as launch:
        assert launch.wait() == 0, launch.log()
    seen = seen_by_trial(launch)
    assert seen["version"] == [3, 9]
    assert seen["conda"] == str(environment)


def test_conda_environment_that_does_not_exist(model: Path) -> None:
    if shutil.which("conda") is None:
        pytest.skip("conda is not installed")
    write_profile(model, "A conda environment", conda="nosuch")
    with launched(model, "--trials", "1") as launch:
        assert launch.wait() == 1
    assert "failed (launch_failure)" in launch.log()
    assert "the setup command failed with exit code 1: activate_conda nosuch" in launch.log()


def test_container(model: Path, container_image: Path) -> None:
    data = model / "data of the node"
    data.mkdir()
    (data / "value").write_text("7")
    container = {"image": str(container_image), "binds": [f"{data}:/mnt"]}
    write_profile(model, "A container", container=container)
    with launched(model, "--trials", "1", "--set", "fixed.file=/mnt/value") as launch:
        assert launch.wait() == 0, launch.log()
    seen = seen_by_trial(launch)
    assert seen["file"] == "7"
    assert seen["container"] == str(container_image)


def test_torchrun_on_two_nodes(slurm_workplace: Path) -> None:
    pytest.importorskip("torch")
    (slurm_workplace / "distributed.py").write_text(saved_on_page(PAGE)["distributed"])
    study: dict[str, Any] = parse(study_files(PAGE)["my_torchrun"])
    study |= parse(command_key(PAGE, "torchrun"))
    study |= {"name": "toy", "trials": 2, "enqueue": [{"lr": 0.1}, {"lr": 0.001}]}
    study |= {"fixed": {"epochs": 1000}, "pruner": {"name": "median", "startup_trials": 1}}
    (slurm_workplace / "studies" / "toy.yaml").write_text(json.dumps(study))
    write_profile(slurm_workplace, "torchrun", mem_gb=4)
    with launched(slurm_workplace) as launch:
        assert launch.wait() == 0, launch.log()
    results = launch.read_study()
    assert results.trials["state"].tolist() == ["complete", "pruned"]
    epochs = results.epochs.groupby("number")["epoch"].apply(list)
    assert epochs[0] == list(range(1, 1001))
    assert not subprocess.run(["pgrep", "-f", "distributed.py"], capture_output=True).stdout
