"""Requests of users to stop a study and to retry trials, while its launcher runs and between launches."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from sqlalchemy import update

from sweep.errors import InputError, StudyFailedError
from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.states import Cause, JobState, Outcome, Stop
from sweep.storage.database import connect
from sweep.storage.studies import get_study
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import TrialRow
from sweep.storage.user_requests import request_retry, request_stop, withdraw_stop
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def request(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function as another process would."""
    engine = connect(URL)
    found = call(engine, get_study(engine, "toy"), *arguments)
    engine.dispose()
    return found


def fail(executor: FakeExecutor, *job_ids: str) -> None:
    for job_id in job_ids:
        executor.end(job_id, JobState.FAILED, Outcome.FAILED, cause=Cause.ERROR)


# stop requests


def test_active_trials_continue_after_a_stop_request(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=9")
    assert harness.step() == 2
    request(request_stop, Stop.FINISH)
    executor.begin("1")
    executor.end("1", JobState.PREEMPTED, outcome=None)
    assert harness.step() == 2  # a trial that is retried has not ended
    executor.end("2")
    executor.end("3", score=0.5)
    assert harness.step() == 0
    harness.launcher.conclude()
    assert harness.states() == ["complete", "complete"]
    assert not executor.cancelled
    assert harness.relaunch("trials=9").step() == 2  # another launch withdraws the request


def test_stop_request_can_cancel_the_active_jobs(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=9", "parallel=4", "failures.stop_after_same=1", "failures.retries.error=3")
    harness.step()
    executor.begin("1")
    executor.begin("2")
    request(request_stop, Stop.CANCEL)
    executor.end("2")  # before the launcher could cancel it
    fail(executor, "3")
    assert harness.step() == 2
    assert executor.cancelled == ["1", "4"]
    executor.end("1", JobState.CANCELLED, outcome=None)
    executor.end("4", JobState.PREEMPTED, outcome=None)  # a scheduler may report another state
    assert harness.step() == 0
    harness.launcher.conclude()  # that is not a failure of the study
    assert harness.attempts() == [
        (0, 1, "failed", "cancelled"),
        (1, 1, "complete", None),
        (2, 1, "failed", "error"),
        (3, 1, "failed", "cancelled"),
    ]
    assert harness.states() == ["failed", "complete", "failed", "failed"]


def test_stop_request_can_be_extended_to_cancel_jobs(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch().step()
    request(request_stop, Stop.FINISH)
    harness.step()
    assert not executor.cancelled
    request(request_stop, Stop.CANCEL)
    harness.step()
    assert executor.cancelled == ["1", "2"]


def test_shared_job_is_cancelled_with_all_of_its_trials(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    text = (harness.workplace / "cluster.yaml").read_text()
    (harness.workplace / "cluster.yaml").write_text(
        text.replace("partition: gpu", "partition: gpu, trials_per_job: 2")
    )
    harness.launch("trials=2").step()
    executor.begin("1", place=0)
    request(request_stop, Stop.CANCEL)
    harness.step()
    assert set(executor.cancelled) == {"1"}
    executor.end("1", JobState.CANCELLED, outcome=None)
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "cancelled"), (1, 1, "failed", "cancelled")]


def test_attempt_that_was_never_submitted_is_cancelled(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1")
    executor.rejection = SubmissionError("no", Rejection.PERMANENT)
    with pytest.raises(StudyFailedError):
        harness.step()
    request(request_stop, Stop.CANCEL)
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "cancelled")]
    assert not executor.jobs


@pytest.mark.parametrize("option", ["once", "wait"])
def test_periodic_and_waiting_launchers_respect_an_earlier_stop_request(
    harness: LauncherHarness, executor: FakeExecutor, option: str
) -> None:
    harness.launch("trials=9").step()
    request(request_stop, Stop.FINISH)
    harness.close()
    harness.launch("trials=9", **{option: True})
    executor.end("1")
    assert harness.step() == 1
    harness.close()
    engine = connect(URL)
    withdraw_stop(engine, "toy")  # as `launch --as-job` does when a user submits it
    engine.dispose()
    assert harness.launch("trials=9", **{option: True}).step() == 2


# requests to retry


def test_failed_trial_is_retried_on_request_from_its_checkpoint(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=2")
    harness.step()
    executor.begin("1")
    executor.report("1", 0.1, 0.2)
    fail(executor, "1")
    executor.end("2")
    assert harness.step() == 0
    assert request(request_retry, 0) == [0]
    assert harness.states() == ["failed", "complete"]  # the retry is only requested so far
    assert harness.step() == 1
    spec, before = executor.attempt("3").read_spec(), executor.attempt("1").read_spec()
    assert (spec.number, spec.attempt, spec.params, spec.seed) == (0, 2, before.params, before.seed)
    assert spec.earlier_attempts == (str(executor.attempt("1").path),)
    assert harness.states() == ["running", "complete"]
    executor.begin("3")
    executor.report("3", 0.1, 0.2, 0.3)
    executor.end("3", score=0.3)
    assert harness.step() == 0
    assert harness.attempts() == [
        (0, 1, "failed", "error"),
        (0, 2, "complete", None),
        (1, 1, "complete", None),
    ]
    assert harness.states() == ["complete", "complete"]
    assert harness.read().epochs["score"].tolist() == [0.1, 0.2, 0.3]
    first, _ = optuna.load_study(study_name="toy", storage="sqlite:///sweep.db").trials
    assert (first.value, first.intermediate_values) == (0.3, {1: 0.1, 2: 0.2, 3: 0.3})
    assert first.datetime_complete is not None


def test_trial_can_be_retried_on_request_repeatedly(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1")
    for job_id in ("1", "2", "3"):
        assert harness.step() == 1
        fail(executor, job_id)
        assert harness.step() == 0
        assert harness.states() == ["failed"]
        assert request(request_retry) == [0]
        harness.relaunch("trials=1")
    assert harness.step() == 1
    executor.end("4")
    assert harness.step() == 0
    assert harness.states() == ["complete"]
    assert request(request_retry) == []


def test_requested_retries_wait_for_free_slots_and_precede_new_trials(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=5", "parallel=2")
    harness.step()
    fail(executor, "1", "2")
    assert harness.step() == 2  # trials 2 and 3
    assert request(request_retry) == [0, 1]
    executor.end("3")
    assert harness.step() == 2
    assert executor.attempt("5").read_spec().number == 0
    executor.end("4")
    harness.step()
    assert executor.attempt("6").read_spec().number == 1


def test_trial_requested_twice_is_retried_once(harness: LauncherHarness, executor: FakeExecutor) -> None:
    """Request a trial a second time while the launcher acts on the first request."""
    harness.launch("trials=1").step()
    fail(executor, "1")
    harness.step()
    request(request_retry)
    assert harness.step() == 1
    engine = connect(URL)
    with engine.begin() as connection:
        connection.execute(update(TrialRow).values(retry_requested=True))
    engine.dispose()
    harness.relaunch("trials=1", "parallel=2")
    assert harness.step() == 1
    executor.end("2")
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "failed", "error"), (0, 2, "complete", None)]
    assert harness.states() == ["complete"]


def test_no_trial_is_retried_on_request_after_a_stop_request(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1").step()
    fail(executor, "1")
    harness.step()
    request(request_retry)
    request(request_stop, Stop.FINISH)
    assert harness.step() == 0
    assert harness.relaunch("trials=1").step() == 1


def test_cancelled_trial_can_be_retried_on_request(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1").step()
    request(request_stop, Stop.CANCEL)
    harness.step()
    executor.end("1", JobState.CANCELLED, outcome=None)
    harness.step()
    assert request(request_retry) == [0]
    assert harness.relaunch("trials=1").step() == 1


def test_requested_retry_ignores_the_budget(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=5", "parallel=1").step()
    fail(executor, "1")
    harness.relaunch("trials=5", "parallel=1", "budget.hours=0.0000001")
    assert harness.step() == 0
    request(request_retry)
    assert harness.step() == 1


def test_crash_after_a_failed_trial_is_reopened(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.launch("trials=1").step()
    fail(executor, "1")
    harness.step()
    request(request_retry)
    reopen = StudyRecords.reopen

    def reopen_and_die(*arguments: Any) -> None:
        reopen(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StudyRecords, "reopen", reopen_and_die)
        with pytest.raises(KeyboardInterrupt):
            harness.step()
    assert harness.attempts() == [(0, 1, "failed", "error"), (0, 2, "submitting", None)]
    assert harness.states() == ["running"]
    assert harness.relaunch("trials=1").step() == 1
    assert sorted(executor.jobs) == ["1", "2"]
    executor.end("2")
    assert harness.step() == 0
    assert harness.states() == ["complete"]


@pytest.mark.parametrize(
    ("number", "message"),
    [(0, "trial 0 of study toy is complete; only failed trials"), (7, "has no trial 7")],
)
def test_only_failed_trials_can_be_retried(
    harness: LauncherHarness, executor: FakeExecutor, number: int, message: str
) -> None:
    harness.launch("trials=1").step()
    executor.end("1")
    harness.step()
    with pytest.raises(InputError, match=message):
        request(request_retry, number)
