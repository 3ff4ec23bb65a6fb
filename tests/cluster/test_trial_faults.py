"""Faults on the real Slurm, each with a whole study.

Most tests check the recorded cause, the number of attempts, and that the retried trial continues from its
checkpoint, with each epoch trained and recorded exactly once.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sweep.states import Outcome
from sweep.worker.attempt_folder import AttemptFolder
from tests.cluster import daemons
from tests.cluster.launch_process import HOLD, Attempt, LaunchProcess, launched
from tests.cluster.slurm import Slurm

Fault = Callable[[Slurm, LaunchProcess], None]

HELD = ["--trials", "1", "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]
COMPLETE = Attempt("complete", None)


def occupy_all_gpus(slurm: Slurm, seconds: int) -> None:
    """Submit a job that occupies all GPUs of the cluster."""
    job = ["--job-name=all", "--nodes=2", "--gres=gpu:2", "--output=/dev/null", f"--wrap=sleep {seconds}"]
    slurm.run("sbatch", *job)


def time_limit(slurm: Slurm, launch: LaunchProcess) -> None:
    """Move the time limit of the trial's job to the present."""
    slurm.run("scontrol", "update", f"jobid={launch.job_id()}", "endtime=now")


def preemption(slurm: Slurm, launch: LaunchProcess) -> None:
    """Submit a job of higher priority."""
    occupy_all_gpus(slurm, seconds=1)


def node_down(slurm: Slurm, launch: LaunchProcess) -> None:
    """Set the node of the trial down."""
    slurm.set_node(launch.read_start().host, "down")


def process_killed(slurm: Slurm, launch: LaunchProcess) -> None:
    """Kill the trial's process."""
    os.kill(launch.read_start().pid, signal.SIGKILL)


def forced_requeue(slurm: Slurm, launch: LaunchProcess) -> None:
    """Allow the trial's job to be requeued, and requeue it."""
    slurm.run("scontrol", "update", f"jobid={launch.job_id()}", "requeue=1")
    slurm.run("scontrol", "requeue", launch.job_id())


FAULTS: list[tuple[Fault, str, str]] = [
    (time_limit, "slurm", "timeout"),
    (preemption, "low", "preempted"),  # PreemptMode=REQUEUE
    (preemption, "spot", "preempted"),  # PreemptMode=CANCEL
    (node_down, "slurm", "node_failure"),
    (process_killed, "slurm", "lost"),
    (forced_requeue, "slurm", "lost"),
]


@pytest.mark.parametrize(("fault", "profile", "cause"), FAULTS)
def test_trial_is_retried_from_its_checkpoint_after_fault(
    slurm_workplace: Path, slurm: Slurm, fault: Fault, profile: str, cause: str
) -> None:
    with launched(slurm_workplace, *HELD, "--cluster", profile) as launch:
        launch.wait_until_held()
        fault(slurm, launch)
        launch.wait_until_held(attempt=2)
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", cause), COMPLETE]
    assert launch.trained_epochs() == launch.epochs() == [1, 2, 3, 4]
    assert launch.read_study().trials["state"].tolist() == ["complete"]


def test_trial_fails_when_its_running_job_is_cancelled(slurm_workplace: Path, slurm: Slurm) -> None:
    with launched(slurm_workplace, *HELD, "--trials", "2") as launch:
        launch.wait_until_held(trial=0)
        slurm.run("scancel", launch.job_id(trial=0))
        launch.wait_until_logged("trial 0: failed (cancelled)")
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.attempts(trial=0) == [Attempt("failed", "cancelled")]
    assert launch.attempts(trial=1) == [COMPLETE]
    assert launch.epochs(trial=0) == [1, 2]
    assert launch.read_study().trials["state"].tolist() == ["failed", "complete"]


