"""The changes that the launcher applies for an attempt, derived from the action that it needs."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sweep.error_summary import error_summary
from sweep.goals import GPU_SECONDS, PEAK_MEMORY, TRAIN_SECONDS, Goals
from sweep.launcher.decision import Action, ActionKind
from sweep.launcher.observation import Cycle, Observation, ended_at
from sweep.launcher.rows import epoch_rows, final_metric_rows, gpu_share, storable
from sweep.states import ACTIVE_STATES, AttemptState, Outcome
from sweep.storage.attempts import MAX_CLOCK_DIFFERENCE
from sweep.storage.tables import AttemptRow, Table
from sweep.worker.documents import (
    MAX_ERROR_LENGTH,
    MAX_EXIT_STATUS,
    MAX_SHORT_TEXT,
    EpochReport,
    Result,
    Start,
)


class TrialEnd(NamedTuple):
    """How a trial ended, for Optuna.

    Attributes:
        outcome: The outcome.
        values: The value of each objective; empty unless the trial is complete.
        violations: By how much each constraint is violated; see `Constraint.violation`.
    """

    outcome: Outcome
    values: tuple[float, ...] = ()
    violations: tuple[float, ...] = ()


class Message(NamedTuple):
    """A line for the log about an attempt, and its level."""

    level: int
    text: str


@dataclass(frozen=True)
class Change:
    """The changes for an attempt, as plain data that the launcher applies.

    Attributes:
        attempt: The attempt's row, still with its old values.
        updates: The new values of the attempt's columns, by name.
        rows: New rows to save.
        start: Where and when the attempt started, if that is new.
        epochs: The epochs that the attempt has reported since the last poll cycle.
        submit: Whether the attempt is to be submitted.
        retry: Whether another attempt of the trial is to be created and submitted.
        cancel: Whether the attempt's job is to be cancelled.
        stop: The reason to write to the attempt's `stop` file: PRUNED or SUPERSEDED.
        end: How the trial ended; None while the trial continues.
        result: What the worker wrote when the attempt ended, if it did.
        message: A line for the log.
    """

    attempt: AttemptRow
    updates: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Table, ...] = ()
    start: Start | None = None
    epochs: tuple[EpochReport, ...] = ()
    submit: bool = False
    retry: bool = False
    cancel: bool = False
    stop: Outcome | None = None
    end: TrialEnd | None = None
    result: Result | None = None
    message: Message | None = None


def reconcile(
    attempt: AttemptRow, observation: Observation, action: Action, cycle: Cycle, goals: Goals
) -> Change:
    """Return the changes that bring the records of an attempt up to date and carry out an action.

    Args:
        attempt: The attempt's row; it is not changed.
        observation: What is known about the attempt.
        action: What the attempt needs.
        cycle: What is known about the study.
        goals: The objectives and constraints of the study.
    """
    if action.kind is ActionKind.RECORD_COST:
        return Change(attempt, {**_job_id(attempt, observation), **_cost_values(attempt, observation)})
    if action.kind is ActionKind.END_JOB:
        seconds = (cycle.now - observation.ended_at).total_seconds() if observation.ended_at else 0.0
        text = f"its job has not ended {seconds:.0f} s after the trial; cancelling it"
        return Change(
            attempt, _job_id(attempt, observation), cancel=True, message=Message(logging.WARNING, text)
        )
    if attempt.state not in ACTIVE_STATES:  # it waits for its cost; nothing else may change
        return Change(attempt, _job_id(attempt, observation))
    change = Change(
        attempt,
        updates=_observed_values(attempt, observation),
        rows=tuple(epoch_rows(attempt.trial_id, observation.files.epochs)),
        start=observation.files.start,
        epochs=observation.files.epochs,
    )
    match action.kind:
        case ActionKind.WAIT:
            return change
        case ActionKind.SUBMIT:
            return replace(change, submit=True)
        case ActionKind.CANCEL:
            return replace(change, cancel=True, message=_info("cancelling its job"))
        case ActionKind.MARK_RUNNING:
            updates = {**change.updates, "state": AttemptState.RUNNING}
            message = _info(f"running on {updates.get('host', attempt.host)}")
            return replace(change, updates=updates, message=message)
        case ActionKind.REQUEST_STOP:
            updates = {**change.updates, "stop_requested_at": cycle.now}
            if observation.started_at is not None:
                updates["state"] = AttemptState.RUNNING
            message = _info("should be pruned; requested to stop")
            return replace(change, updates=updates, stop=Outcome.PRUNED, message=message)
        case _:
            return _end(change, observation, action, cycle, goals)


def _end(change: Change, observation: Observation, action: Action, cycle: Cycle, goals: Goals) -> Change:
    """Return the changes for an attempt that has ended."""
    result = observation.files.result
    updates = {**change.updates, **_end_values(change.attempt, observation, action, cycle)}
    # Without a result the worker may still be training, on a node that the scheduler has lost.
    stop = Outcome.SUPERSEDED if action.cause is not None and result is None else None
    change = replace(change, updates=updates, result=result, stop=stop)
    match action.kind:
        case ActionKind.COMPLETE:
            assert result is not None
            measured = measurements(change.attempt, updates, result)
            metrics = {**{name: measured[name] for name in goals.measured}, **result.metrics}
            end = TrialEnd(Outcome.COMPLETE, goals.values(metrics), goals.violations(metrics))
            return replace(
                change,
                rows=(*change.rows, *final_metric_rows(change.attempt.trial_id, metrics, goals)),
                result=replace(result, metrics=metrics),
                end=end,
                message=_info(_completion(end, goals)),
            )
        case ActionKind.PRUNE:
            return replace(change, end=TrialEnd(Outcome.PRUNED), message=_info("pruned"))
        case ActionKind.RETRY:
            message = Message(logging.WARNING, f"failed ({action.cause}){_reason(updates)}; retrying")
            return replace(change, retry=True, message=message)
        case _:
            message = Message(logging.WARNING, f"failed ({action.cause}){_reason(updates)}")
            return replace(change, end=TrialEnd(Outcome.FAILED), message=message)


def measurements(attempt: AttemptRow, updates: Mapping[str, Any], result: Result) -> dict[str, float]:
    """Return the measurements of a trial that is complete, over all of its attempts.

    Args:
        attempt: The trial's last attempt, with its trial and that trial's attempts.
        updates: The new values of its columns.
        result: What its worker wrote.
    """
    earlier = [other for other in attempt.trial.attempts if other is not attempt]
    started_at = updates.get("started_at") or updates["ended_at"]
    spans = [(started_at, updates["ended_at"]), *((other.started_at, other.ended_at) for other in earlier)]
    measured = {
        GPU_SECONDS: updates.get("gpu_seconds", 0.0) + sum(other.gpu_seconds for other in earlier),
        TRAIN_SECONDS: sum(
            max((end - start).total_seconds(), 0.0)
            for start, end in spans
            if start is not None and end is not None
        ),
    }
    if result.peak_memory_gb is not None:
        measured[PEAK_MEMORY] = result.peak_memory_gb
    return measured


def _completion(end: TrialEnd, goals: Goals) -> str:
    """Return a clause with the values of the objectives, and the constraints that are violated."""
    values = ", ".join(
        f"{objective.metric} = {value:.6g}"
        for objective, value in zip(goals.objectives, end.values, strict=True)
    )
    violated = [
        str(constraint)
        for constraint, excess in zip(goals.constraints, end.violations, strict=True)
        if excess > 0
    ]
    return f"complete, {values}" + (f"; violates {' and '.join(violated)}" if violated else "")


END_STATES = {
    ActionKind.COMPLETE: AttemptState.COMPLETE,
    ActionKind.PRUNE: AttemptState.PRUNED,
    ActionKind.RETRY: AttemptState.FAILED,
    ActionKind.GIVE_UP: AttemptState.FAILED,
}
"""The state of an attempt after the actions that end it."""


def _reason(updates: Mapping[str, Any]) -> str:
    summary = error_summary(updates.get("error"))
    return f": {summary}" if summary else ""


def _info(text: str) -> Message:
    return Message(logging.INFO, text)


def _observed_values(attempt: AttemptRow, observation: Observation) -> dict[str, Any]:
    """Return what the observation adds to the attempt's row."""
    files = observation.files
    values: dict[str, Any] = {
        "job_ended_at": observation.job_ended_at,
        "started_at": observation.started_at,
    }
    if files.offset > attempt.metrics_offset:
        values["metrics_offset"] = files.offset
    if files.start is not None:
        values |= {"host": files.start.host, "gpu": files.start.gpu}
    if found := _job_id(attempt, observation):
        values |= {**found, "state": AttemptState.PENDING}
    return values


