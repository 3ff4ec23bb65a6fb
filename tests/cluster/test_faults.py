"""What befalls a trial on the real Slurm, one whole study a fault: the cause recorded, the attempts made,
and that the trial goes on from its checkpoint, each epoch trained and recorded once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sweep.states import Outcome
from sweep.worker.attempt_folder import AttemptFolder
from tests.cluster import daemons
from tests.cluster.launching import HOLD, Attempt, Launch, launched
from tests.cluster.slurm import Slurm

Fault = Callable[[Slurm, Launch], None]

HELD = ["--trials", "1", "--set", "fixed.epochs=4", "--set", f"fixed.hold={HOLD}"]
COMPLETED = Attempt("complete", None)


def take_every_gpu(slurm: Slurm, seconds: int) -> None:
    job = ["--job-name=all", "--nodes=2", "--gres=gpu:2", "--output=/dev/null", f"--wrap=sleep {seconds}"]
    slurm.run("sbatch", *job)


def time_is_up(slurm: Slurm, launch: Launch) -> None:
    slurm.run("scontrol", "update", f"jobid={launch.job_id()}", "endtime=now")


def a_job_of_higher_priority(slurm: Slurm, launch: Launch) -> None:
    take_every_gpu(slurm, seconds=1)


def node_down(slurm: Slurm, launch: Launch) -> None:
    slurm.set_node(launch.start_of().host, "down")


def process_killed(slurm: Slurm, launch: Launch) -> None:
    os.kill(launch.start_of().pid, signal.SIGKILL)


def requeued_by_force(slurm: Slurm, launch: Launch) -> None:
    """A person makes the job one that may be requeued, and requeues it."""
    slurm.run("scontrol", "update", f"jobid={launch.job_id()}", "requeue=1")
    slurm.run("scontrol", "requeue", launch.job_id())


FAULTS: list[tuple[Fault, str, str]] = [
    (time_is_up, "slurm", "timeout"),
    (a_job_of_higher_priority, "low", "preempted"),  # PreemptMode=REQUEUE
    (a_job_of_higher_priority, "spot", "preempted"),  # PreemptMode=CANCEL
    (node_down, "slurm", "node_failure"),
    (process_killed, "slurm", "lost"),
    (requeued_by_force, "slurm", "lost"),
]


@pytest.mark.parametrize(("fault", "profile", "cause"), FAULTS)
def test_a_trial_goes_on(on_slurm: Path, slurm: Slurm, fault: Fault, profile: str, cause: str) -> None:
    with launched(on_slurm, *HELD, "--cluster", profile) as launch:
        launch.wait_until_held()
        fault(slurm, launch)
        launch.wait_until_held(attempt=2)
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", cause), COMPLETED]
    assert launch.trained() == launch.epochs() == [1, 2, 3, 4]
    assert launch.read().trials["state"].tolist() == ["complete"]


def test_a_person_cancels_a_trial(on_slurm: Path, slurm: Slurm) -> None:
    with launched(on_slurm, *HELD, "--trials", "2") as launch:
        launch.wait_until_held(trial=0)
        slurm.run("scancel", launch.job_id(trial=0))
        launch.wait_until_said("trial 0: failed (cancelled)")
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.attempts(trial=0) == [Attempt("failed", "cancelled")]
    assert launch.attempts(trial=1) == [COMPLETED]
    assert launch.epochs(trial=0) == [1, 2]
    assert launch.read().trials["state"].tolist() == ["failed", "complete"]


def test_a_person_cancels_a_trial_that_waits(on_slurm: Path, slurm: Slurm) -> None:
    take_every_gpu(slurm, seconds=300)
    with launched(on_slurm, *HELD, "--trials", "2") as launch:
        launch.let_go()
        launch.wait_until_said("trial 1: submitted")
        slurm.run("scancel", launch.job_id(trial=0))
        launch.wait_until_said("trial 0: failed (cancelled)")
        slurm.run("scancel", "--name=all")
        assert launch.finish() == 0, launch.log()
    assert launch.attempts(trial=0) == [Attempt("failed", "cancelled")]
    assert launch.attempts(trial=1) == [COMPLETED]


def test_a_job_cannot_be_requeued(on_slurm: Path, slurm: Slurm) -> None:
    with launched(on_slurm, *HELD) as launch:
        launch.wait_until_held()
        with pytest.raises(Exception, match="disabled"):
            slurm.run("scontrol", "requeue", launch.job_id())
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.attempts() == [COMPLETED]


def test_slurmctld_restarts(on_slurm: Path, slurm: Slurm) -> None:
    with launched(on_slurm, *HELD, "--trials", "3") as launch:
        launch.wait_until_held(trial=1)
        slurm.stop_controller()
        launch.let_go()
        launch.wait_until_said("squeue did not answer")
        slurm.start_controller()
        assert launch.finish() == 0, launch.log()
    assert [launch.attempts(trial) for trial in range(3)] == [[COMPLETED]] * 3
    assert [launch.trained(trial) for trial in range(3)] == [[1, 2, 3, 4]] * 3


def test_slurmdbd_is_down_and_results_tell(on_slurm: Path, slurm: Slurm) -> None:
    slurm.stop_accounting()
    with launched(on_slurm, *HELD, "--trials", "3") as launch:
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert [launch.attempts(trial) for trial in range(3)] == [[COMPLETED]] * 3


def test_slurmdbd_is_down_and_nobody_knows_how_a_job_ended(on_slurm: Path, slurm: Slurm) -> None:
    """The job dies unseen, squeue forgets it: the trial waits until accounting can be asked."""
    with launched(on_slurm, *HELD) as launch:
        launch.wait_until_held()
        job_id = launch.job_id()
        launch.kill()
        slurm.stop_accounting()
        process_killed(slurm, launch)
        daemons.wait_until("squeue has forgotten the job", lambda: job_id not in slurm.job_ids())
        launch.start()
        launch.wait_until_said("sacct did not answer")
        assert launch.attempts() == [Attempt("running", None)]
        slurm.start_accounting()
        launch.wait_until_held(attempt=2)
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", "lost"), COMPLETED]
    assert launch.trained() == launch.epochs() == [1, 2, 3, 4]


def set_profile(workplace: Path, settings: str) -> None:
    always = "executor: slurm, timeout_min: 60, poll_seconds: 0.5, settle_seconds: 1"
    (workplace / "cluster.yaml").write_text(f"default: own\nprofiles: {{own: {{{always}, {settings}}}}}\n")


@pytest.mark.parametrize(
    ("factor", "outcomes", "code"),
    [
        (2, [Attempt("failed", "out_of_memory"), COMPLETED], 0),
        (1, [Attempt("failed", "out_of_memory")] * 2, 1),
        (1000, [Attempt("failed", "out_of_memory")] * 2, 1),  # which no node has: as before
    ],
)
def test_out_of_memory(on_slurm: Path, factor: int, outcomes: list[Attempt], code: int) -> None:
    set_profile(on_slurm, "mem_gb: 0.3")
    memory = ["--set", "fixed.mb=400", "--set", f"failures.memory_factor={factor}"]
    with launched(on_slurm, "--trials", "1", *memory) as launch:
        assert launch.finish() == code, launch.log()
    assert launch.attempts() == outcomes
    assert launch.epochs() == ([1, 2, 3] if code == 0 else [])
    assert ("Memory specification can not be satisfied" in launch.log()) is (factor == 1000)


def test_the_only_node_there_is_dies(on_slurm: Path, slurm: Slurm) -> None:
    set_profile(on_slurm, "additional: {nodelist: n1}")
    with launched(on_slurm, *HELD) as launch:
        launch.wait_until_held()
        slurm.set_node("n1", "down")
        launch.wait_until_said("trial 0, attempt 2: submitted")
        slurm.set_node("n1", "resume")
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", "node_failure"), COMPLETED]
    assert launch.trained() == launch.epochs() == [1, 2, 3, 4]
    assert "goes out as its profile says: sbatch: " in launch.log()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("partition: gpuu", "invalid partition specified: gpuu"),
        ("account: nobody", "Invalid account or account/partition combination specified"),
    ],
)
def test_a_refusal_stops_the_study_at_once(on_slurm: Path, setting: str, words: str) -> None:
    set_profile(on_slurm, setting)
    with launched(on_slurm, *HELD, "--trials", "5") as launch:
        assert launch.finish() == 1
    assert words in launch.log()
    assert "Traceback" not in launch.log()
    assert launch.attempts() == [Attempt("submitting", None)]
    assert len(launch.read().trials) <= 2  # as many as run at once


def test_trials_that_fail_alike_stop_the_study(on_slurm: Path) -> None:
    with launched(on_slurm, "--trials", "50", "--set", "fixed.fault=raise") as launch:
        assert launch.finish() == 1
    assert "in a row failed alike (error)" in launch.log()
    trials = launch.read().trials
    assert trials["error"].tolist()[:3] == ["RuntimeError: the model has diverged"] * 3
    assert len(trials) <= 4  # three, and one that ran beside the third


def test_a_node_given_up_while_its_process_trains_on(on_slurm: Path, slurm: Slurm) -> None:
    """The old attempt changes neither metrics, checkpoint nor result of the new one."""
    with launched(on_slurm, *HELD) as launch:
        old = launch.wait_until_held(attempt=1)
        process = psutil.Process(launch.start_of(attempt=1).pid)
        slurm.kill_node(launch.start_of(attempt=1).host)
        new = launch.wait_until_held(attempt=2)
        assert process.is_running()
        host = launch.start_of(attempt=1).host
        assert f"ExcNodeList={host}\n" in slurm.run("scontrol", "show", "job", launch.job_id(attempt=2))
        before = contents(new)
        (old.artifacts / "go").touch()  # the old one trains on, alone
        launch.wait_until("the old process has ended", lambda: daemons.has_ended(process))
        assert launch.trained() == [1, 2, 3]
        assert [report.epoch for report in old.read_epochs()[0]] == [1, 2, 3]
        result = old.read_result(old.read_spec().token)
        assert result is not None
        assert result.outcome is Outcome.SUPERSEDED
        assert contents(new) == before
        assert launch.epochs() == [1, 2]
        launch.let_go()
        assert launch.finish() == 0, launch.log()
    assert launch.attempts() == [Attempt("failed", "node_failure"), COMPLETED]
    assert launch.trained() == [1, 2, 3, 3, 4]
    assert launch.epochs() == [1, 2, 3, 4]
    assert launch.start_of(attempt=1).host != launch.start_of(attempt=2).host


def contents(folder: AttemptFolder) -> dict[Path, bytes]:
    """What is in an attempt's folder, but for what its job prints."""
    files = (path for path in folder.path.rglob("*") if path.is_file() and path != folder.log)
    return {path: path.read_bytes() for path in files}
