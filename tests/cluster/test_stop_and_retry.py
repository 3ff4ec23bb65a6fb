"""`sweep stop`, `sweep retry`, `sweep status` and `sweep logs` on the real Slurm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.launch_process import HOLD, Attempt, LaunchProcess, launched
from tests.cluster.slurm import Slurm

HELD = ["--trials", "3", "--parallel", "2", "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]
CANCELLED, COMPLETE = Attempt("failed", "cancelled"), Attempt("complete", None)


def sweep(*arguments: str) -> str:
    """Run a `sweep` command and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "sweep", *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_profile_settings(workplace: Path, settings: str) -> None:
    """Add settings to the profile `slurm` of the cluster file."""
    file = workplace / "cluster.yaml"
    file.write_text(file.read_text().replace("slurm: {", f"slurm: {{{settings}, "))


def wait_until_both_are_held(launch: LaunchProcess) -> None:
    """Wait until trials 0 and 1 are held and the launcher has recorded that they run."""
    for trial in (0, 1):
        launch.wait_until_held(trial)
        launch.wait_until_logged(f"trial {trial}: running")


def has_no_active_job(slurm: Slurm) -> bool:
    """Return whether the cluster has neither pending nor running jobs."""
    return not slurm.run("squeue", "--noheader", "--states=pending,running")


@pytest.mark.parametrize("is_launcher_alive", [True, False], ids=["by the launcher", "without a launcher"])
def test_cancelled_trials_are_retried_from_their_checkpoints(
    slurm_workplace: Path, slurm: Slurm, is_launcher_alive: bool
) -> None:
    with launched(slurm_workplace, *HELD) as launch:
        wait_until_both_are_held(launch)
        if not is_launcher_alive:
            launch.kill()
        out = sweep("stop", "--study", "toy", "--cancel-jobs")
        if is_launcher_alive:
            assert launch.wait() == 0, launch.log()
        else:
            assert "study toy: 2 failed" in out
        assert has_no_active_job(slurm)
        assert launch.attempts(0) == launch.attempts(1) == [CANCELLED]
        assert "to be retried: trial 0, trial 1" in sweep("retry", "--study", "toy", "--failed")
        launch.start()
        for trial in (0, 1):
            launch.wait_until_held(trial, attempt=2)
        launch.release()
        assert launch.wait() == 0, launch.log()
    for trial in (0, 1):
        assert launch.attempts(trial) == [CANCELLED, COMPLETE]
        assert launch.trained_epochs(trial) == launch.epochs(trial) == [1, 2, 3, 4]
    assert launch.attempts(2) == [COMPLETE]
    assert launch.read_study().trials["state"].tolist() == ["complete"] * 3


def test_stopped_study_finishes_its_active_trials(slurm_workplace: Path) -> None:
    with launched(slurm_workplace, *HELD) as launch:
        wait_until_both_are_held(launch)
        assert "waits for active trials to end" in sweep("stop", "--study", "toy")
        launch.wait_until_logged("study toy: stop requested")
        launch.release()
        assert launch.wait() == 0, launch.log()
        assert launch.read_study().trials["state"].tolist() == ["complete"] * 2
        launch.start()
        assert launch.wait() == 0, launch.log()
    assert launch.read_study().trials["state"].tolist() == ["complete"] * 3


def test_shared_job_is_cancelled_with_all_its_trials(slurm_workplace: Path, slurm: Slurm) -> None:
    add_profile_settings(slurm_workplace, "trials_per_job: 2")
    with launched(slurm_workplace, *HELD) as launch:
        wait_until_both_are_held(launch)
        (study,) = json.loads(sweep("status", "--study", "toy", "--json"))["studies"]
        first, second = study["trials"]
        assert first["job_id"] == second["job_id"]
        assert (first["state"], first["epoch"], first["host"]) == ("running", HOLD - 1, second["host"])
        assert study["launcher"]["pid"] == launch.process.pid
        sweep("stop", "--study", "toy", "--cancel-jobs")
        assert launch.wait() == 0, launch.log()
    assert has_no_active_job(slurm)
    assert launch.attempts(0) == launch.attempts(1) == [CANCELLED]


def test_pending_task_of_an_array_is_cancelled(slurm_workplace: Path, slurm: Slurm) -> None:
    """Five trials are submitted as one array for four GPUs; the id of the pending one has the form 123_4."""
    with launched(slurm_workplace, *HELD, "--trials", "5", "--parallel", "5") as launch:
        for trial in range(4):
            launch.wait_until_held(trial)
        assert "_" in launch.job_id(trial=4)
        assert "trial 4, attempt 1, has printed nothing: pending" in sweep(
            "logs", "--study", "toy", "--trial", "4"
        )
        sweep("stop", "--study", "toy", "--cancel-jobs")
        assert launch.wait() == 0, launch.log()
    assert has_no_active_job(slurm)
    assert [launch.attempts(trial) for trial in range(5)] == [[CANCELLED]] * 5


def test_logs_show_the_job_output_if_the_attempt_did_not_start(slurm_workplace: Path) -> None:
    add_profile_settings(slurm_workplace, 'setup: ["echo no such module >&2", "exit 1"]')
    with launched(slurm_workplace, "--trials", "1", "--set", "failures.retries.launch_failure=0") as launch:
        assert launch.wait() == 1, launch.log()
    log = sweep("logs", "--study", "toy", "--trial", "0", "--follow")
    assert "trial 0, attempt 1, has printed nothing: failed (launch_failure); job " in log
    assert "no such module" in log
