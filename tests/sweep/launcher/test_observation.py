"""What a poll cycle observes about an attempt."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sweep.launcher.observation import Files, may_be_pruned, observe, read_files, without_epochs
from sweep.scheduler.job import JobStatus
from sweep.states import AttemptState, Cause, JobState, Outcome
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, Result, Start

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def row(**values: object) -> AttemptRow:
    attempt = AttemptRow(token="abc", metrics_offset=0, job_size=1, state=AttemptState.PENDING, **values)
    attempt.trial = TrialRow(number=0)
    return attempt


def test_files_are_those_with_the_attempts_token(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path)
    folder.claim(Start("abc", NOW.timestamp(), "n1", 1, None, "3.11", {}))
    folder.append_epoch(EpochReport(1, 0.0, {"score": 0.5}))
    folder.write_result(Result("another token", Outcome.COMPLETE, 0.0, {}))
    files = read_files(row(), folder)
    assert files.start is not None
    assert (files.result, [report.epoch for report in files.epochs]) == (None, [1])
    assert read_files(row(started_at=NOW), folder).start is None  # it is recorded already


def test_epochs_that_the_trial_has_recorded_are_left_out() -> None:
    files = Files(epochs=tuple(EpochReport(epoch, 0.0, {"score": 0.5}) for epoch in (1, 2, 3)), offset=9)
    assert [report.epoch for report in without_epochs(files, {1, 2}).epochs] == [3]


def test_report_without_metrics_is_not_the_first_report_of_an_epoch() -> None:
    files = Files(epochs=(EpochReport(1, 0.0, {}), EpochReport(1, 0.0, {"score": 0.5})), offset=9)
    assert [report.metrics for report in without_epochs(files, ()).epochs] == [{"score": 0.5}]


def test_end_of_the_job_is_the_first_time_it_was_observed() -> None:
    ended, running = JobStatus(JobState.GONE, "7"), JobStatus(JobState.RUNNING, "7")
    earlier = NOW - timedelta(minutes=3)
    assert observe(row(), ended, Files(), NOW).job_ended_at == NOW
    assert observe(row(job_ended_at=earlier), ended, Files(), NOW).job_ended_at == earlier
    assert observe(row(job_ended_at=earlier), running, Files(), NOW).job_ended_at is None
    assert observe(row(), None, Files(), NOW).job_ended_at == NOW


def test_start_that_is_not_recorded_yet_counts() -> None:
    start = Start("abc", NOW.timestamp() - 5, "n1", 1, None, "3.11", {})
    assert observe(row(), None, Files(start=start), NOW).started_at == NOW - timedelta(seconds=5)


def test_causes_of_earlier_attempts_are_those_of_the_trial() -> None:
    attempt = row()
    attempt.trial.attempts[:0] = [
        AttemptRow(number=1, cause=Cause.TIMEOUT), AttemptRow(number=2, cause=Cause.LOST),
    ]  # fmt: skip
    assert observe(attempt, None, Files(), NOW).earlier_causes == (Cause.TIMEOUT, Cause.LOST)


def test_pruner_evaluates_new_epochs_of_an_attempt_that_continues() -> None:
    epochs = (EpochReport(1, 0.0, {"score": 0.5}),)
    result = Result("abc", Outcome.COMPLETE, 0.0, {})
    assert may_be_pruned(observe(row(), None, Files(epochs=epochs), NOW))
    assert not may_be_pruned(observe(row(), None, Files(), NOW))
    assert not may_be_pruned(observe(row(), None, Files(epochs=epochs, result=result), NOW))
    assert not may_be_pruned(observe(row(stop_requested_at=NOW), None, Files(epochs=epochs), NOW))
