"""The changes that follow from an observation and an action."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sweep.goals import Goals, Objective
from sweep.launcher.decision import Action, ActionKind
from sweep.launcher.observation import Cycle, Files, Observation
from sweep.launcher.reconciliation import MAX_ERROR_LENGTH, Change, TrialEnd, reconcile
from sweep.scheduler.job import JobStatus
from sweep.states import AttemptState, Cause, JobState, Outcome
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow, TrialRow
from sweep.worker.documents import EpochReport, Result, Start

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
START = NOW - timedelta(minutes=10)
CYCLE = Cycle(now=NOW)
GOALS = Goals((Objective("score", "maximize"),))
FAILED_JOB = JobStatus(JobState.NODE_FAILURE, "7", elapsed_s=660.0)


def attempt(**values: Any) -> AttemptRow:
    """Return the row of a trial's only attempt, which is pending as job 7 with two GPUs."""
    row = AttemptRow(
        **{
            "id": 1, "trial_id": 4, "number": 1, "token": "abc", "state": AttemptState.PENDING, "job_id": "7",
            "job_size": 1, "num_gpus": 2, "metrics_offset": 0, "gpu_seconds": 0.0, "is_cost_final": False,
        }
        | values
    )  # fmt: skip
    row.trial = TrialRow(id=4, number=3)
    return row


def change(kind: ActionKind, seen: Observation, row: AttemptRow | None = None, cause: Any = None) -> Change:
    return reconcile(row or attempt(), seen, Action(kind, cause), CYCLE, GOALS)


def started(**more: Any) -> Observation:
    return Observation(
        AttemptState.PENDING, **({"job": JobStatus(JobState.RUNNING, "7"), "started_at": START} | more)
    )


def ended(outcome: Outcome, **more: Any) -> Files:
    metrics = {"score": 0.5, "size": 3.0} if outcome is Outcome.COMPLETE else {}
    return Files(result=Result("abc", outcome, NOW.timestamp() - 60, metrics, **more))


def test_reconciling_changes_no_row() -> None:
    row = attempt()
    change(ActionKind.GIVE_UP, started(files=ended(Outcome.FAILED)), row, Cause.ERROR)
    assert (row.state, row.cause, row.ended_at) == (AttemptState.PENDING, None, None)


def test_new_epochs_become_rows_and_move_the_offset() -> None:
    epochs = (EpochReport(1, 0.0, {"score": 0.1, "loss": float("inf")}), EpochReport(2, 1.0, {"score": 0.2}))
    found = change(ActionKind.WAIT, started(files=Files(epochs=epochs, offset=99)))
    rows = [(row.epoch, row.metric, row.value) for row in found.rows if isinstance(row, EpochRow)]
    assert rows == [(1, "score", 0.1), (1, "loss", None), (2, "score", 0.2)]
    assert (found.updates["metrics_offset"], found.epochs) == (99, epochs)


def test_job_found_by_its_name_is_recorded() -> None:
    seen = Observation(AttemptState.SUBMITTING, JobStatus(JobState.PENDING, "9"))
    found = change(ActionKind.WAIT, seen, attempt(job_id=None, state=AttemptState.SUBMITTING))
    assert (found.updates["job_id"], found.updates["state"]) == ("9", AttemptState.PENDING)


def test_start_is_recorded_with_its_node() -> None:
    start = Start("abc", START.timestamp(), "n1", 1, "A100", "3.11", {"numpy": "2"})
    found = change(ActionKind.MARK_RUNNING, started(files=Files(start=start)))
    assert found.start == start
    assert found.updates["state"] is AttemptState.RUNNING
    assert (found.updates["host"], found.updates["gpu"], found.updates["started_at"]) == ("n1", "A100", START)
    assert found.message == (logging.INFO, "running on n1")


def test_stop_request_is_written_and_recorded() -> None:
    found = change(ActionKind.REQUEST_STOP, started(should_prune=True))
    assert (found.stop, found.updates["stop_requested_at"]) == (Outcome.PRUNED, NOW)
    assert found.updates["state"] is AttemptState.RUNNING


