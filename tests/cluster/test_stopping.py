"""`sweep stop`, `sweep retry`, `sweep status` and `sweep logs` on the real Slurm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.launching import HOLD, Attempt, Launch, launched
from tests.cluster.slurm import Slurm

HELD = ["--trials", "3", "--parallel", "2", "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]
CANCELLED, COMPLETED = Attempt("failed", "cancelled"), Attempt("complete", None)


def sweep(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until_both_are_held(launch: Launch) -> None:
    for trial in (0, 1):
        launch.wait_until_held(trial)
        launch.wait_until_said(f"trial {trial}: running")


def no_job_runs(slurm: Slurm) -> bool:
    return not slurm.run("squeue", "--noheader", "--states=pending,running")


@pytest.mark.parametrize("is_launcher_alive", [True, False], ids=["by the launcher", "in its place"])
def test_jobs_cancelled_then_tried_again(on_slurm: Path, slurm: Slurm, is_launcher_alive: bool) -> None:
    with launched(on_slurm, *HELD) as launch:
        wait_until_both_are_held(launch)
        if not is_launcher_alive:
            launch.kill()
        out = sweep("stop", "--study", "toy", "--cancel-jobs")
        if is_launcher_alive:
            assert launch.finish() == 0, launch.log()
        else:
            assert "study toy: 2 failed" in out
        assert no_job_runs(slurm)
        assert launch.attempts(0) == launch.attempts(1) == [CANCELLED]
        assert "to be tried again: trial 0, trial 1" in sweep("retry", "--study", "toy", "--failed")
        launch.start()
        for trial in (0, 1):
            launch.wait_until_held(trial, attempt=2)
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    for trial in (0, 1):
        assert launch.attempts(trial) == [CANCELLED, COMPLETED]
        assert launch.trained(trial) == launch.epochs(trial) == [1, 2, 3, 4]  # from the last checkpoint
    assert launch.attempts(2) == [COMPLETED]
    assert launch.read().trials["state"].tolist() == ["complete"] * 3


def test_stopped_gently(on_slurm: Path) -> None:
    with launched(on_slurm, *HELD) as launch:
        wait_until_both_are_held(launch)
        assert "waits for the active trials and ends" in sweep("stop", "--study", "toy")
        launch.wait_until_said("a person has asked it to stop")
        launch.let_go()
        assert launch.finish() == 0, launch.log()
        assert launch.read().trials["state"].tolist() == ["complete"] * 2
        launch.start()
        assert launch.finish() == 0, launch.log()
    assert launch.read().trials["state"].tolist() == ["complete"] * 3


def test_trials_that_share_a_job(on_slurm: Path, slurm: Slurm) -> None:
    profiles = on_slurm / "cluster.yaml"
    profiles.write_text(
        profiles.read_text().replace("slurm: {executor", "slurm: {trials_per_job: 2, executor")
    )
    with launched(on_slurm, *HELD) as launch:
        wait_until_both_are_held(launch)
        (study,) = json.loads(sweep("status", "--study", "toy", "--json"))["studies"]
        first, second = study["trials"]
        assert first["job_id"] == second["job_id"]
        assert (first["state"], first["epoch"], first["host"]) == ("running", HOLD - 1, second["host"])
        assert study["launcher"]["pid"] == launch.process.pid
        sweep("stop", "--study", "toy", "--cancel-jobs")
        assert launch.finish() == 0, launch.log()
    assert no_job_runs(slurm)
    assert launch.attempts(0) == launch.attempts(1) == [CANCELLED]


def test_a_task_of_an_array_that_waits(on_slurm: Path, slurm: Slurm) -> None:
    """More trials than GPUs, as one array: the one that waits has an id such as 123_4, and is cancelled."""
    with launched(on_slurm, *HELD, "--trials", "5", "--parallel", "5") as launch:
        for trial in range(4):
            launch.wait_until_held(trial)
        assert "_" in launch.job_id(trial=4)
        assert "trial 4, attempt 1, has printed nothing: pending" in sweep(
            "logs", "--study", "toy", "--trial", "4"
        )
        sweep("stop", "--study", "toy", "--cancel-jobs")
        assert launch.finish() == 0, launch.log()
    assert no_job_runs(slurm)
    assert [launch.attempts(trial) for trial in range(5)] == [[CANCELLED]] * 5


def test_the_log_of_a_job_in_which_no_trial_began(on_slurm: Path) -> None:
    profiles = on_slurm / "cluster.yaml"
    profiles.write_text(
        profiles.read_text().replace(
            "slurm: {executor", 'slurm: {setup: ["echo no such module >&2", "exit 1"], executor'
        )
    )
    with launched(on_slurm, "--trials", "1", "--set", "failures.retries.launch_failure=0") as launch:
        assert launch.finish() == 1, launch.log()
    log = sweep("logs", "--study", "toy", "--trial", "0", "--follow")
    assert "trial 0, attempt 1, has printed nothing: failed (launch_failure); job " in log
    assert "no such module" in log
