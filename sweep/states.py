"""Every state, outcome and cause, as string enums.

This module travels to the nodes with the worker, where Python may be as old as 3.8, which has no `StrEnum`.
"""

from __future__ import annotations

from enum import Enum


class StringEnum(str, Enum):
    """Base class of the enums below. A member is printed and formatted as its value."""

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, format_spec: str) -> str:
        return format(str(self.value), format_spec)


class AttemptState(StringEnum):
    """The state of an attempt, as the database records it."""

    SUBMITTING = "submitting"
    """The attempt is committed; its job has not been submitted, or its job id is not recorded yet."""
    PENDING = "pending"
    """The job is submitted and its id is recorded; the attempt has not started."""
    RUNNING = "running"
    """A worker has claimed the attempt."""
    COMPLETE = "complete"
    """The attempt returned a value of the objective."""
    PRUNED = "pruned"
    """The pruner stopped the attempt."""
    FAILED = "failed"
    """The attempt ended without a value; its cause is recorded beside the state."""


ACTIVE_STATES: frozenset[AttemptState] = frozenset(
    {AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.RUNNING}
)
"""The states of an attempt that has not ended."""


class Outcome(StringEnum):
    """How an attempt ended, as its worker writes it to `result.json`."""

    COMPLETE = "complete"
    """The train function returned its metrics."""
    PRUNED = "pruned"
    """The train function stopped because the launcher pruned the trial."""
    FAILED = "failed"
    """The train function raised an error."""
    SUPERSEDED = "superseded"
    """The launcher gave the attempt up and started another one."""


class Cause(StringEnum):
    """Why an attempt failed."""

    PREEMPTED = "preempted"
    """The cluster gave the node to a job of higher priority."""
    NODE_FAILURE = "node_failure"
    """The node failed."""
    TIMEOUT = "timeout"
    """The job reached its time limit."""
    OUT_OF_MEMORY = "out_of_memory"
    """The job used more memory than it requested, on the host or on a GPU."""
    CANCELLED = "cancelled"
    """A user cancelled the job."""
    LAUNCH_FAILURE = "launch_failure"
    """The job ended before the attempt started."""
    LOST = "lost"
    """The job ended without a result, for no known reason."""
    ERROR = "error"
    """The train function raised an error, or its process or the command ended without a result."""


class JobState(StringEnum):
    """The state of a job, translated from the states of its scheduler."""

    PENDING = "pending"
    """The job waits to start."""
    RUNNING = "running"
    """The job occupies a node."""
    COMPLETE = "complete"
    """The job ended with exit code 0."""
    FAILED = "failed"
    """The job ended with another exit code, for a reason that the scheduler does not report."""
    CANCELLED = "cancelled"
    """A user or an administrator cancelled the job."""
    TIMEOUT = "timeout"
    """The job reached its time limit."""
    OUT_OF_MEMORY = "out_of_memory"
    """The job used more memory than it requested."""
    NODE_FAILURE = "node_failure"
    """The job's node failed."""
    PREEMPTED = "preempted"
    """The scheduler ended the job in favour of one of higher priority."""
    GONE = "gone"
    """The scheduler that ran the job no longer knows it: it has ended, for an unknown reason."""
    UNKNOWN = "unknown"
    """The scheduler did not answer; nothing can be concluded about the job."""

    @property
    def has_ended(self) -> bool:
        """Whether the scheduler states that the job has ended."""
        return self not in {JobState.PENDING, JobState.RUNNING, JobState.UNKNOWN}


class Stop(StringEnum):
    """The kind of stop that a user has requested for a study."""

    FINISH = "finish"
    """Propose no more trials; let the active ones end."""
    CANCEL = "cancel"
    """Propose no more trials and cancel the jobs of the active ones."""


class Verdict(StringEnum):
    """The result of one check of `sweep doctor`."""

    OK = "ok"
    """Nothing is wrong."""
    WARNING = "warning"
    """Trials can run, but less well than they could."""
    FAILED = "failed"
    """Trials cannot run."""
