"""The launcher's complete policy, as one pure function from observations to actions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sweep.definition.failures import Failures
from sweep.launcher.observation import Cycle, Observation
from sweep.launcher.policy import may_retry
from sweep.states import ACTIVE_STATES, AttemptState, Cause, JobState, Outcome, Stop
from sweep.worker.documents import Result

STOP_GRACE = timedelta(minutes=2)
"""How much longer than an epoch an attempt may take to react to a stop request."""


class ActionKind(StrEnum):
    """The kinds of actions that the launcher takes for an attempt."""

    WAIT = "wait"
    """Do nothing in this poll cycle."""
    SUBMIT = "submit"
    """Submit a job for the attempt."""
    MARK_RUNNING = "mark running"
    """Record that the attempt runs."""
    REQUEST_STOP = "request stop"
    """Request the worker to stop at the end of its epoch, because the trial should be pruned."""
    CANCEL = "cancel"
    """Cancel the attempt's job."""
    COMPLETE = "complete"
    """Record that the trial is complete."""
    PRUNE = "prune"
    """Record that the trial is pruned."""
    RETRY = "retry"
    """Record that the attempt failed, and start another attempt of the trial."""
    GIVE_UP = "give up"
    """Record that the attempt and its trial failed."""
    END_JOB = "end job"
    """Cancel the job of an attempt that has ended, because the job has not ended in time."""
    RECORD_COST = "record cost"
    """Record the final cost of an attempt that has ended, now that its job has ended too."""


@dataclass(frozen=True)
class Action:
    """An action that the launcher takes for an attempt.

    Attributes:
        kind: What the launcher does.
        cause: Why the attempt failed; None if it did not fail.
    """

    kind: ActionKind
    cause: Cause | None = None


WAIT = Action(ActionKind.WAIT)

CAUSES = {
    JobState.CANCELLED: Cause.CANCELLED,
    JobState.TIMEOUT: Cause.TIMEOUT,
    JobState.OUT_OF_MEMORY: Cause.OUT_OF_MEMORY,
    JobState.NODE_FAILURE: Cause.NODE_FAILURE,
    JobState.PREEMPTED: Cause.PREEMPTED,
}
"""The cause of failure that a job's state implies."""


def decide(observation: Observation, cycle: Cycle, failures: Failures) -> Action:
    """Return the one action that an open attempt needs in this poll cycle.

    The result is the last file that a worker writes, so it takes precedence over the state of the job.
    Without a result, an attempt fails only if its job is known to have ended and the file system has had time
    to show the result.

    Args:
        observation: What is known about the attempt.
        cycle: What is known about the study.
        failures: The study's policy for failures.
    """
    if observation.state not in ACTIVE_STATES:
        return _of_ended_attempt(observation, cycle)
    if observation.files.has_more:  # nothing is decided before all epochs are known
        return _wait_or_prune(observation)
    if observation.files.result is not None:
        return _of_result(observation, observation.files.result, cycle, failures)
    if observation.job is None:
        return _without_job(observation, cycle, failures)
    if observation.job.state.has_ended:
        return _of_ended_job(observation, observation.job.state, cycle, failures)
    if observation.job.state is not JobState.UNKNOWN and _should_cancel(observation, cycle):
        return Action(ActionKind.CANCEL)
    if observation.should_prune:
        return Action(ActionKind.REQUEST_STOP)
    if observation.started_at is not None and observation.state is not AttemptState.RUNNING:
        return Action(ActionKind.MARK_RUNNING)
    return WAIT


def _of_ended_attempt(observation: Observation, cycle: Cycle) -> Action:
    if observation.job is None or observation.job.state.has_ended:
        return Action(ActionKind.RECORD_COST)
    if observation.is_job_needed or observation.ended_at is None:
        return WAIT
    if observation.job.state is not JobState.UNKNOWN and cycle.now > exit_deadline(
        observation.ended_at, cycle
    ):
        return Action(ActionKind.END_JOB)
    return WAIT


def exit_deadline(ended_at: datetime, cycle: Cycle) -> datetime:
    """Return when the job of an attempt is cancelled that has ended at a time, if the job has not ended."""
    return ended_at + timedelta(seconds=cycle.exit_grace_s)


def _of_result(observation: Observation, result: Result, cycle: Cycle, failures: Failures) -> Action:
    if result.outcome is Outcome.COMPLETE:
        return Action(ActionKind.COMPLETE)
    if result.outcome is Outcome.PRUNED:
        return Action(ActionKind.PRUNE)
    return _of_failure(observation, result.cause or Cause.LOST, cycle, failures)


def _without_job(observation: Observation, cycle: Cycle, failures: Failures) -> Action:
    if observation.started_at is None:
        if cycle.stop is Stop.CANCEL:
            return Action(ActionKind.GIVE_UP, Cause.CANCELLED)
        return Action(ActionKind.SUBMIT)
    if _has_settled(observation, cycle):
        return _of_failure(observation, Cause.LOST, cycle, failures)
    return _wait_or_prune(observation)


def _of_ended_job(observation: Observation, job: JobState, cycle: Cycle, failures: Failures) -> Action:
    """Decide about an attempt whose job has ended without a result."""
    if not _has_settled(observation, cycle):
        return _wait_or_prune(observation)
    if observation.stop_requested_at is not None:
        return Action(ActionKind.PRUNE)
    if cycle.stop is Stop.CANCEL:
        return Action(ActionKind.GIVE_UP, Cause.CANCELLED)
    without_known_cause = Cause.LAUNCH_FAILURE if observation.started_at is None else Cause.LOST
    return _of_failure(observation, CAUSES.get(job, without_known_cause), cycle, failures)


def _of_failure(observation: Observation, cause: Cause, cycle: Cycle, failures: Failures) -> Action:
    """Retry the trial if its failure policy, the budget and the user allow it."""
    is_allowed = may_retry(cause, observation.earlier_causes, failures)
    if is_allowed and not cycle.budget_spent and cycle.stop is not Stop.CANCEL:
        return Action(ActionKind.RETRY, cause)
    return Action(ActionKind.GIVE_UP, cause)


def _wait_or_prune(observation: Observation) -> Action:
    return Action(ActionKind.REQUEST_STOP) if observation.should_prune else WAIT


def _has_settled(observation: Observation, cycle: Cycle) -> bool:
    """Return whether a result would be visible by now, had the job written one."""
    if observation.job_ended_at is None:
        return False
    return (cycle.now - observation.job_ended_at).total_seconds() >= cycle.settle_s


def _should_cancel(observation: Observation, cycle: Cycle) -> bool:
    """Return whether the attempt's job is to be cancelled.

    A job that does not react to a stop request is left alone if other trials run in it, because they may
    continue.
    """
    if cycle.stop is Stop.CANCEL:
        return True
    return stop_grace_expired(observation, cycle.now) and not observation.shares_job


def stop_grace_expired(observation: Observation, now: datetime) -> bool:
    """Return whether an attempt has had enough time to finish its epoch since the stop request.

    No epoch before the request can have lasted longer than from the attempt's start to the request.
    """
    if observation.stop_requested_at is None or observation.started_at is None:
        return False
    longest_epoch = observation.stop_requested_at - observation.started_at
    return now - observation.stop_requested_at > longest_epoch + STOP_GRACE
