from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sweep.states import AttemptState, Cause
from sweep.storage.status_queries import (
    ActiveAttempt,
    TrialCost,
    active_attempts,
    best_trials,
    latest_trials,
    num_enqueued,
    num_trials_by_state,
    recent_costs,
    trial_statuses,
)
from sweep.storage.tables import StudyRow
from tests.sweep.reporting.recorded_study import RecordedStudy, minutes

LOST = {
    "state": "failed",
    "cause": "lost",
    "submitted_at": minutes(0),
    "ended_at": minutes(2),
    "gpu_seconds": 9.0,
}
PENDING = {"state": "pending", "submitted_at": minutes(3)}


def complete(at_minute: float) -> dict[str, object]:
    return {
        "state": "complete",
        "submitted_at": minutes(0),
        "ended_at": minutes(at_minute),
        "gpu_seconds": 60.0,
    }


@pytest.fixture
def recorded(engine: Engine) -> RecordedStudy:
    """Five trials: complete, complete after a retry, complete with the best value, pending, and failed."""
    RecordedStudy(engine, "other").add(complete(60), value=-1.0)
    study = RecordedStudy(engine, direction="minimize")
    study.add(complete(10), value=2.0, epochs={1: 3.0, 2: 2.0})
    study.add(LOST, complete(5), value=3.0)
    study.add(complete(8), value=1.0)
    study.add(LOST, PENDING, epochs={1: 4.0, 2: 3.5, 3: 5.0})
    study.add(LOST)
    study.optuna.enqueue_trial({"x": 0.5})
    return study


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def test_trials_are_counted_by_their_newest_attempts(session: Session, recorded: RecordedStudy) -> None:
    counts = num_trials_by_state(session, recorded.id)
    assert list(counts.items()) == [
        (AttemptState.PENDING, 1),
        (AttemptState.COMPLETE, 3),
        (AttemptState.FAILED, 1),
    ]


def test_active_attempts_and_enqueued_points(session: Session, recorded: RecordedStudy) -> None:
    assert active_attempts(session, recorded.id) == [ActiveAttempt(3, minutes(3))]
    assert num_enqueued(session, session.get_one(StudyRow, recorded.id)) == 1


def test_costs_add_up_all_attempts_of_the_last_trials(session: Session, recorded: RecordedStudy) -> None:
    assert recent_costs(session, recorded.id, limit=9) == [
        TrialCost(600.0, 60.0),
        TrialCost(480.0, 60.0),
        TrialCost(300.0 + 120.0, 60.0 + 9.0),
    ]
    assert recent_costs(session, recorded.id, limit=1) == [TrialCost(600.0, 60.0)]


def test_best_and_latest_trials_are_ordered_and_limited(session: Session, recorded: RecordedStudy) -> None:
    study = session.get_one(StudyRow, recorded.id)
    assert best_trials(session, study, limit=2) == [2, 0]
    assert latest_trials(session, recorded.id, limit=9) == [0, 2, 1, 4]
    assert latest_trials(session, recorded.id, limit=1) == [0]


def test_trial_statuses_keep_the_order_of_the_numbers(session: Session, recorded: RecordedStudy) -> None:
    study = session.get_one(StudyRow, recorded.id)
    assert [trial.number for trial in trial_statuses(session, study, None)] == [0, 1, 2, 3, 4]
    assert trial_statuses(session, study, []) == []
    pending, ended, lost = trial_statuses(session, study, [3, 0, 4])
    assert (pending.number, pending.state, pending.attempt) == (3, AttemptState.PENDING, 2)
    assert (pending.epoch, pending.values[0], pending.is_active) == (3, 3.5, True)
    assert (ended.number, ended.epoch, ended.values[0], ended.is_active) == (0, 2, 2.0, False)
    assert (lost.number, lost.state, lost.cause) == (4, AttemptState.FAILED, Cause.LOST)