def test_trial_fails_when_its_pending_job_is_cancelled(slurm_workplace: Path, slurm: Slurm) -> None:
    occupy_all_gpus(slurm, seconds=300)
    with launched(slurm_workplace, *HELD, "--trials", "2") as launch:
        launch.release()
        launch.wait_until_logged("trial 1: submitted")
        slurm.run("scancel", launch.job_id(trial=0))
        launch.wait_until_logged("trial 0: failed (cancelled)")
        slurm.run("scancel", "--name=all")
        assert launch.wait() == 0, launch.log()
    assert launch.attempts(trial=0) == [Attempt("failed", "cancelled")]
    assert launch.attempts(trial=1) == [COMPLETE]


def test_job_cannot_be_requeued(slurm_workplace: Path, slurm: Slurm) -> None:
    with launched(slurm_workplace, *HELD) as launch:
        launch.wait_until_held()
        with pytest.raises(Exception, match="disabled"):
            slurm.run("scontrol", "requeue", launch.job_id())
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.attempts() == [COMPLETE]


def test_study_continues_after_slurmctld_restarts(slurm_workplace: Path, slurm: Slurm) -> None:
    with launched(slurm_workplace, *HELD, "--trials", "3") as launch:
        launch.wait_until_held(trial=1)
        slurm.stop_controller()
        launch.release()
        launch.wait_until_logged("squeue did not answer")
        slurm.start_controller()
        assert launch.wait() == 0, launch.log()
    assert [launch.attempts(trial) for trial in range(3)] == [[COMPLETE]] * 3
    assert [launch.trained_epochs(trial) for trial in range(3)] == [[1, 2, 3, 4]] * 3


def test_results_are_read_from_files_while_slurmdbd_is_down(slurm_workplace: Path, slurm: Slurm) -> None:
    slurm.stop_accounting()
    with launched(slurm_workplace, *HELD, "--trials", "3") as launch:
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert [launch.attempts(trial) for trial in range(3)] == [[COMPLETE]] * 3


def test_trial_waits_for_slurmdbd_if_its_job_state_is_unknown(slurm_workplace: Path, slurm: Slurm) -> None:
    """The job ends without a launcher and is no longer in squeue, so that only accounting knows its state."""
    with launched(slurm_workplace, *HELD) as launch:
        launch.wait_until_held()
        job_id = launch.job_id()
        launch.kill()
        slurm.stop_accounting()
        process_killed(slurm, launch)
        daemons.wait_until("squeue no longer lists the job", lambda: job_id not in slurm.job_ids())
        launch.start()
        launch.wait_until_logged("sacct did not answer")
        assert launch.attempts() == [Attempt("running", None)]
        slurm.start_accounting()
        launch.wait_until_held(attempt=2)
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", "lost"), COMPLETE]
    assert launch.trained_epochs() == launch.epochs() == [1, 2, 3, 4]


def write_profile(workplace: Path, settings: str) -> None:
    """Write a cluster file whose only profile has the given settings in addition to the usual ones."""
    usual = "executor: slurm, timeout_min: 60, poll_seconds: 0.5, settle_seconds: 1"
    (workplace / "cluster.yaml").write_text(f"default: own\nprofiles: {{own: {{{usual}, {settings}}}}}\n")


@pytest.mark.parametrize(
    ("factor", "outcomes", "code"),
    [
        (2, [Attempt("failed", "out_of_memory"), COMPLETE], 0),
        (1, [Attempt("failed", "out_of_memory")] * 2, 1),
        # No node has 1000 times as much memory, so the retry requests the same amount as before.
        (1000, [Attempt("failed", "out_of_memory")] * 2, 1),
    ],
)
def test_retry_requests_more_memory_after_oom(
    slurm_workplace: Path, factor: int, outcomes: list[Attempt], code: int
) -> None:
    write_profile(slurm_workplace, "mem_gb: 0.3")
    memory = ["--set", "fixed.mb=400", "--set", f"failures.memory_factor={factor}"]
    with launched(slurm_workplace, "--trials", "1", *memory) as launch:
        assert launch.wait() == code, launch.log()
    assert launch.attempts() == outcomes
    assert launch.epochs() == ([1, 2, 3] if code == 0 else [])
    assert ("Memory specification can not be satisfied" in launch.log()) is (factor == 1000)


