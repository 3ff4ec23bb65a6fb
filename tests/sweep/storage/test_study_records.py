import math

import pytest
from sqlalchemy import Engine

from sweep.states import ACTIVE_STATES, Cause
from sweep.storage.studies import get_study
from sweep.storage.study_records import StudyRecords, metric_value
from sweep.storage.user_requests import request_retry
from tests.sweep.reporting.recorded_study import RecordedStudy, minutes


def failed(cause: str, at_minute: float) -> dict[str, object]:
    return {"state": "failed", "cause": cause, "ended_at": minutes(at_minute)}


def test_last_causes_are_those_of_newest_attempts_in_the_order_of_their_ends(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add(failed("timeout", 1), {"state": "running"})
    study.add(failed("preempted", 2), failed("error", 9))
    study.add({"state": "complete", "ended_at": minutes(7)}, value=1.0)
    study.add(failed("lost", 8))
    records = StudyRecords(engine, study.id)
    assert records.last_causes(10) == [Cause.ERROR, Cause.LOST, None]
    assert records.last_causes(2) == [Cause.ERROR, Cause.LOST]


def test_open_attempts_are_active_or_have_no_final_cost(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add(failed("error", 1))
    study.add({"state": "complete", "is_cost_final": False}, value=1.0)
    study.add({**failed("preempted", 1), "is_cost_final": False}, {"state": "pending"})
    attempts = StudyRecords(engine, study.id).open_attempts(ACTIVE_STATES)
    assert [(attempt.trial.number, attempt.number) for attempt in attempts] == [(1, 1), (2, 1), (2, 2)]
    assert [len(attempt.trial.attempts) for attempt in attempts] == [1, 2, 2]


def test_requested_retries_are_ordered_by_trial_and_limited(engine: Engine) -> None:
    study = RecordedStudy(engine)
    for _ in range(3):
        study.add(failed("error", 1))
    request_retry(engine, get_study(engine, "toy"))
    records = StudyRecords(engine, study.id)
    assert [trial.number for trial in records.retries_requested(2)] == [0, 1]
    assert [trial.attempts[-1].cause for trial in records.retries_requested(9)] == [Cause.ERROR] * 3


def test_environments_are_recorded_once_in_any_order_of_their_packages(engine: Engine) -> None:
    records = StudyRecords(engine, RecordedStudy(engine).id)
    digest = records.environment("3.11", {"numpy": "2.0", "scipy": "1.15"})
    assert records.environment("3.11", {"scipy": "1.15", "numpy": "2.0"}) == digest
    assert records.environment("3.12", {"numpy": "2.0", "scipy": "1.15"}) != digest


@pytest.mark.parametrize(("value", "stored"), [(0.5, 0.5), (math.nan, None), (-math.inf, None)])
def test_metric_is_stored_if_it_is_finite(value: float, stored: float | None) -> None:
    assert metric_value(value) == stored
