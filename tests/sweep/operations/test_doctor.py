"""The doctor on one machine: what it finds here, and by a job that is a process of this machine."""

import json
import time
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from sweep.definition.cluster import load_cluster, profile
from sweep.definition.local_profile import LocalProfile
from sweep.definition.slurm_profile import SlurmProfile
from sweep.definition.study import load_study
from sweep.operations import doctor as checkup
from sweep.operations import node_diagnosis as node_checks
from sweep.operations.doctor import Visit, examine, network_disk
from sweep.scheduler.diagnosis import Diagnosis
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState, Outcome, Verdict
from sweep.storage.database import parse_url
from sweep.worker import node_probe as probe
from sweep.worker.atomic_file import write_atomically
from sweep.worker.documents import Result, Start

pytestmark = pytest.mark.slow

Mount = namedtuple("Mount", ["mountpoint", "fstype"])


def visit(
    workplace: Path, where: str = "local", url: str = "sqlite:///sweep.db", *overrides: str
) -> dict[str, Diagnosis]:
    study = load_study("toy", overrides) if overrides else None
    chosen = profile(load_cluster(Path("cluster.yaml")), where)
    visit = Visit(chosen, parse_url(url), workplace / "sweeps", workplace, study)
    return {check.what: check for check in examine(visit)}


def verdicts(checks: dict[str, Diagnosis]) -> dict[str, str]:
    return {what: check.verdict.value for what, check in checks.items()}


def test_a_machine_that_is_well(workplace: Path) -> None:
    checks = visit(workplace, "local", "sqlite:///sweep.db", "trials=1")
    assert verdicts(checks) == dict.fromkeys(
        ["storage", "workdir", "study", "node", "python", "packages", "train"], "ok"
    )
    assert "was whole here" in checks["node"].found
    assert list((workplace / "sweeps").iterdir()) == []
    assert not (workplace / "sweep.db").exists()


def test_inside_the_launcher_there_is_no_node(workplace: Path) -> None:
    assert verdicts(visit(workplace, "inline")) == dict.fromkeys(["storage", "workdir", "node"], "ok")


@pytest.mark.parametrize(
    ("what", "url", "overrides", "words"),
    [
        ("storage", "sqlite:///no/folder/sweep.db", [], "there is no folder"),
        ("storage", "postgresql://me:secret@127.0.0.1:1/x", [], "me:***@127.0.0.1:1/x cannot be opened"),
        ("study", "sqlite:///sweep.db", ["train=toy_model:no_such"], "has no function no_such"),
        (
            "study",
            "sqlite:///sweep.db",
            ["prepare=toy_model:prepare", "dataset=missing"],
            "is not ready: no such data",
        ),
    ],
)
def test_what_may_be_wrong_here(
    workplace: Path, what: str, url: str, overrides: list[str], words: str
) -> None:
    checks = visit(workplace, "local", url, *overrides)
    assert checks[what].verdict is Verdict.FAILED
    assert words in checks[what].found
    assert checks["node"].found == "not looked at, since no job could be tried"


def test_a_workdir_that_is_none(workplace: Path) -> None:
    (workplace / "sweeps").write_text("a file")
    assert visit(workplace)["workdir"].verdict is Verdict.FAILED


