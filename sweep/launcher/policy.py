"""The rules for retries, for the resources that retries request, and for the end of a study."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from sweep.definition.failures import Failures
from sweep.definition.study import Budget
from sweep.scheduler.job import ResourceOverride
from sweep.states import Cause, Stop


def may_retry(cause: Cause, earlier_causes: Sequence[Cause], failures: Failures) -> bool:
    """Return whether the policy allows another attempt after one that failed for a cause.

    Each cause has a limit of its own. A trial that a user has cancelled is not retried.

    Args:
        cause: Why the last attempt failed.
        earlier_causes: Why the attempts before it failed.
        failures: The study's policy.
    """
    if cause is Cause.CANCELLED:
        return False
    return earlier_causes.count(cause) < failures.retries[cause]


NODE_CAUSES = {Cause.LAUNCH_FAILURE, Cause.NODE_FAILURE}
"""The causes of failure after which another node is requested."""


class Failure(NamedTuple):
    """Why an attempt failed, and on which node."""

    cause: Cause
    host: str | None


def resources_after(
    failures: Sequence[Failure], memory_factor: float, failing_nodes: Sequence[str] = ()
) -> ResourceOverride:
    """Return the changes to the resources that the next attempt of a trial requests.

    It requests more memory for each attempt that exhausted its memory, and another node than the last one
    if that node has failed or could not start the attempt.

    Args:
        failures: The failures of the trial's earlier attempts, the newest last.
        memory_factor: The factor by which it requests more memory than the attempt before.
        failing_nodes: The nodes on which jobs of the study repeatedly fail before they start.
    """
    num_out_of_memory = [failure.cause for failure in failures].count(Cause.OUT_OF_MEMORY)
    excluded = set(failing_nodes)
    if failures and failures[-1].cause in NODE_CAUSES and failures[-1].host is not None:
        excluded.add(failures[-1].host)
    return ResourceOverride(memory_factor**num_out_of_memory, tuple(sorted(excluded)))


@dataclass(frozen=True)
class ConsecutiveFailures:
    """The number of consecutive trials that have failed with the same cause.

    Attributes:
        cause: The cause; None if the last trial did not fail.
        count: The number of trials.
    """

    cause: Cause | None = None
    count: int = 0

    @classmethod
    def of(cls, newest_first: Sequence[Cause | None]) -> Self:
        """Return the consecutive failures of trials by their causes; None is a trial that did not fail."""
        failures = cls()
        for cause in reversed(newest_first):
            failures = failures.after(cause)
        return failures

    def after(self, cause: Cause | None) -> Self:
        """Return the consecutive failures after one more trial; a cancelled trial does not count."""
        if cause is Cause.CANCELLED:
            return self
        if cause is None:
            return type(self)()
        return type(self)(cause, self.count + 1 if cause is self.cause else 1)

    def reason_to_stop(self, limit: int) -> str | None:
        """Return the reason why the study stops, or None below the limit."""
        if self.count < limit:
            return None
        return f"{self.count} consecutive trials failed with the cause {self.cause}"


def spent_limit(budget: Budget, launched_at: datetime, now: datetime, gpu_seconds: float) -> str | None:
    """Return a clause that names the limit of the budget that is reached, or None.

    Args:
        budget: The study's budget.
        launched_at: When the study was first launched.
        now: The time.
        gpu_seconds: The GPU seconds that the study has used.
    """
    hours, gpu_hours = (now - launched_at).total_seconds() / 3600, gpu_seconds / 3600
    if budget.hours is not None and hours >= budget.hours:
        return f"its budget of {budget.hours:g} hours is spent ({hours:.2f} since it was first launched)"
    if budget.gpu_hours is not None and gpu_hours >= budget.gpu_hours:
        return f"its budget of {budget.gpu_hours:g} GPU hours is spent ({gpu_hours:.2f} used)"
    return None


def num_free_slots(parallel: int, trials_per_job: int, num_busy_jobs: int) -> int:
    """Return the number of free slots: how many more trials fit into the jobs that a study may have.

    Args:
        parallel: How many trials the study may run at a time.
        trials_per_job: How many trials share a job.
        num_busy_jobs: The number of jobs with at least one active trial; a slot that has become free in
            such a job cannot be filled.
    """
    max_jobs = max(1, parallel // trials_per_job)
    return max(0, trials_per_job * (max_jobs - num_busy_jobs))


def reason_to_close(
    stop: Stop | None,
    failures: str | None,
    num_proposed: int,
    num_trials: int,
    early: str | None,
    spent: str | None,
) -> str | None:
    """Return the reason why the study proposes no more trials, or None.

    Args:
        stop: The kind of stop that a user has requested.
        failures: The reason why consecutive failures stop the study; None if they do not.
        num_proposed: The number of trials that have been proposed.
        num_trials: The total number of trials in the study file.
        early: Which of the study's rules for an early end holds; None if none holds.
        spent: The limit of the budget that is reached; None if none is reached.
    """
    if stop is not None:
        return "a user has requested a stop"
    if failures is not None:
        return failures
    if num_proposed >= num_trials:
        return f"all {num_proposed} have been proposed"
    if early is not None:
        return f"{early}, which saves {num_trials - num_proposed} of {num_trials} trials"
    return spent
