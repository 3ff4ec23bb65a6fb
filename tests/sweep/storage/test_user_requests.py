import pytest
from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.states import Stop
from sweep.storage.studies import get_study
from sweep.storage.user_requests import request_retry, request_stop, withdraw_stop
from tests.sweep.reporting.recorded_study import RecordedStudy

FAILED = {"state": "failed", "cause": "error"}


def test_stop_request_can_be_replaced_and_withdrawn(engine: Engine) -> None:
    RecordedStudy(engine, "other")
    RecordedStudy(engine)
    for stop in (Stop.FINISH, Stop.CANCEL):
        request_stop(engine, get_study(engine, "toy"), stop)
        assert get_study(engine, "toy").stop is stop
    assert get_study(engine, "other").stop is None
    withdraw_stop(engine, "toy")
    assert get_study(engine, "toy").stop is None


def test_retry_applies_to_trials_whose_newest_attempt_failed(engine: Engine) -> None:
    RecordedStudy(engine, "other").add(FAILED)
    study = RecordedStudy(engine)
    study.add(FAILED)
    study.add(FAILED, {"state": "running"})
    study.add({"state": "complete"}, value=1.0)
    study.add({"state": "failed", "cause": "preempted"}, FAILED)
    row = get_study(engine, "toy")
    assert request_retry(engine, row) == [0, 3]
    assert request_retry(engine, row, 3) == [3]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (0, "trial 0 of study toy is running; only failed trials can be retried"),
        (7, "study toy has no trial 7\nlist its trials with: sweep status --study toy"),
    ],
)
def test_trial_that_cannot_be_retried_is_an_input_error(engine: Engine, number: int, message: str) -> None:
    RecordedStudy(engine).add(FAILED, {"state": "running"})
    with pytest.raises(InputError) as error:
        request_retry(engine, get_study(engine, "toy"), number)
    assert str(error.value) == message