def test_sqlite_on_a_network_disk(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [Mount("/", "ext4"), Mount(str(workplace), "nfs4"), Mount(str(workplace / "sweeps"), "ext4")]
    monkeypatch.setattr(checkup.psutil, "disk_partitions", lambda all: mounts)
    assert network_disk(workplace / "sweep.db") == "nfs4"
    assert network_disk(workplace / "sweeps" / "sweep.db") is None
    check = visit(workplace, "inline")["storage"]
    assert (check.verdict, "(nfs4)" in check.found, "PostgreSQL" in check.advice) == (
        Verdict.WARNING,
        True,
        True,
    )


# a node that is not well, played by a thread

NO_GPU, ONE_GPU = {"version": "2.21", "gpus": []}, {"version": "2.21", "gpus": ["GPU:0"]}


class Node:
    """An executor whose job does what a test says."""

    settle_s = 0.0
    max_submission_size = 1

    def __init__(self, behaviour: Any) -> None:
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


def begin(attempt: Any, spec: Any, gpu: str | None = None, python: str = "3.11.0") -> None:
    attempt.claim(Start(spec.token, 0.0, "n7", 1, gpu, python, {}))


def finish(
    attempt: Any, spec: Any, letter: str | None = None, tensorflow: Any = ONE_GPU, train: str | None = None
) -> None:
    seen = {"letter": spec.token if letter is None else letter, "tensorflow": tensorflow, "train": train}
    write_atomically(attempt.artifacts / probe.SEEN, json.dumps(seen))
    attempt.write_result(Result(spec.token, Outcome.COMPLETE, 0.0, {probe.METRIC: 1.0}))


def tear(attempt: Any, spec: Any) -> None:
    begin(attempt, spec)
    file = attempt.artifacts / probe.COUNTER
    write_atomically(file, json.dumps({"count": 1, "written_at": time.time()}))
    time.sleep(1)
    file.write_text('{"count": 2, "writ')
    time.sleep(1)
    finish(attempt, spec)


def be_late(attempt: Any, spec: Any) -> None:
    begin(attempt, spec)
    write_atomically(
        attempt.artifacts / probe.COUNTER, json.dumps({"count": 1, "written_at": time.time() - 30})
    )
    time.sleep(1)
    finish(attempt, spec)


def vanish(attempt: Any, spec: Any) -> None:
    pass


def with_(**seen: Any) -> Any:
    def behave(attempt: Any, spec: Any) -> None:
        begin(attempt, spec, gpu=seen.pop("gpu", None), python=seen.pop("python", "3.11.0"))
        finish(attempt, spec, **seen)

    return behave


@pytest.mark.parametrize(
    ("behaviour", "what", "verdict", "words"),
    [
        (tear, "node", Verdict.FAILED, "was torn or missing here"),
        (be_late, "node", Verdict.WARNING, "is seen here 30 s later"),
        (vanish, "node", Verdict.FAILED, "job 7 ended before it began"),
        (with_(letter=""), "node", Verdict.FAILED, "n7 does not see in time what is written here"),
        (with_(python="2.7.18"), "python", Verdict.WARNING, "2.7.18 on n7"),
        (with_(), "packages", Verdict.WARNING, "missing there"),
        (with_(train="No module named 'x'"), "train", Verdict.FAILED, "on the node: No module named 'x'"),
        (with_(gpu="A100", tensorflow=ONE_GPU), "GPU", Verdict.OK, "A100; TensorFlow 2.21 sees 1"),
        (with_(gpu="A100", tensorflow=NO_GPU), "GPU", Verdict.FAILED, "sees none on n7; the job has A100"),
        (with_(tensorflow=ONE_GPU), "GPU", Verdict.FAILED, "the job has none"),
        (with_(gpu="A100", tensorflow={"error": "No module"}), "GPU", Verdict.WARNING, "does not start"),
    ],
)  # fmt: skip
def test_a_node_that_is_not_well(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, behaviour: Any, what: str, verdict: Verdict, words: str
) -> None:
    node = Node(behaviour)
    monkeypatch.setattr(node_checks, "make_executor", lambda profile: node)
    where = SlurmProfile(executor="slurm", timeout_min=60, gres="gpu:1")
    found = node_checks.check_node(where, workplace / "sweeps", workplace, load_study("toy"))
    checks = {check.what: check for check in found}
    assert checks[what].verdict is verdict
    assert words in checks[what].found
    assert checks[what].advice or verdict is Verdict.OK
    assert node.cancelled == ["7"]
    assert list((workplace / "sweeps").iterdir()) == []


def test_a_job_that_waits_for_too_long_is_cancelled(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(lambda attempt, spec: None)
    node.poll = lambda jobs: {job.name: JobStatus(JobState.PENDING, job.id) for job in jobs}  # type: ignore[method-assign]
    monkeypatch.setattr(node_checks, "make_executor", lambda profile: node)
    monkeypatch.setattr(node_checks, "WAIT_S", 0.0)
    (check,) = node_checks.check_node(LocalProfile(executor="local"), workplace / "sweeps", workplace, None)
    assert (check.verdict, "is pending" in check.found) == (Verdict.WARNING, True)
    assert node.cancelled == ["7"]
