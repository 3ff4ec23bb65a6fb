"""A whole study on the real Slurm whose launcher is killed at critical moments."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import daemons
from tests.cluster.slurm import Slurm
from tests.invariants import check_each_trial_ran_once
from tests.sweep.launcher.test_crash import LAUNCH, NUM_EPOCHS, NUM_TRIALS, run_and_kill

ON_SLURM = [*LAUNCH, "--cluster", "slurm", "--parallel", "4"]

# The launcher is killed before or after it calls a method of a class of a module.
MOMENTS = [
    ("sweep.scheduler.slurm.executor", "SlurmExecutor", "submit", "before"),
    ("submitit", "SlurmExecutor", "_submit_command", "after"),  # no job has its pickled task yet
    ("submitit.core.utils", "JobPaths", "move_temporary_file", "after"),  # only one job has its pickled task
    ("sweep.scheduler.slurm.executor", "SlurmExecutor", "submit", "after"),  # the job ids are not saved
    ("sweep.launcher.launcher", "Launcher", "_apply", "after"),  # the observations are not saved
    # Optuna has the outcome of the trial, our tables do not.
    ("sweep.launcher.proposals", "Proposals", "tell", "after"),
]


def launch_to_end(*options: str) -> None:
    """Launch the study and wait until it is complete."""
    command = [sys.executable, "-m", "sweep", "launch", *ON_SLURM, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def job_ids(slurm: Slurm) -> set[str]:
    """Return the ids of all jobs that the cluster has ever had."""
    queue = slurm.run("squeue", "--noheader", "--states=all", "--format=%i")
    return {*queue.split(), *slurm.run("sacct", "--noheader", "--allocations", "--format=JobID").split()}


def test_each_trial_is_one_job(slurm_workplace: Path, slurm: Slurm) -> None:
    earlier = job_ids(slurm)
    launch_to_end()
    attempts = check_each_trial_ran_once(slurm_workplace, NUM_TRIALS, NUM_EPOCHS).attempts
    # Slurm's accounting lags behind.
    daemons.wait_until(
        "accounting lists one job per trial", lambda: set(attempts["job_id"]) == job_ids(slurm) - earlier
    )
    assert attempts["job_id"].nunique() == NUM_TRIALS
    assert set(attempts["host"]) == {"n1", "n2"}
    assert attempts["gpu_seconds"].sum() > 0


@pytest.mark.parametrize(
    "moment", MOMENTS, ids=[f"{when} {owner}.{name}" for _, owner, name, when in MOMENTS]
)
def test_each_trial_runs_once_after_a_kill_at_a_critical_moment(
    slurm_workplace: Path, moment: tuple[str, str, str, str]
) -> None:
    run_and_kill(moment, "launch", *ON_SLURM, timeout=200)
    launch_to_end()
    check_each_trial_ran_once(slurm_workplace, NUM_TRIALS, NUM_EPOCHS)


def test_shared_jobs_are_adopted_after_a_kill(slurm_workplace: Path) -> None:
    """The launcher is killed after it submitted two jobs, each of which runs two trials on one GPU."""
    packed = ["--cluster", "packed"]
    moment = ("sweep.scheduler.slurm.executor", "SlurmExecutor", "submit", "after")
    run_and_kill(moment, "launch", *ON_SLURM, *packed, timeout=200)
    launch_to_end(*packed)
    attempts = check_each_trial_ran_once(slurm_workplace, NUM_TRIALS, NUM_EPOCHS).attempts
    jobs = attempts.groupby("job_id")
    assert jobs.size().tolist() == [2] * (NUM_TRIALS // 2)
    assert (jobs["gpu"].nunique() == 1).all()
    assert (jobs["gpu_seconds"].nunique() == 1).all()  # each trial counts half of its job
