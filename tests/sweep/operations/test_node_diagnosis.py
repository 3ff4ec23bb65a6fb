"""The checks of a node by a job, with a fake executor whose job behaves as a test specifies."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from sweep.definition.local_profile import LocalProfile
from sweep.definition.slurm_profile import SlurmProfile
from sweep.definition.study import load_study
from sweep.operations import node_diagnosis
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState, Outcome, Verdict
from sweep.worker import node_probe
from sweep.worker.atomic_file import write_atomically
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import Result, Start, TrialSpec

pytestmark = pytest.mark.slow

Behaviour = Callable[[AttemptFolder, TrialSpec], None]


class FakeExecutor:
    """An executor whose job runs a function in a thread."""

    settle_s = 0.0
    max_submission_size = 1

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.state = JobState.RUNNING
        self.cancelled: list[str] = []

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        self.thread = Thread(target=self._run, args=jobs)
        self.thread.start()
        return ["7"]

    def _run(self, job: Job) -> None:
        self.behaviour(job.attempts[0], job.attempts[0].read_spec())
        self.state = JobState.COMPLETE

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        return {job.name: JobStatus(self.state, job.id) for job in jobs}

    def cancel(self, job: Job) -> None:
        self.thread.join()
        self.cancelled.append(str(job.id))


def start(attempt: AttemptFolder, spec: TrialSpec, gpu: str | None = None, python: str = "3.11.0") -> None:
    attempt.claim(Start(spec.token, 0.0, "n7", 1, gpu, python, {}))


def finish(attempt: AttemptFolder, spec: TrialSpec, **findings: Any) -> None:
    complete = {"shared_text": spec.token, "train_error": None, "node_check": {"text": "fine"}} | findings
    write_atomically(attempt.artifacts / node_probe.FINDINGS, json.dumps(complete))
    attempt.write_result(Result(spec.token, Outcome.COMPLETE, 0.0, {node_probe.METRIC: 1.0}))


def write_incomplete_file(attempt: AttemptFolder, spec: TrialSpec) -> None:
    start(attempt, spec)
    file = attempt.artifacts / node_probe.COUNTER
    write_atomically(file, json.dumps({"count": 1, "written_at": time.time()}))
    time.sleep(1)
    file.write_text('{"count": 2, "writ')
    time.sleep(1)
    finish(attempt, spec)


def write_late(attempt: AttemptFolder, spec: TrialSpec) -> None:
    start(attempt, spec)
    content = {"count": 1, "written_at": time.time() - 30}
    write_atomically(attempt.artifacts / node_probe.COUNTER, json.dumps(content))
    time.sleep(1)
    finish(attempt, spec)


def do_nothing(attempt: AttemptFolder, spec: TrialSpec) -> None:
    pass


def find(gpu: str | None = None, python: str = "3.11.0", **findings: Any) -> Behaviour:
    """Return the behaviour of a job that starts and writes these findings."""

    def behave(attempt: AttemptFolder, spec: TrialSpec) -> None:
        start(attempt, spec, gpu, python)
        finish(attempt, spec, **findings)

    return behave


@pytest.mark.parametrize(
    ("behaviour", "what", "verdict", "message"),
    [
        (write_incomplete_file, "node", Verdict.FAILED, "was incomplete or missing here"),
        (write_late, "node", Verdict.WARNING, "was visible here 30 s later"),
        (do_nothing, "node", Verdict.FAILED, "job 7 ended before its attempt started"),
        (find(shared_text=""), "node", Verdict.FAILED, "n7 does not see a file that was just written here"),
        (find(python="2.7.18"), "python", Verdict.WARNING, "2.7.18 on n7"),
        (find(), "packages", Verdict.WARNING, "missing there"),
        (find(), "train", Verdict.OK, "toy_model:train can be imported on n7"),
        (find(train_error="No module named 'x'"), "train", Verdict.FAILED, "on n7: No module named 'x'"),
        (find(gpu="A100"), "GPU", Verdict.OK, "the job on n7 sees 1: A100"),
        (find(gpu=None), "GPU", Verdict.FAILED, "requests 1, but the job on n7 sees none"),
        (find(node_check={"text": "Torch sees 1 GPU"}), "check_node", Verdict.OK, "Torch sees 1 GPU on n7"),
        (
            find(node_check={"error": "RuntimeError: no device"}),
            "check_node",
            Verdict.FAILED,
            "hooks:check_node fails on n7: RuntimeError: no device",
        ),
    ],
)  # fmt: skip
def test_check_of_a_node(
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: Behaviour,
    what: str,
    verdict: Verdict,
    message: str,
) -> None:
    executor = FakeExecutor(behaviour)
    monkeypatch.setattr(node_diagnosis, "make_executor", lambda profile: executor)
    profile = SlurmProfile(executor="slurm", timeout_min=60, gres="gpu:1")
    study = load_study("toy", ["check_node=hooks:check_node"])
    found = node_diagnosis.diagnose_node(profile, workplace / "sweeps", workplace, study)
    checks = {check.what: check for check in found}
    assert checks[what].verdict is verdict
    assert message in checks[what].found
    assert checks[what].advice or verdict is Verdict.OK
    assert executor.cancelled == ["7"]
    assert list((workplace / "sweeps").iterdir()) == []


def test_fewer_gpus_than_requested_fail(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_diagnosis, "make_executor", lambda profile: FakeExecutor(find(gpu="A100")))
    profile = SlurmProfile(executor="slurm", timeout_min=60, gres="gpu:2")
    found = node_diagnosis.diagnose_node(profile, workplace / "sweeps", workplace, None)
    checks = {check.what: check for check in found}
    assert checks["GPU"].verdict is Verdict.FAILED
    assert "check_node" not in checks


def test_job_that_does_not_start_is_cancelled(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = FakeExecutor(do_nothing)
    executor.poll = lambda jobs: {job.name: JobStatus(JobState.PENDING, job.id) for job in jobs}  # type: ignore[method-assign]
    monkeypatch.setattr(node_diagnosis, "make_executor", lambda profile: executor)
    monkeypatch.setattr(node_diagnosis, "MAX_WAIT_S", 0.0)
    (check,) = node_diagnosis.diagnose_node(
        LocalProfile(executor="local"), workplace / "sweeps", workplace, None
    )
    assert (check.verdict, "is still pending" in check.found) == (Verdict.WARNING, True)
    assert executor.cancelled == ["7"]
