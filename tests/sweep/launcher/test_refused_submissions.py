"""Submissions that the scheduler refuses: pauses, patience, and submit limits."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from sweep.errors import StudyFailedError
from sweep.launcher.refused_submissions import FIRST_PAUSE, MAX_PAUSE, RefusedSubmissions
from sweep.scheduler.executor import Refusal, SubmissionError
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_pauses_increase_up_to_a_maximum() -> None:
    refused, now, pauses = RefusedSubmissions(), NOW, []
    for _ in range(20):
        refused = refused.after(Refusal.UNKNOWN, 0, now)
        assert refused.next_at is not None
        pauses.append(refused.next_at - now)
        now = refused.next_at
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == MAX_PAUSE


def test_one_job_is_tried_after_a_pause() -> None:
    refused = RefusedSubmissions().after(Refusal.UNKNOWN, 2, NOW)
    assert refused.num_allowed(5, 0, NOW) == 0
    assert refused.num_allowed(5, 0, NOW + FIRST_PAUSE) == 1
    assert refused.num_allowed(0, 0, NOW + FIRST_PAUSE) == 0


def test_ended_jobs_are_replaced_at_once_under_a_submit_limit() -> None:
    refused = RefusedSubmissions().after(Refusal.SUBMIT_LIMIT, 3, NOW)
    assert [refused.num_allowed(5, num_busy, NOW) for num_busy in (3, 2, 0)] == [0, 1, 3]


def test_only_unknown_refusals_use_up_the_patience() -> None:
    later = NOW + timedelta(days=3)
    known = RefusedSubmissions().after(Refusal.TEMPORARY, 0, NOW).after(Refusal.SUBMIT_LIMIT, 0, NOW)
    assert not known.is_patience_spent(timedelta(minutes=30), later)
    unknown = known.after(Refusal.UNKNOWN, 0, NOW).after(Refusal.TEMPORARY, 0, later)
    assert unknown.is_patience_spent(timedelta(minutes=30), later)
    assert not unknown.is_patience_spent(timedelta(minutes=30), NOW)


def test_unknown_refusal_is_logged_once_and_stops_the_study_after_its_patience(
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
    assert "refused for 10 min:\nUnexpected message received\nlaunch it again" in str(error.value)
    assert sum("Unexpected message" in message for message in caplog.messages) == 1
    assert harness.attempts() == [(0, 1, "submitting", None), (1, 1, "submitting", None)]
    executor.rejection = None
    assert harness.relaunch("trials=2").step() == 2
    assert executor.submissions == [["1", "2"]]


def test_refused_submission_leaves_no_folder(harness: LauncherHarness, executor: FakeExecutor) -> None:
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
        "study toy: jobs cannot be submitted, which is tried again with increasing pauses: "
        "Unexpected message received",
        "study toy: jobs are accepted again",
    ]
