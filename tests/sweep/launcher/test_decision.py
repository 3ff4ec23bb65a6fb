"""The reconcile table, row by row."""

import pytest

from sweep.launcher.decision import Action, Do, View, decide
from sweep.states import AttemptState, Cause, JobState, Outcome
from sweep.worker.documents import Result

SUBMITTING, PENDING, RUNNING = AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.RUNNING


def result(outcome: Outcome, cause: Cause | None = None) -> Result:
    return Result("token", outcome, 0.0, {}, cause=cause)


WAITING = [
    # row, job, what else
    (PENDING, JobState.PENDING, {}),
    (RUNNING, JobState.RUNNING, {"started": True}),
    (PENDING, JobState.RUNNING, {}),  # the job runs, its worker has not claimed the attempt yet
    (RUNNING, JobState.UNKNOWN, {"started": True}),
    (RUNNING, JobState.UNKNOWN, {"started": True, "stop_requested": True, "stop_overdue": True}),
    (RUNNING, JobState.RUNNING, {"started": True, "stop_requested": True}),
    (RUNNING, JobState.COMPLETE, {"started": True}),  # its result may not be visible yet
    (RUNNING, JobState.GONE, {"started": True}),
    (SUBMITTING, None, {"started": True}),
    (SUBMITTING, JobState.UNKNOWN, {}),  # nobody could say whether it was submitted
]


@pytest.mark.parametrize(("row", "job", "more"), WAITING)
def test_waits(row: AttemptState, job: JobState | None, more: dict[str, bool]) -> None:
    view = View(state=row, job=job, result=None, **{"started": False, **more})
    assert decide(view) == Action(Do.WAIT)


def test_submits_what_was_never_submitted() -> None:
    assert decide(View(SUBMITTING, None, started=False, result=None)) == Action(Do.SUBMIT)


def test_notes_that_a_worker_has_begun() -> None:
    assert decide(View(PENDING, JobState.RUNNING, started=True, result=None)) == Action(Do.MARK_RUNNING)


def test_cancels_what_does_not_stop() -> None:
    view = View(RUNNING, JobState.RUNNING, True, None, stop_requested=True, stop_overdue=True)
    assert decide(view) == Action(Do.CANCEL)


CANCELLED = Action(Do.FAIL, Cause.CANCELLED)


@pytest.mark.parametrize(
    ("row", "job", "started", "action"),
    [
        (SUBMITTING, None, False, CANCELLED),
        (SUBMITTING, JobState.UNKNOWN, False, Action(Do.WAIT)),
        (PENDING, JobState.PENDING, False, Action(Do.CANCEL)),
        (RUNNING, JobState.RUNNING, True, Action(Do.CANCEL)),
        (RUNNING, JobState.UNKNOWN, True, Action(Do.WAIT)),
        (RUNNING, JobState.CANCELLED, True, CANCELLED),
        (PENDING, JobState.PREEMPTED, False, CANCELLED),
        (RUNNING, JobState.GONE, True, CANCELLED),
    ],
)
def test_cancels_what_a_person_wants_cancelled(
    row: AttemptState, job: JobState | None, started: bool, action: Action
) -> None:
    assert decide(View(row, job, started, None, cancelled=True, silence_over=True)) == action


def test_what_has_a_result_is_not_cancelled_any_more() -> None:
    view = View(RUNNING, JobState.RUNNING, True, result(Outcome.COMPLETE), cancelled=True)
    assert decide(view) == Action(Do.COMPLETE)


@pytest.mark.parametrize("job", [None, *JobState])
@pytest.mark.parametrize(
    ("ended", "action"),
    [
        (result(Outcome.COMPLETE), Action(Do.COMPLETE)),
        (result(Outcome.PRUNED), Action(Do.PRUNE)),
        (result(Outcome.FAILED, Cause.ERROR), Action(Do.FAIL, Cause.ERROR)),
        (result(Outcome.FAILED, Cause.OUT_OF_MEMORY), Action(Do.FAIL, Cause.OUT_OF_MEMORY)),
        (result(Outcome.SUPERSEDED), Action(Do.FAIL, Cause.LOST)),
    ],
)
def test_a_result_decides_whatever_the_job_says(job: JobState | None, ended: Result, action: Action) -> None:
    assert decide(View(RUNNING, job, started=True, result=ended)) == action


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
def test_an_end_without_a_result_has_a_cause(job: JobState, started: bool, cause: Cause) -> None:
    view = View(RUNNING, job, started=started, result=None, silence_over=True)
    assert decide(view) == Action(Do.FAIL, cause)


def test_a_started_attempt_without_a_job_is_lost_in_the_end() -> None:
    view = View(SUBMITTING, None, started=True, result=None, silence_over=True)
    assert decide(view) == Action(Do.FAIL, Cause.LOST)


def test_a_job_that_ended_after_it_was_asked_to_stop_is_pruned() -> None:
    view = View(RUNNING, JobState.CANCELLED, True, None, stop_requested=True, silence_over=True)
    assert decide(view) == Action(Do.PRUNE)


def test_every_view_has_an_action() -> None:
    for state in (SUBMITTING, PENDING, RUNNING):
        for job in (None, *JobState):
            for flags in range(16):
                started, requested, overdue, silent = (bool(flags >> bit & 1) for bit in range(4))
                view = View(state, job, started, None, requested, overdue, silent)
                action = decide(view)
                assert (action.cause is not None) == (action.do is Do.FAIL)
                if job in {JobState.UNKNOWN, JobState.PENDING, JobState.RUNNING}:
                    assert action.do is not Do.FAIL  # a job that may be alive is never given up
                if job is not None:
                    assert action.do is not Do.SUBMIT  # nothing runs twice
