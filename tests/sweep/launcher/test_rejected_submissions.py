"""Submissions that the scheduler rejects: pauses, patience, and submit limits."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from sweep.errors import StudyFailedError
from sweep.launcher.rejected_submissions import FIRST_PAUSE, MAX_PAUSE, RejectedSubmissions
from sweep.scheduler.executor import Rejection, SubmissionError
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_pauses_increase_up_to_a_maximum() -> None:
    rejected, now, pauses = RejectedSubmissions(), NOW, []
    for _ in range(20):
        rejected = rejected.after(Rejection.UNKNOWN, 0, now)
        assert rejected.next_at is not None
        pauses.append(rejected.next_at - now)
        now = rejected.next_at
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == MAX_PAUSE


def test_one_job_is_tried_after_a_pause() -> None:
    rejected = RejectedSubmissions().after(Rejection.UNKNOWN, 2, NOW)
    assert rejected.num_allowed(5, 0, NOW) == 0
    assert rejected.num_allowed(5, 0, NOW + FIRST_PAUSE) == 1
    assert rejected.num_allowed(0, 0, NOW + FIRST_PAUSE) == 0


def test_ended_jobs_are_replaced_at_once_under_a_submit_limit() -> None:
    rejected = RejectedSubmissions().after(Rejection.SUBMIT_LIMIT, 3, NOW)
    assert [rejected.num_allowed(5, num_busy, NOW) for num_busy in (3, 2, 0)] == [0, 1, 3]


def test_only_unknown_rejections_use_up_the_patience() -> None:
    later = NOW + timedelta(days=3)
    known = RejectedSubmissions().after(Rejection.TEMPORARY, 0, NOW).after(Rejection.SUBMIT_LIMIT, 0, NOW)
    assert not known.is_patience_spent(timedelta(minutes=30), later)
    unknown = known.after(Rejection.UNKNOWN, 0, NOW).after(Rejection.TEMPORARY, 0, later)
    assert unknown.is_patience_spent(timedelta(minutes=30), later)
    assert not unknown.is_patience_spent(timedelta(minutes=30), NOW)


def test_unknown_rejection_is_logged_once_and_stops_the_study_after_its_patience(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("trials=2", "failures.refusal_patience_min=10")
    executor.rejection = SubmissionError("Unexpected message received")
    begin = harness.clock.now()

    def step_for_an_hour() -> None:
        for _ in range(120):
            harness.clock.sleep(30)
            harness.step()

    with caplog.at_level(logging.INFO), pytest.raises(StudyFailedError) as error:
        step_for_an_hour()
    assert timedelta(minutes=10) <= harness.clock.now() - begin <= timedelta(minutes=15)
    assert "rejected for 10 min:\nUnexpected message received\nlaunch it again" in str(error.value)
    assert sum("Unexpected message" in message for message in caplog.messages) == 1
    assert harness.attempts() == [(0, 1, "submitting", None), (1, 1, "submitting", None)]
    executor.rejection = None
    assert harness.relaunch("trials=2").step() == 2
    assert executor.submissions == [["1", "2"]]


def test_rejected_submission_leaves_no_folder(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=2")
    executor.rejection = SubmissionError("Unexpected message received")
    harness.step()
    assert list((harness.workplace / "sweeps" / "toy" / "jobs").iterdir()) == []


def test_acceptance_restores_the_patience_and_is_logged(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("trials=2", "parallel=1", "failures.refusal_patience_min=1")
    with caplog.at_level(logging.INFO):
        for job_id in ("1", "2"):
            executor.rejection = SubmissionError("Unexpected message received")
            harness.step()
            executor.rejection = None
            harness.clock.sleep(50)
            harness.step()
            executor.end(job_id)
    assert harness.step() == 0
    problems = [message for message in caplog.messages if "accepted" in message or "Unexpected" in message]
    assert problems == 2 * [
        "study toy: jobs cannot be submitted, which is retried with increasing pauses: "
        "Unexpected message received",
        "study toy: jobs are accepted again",
    ]