@pytest.mark.parametrize(
    ("kind", "field"),
    [(ActionKind.SUBMIT, "submit"), (ActionKind.CANCEL, "cancel"), (ActionKind.RETRY, "retry")],
)
def test_actions_that_are_not_in_the_row(kind: ActionKind, field: str) -> None:
    found = change(kind, started(), cause=Cause.LOST if kind is ActionKind.RETRY else None)
    asked_for = {name for name in ("submit", "cancel", "retry") if getattr(found, name)}
    assert asked_for == {field}


def test_complete_trial_has_a_value_and_its_other_metrics() -> None:
    found = change(ActionKind.COMPLETE, started(files=ended(Outcome.COMPLETE, notes={"sha": "1"})))
    assert found.end == TrialEnd(Outcome.COMPLETE, (0.5,))
    (row,) = (row for row in found.rows if isinstance(row, FinalMetricRow))
    assert (row.metric, row.value) == ("size", 3.0)
    assert found.updates["state"] is AttemptState.COMPLETE
    assert found.updates["notes"] == {"sha": "1"}
    assert found.updates["ended_at"] == NOW - timedelta(seconds=60)
    assert found.updates["gpu_seconds"] == 2 * 540  # by the worker's clock, since the job has not ended
    assert "is_cost_final" not in found.updates


def test_cost_is_the_schedulers_count_once_the_job_has_ended() -> None:
    job = JobStatus(JobState.COMPLETE, "7", elapsed_s=600.0)
    found = change(ActionKind.PRUNE, started(job=job, files=ended(Outcome.PRUNED)), attempt(job_size=4))
    assert (found.updates["gpu_seconds"], found.updates["is_cost_final"]) == (300.0, True)
    later = change(ActionKind.RECORD_COST, Observation(AttemptState.PRUNED, job))
    assert later.updates == {"gpu_seconds": 1200.0, "is_cost_final": True}


def test_cost_is_not_negative_if_the_clock_of_the_node_is_ahead() -> None:
    ahead = started(started_at=NOW + timedelta(minutes=5))
    assert change(ActionKind.RETRY, ahead, cause=Cause.LOST).updates["gpu_seconds"] == 0.0


def test_job_found_after_the_end_of_its_attempt_is_recorded() -> None:
    found = change(
        ActionKind.RECORD_COST, Observation(AttemptState.COMPLETE, FAILED_JOB), attempt(job_id=None)
    )
    assert found.updates["job_id"] == "7"
    assert "state" not in found.updates


@pytest.mark.parametrize("kind", [ActionKind.WAIT, ActionKind.END_JOB])
def test_state_of_an_ended_attempt_does_not_change_when_its_job_is_found(kind: ActionKind) -> None:
    seen = Observation(AttemptState.COMPLETE, JobStatus(JobState.UNKNOWN, "7"), ended_at=NOW)
    found = change(kind, seen, attempt(job_id=None, state=AttemptState.COMPLETE))
    assert found.updates == {"job_id": "7"}


def test_attempt_that_failed_without_a_result_is_superseded_by_its_retry() -> None:
    found = change(ActionKind.RETRY, started(job=FAILED_JOB), cause=Cause.NODE_FAILURE)
    assert (found.stop, found.retry, found.end) == (Outcome.SUPERSEDED, True, None)
    assert (found.updates["state"], found.updates["cause"]) == (AttemptState.FAILED, Cause.NODE_FAILURE)
    assert found.updates["ended_at"] == NOW
    assert found.message == (logging.WARNING, "failed (node_failure); retrying")


def test_error_is_kept_as_every_database_accepts_it() -> None:
    error = "x" * MAX_ERROR_LENGTH + "\0\ud800 the end"
    files = ended(Outcome.FAILED, cause=Cause.ERROR, error=error)
    found = change(ActionKind.GIVE_UP, started(files=files), cause=Cause.ERROR)
    assert found.end == TrialEnd(Outcome.FAILED)
    assert found.stop is None  # its worker has ended
    assert found.updates["error"].endswith("? the end")
    assert "\0" not in found.updates["error"]
    assert len(found.updates["error"]) <= MAX_ERROR_LENGTH
