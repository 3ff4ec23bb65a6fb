"""Which epochs of a trial determine its objective."""

import pytest
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.storage.database import connect
from sweep.storage.tables import StudyRow
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("objective_of", "value"), [("last", 0.5), ("best", 0.9), ("mean_of_last(2)", 0.4)])
def test_objective_is_that_of_the_epochs_of_all_attempts(
    harness: LauncherHarness, executor: FakeExecutor, objective_of: str, value: float
) -> None:
    """Interrupt the launcher between the epochs and the end of the trial, whose result is 0.5."""
    harness.launch("trials=1", f"objective_of={objective_of}")
    harness.step()
    executor.begin("1")
    executor.report("1", 0.2, 0.9)
    harness.step()
    harness.relaunch("trials=1", f"objective_of={objective_of}")
    executor.report("1", 0.3, 0.5, first=3)
    executor.end("1", score=0.5)
    assert harness.step() == 0
    data = harness.read()
    assert data.trials["value"].tolist() == [pytest.approx(value)]
    assert data.trials["final_score"].tolist() == [pytest.approx(value)]


def test_trial_without_epochs_fails_with_the_reason(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1", "objective_of=best")
    harness.step()
    executor.begin("1")
    executor.end("1")
    harness.step()
    (error,) = harness.read().trials["error"]
    assert error.startswith("objective_of is best, but the trial has reported no number as the metric")


def test_study_of_an_earlier_version_continues_with_the_last_epoch_only(harness: LauncherHarness) -> None:
    harness.launch("trials=1")
    harness.close()
    engine = connect(URL)
    with Session(engine) as session:
        (row,) = session.query(StudyRow)
        row.definition = {key: value for key, value in row.definition.items() if key != "objective_of"}
        session.commit()
    engine.dispose()
    with pytest.raises(InputError, match="objective_of: was 'last', is 'best'"):
        harness.launch("trials=1", "objective_of=best")
    harness.launch("trials=1").step()
    assert harness.states() == ["running"]