def _job_id(attempt: AttemptRow, observation: Observation) -> dict[str, Any]:
    """Return the id of a job that was found by its name, if that is new."""
    if attempt.job_id is not None or observation.job is None or observation.job.id is None:
        return {}
    return {"job_id": observation.job.id}


def _end_values(
    attempt: AttemptRow, observation: Observation, action: Action, cycle: Cycle
) -> dict[str, Any]:
    """Return the values of the columns that describe the end of an attempt.

    The end of an attempt without a result is the current time. Its cost follows from the worker's clock until
    the scheduler reports how long the job ran.
    """
    result = observation.files.result
    ended = ended_at(result, observation.started_at, cycle.now)
    values: dict[str, Any] = {
        "state": END_STATES[action.kind],
        "cause": action.cause,
        "ended_at": ended,
    }
    if observation.started_at is None and observation.job is not None and observation.job.host is not None:
        values["host"] = storable(observation.job.host[:MAX_SHORT_TEXT])
    if observation.started_at is not None:
        submitted_at = attempt.submitted_at or observation.started_at
        duration = min(ended - observation.started_at, cycle.now - submitted_at + MAX_CLOCK_DIFFERENCE)
        values["gpu_seconds"] = gpu_share(attempt, max(duration.total_seconds(), 0.0))  # clocks differ
    if result is not None:
        values["notes"] = dict(result.notes)
        values["error"] = result.error and storable(result.error[-MAX_ERROR_LENGTH:])
        values["exit_status"] = result.exit_status
    elif action.cause is not None:
        status = observation.job.exit_status if observation.job is not None else None
        values["error"] = observation.job_output and storable(observation.job_output[-MAX_ERROR_LENGTH:])
        values["exit_status"] = status and storable(status[:MAX_EXIT_STATUS])
    if observation.job is None or observation.job.state.has_ended:
        values |= _cost_values(attempt, observation)
    return values


def _cost_values(attempt: AttemptRow, observation: Observation) -> dict[str, Any]:
    """Return the final cost of an attempt whose job has ended, as the scheduler counts it if it does."""
    values: dict[str, Any] = {"is_cost_final": True}
    if observation.job is not None and observation.job.elapsed_s is not None:
        values["gpu_seconds"] = gpu_share(attempt, observation.job.elapsed_s)
    return values
