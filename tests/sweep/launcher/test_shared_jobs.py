"""Several trials in one job."""

from pathlib import Path

import pytest

from sweep.states import Cause, JobState, Outcome
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def pack(trials_per_job: int) -> None:
    """Set the profile's number of trials per job."""
    text = Path("cluster.yaml").read_text()
    Path("cluster.yaml").write_text(text.replace("partition: gpu", f"trials_per_job: {trials_per_job}"))


def test_trials_that_share_a_job_end_independently(harness: LauncherHarness, executor: FakeExecutor) -> None:
    pack(2)
    harness.launch("parallel=4", "trials=6")
    assert harness.step() == 4
    assert executor.submissions == [["1", "2"]]
    assert [len(executor.jobs[job_id].attempts) for job_id in ("1", "2")] == [2, 2]
    executor.begin("1", place=0)
    executor.begin("1", place=1)
    executor.elapsed_s["1"] = 30.0
    executor.end("1", JobState.RUNNING, Outcome.FAILED, cause=Cause.ERROR, place=0)
    assert harness.step() == 3  # its job continues with the other trial, so no slot is free
    assert len(executor.submissions) == 1
    executor.elapsed_s["1"] = 100.0
    executor.end("1", place=1)
    assert harness.step() == 4
    assert executor.submissions[1:] == [["3"]]
    data = harness.read()
    assert data.trials["state"].tolist()[:2] == ["failed", "complete"]
    assert data.attempts["gpu_seconds"].tolist()[:2] == [
        50.0,
        50.0,
    ]  # half of the job's


def test_retried_trial_joins_the_next_job(harness: LauncherHarness, executor: FakeExecutor) -> None:
    pack(2)
    harness.launch("parallel=2", "trials=3")
    harness.step()
    executor.begin("1", place=0)
    executor.end("1", JobState.PREEMPTED, Outcome.COMPLETE, place=0)
    assert harness.step() == 2  # a retry of the second trial, and a third trial in the free slot
    assert [attempt.read_spec().number for attempt in executor.jobs["2"].attempts] == [1, 2]


def test_retry_waits_until_a_job_is_free(harness: LauncherHarness, executor: FakeExecutor) -> None:
    pack(2)
    harness.launch("parallel=2", "trials=2", "failures.retries={error: 1}")
    harness.step()
    executor.begin("1", place=0)
    executor.begin("1", place=1)
    executor.end("1", JobState.RUNNING, Outcome.FAILED, cause=Cause.ERROR, place=0)
    assert harness.step() == 2
    assert len(executor.submissions) == 1  # the job continues with the other trial
    executor.end("1", place=1)
    harness.step()
    assert [attempt.read_spec().number for attempt in executor.jobs["2"].attempts] == [0]
