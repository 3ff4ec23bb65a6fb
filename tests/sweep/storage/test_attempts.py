import pytest
from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.storage.attempts import gpu_seconds_used, newest_attempt
from sweep.storage.studies import get_study
from tests.sweep.reporting.recorded_study import RecordedStudy, minutes


def test_newest_attempt_has_the_highest_number(engine: Engine) -> None:
    study = RecordedStudy(engine)
    study.add({"state": "failed", "cause": "preempted"}, {"state": "running"})
    study.add({"state": "complete"}, value=1.0)
    row = get_study(engine, "toy")
    found = newest_attempt(engine, row, 0)
    assert (found.number, found.state, found.trial.number) == (2, "running", 0)
    with pytest.raises(InputError, match="study toy has no trial 7\nlist its trials with: sweep status"):
        newest_attempt(engine, row, 7)


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        ({"state": "complete", "started_at": minutes(0), "gpu_seconds": 90.0}, 90.0),
        ({"state": "failed", "cause": "timeout", "started_at": minutes(0), "gpu_seconds": 90.0}, 90.0),
        ({"state": "pending"}, 0.0),
        ({"state": "running", "started_at": minutes(9)}, 60.0),
        ({"state": "running", "started_at": minutes(9), "num_gpus": 4, "job_size": 2}, 120.0),
        ({"state": "running", "started_at": minutes(9), "num_gpus": 0}, 0.0),
        ({"state": "running", "started_at": minutes(11)}, 0.0),  # the node's clock is ahead
    ],
)
def test_gpu_seconds_of_one_attempt(engine: Engine, attempt: dict[str, object], expected: float) -> None:
    study = RecordedStudy(engine)
    study.add(attempt, value=1.0 if attempt["state"] == "complete" else None)
    assert gpu_seconds_used(engine, study.id, minutes(10)) == expected


def test_gpu_seconds_are_summed_over_the_attempts_of_one_study(engine: Engine) -> None:
    study, other = RecordedStudy(engine), RecordedStudy(engine, "other")
    assert gpu_seconds_used(engine, study.id, minutes(10)) == 0.0
    study.add(
        {"state": "failed", "cause": "lost", "gpu_seconds": 10.0},
        {"state": "running", "started_at": minutes(9)},
    )
    study.add({"state": "complete", "gpu_seconds": 1.0}, value=1.0)
    other.add({"state": "complete", "gpu_seconds": 1000.0}, value=1.0)
    assert gpu_seconds_used(engine, study.id, minutes(10)) == 71.0
