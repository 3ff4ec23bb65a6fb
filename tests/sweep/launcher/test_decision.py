"""The launcher's policy, as a table of observations and actions."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from sweep.definition.failures import Failures
from sweep.launcher.decision import STOP_GRACE, WAIT, Action, ActionKind, decide
from sweep.launcher.observation import Cycle, Files, Observation
from sweep.scheduler.job import JobStatus
from sweep.states import ACTIVE_STATES, AttemptState, Cause, JobState, Outcome, Stop
from sweep.worker.documents import Result

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
START = NOW - timedelta(hours=1)
LONG_AGO = NOW - timedelta(minutes=30)
SETTLE_S = 60.0
CYCLE = Cycle(now=NOW, settle_s=SETTLE_S)
NO_RETRIES = Failures.model_validate({"retries": dict.fromkeys(["preempted", "lost"], 0)})
SUBMITTING, PENDING, RUNNING = AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.RUNNING


def observation(state: AttemptState, job: JobState | None, started: bool = False, **more: Any) -> Observation:
    """Return an observation; a job that has ended did so long enough ago, unless `more` changes that."""
    has_ended = job is None or job.has_ended
    values = {
        "job": None if job is None else JobStatus(job, "7"),
        "started_at": START if started else None,
        "job_ended_at": LONG_AGO if has_ended else None,
    }
    return Observation(state, **(values | more))


def with_result(outcome: Outcome, cause: Cause | None = None) -> Files:
    return Files(result=Result("token", outcome, 0.0, {}, cause=cause))


WAITING = [
    (PENDING, JobState.PENDING, {}),
    (RUNNING, JobState.RUNNING, {"started": True}),
    (PENDING, JobState.RUNNING, {}),  # the job runs, but its worker has not claimed the attempt yet
    (RUNNING, JobState.UNKNOWN, {"started": True}),
    (RUNNING, JobState.UNKNOWN, {"started": True, "stop_requested_at": LONG_AGO - timedelta(hours=9)}),
    (RUNNING, JobState.RUNNING, {"started": True, "stop_requested_at": NOW}),
    (RUNNING, JobState.COMPLETE, {"started": True, "job_ended_at": NOW}),  # its result may not be visible yet
    (RUNNING, JobState.GONE, {"started": True, "job_ended_at": NOW}),
    (SUBMITTING, None, {"started": True, "job_ended_at": NOW}),
    (SUBMITTING, JobState.UNKNOWN, {}),  # it is unknown whether it was submitted
]


@pytest.mark.parametrize(("state", "job", "more"), WAITING)
def test_waits_while_nothing_is_certain(
    state: AttemptState, job: JobState | None, more: dict[str, Any]
) -> None:
    assert decide(observation(state, job, **more), CYCLE, Failures()) == WAIT


def test_submits_an_attempt_that_was_never_submitted() -> None:
    assert decide(observation(SUBMITTING, None), CYCLE, Failures()) == Action(ActionKind.SUBMIT)


def test_marks_an_attempt_as_running_once_its_worker_has_started() -> None:
    seen = observation(PENDING, JobState.RUNNING, started=True)
    assert decide(seen, CYCLE, Failures()) == Action(ActionKind.MARK_RUNNING)


@pytest.mark.parametrize("job", [JobState.RUNNING, JobState.UNKNOWN])
@pytest.mark.parametrize("state", [PENDING, RUNNING])
def test_requests_a_trial_to_stop_that_should_be_pruned(state: AttemptState, job: JobState) -> None:
    seen = observation(state, job, started=True, should_prune=True)
    assert decide(seen, CYCLE, Failures()) == Action(ActionKind.REQUEST_STOP)


def test_requests_a_stop_while_the_result_of_an_ended_job_may_still_appear() -> None:
    seen = observation(RUNNING, JobState.PREEMPTED, started=True, should_prune=True, job_ended_at=NOW)
    assert decide(seen, CYCLE, Failures()) == Action(ActionKind.REQUEST_STOP)


@pytest.mark.parametrize(
    ("requested_ago", "shares_job", "action"),
    [
        (timedelta(minutes=10), False, WAIT),  # within an epoch of up to 50 minutes
        (timedelta(minutes=31) + STOP_GRACE, False, Action(ActionKind.CANCEL)),
        (timedelta(minutes=31) + STOP_GRACE, True, WAIT),  # other trials run in the job
    ],
)
def test_cancels_a_job_that_ignores_a_stop_request_after_a_grace_period(
    requested_ago: timedelta, shares_job: bool, action: Action
) -> None:
    requested_at = NOW - requested_ago
    seen = observation(
        RUNNING,
        JobState.RUNNING,
        started_at=requested_at - timedelta(minutes=30),
        stop_requested_at=requested_at,
        shares_job=shares_job,
    )
    assert decide(seen, CYCLE, Failures()) == action


CANCELLED = Action(ActionKind.GIVE_UP, Cause.CANCELLED)


@pytest.mark.parametrize(
    ("state", "job", "started", "action"),
    [
        (SUBMITTING, None, False, CANCELLED),
        (SUBMITTING, JobState.UNKNOWN, False, WAIT),
        (PENDING, JobState.PENDING, False, Action(ActionKind.CANCEL)),
        (RUNNING, JobState.RUNNING, True, Action(ActionKind.CANCEL)),
        (RUNNING, JobState.UNKNOWN, True, WAIT),
        (RUNNING, JobState.CANCELLED, True, CANCELLED),
        (PENDING, JobState.PREEMPTED, False, CANCELLED),
        (RUNNING, JobState.GONE, True, CANCELLED),
    ],
)
def test_cancels_every_job_of_a_study_that_is_cancelled(
    state: AttemptState, job: JobState | None, started: bool, action: Action
) -> None:
    cycle = Cycle(now=NOW, stop=Stop.CANCEL, settle_s=SETTLE_S)
    assert decide(observation(state, job, started), cycle, Failures()) == action
    assert decide(observation(state, job, started, shares_job=True), cycle, Failures()) == action


def test_attempt_with_a_result_is_not_cancelled() -> None:
    seen = observation(RUNNING, JobState.RUNNING, True, files=with_result(Outcome.COMPLETE))
    cycle = Cycle(now=NOW, stop=Stop.CANCEL)
    assert decide(seen, cycle, Failures()) == Action(ActionKind.COMPLETE)


@pytest.mark.parametrize("job", [None, *JobState])
@pytest.mark.parametrize(
    ("files", "action"),
    [
        (with_result(Outcome.COMPLETE), Action(ActionKind.COMPLETE)),
        (with_result(Outcome.PRUNED), Action(ActionKind.PRUNE)),
        (with_result(Outcome.FAILED, Cause.ERROR), Action(ActionKind.GIVE_UP, Cause.ERROR)),
        (with_result(Outcome.FAILED, Cause.OUT_OF_MEMORY), Action(ActionKind.RETRY, Cause.OUT_OF_MEMORY)),
        (with_result(Outcome.SUPERSEDED), Action(ActionKind.RETRY, Cause.LOST)),
    ],
)
def test_result_takes_precedence_over_the_state_of_the_job(
    job: JobState | None, files: Files, action: Action
) -> None:
    seen = observation(RUNNING, job, started=True, files=files, should_prune=True)
    assert decide(seen, CYCLE, Failures()) == action


@pytest.mark.parametrize(
    ("job", "started", "cause"),
    [
        (JobState.PREEMPTED, True, Cause.PREEMPTED),
        (JobState.NODE_FAILURE, True, Cause.NODE_FAILURE),
        (JobState.NODE_FAILURE, False, Cause.NODE_FAILURE),
        (JobState.TIMEOUT, True, Cause.TIMEOUT),
        (JobState.OUT_OF_MEMORY, True, Cause.OUT_OF_MEMORY),
        (JobState.CANCELLED, True, Cause.CANCELLED),
        (JobState.CANCELLED, False, Cause.CANCELLED),
        (JobState.FAILED, True, Cause.LOST),
        (JobState.FAILED, False, Cause.LAUNCH_FAILURE),
        (JobState.COMPLETE, True, Cause.LOST),
        (JobState.COMPLETE, False, Cause.LAUNCH_FAILURE),
        (JobState.GONE, True, Cause.LOST),
        (JobState.GONE, False, Cause.LAUNCH_FAILURE),
    ],
)
def test_end_without_a_result_has_a_cause(job: JobState, started: bool, cause: Cause) -> None:
    action = decide(observation(RUNNING, job, started), CYCLE, Failures())
    assert action.cause is cause
    assert action.kind is (ActionKind.GIVE_UP if cause is Cause.CANCELLED else ActionKind.RETRY)


def test_started_attempt_without_a_job_is_lost() -> None:
    seen = observation(SUBMITTING, None, started=True)
    assert decide(seen, CYCLE, Failures()) == Action(ActionKind.RETRY, Cause.LOST)


def test_job_that_ends_after_a_stop_request_leaves_a_pruned_trial() -> None:
    seen = observation(RUNNING, JobState.CANCELLED, True, stop_requested_at=LONG_AGO)
    assert decide(seen, CYCLE, Failures()) == Action(ActionKind.PRUNE)


@pytest.mark.parametrize(
    ("cycle", "failures", "earlier", "kind"),
    [
        (CYCLE, Failures(), (), ActionKind.RETRY),
        (CYCLE, Failures(), (Cause.PREEMPTED,) * 4, ActionKind.RETRY),
        (CYCLE, Failures(), (Cause.PREEMPTED,) * 5, ActionKind.GIVE_UP),
        (CYCLE, Failures(), (Cause.TIMEOUT,) * 9, ActionKind.RETRY),  # each cause has its own limit
        (CYCLE, NO_RETRIES, (), ActionKind.GIVE_UP),
        (Cycle(NOW, budget_spent=True, settle_s=SETTLE_S), Failures(), (), ActionKind.GIVE_UP),
        (Cycle(NOW, stop=Stop.FINISH, settle_s=SETTLE_S), Failures(), (), ActionKind.RETRY),
    ],
)
def test_retries_as_the_policy_the_budget_and_the_user_allow(
    cycle: Cycle, failures: Failures, earlier: tuple[Cause, ...], kind: ActionKind
) -> None:
    seen = observation(RUNNING, JobState.PREEMPTED, True, earlier_causes=earlier)
    assert decide(seen, cycle, failures) == Action(kind, Cause.PREEMPTED)


@pytest.mark.parametrize("state", [AttemptState.COMPLETE, AttemptState.PRUNED, AttemptState.FAILED])
@pytest.mark.parametrize("job", [None, *JobState])
def test_cost_of_an_ended_attempt_is_recorded_once_its_job_has_ended(
    state: AttemptState, job: JobState | None
) -> None:
    kind = ActionKind.RECORD_COST if job is None or job.has_ended else ActionKind.WAIT
    assert decide(observation(state, job, started=True), CYCLE, Failures()) == Action(kind)


def test_every_observation_has_a_safe_action() -> None:
    jobs = [None, *JobState]
    flags = [False, True]
    for state, job, started, requested, settled, prune, shares, stop, spent in product(
        ACTIVE_STATES, jobs, flags, flags, flags, flags, flags, [None, *Stop], flags
    ):
        seen = observation(
            state,
            job,
            started,
            stop_requested_at=START if requested else None,
            should_prune=prune,
            shares_job=shares,
            **({} if settled else {"job_ended_at": NOW}),
        )
        cycle = Cycle(NOW, stop, spent, SETTLE_S)
        action = decide(seen, cycle, Failures())
        assert (action.cause is not None) == (action.kind in {ActionKind.RETRY, ActionKind.GIVE_UP})
        if job in {JobState.UNKNOWN, JobState.PENDING, JobState.RUNNING}:
            assert action.cause is None  # a job that may be running is never given up
        if job is not None:
            assert action.kind is not ActionKind.SUBMIT  # no attempt runs twice
        if spent or stop is Stop.CANCEL:
            assert action.kind is not ActionKind.RETRY
        if shares and stop is not Stop.CANCEL:
            assert action.kind is not ActionKind.CANCEL
