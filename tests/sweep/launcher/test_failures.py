"""Failures, which lead to a retry, a failed trial or the end of the study."""

import pytest

from sweep.errors import InputError, StudyFailedError
from sweep.scheduler.job import ResourceOverride
from sweep.states import Cause, JobState, Outcome
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def test_lost_trial_is_retried_from_its_last_checkpoint(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.begin("1")
    executor.report("1", 0.1, 0.2)
    executor.end("1", JobState.NODE_FAILURE, outcome=None)
    assert harness.step() == 1
    assert executor.attempt("1").read_stop() is Outcome.SUPERSEDED  # its worker may still be running
    spec = executor.attempt("2").read_spec()
    assert (spec.number, spec.attempt) == (0, 2)
    assert spec.earlier_attempts == (str(executor.attempt("1").path),)
    assert spec.params == executor.attempt("1").read_spec().params
    executor.report("1", 0.9, first=3)  # the old attempt is still running; its reports are ignored
    executor.begin("2")
    executor.report("2", 0.1, 0.2, 0.3)
    executor.end("2", score=0.3)
    assert harness.step() == 0
    data = harness.read()
    assert data.epochs["score"].tolist() == [0.1, 0.2, 0.3]
    assert harness.attempts() == [(0, 1, "failed", "node_failure"), (0, 2, "complete", None)]


def test_retry_requests_the_resources_that_follow_from_the_failures(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    file = harness.workplace / "cluster.yaml"
    file.write_text(file.read_text().replace("executor: slurm,", "executor: slurm, mem_gb: 1,"))
    harness.launch("trials=2", "failures.memory_factor=1.5", "failures.retries.out_of_memory=2")
    harness.step()
    for job_id, state in (("1", JobState.OUT_OF_MEMORY), ("2", JobState.NODE_FAILURE)):
        assert executor.jobs[job_id].resources == ResourceOverride()
        executor.begin(job_id)
        executor.end(job_id, state, outcome=None)
    harness.step()
    assert [executor.jobs[job_id].resources for job_id in ("3", "4")] == [
        ResourceOverride(1.5),
        ResourceOverride(exclude_nodes=("node2",)),
    ]
    assert executor.jobs["3"].submission != executor.jobs["4"].submission
    executor.end("3", JobState.OUT_OF_MEMORY, outcome=None)
    executor.end("4", JobState.PREEMPTED, outcome=None)
    harness.step()
    assert [executor.jobs[job_id].resources for job_id in ("5", "6")] == [
        ResourceOverride(2.25),
        ResourceOverride(),
    ]


def test_memory_factor_requires_the_memory_of_the_profile(harness: LauncherHarness) -> None:
    with pytest.raises(InputError, match=r"memory_factor is 1\.5, but the profile has no mem_gb"):
        harness.launch("failures.memory_factor=1.5")


def test_each_cause_has_its_own_number_of_retries(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1", "failures.retries.preempted=1", "failures.retries.timeout=1")
    for job_id, state in enumerate([JobState.PREEMPTED, JobState.TIMEOUT, JobState.PREEMPTED], start=1):
        harness.step()
        executor.begin(str(job_id))
        executor.end(str(job_id), state, outcome=None)
    assert harness.step() == 0
    assert [cause for *_, cause in harness.attempts()] == ["preempted", "timeout", "preempted"]
    assert harness.states() == ["failed"]


def test_job_that_a_user_cancels_is_not_retried(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.end("1", JobState.CANCELLED, outcome=None)
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "cancelled")]


def test_error_is_recorded_with_its_traceback(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=2", "parallel=1")
    harness.step()
    executor.end("1", JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    assert harness.step() == 1  # the study continues
    executor.end("2")
    assert harness.step() == 0
    harness.launcher.conclude()
    trials = harness.read().trials
    assert trials["state"].tolist() == ["failed", "complete"]
    assert trials["error"].tolist()[0] == "ValueError: no"


def test_study_fails_if_every_trial_failed(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.end("1", JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    harness.step()
    with pytest.raises(StudyFailedError, match="every trial failed"):
        harness.launcher.conclude()


def test_study_stops_after_consecutive_failures_with_the_same_cause(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=50", "parallel=1", "failures.stop_after_same=3")
    for job_id in ("1", "2", "3"):
        assert harness.step() == 1
        executor.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    assert harness.step() == 0
    with pytest.raises(StudyFailedError, match="failed"):
        harness.launcher.conclude()
    harness.relaunch("trials=50", "parallel=1", "failures.stop_after_same=3")
    assert harness.step() == 1  # a new launch starts to count anew


def test_study_continues_if_a_trial_between_two_failures_is_complete(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=50", "parallel=1", "failures.stop_after_same=2")
    for job_id, fails in (("1", True), ("2", False), ("3", True)):
        harness.step()
        if fails:
            executor.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
        else:
            executor.end(job_id)
    assert harness.step() == 1


def test_study_that_failures_have_stopped_fails_although_its_last_trial_is_complete(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=12", "parallel=4", "failures.stop_after_same=3")
    harness.step()
    for job_id in ("1", "2", "3"):
        executor.begin(job_id)
        executor.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)
    assert harness.step() == 1
    executor.begin("4")
    executor.end("4")
    assert harness.step() == 0
    with pytest.raises(StudyFailedError, match="3 consecutive trials failed with the cause error"):
        harness.launcher.conclude()
