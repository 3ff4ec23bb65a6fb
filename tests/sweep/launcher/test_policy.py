"""The rules for retries, their resources, and the end of a study."""

from datetime import UTC, datetime, timedelta

import pytest

from sweep.definition.failures import Failures
from sweep.definition.study import Budget
from sweep.launcher.policy import (
    ConsecutiveFailures,
    Failure,
    may_retry,
    num_free_slots,
    reason_to_close,
    resources_after,
    spent_limit,
)
from sweep.scheduler.job import ResourceOverride
from sweep.states import Cause, Stop

LAUNCHED_AT = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.CANCELLED])
def test_each_cause_has_a_limit_of_its_own(cause: Cause) -> None:
    failures = Failures.model_validate({"retries": {cause.value: 2}})
    others = [other for other in Cause if other is not cause] * 5
    assert may_retry(cause, [cause, *others], failures)
    assert not may_retry(cause, [cause, cause, *others], failures)


def test_cancelled_trial_is_never_retried() -> None:
    assert not may_retry(Cause.CANCELLED, [], Failures())


def test_retry_requests_more_memory_for_each_attempt_that_exhausted_it() -> None:
    failures = [Failure(Cause.OUT_OF_MEMORY, "n1"), Failure(Cause.PREEMPTED, "n2")]
    assert resources_after(failures, 1.5) == ResourceOverride(1.5)
    assert resources_after([*failures, failures[0]], 1.5) == ResourceOverride(2.25)
    assert resources_after([], 1.5) == ResourceOverride()


@pytest.mark.parametrize("cause", [Cause.NODE_FAILURE, Cause.LAUNCH_FAILURE])
def test_retry_excludes_the_node_that_has_just_failed(cause: Cause) -> None:
    failed_node = Failure(cause, "n1")
    assert resources_after([failed_node], 1.0) == ResourceOverride(exclude_nodes=("n1",))
    assert resources_after([failed_node], 1.0, ["n3", "n1"]) == ResourceOverride(exclude_nodes=("n1", "n3"))
    assert resources_after([failed_node, Failure(Cause.PREEMPTED, "n2")], 1.0) == ResourceOverride()


def test_only_consecutive_failures_with_the_same_cause_stop_a_study() -> None:
    error, lost = Cause.ERROR, Cause.LOST
    failures = ConsecutiveFailures.of([error, error])
    assert failures.reason_to_stop(3) is None
    assert failures.after(error).reason_to_stop(3) == "3 consecutive trials failed with the cause error"
    assert failures.after(lost).after(error).reason_to_stop(2) is None
    assert failures.after(None).after(error).reason_to_stop(2) is None


def test_cancelled_trials_do_not_interrupt_consecutive_failures() -> None:
    failures = ConsecutiveFailures.of([Cause.ERROR, Cause.CANCELLED, Cause.ERROR])
    assert failures == ConsecutiveFailures(Cause.ERROR, 2)


def test_consecutive_failures_are_read_from_the_newest_to_the_oldest() -> None:
    assert ConsecutiveFailures.of([Cause.ERROR, None, Cause.ERROR]) == ConsecutiveFailures(Cause.ERROR, 1)


@pytest.mark.parametrize(
    ("budget", "hours", "gpu_hours", "reason"),
    [
        (Budget(), 1e9, 1e9, None),
        (Budget(hours=2), 1.99, 1e9, None),
        (Budget(hours=2), 2.0, 0.0, "its budget of 2 hours is spent (2.00 since it was first launched)"),
        (Budget(gpu_hours=4), 1e9, 3.99, None),
        (Budget(gpu_hours=4), 0.0, 4.5, "its budget of 4 GPU hours is spent (4.50 used)"),
    ],
)
def test_spent_limit_names_the_limit_of_the_budget(
    budget: Budget, hours: float, gpu_hours: float, reason: str | None
) -> None:
    now = LAUNCHED_AT + timedelta(seconds=3600 * min(hours, 1e6))
    assert spent_limit(budget, LAUNCHED_AT, now, 3600 * gpu_hours) == reason


@pytest.mark.parametrize(
    ("parallel", "trials_per_job", "num_busy_jobs", "num_free"),
    [
        (4, 1, 0, 4),
        (4, 1, 3, 1),
        (2, 1, 3, 0),  # after `parallel` was reduced
        (8, 4, 1, 4),  # slots that are free in a busy job cannot be filled
        (6, 4, 0, 4),
        (2, 4, 0, 4),  # at least one job
    ],
)
def test_free_slots_are_those_of_jobs_that_may_still_be_submitted(
    parallel: int, trials_per_job: int, num_busy_jobs: int, num_free: int
) -> None:
    assert num_free_slots(parallel, trials_per_job, num_busy_jobs) == num_free


@pytest.mark.parametrize(
    ("stop", "failures", "num_proposed", "early", "spent", "reason"),
    [
        (None, None, 3, None, None, None),
        (Stop.FINISH, "failures", 4, "early", "spent", "a user has requested a stop"),
        (None, "failures", 4, "early", "spent", "failures"),
        (None, None, 4, "early", "spent", "all 4 have been proposed"),
        (None, None, 3, "early", "spent", "early, which saves 1 of 4 trials"),
        (None, None, 3, None, "spent", "spent"),
    ],
)
def test_reasons_to_propose_no_more_trials(
    stop: Stop | None,
    failures: str | None,
    num_proposed: int,
    early: str | None,
    spent: str | None,
    reason: str | None,
) -> None:
    assert reason_to_close(stop, failures, num_proposed, num_trials=4, early=early, spent=spent) == reason
