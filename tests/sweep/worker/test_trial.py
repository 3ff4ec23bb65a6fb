from pathlib import Path
from typing import Any

import pytest

from sweep.states import Outcome
from sweep.worker.trial import StopRequested, Trial
from tests.sweep.worker.attempts import create_attempt


def test_epoch_is_recorded_only_once(workplace: Path) -> None:
    folder = create_attempt(workplace)
    folder.checkpoints.mkdir()
    trial = Trial(folder.read_spec(), folder)
    trial.report(1, {"score": 1})
    trial.report(1, {"score": 2})
    again = Trial(folder.read_spec(), folder)
    again.report(1, {"score": 3})
    assert [report.metrics for report in folder.read_epochs()[0]] == [{"score": 1.0}]


@pytest.mark.parametrize("epoch", [0, -1, 1.5, "1"])
def test_epoch_must_be_a_positive_integer(workplace: Path, epoch: Any) -> None:
    folder = create_attempt(workplace)
    with pytest.raises(ValueError, match="counted from 1, but report got epoch="):
        Trial(folder.read_spec(), folder).report(epoch, {})


def test_report_raises_if_a_stop_is_requested(workplace: Path) -> None:
    folder = create_attempt(workplace)
    folder.request_stop(Outcome.SUPERSEDED)
    with pytest.raises(StopRequested) as stop:
        Trial(folder.read_spec(), folder).report(1, {"score": 1})
    assert stop.value.outcome is Outcome.SUPERSEDED
