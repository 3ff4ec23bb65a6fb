"""The reconcile table: from three views of an attempt to the one thing to do. Pure: no I/O, no clock."""

from dataclasses import dataclass
from enum import StrEnum

from sweep.states import AttemptState, Cause, JobState, Outcome
from sweep.worker.documents import Result


@dataclass(frozen=True)
class View:
    """Everything known of an active attempt: the database row, the job's state, the files."""

    state: AttemptState
    job: JobState | None  # None: no job of its name was found
    started: bool
    result: Result | None
    stop_requested: bool = False
    stop_overdue: bool = False  # asked to stop longer ago than an epoch may take
    cancelled: bool = False  # a person wants the study's jobs cancelled
    silence_over: bool = False  # the job ended without a result so long ago that none will appear


class Do(StrEnum):
    WAIT = "wait"
    SUBMIT = "submit"
    MARK_RUNNING = "mark running"
    CANCEL = "cancel"
    COMPLETE = "complete"
    PRUNE = "prune"
    FAIL = "fail"


@dataclass(frozen=True)
class Action:
    do: Do
    cause: Cause | None = None


WAIT = Action(Do.WAIT)

CAUSES = {
    JobState.CANCELLED: Cause.CANCELLED,
    JobState.TIMEOUT: Cause.TIMEOUT,
    JobState.OUT_OF_MEMORY: Cause.OUT_OF_MEMORY,
    JobState.NODE_FAILURE: Cause.NODE_FAILURE,
    JobState.PREEMPTED: Cause.PREEMPTED,
}


def decide(view: View) -> Action:
    """The one action an active attempt needs now.

    A result is the last thing a worker writes, so it decides whatever the job's state says. Without one an
    attempt fails only when its job is known to have ended and the file systems have had time to agree.
    """
    if view.result is not None:
        return _of_result(view.result)
    if view.job is None:
        if not view.started:
            return Action(Do.FAIL, Cause.CANCELLED) if view.cancelled else Action(Do.SUBMIT)
        return Action(Do.FAIL, Cause.LOST) if view.silence_over else WAIT
    if view.job.has_ended:
        return _of_end(view, view.job) if view.silence_over else WAIT
    if (view.stop_overdue or view.cancelled) and view.job is not JobState.UNKNOWN:
        return Action(Do.CANCEL)
    if view.started and view.state is not AttemptState.RUNNING:
        return Action(Do.MARK_RUNNING)
    return WAIT


def _of_result(result: Result) -> Action:
    match result.outcome:
        case Outcome.COMPLETE:
            return Action(Do.COMPLETE)
        case Outcome.PRUNED:
            return Action(Do.PRUNE)
        case _:
            return Action(Do.FAIL, result.cause or Cause.LOST)


def _of_end(view: View, job: JobState) -> Action:
    if view.stop_requested:
        return Action(Do.PRUNE)
    if view.cancelled:
        return Action(Do.FAIL, Cause.CANCELLED)
    if job in CAUSES:
        return Action(Do.FAIL, CAUSES[job])
    return Action(Do.FAIL, Cause.LOST if view.started else Cause.LAUNCH_FAILURE)
