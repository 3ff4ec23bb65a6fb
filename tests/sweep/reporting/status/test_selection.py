"""The selection and the order of trials."""

import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.reporting.status.selection import Selection
from sweep.reporting.status.study_status import study_status
from sweep.states import AttemptState
from tests.sweep.reporting.recorded_study import COMPLETE, FAILED, RUNNING, RecordedStudy, minutes

FLAGS = CategoricalDistribution([True, 1.5, "1", None])


@pytest.fixture
def study(engine: Engine) -> RecordedStudy:
    study = RecordedStudy(engine, space={"batch_size": {}, "flag": {}})
    for attempt, value, size, flag in (
        (COMPLETE, 0.5, 64, True),
        (COMPLETE, 0.9, 32, 1.5),
        (FAILED, None, 64, "1"),
        (RUNNING, None, 128, None),
    ):
        epochs = {1: 0.7, 2: 0.6} if attempt is RUNNING else {}
        params = {"batch_size": (size, IntDistribution(1, 512)), "flag": (flag, FLAGS)}
        study.add(attempt, value=value, epochs=epochs, params=params)
    return study


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(), [0, 1, 2, 3]),
        (Selection(is_reversed=True), [3, 2, 1, 0]),
        (Selection(state=AttemptState.FAILED), [2]),
        (Selection(where={"batch_size": 64}), [0, 2]),
        (Selection(where={"batch_size": 64.0}), [0, 2]),
        (Selection(where={"batch_size": 64}, state=AttemptState.COMPLETE), [0]),
        (Selection(where={"batch_size": 7}), []),
        (Selection(where={"flag": True}), [0]),
        (Selection(where={"flag": 1}), [2]),
        (Selection(where={"flag": "1"}), [2]),
        (Selection(where={"flag": 1.5}), [1]),
        (Selection(where={"flag": None}), [3]),
        (Selection(where={"state": "running"}), [3]),
        (Selection(sort="score"), [1, 3, 0, 2]),
        (Selection(sort="score", is_reversed=True), [0, 3, 1, 2]),
        (Selection(sort="batch_size"), [1, 0, 2, 3]),
        (Selection(sort="loss"), [3, 0, 1, 2]),
        (Selection(sort="started_at"), [0, 1, 2, 3]),
    ],
)
def test_trials_are_selected_and_ordered(
    study: RecordedStudy, selection: Selection, numbers: list[int]
) -> None:
    status = study_status(study.engine, study.id, minutes(30), None, selection)
    assert [trial.number for trial in status.trials] == numbers
    assert status.num_selected == len(numbers)


def test_number_of_trials_is_limited(study: RecordedStudy) -> None:
    status = study_status(study.engine, study.id, minutes(30), 1, Selection(sort="score"))
    assert ([trial.number for trial in status.trials], status.num_selected) == ([1], 4)


@pytest.mark.parametrize("selection", [Selection(sort="lr"), Selection(where={"lr": 1})])
def test_unknown_name_is_rejected_with_all_names(study: RecordedStudy, selection: Selection) -> None:
    with pytest.raises(InputError, match="trials have no 'lr'; they have: batch_size, flag, loss, score"):
        study_status(study.engine, study.id, minutes(30), None, selection)


def test_last_metrics_are_of_the_last_epoch(study: RecordedStudy) -> None:
    status = study_status(study.engine, study.id, minutes(30), None)
    assert [trial.metrics for trial in status.trials] == [
        {"score": 0.5}, {"score": 0.9}, {}, {"loss": -1000.0, "score": 0.6},
    ]  # fmt: skip
    assert status.trials[3].values == (0.7,)
    assert [trial.params["flag"] for trial in status.trials] == [True, 1.5, "1", None]
