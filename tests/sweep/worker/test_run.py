"""The worker, in this process: every way an attempt can end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweep.states import Cause, Outcome
from sweep.storage.tables import EpochRow
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder
from sweep.worker.documents import Result, TrialSpec
from sweep.worker.metrics import MAX_NAME_LENGTH, plain_numbers
from sweep.worker.run import run_attempt
from sweep.worker.trial import StopRequested, Trial


@pytest.fixture(autouse=True)
def _restored_folder() -> Iterator[None]:
    """The worker goes to the study's folder; this process is to come back."""
    before, path = Path.cwd(), list(sys.path)
    yield
    os.chdir(before)
    sys.path[:] = path


def make(workplace: Path, attempt: int = 1, earlier: tuple[str, ...] = (), **params: Any) -> AttemptFolder:
    folder = attempt_folder(workplace / "sweeps" / "toy" / "00000", attempt, f"t{attempt}")
    folder.create(
        TrialSpec(
            study="toy",
            number=0,
            attempt=attempt,
            token=f"t{attempt}",
            train="toy_model:train",
            metric="score",
            params={"x": 0.5, "ledger": "ledger.txt", **params},
            seed=7,
            dataset=None,
            data_dir=None,
            code_dir=str(workplace),
            threads=None,
            earlier_attempts=earlier,
        )
    )
    return folder


def run(folder: AttemptFolder) -> Result:
    run_attempt(folder)
    result = folder.read_result(folder.read_spec().token)
    assert result is not None
    return result


def test_completed(workplace: Path) -> None:
    folder = make(workplace)
    result = run(folder)
    assert (result.outcome, result.metrics) == (Outcome.COMPLETE, {"score": 1.5, "size": 10.0})
    assert result.notes == {"data_sha256": "abc"}
    assert [report.epoch for report in folder.read_epochs()[0]] == [1, 2, 3]
    started = folder.read_start("t1")
    assert started is not None
    assert started.pid == os.getpid()
    assert started.packages["optuna"].startswith("5.")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("raise", "RuntimeError: the model has diverged"),
        ("exit", "SystemExit: 0"),
        ("nan", "ValueError: the study's metric 'score' is nan"),
        ("no metric", "the study's metric is 'score', but the train function returned ['other']"),
    ],
)
def test_failed(workplace: Path, fault: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(make(workplace, fault=fault))
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ERROR)
    assert result.error is not None
    assert text in result.error
    assert text in capsys.readouterr().err


def test_out_of_memory_is_told_from_other_errors(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "hungry.py").write_text("def train(params, trial):\n    raise MemoryError('no more')\n")
    folder = make(workplace)
    spec = folder.read_spec()
    folder.create(TrialSpec(**{**vars(spec), "train": "hungry:train"}))
    assert run(folder).cause is Cause.OUT_OF_MEMORY
    capsys.readouterr()


def test_pruned_at_the_next_report(workplace: Path) -> None:
    folder = make(workplace)
    folder.request_stop(Outcome.PRUNED)
    assert run(folder).outcome is Outcome.PRUNED
    assert [report.epoch for report in folder.read_epochs()[0]] == [1]


def test_a_second_process_leaves_the_attempt_alone(workplace: Path) -> None:
    folder = make(workplace)
    first = run(folder)
    assert run_attempt(folder) is Outcome.SUPERSEDED
    assert folder.read_result("t1") == first


def test_the_next_attempt_goes_on_from_the_checkpoint(workplace: Path) -> None:
    first = make(workplace, fault="raise")
    run(first)  # fails after epoch 1, which is in its checkpoint
    empty = make(workplace, attempt=2)  # this one died before it began
    third = make(workplace, attempt=3, earlier=(str(empty.path), str(first.path)))
    assert run(third).outcome is Outcome.COMPLETE
    assert [report.epoch for report in third.read_epochs()[0]] == [1, 2, 3]
    epochs = [line.split()[1] for line in (workplace / "ledger.txt").read_text().splitlines()]
    assert epochs == ["1", "2", "3"]  # none trained twice
    assert [folder.checkpoints.exists() for folder in (first, third)] == [False, False]  # it is complete


def test_a_failed_attempt_keeps_its_checkpoints(workplace: Path) -> None:
    folder = make(workplace, fault="raise")
    run(folder)
    assert (folder.checkpoints / "epoch").read_text() == "1"


def test_an_epoch_is_reported_once(workplace: Path) -> None:
    folder = make(workplace)
    folder.checkpoints.mkdir()
    trial = Trial(folder.read_spec(), folder)
    trial.report(1, {"score": 1})
    trial.report(1, {"score": 2})
    again = Trial(folder.read_spec(), folder)
    again.report(1, {"score": 3})
    assert [report.metrics for report in folder.read_epochs()[0]] == [{"score": 1.0}]


@pytest.mark.parametrize("epoch", [0, -1, 1.5, "1"])
def test_an_epoch_is_counted_from_one(workplace: Path, epoch: Any) -> None:
    folder = make(workplace)
    with pytest.raises(ValueError, match="counted from 1, but report got epoch="):
        Trial(folder.read_spec(), folder).report(epoch, {})


def test_stop_passes_through_report(workplace: Path) -> None:
    folder = make(workplace)
    folder.request_stop(Outcome.SUPERSEDED)
    with pytest.raises(StopRequested) as stop:
        Trial(folder.read_spec(), folder).report(1, {"score": 1})
    assert stop.value.outcome is Outcome.SUPERSEDED


def test_metrics_of_any_number_type() -> None:
    import numpy as np

    assert plain_numbers({"a": 1, "b": np.float32(0.5), "c": np.array(2)}) == {"a": 1.0, "b": 0.5, "c": 2.0}
    with pytest.raises(TypeError, match="metric 'a' must be a number, but got '1'"):
        plain_numbers({"a": "1"})


def test_a_metric_has_a_name_that_the_database_takes() -> None:
    column = EpochRow.__table__.c.metric.type
    assert getattr(column, "length", None) == MAX_NAME_LENGTH
    assert plain_numbers({"a" * MAX_NAME_LENGTH: 1})
    with pytest.raises(ValueError, match=r"at most 128 characters, but 'a+' has 129"):
        plain_numbers({"a" * 129: 1})


def test_the_worker_imports_the_standard_library_alone() -> None:
    code = "import sys; old = set(sys.modules); import sweep.worker.run; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert roots - set(sys.stdlib_module_names) == {"sweep"}
