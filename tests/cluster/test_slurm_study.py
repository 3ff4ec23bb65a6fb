"""A whole study on the real Slurm, its launcher killed at the worst moments."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import daemons
from tests.cluster.slurm import Slurm
from tests.nothing_lost import check_nothing_lost_nothing_twice
from tests.sweep.launcher.test_crash import KILL_SCRIPT, LAUNCH, NUM_EPOCHS, NUM_TRIALS

ON_SLURM = [*LAUNCH, "--cluster", "slurm", "--parallel", "4"]

MOMENTS = [
    ("sweep.scheduler.slurm.executor", "SlurmExecutor", "submit", "before"),
    ("submitit", "SlurmExecutor", "_submit_command", "after"),  # the jobs wait for their pickles
    ("submitit.core.utils", "JobPaths", "move_temporary_file", "after"),  # only one job has its pickle
    ("sweep.scheduler.slurm.executor", "SlurmExecutor", "submit", "after"),  # their ids are not saved
    ("sweep.launcher.reconciliation", "Reconciler", "reconcile", "after"),  # what it has read is not saved
    ("sweep.launcher.proposals", "Proposals", "tell", "after"),  # Optuna knows how a trial ended, we do not
]


def finish(*options: str) -> None:
    command = [sys.executable, "-m", "sweep", "launch", *ON_SLURM, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def job_ids(slurm: Slurm) -> set[str]:
    """Every job that the cluster has ever had."""
    queue = slurm.run("squeue", "--noheader", "--states=all", "--format=%i")
    return {*queue.split(), *slurm.run("sacct", "--noheader", "--allocations", "--format=JobID").split()}


def test_one_job_a_trial(on_slurm: Path, slurm: Slurm) -> None:
    earlier = job_ids(slurm)
    finish()
    attempts = check_nothing_lost_nothing_twice(on_slurm, NUM_TRIALS, NUM_EPOCHS).attempts
    # accounting lags behind
    daemons.wait_until("a job a trial", lambda: set(attempts["job_id"]) == job_ids(slurm) - earlier)
    assert attempts["job_id"].nunique() == NUM_TRIALS
    assert set(attempts["host"]) == {"n1", "n2"}
    assert attempts["gpu_seconds"].sum() > 0


@pytest.mark.parametrize(
    "moment", MOMENTS, ids=[f"{when} {owner}.{name}" for _, owner, name, when in MOMENTS]
)
def test_killed_at_the_worst_moment(on_slurm: Path, moment: tuple[str, str, str, str]) -> None:
    command = [sys.executable, "-c", KILL_SCRIPT, *moment, "launch", *ON_SLURM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr
    finish()
    check_nothing_lost_nothing_twice(on_slurm, NUM_TRIALS, NUM_EPOCHS)


def test_two_trials_share_a_job(on_slurm: Path) -> None:
    """The launcher dies when it has submitted the first two jobs; each holds two trials, on one GPU."""
    packed = ["--cluster", "packed"]
    moment = ("sweep.scheduler.slurm.executor", "SlurmExecutor", "submit", "after")
    command = [sys.executable, "-c", KILL_SCRIPT, *moment, "launch", *ON_SLURM, *packed]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr
    finish(*packed)
    attempts = check_nothing_lost_nothing_twice(on_slurm, NUM_TRIALS, NUM_EPOCHS).attempts
    jobs = attempts.groupby("job_id")
    assert jobs.size().tolist() == [2] * (NUM_TRIALS // 2)
    assert (jobs["gpu"].nunique() == 1).all()
    assert (jobs["gpu_seconds"].nunique() == 1).all()  # each has half of what its job cost
