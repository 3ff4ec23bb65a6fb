"""The status of a study as it is read from a database."""

import platform

import pytest
from sqlalchemy import Engine

from sweep.reporting.status.forecast import Forecast, Spent
from sweep.reporting.status.study_status import NUM_BEST, all_statuses
from tests.sweep.reporting.recorded_study import (
    COMPLETE,
    FAILED,
    PENDING,
    PRUNED,
    RUNNING,
    RecordedStudy,
    minutes,
    status_of,
)


def test_status_of_a_trial_is_that_of_its_newest_attempt(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add({**FAILED, "cause": "preempted", "ended_at": minutes(5)}, RUNNING, epochs={1: 0.5, 2: 0.25})
    (trial,) = status_of(study).trials
    assert (trial.number, trial.state, trial.cause, trial.attempt) == (0, "running", None, 2)
    assert (trial.job_id, trial.host, trial.gpu) == ("7_1", "n1", "A100")
    assert (trial.epoch, trial.values[0]) == (2, 0.5)
    assert (trial.started_at, trial.ended_at) == (minutes(20), None)


def test_best_is_the_final_value_or_the_best_epoch_of_an_incomplete_trial(engine: Engine) -> None:
    study = RecordedStudy(engine, direction="minimize")
    study.add(COMPLETE, value=0.5, epochs={1: 0.25, 2: 0.5})
    study.add(PRUNED, epochs={1: 0.75, 2: 0.5, 3: 1.0})
    study.add(PENDING)
    status = status_of(study)
    assert [trial.values[0] for trial in status.trials] == [0.5, 0.5, None]
    assert status.best[0].number == 0


def test_status_counts_trials_and_what_is_spent(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.optuna.enqueue_trial({"x": 1.0})
    study.optuna.ask()  # the enqueued point is proposed, but not recorded yet
    for attempts in ([COMPLETE], [FAILED, COMPLETE], [FAILED], [RUNNING], [PENDING]):
        study.add(*attempts, value=1.0 if attempts[-1] is COMPLETE else None)
    study.optuna.enqueue_trial({"x": 1.0})
    status = status_of(study)
    assert status.num_by_state == {"pending": 1, "running": 1, "complete": 2, "failed": 1}
    assert (status.num_active, status.num_enqueued) == (2, 1)
    assert status.spent == Spent(trials=5, hours=0.5, gpu_hours=pytest.approx((4 * 600 + 600) / 3600))


def test_active_trials_come_before_the_best_and_the_latest(engine: Engine) -> None:
    study = RecordedStudy(engine)
    for number in range(20):
        study.add({**COMPLETE, "ended_at": minutes(number)}, value=-abs(number - 5.25))
    study.add(RUNNING)
    study.add(PENDING)
    assert [trial.number for trial in status_of(study, 10).trials] == [20, 21, 5, 6, 4, 7, 3, 19, 18, 17]
    assert [trial.number for trial in status_of(study, 1).trials] == [20]
    assert [trial.number for trial in status_of(study).trials] == list(range(22))
    assert NUM_BEST == 5


def test_studies_of_one_database_are_separate(engine: Engine) -> None:
    first, second = RecordedStudy(engine, "first"), RecordedStudy(engine, "second")
    first.add(RUNNING)
    second.add(COMPLETE, value=1.0, epochs={1: 1.0})
    second.add(FAILED)
    one, other = all_statuses(engine, minutes(30))
    assert (one.name, one.num_by_state, one.best) == ("first", {"running": 1}, [])
    assert (other.name, other.num_by_state) == ("second", {"complete": 1, "failed": 1})
    assert [trial.state for trial in status_of(second).trials] == ["complete", "failed"]
    assert not one.trials


def test_launcher_is_reported_only_while_it_runs(engine: Engine) -> None:
    study = RecordedStudy(engine)
    assert status_of(study).launcher is None
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(29))
    found = status_of(study).launcher
    assert found is not None
    assert (found.host, found.pid, found.seen_at) == ("login9", 4711, minutes(29))
    assert status_of(study, at_minute=60).launcher is None  # no heartbeat for too long
    study.change(launcher=f"{platform.node()} 999999999 abc")
    assert status_of(study).launcher is None  # no such process on this host


def test_forecast_includes_the_time_of_failed_attempts(engine: Engine) -> None:
    study = RecordedStudy(engine, trials=2, parallel=1)
    assert status_of(study).forecast is None
    study.add({**FAILED, "ended_at": minutes(9)}, COMPLETE, value=1.0)  # 9 and 11 minutes from submission
    assert status_of(study).forecast == Forecast(20 * 60, 2, "trials")
