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


def test_epoch_may_be_any_type_of_integer(workplace: Path) -> None:
    import numpy as np

    folder = create_attempt(workplace)
    trial = Trial(folder.read_spec(), folder)
    trial.report(np.int64(1), {"score": 1})
    trial.report(np.uint8(2), {"score": np.float16(2)})
    assert [report.epoch for report in folder.read_all_epochs()] == [1, 2]


@pytest.mark.parametrize("epoch", [True, 1.0, None, 2**31])
def test_epoch_must_be_an_integer_that_the_database_accepts(workplace: Path, epoch: Any) -> None:
    folder = create_attempt(workplace)
    with pytest.raises(ValueError, match="counted from 1, but report got epoch="):
        Trial(folder.read_spec(), folder).report(epoch, {"score": 1})


@pytest.mark.parametrize("name", ["epoch", "number"])
def test_metric_with_the_name_of_a_column_is_rejected_when_it_is_reported(workplace: Path, name: str) -> None:
    folder = create_attempt(workplace)
    with pytest.raises(ValueError, match=f"must not be '{name}', because reports have a column of this name"):
        Trial(folder.read_spec(), folder).report(1, {name: 1.0})
    assert not folder.metrics.exists()


@pytest.mark.parametrize("metrics", [None, [0.5], 0.5, "score"])
def test_metrics_must_be_a_mapping(workplace: Path, metrics: Any) -> None:
    folder = create_attempt(workplace)
    with pytest.raises(TypeError, match="metrics must be a mapping such as"):
        Trial(folder.read_spec(), folder).report(1, metrics)


@pytest.mark.parametrize("content", ["", "nonsense", "x" * 1000])
def test_request_to_stop_that_cannot_be_read_is_ignored(workplace: Path, content: str) -> None:
    folder = create_attempt(workplace)
    folder.stop.write_text(content)
    Trial(folder.read_spec(), folder).report(1, {"score": 1})
    assert [report.epoch for report in folder.read_all_epochs()] == [1]
