"""Tests of the environment of Slurm's commands."""

import os

import pytest

from sweep.scheduler.slurm.environment import (
    CLUSTER_VARIABLES,
    clean_environment,
    cleaned_environment,
)


@pytest.mark.parametrize(
    "name",
    [
        "SQUEUE_PARTITION",
        "SQUEUE_FORMAT",
        "SACCT_FORMAT",
        "SBATCH_JOB_NAME",
        "SBATCH_ARRAY_INX",
        "SLURM_CLUSTERS",
        "SLURM_TIME_FORMAT",
        "SRUN_EXPORT_ENV",
        "SINFO_FORMAT",
        "SCONTROL_ALL",
        "SCANCEL_STATE",
    ],
)
def test_variable_of_slurms_commands_is_removed(name: str) -> None:
    assert clean_environment({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", sorted(CLUSTER_VARIABLES))
def test_variable_that_identifies_the_cluster_is_kept(name: str) -> None:
    assert name in clean_environment({name: "x"})


def test_gpus_of_the_launchers_own_job_are_removed() -> None:
    gpus = {"CUDA_VISIBLE_DEVICES": "0"}
    assert clean_environment(gpus) == gpus
    assert clean_environment({**gpus, "SLURM_JOB_ID": "1"}) == {}


def test_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBATCH_QOS", "high")
    with cleaned_environment():
        assert "SBATCH_QOS" not in os.environ
    assert os.environ["SBATCH_QOS"] == "high"