def test_trial_is_retried_on_the_same_node_if_no_other_exists(slurm_workplace: Path, slurm: Slurm) -> None:
    write_profile(slurm_workplace, "additional: {nodelist: n1}")
    with launched(slurm_workplace, *HELD) as launch:
        launch.wait_until_held()
        slurm.set_node("n1", "down")
        launch.wait_until_logged("trial 0, attempt 2: submitted")
        slurm.set_node("n1", "resume")
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", "node_failure"), COMPLETE]
    assert launch.trained_epochs() == launch.epochs() == [1, 2, 3, 4]
    assert "is submitted without its resource override: sbatch: " in launch.log()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("partition: gpuu", "invalid partition specified: gpuu"),
        ("account: nobody", "Invalid account or account/partition combination specified"),
    ],
)
def test_rejected_submission_stops_the_study(slurm_workplace: Path, setting: str, message: str) -> None:
    write_profile(slurm_workplace, setting)
    with launched(slurm_workplace, *HELD, "--trials", "5") as launch:
        assert launch.wait() == 1
    assert message in launch.log()
    assert "Traceback" not in launch.log()
    assert launch.attempts() == [Attempt("submitting", None)]
    assert len(launch.read_study().trials) <= 2  # no more trials than run in parallel


def test_consecutive_failures_with_the_same_cause_stop_the_study(slurm_workplace: Path) -> None:
    with launched(slurm_workplace, "--trials", "50", "--set", "fixed.fault=raise") as launch:
        assert launch.wait() == 1
    assert "consecutive trials failed with the cause error" in launch.log()
    trials = launch.read_study().trials
    assert trials["error"].tolist()[:3] == ["RuntimeError: the model has diverged"] * 3
    assert len(trials) <= 4  # three, and one that ran in parallel with the third


def test_superseded_process_does_not_change_the_new_attempt(slurm_workplace: Path, slurm: Slurm) -> None:
    """The process of the old attempt survives its node's slurmd and trains on another epoch.

    It changes neither the metrics, the checkpoint nor the result of the new attempt on another node.
    """
    with launched(slurm_workplace, *HELD) as launch:
        old = launch.wait_until_held(attempt=1)
        process = psutil.Process(launch.read_start(attempt=1).pid)
        slurm.kill_node(launch.read_start(attempt=1).host)
        new = launch.wait_until_held(attempt=2)
        assert process.is_running()
        host = launch.read_start(attempt=1).host
        assert f"ExcNodeList={host}\n" in slurm.run("scontrol", "show", "job", launch.job_id(attempt=2))
        before = contents(new)
        (old.artifacts / "go").touch()  # only the old process continues
        launch.wait_until("the old process has ended", lambda: daemons.has_ended(process))
        assert launch.trained_epochs() == [1, 2, 3]
        assert [report.epoch for report in old.read_epochs()[0]] == [1, 2, 3]
        result = old.read_result(old.read_spec().token)
        assert result is not None
        assert result.outcome is Outcome.SUPERSEDED
        assert contents(new) == before
        assert launch.epochs() == [1, 2]
        launch.release()
        assert launch.wait() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", "node_failure"), COMPLETE]
    assert launch.trained_epochs() == [1, 2, 3, 3, 4]
    assert launch.epochs() == [1, 2, 3, 4]
    assert launch.read_start(attempt=1).host != launch.read_start(attempt=2).host


def contents(folder: AttemptFolder) -> dict[Path, bytes]:
    """Return the files of an attempt's folder with their contents, except the log."""
    files = (path for path in folder.path.rglob("*") if path.is_file() and path != folder.log)
    return {path: path.read_bytes() for path in files}
