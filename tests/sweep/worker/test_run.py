"""Tests of running an attempt, for every way in which it can end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.states import Cause, Outcome
from sweep.worker.documents import TrialSpec
from sweep.worker.run import run_attempt
from tests.sweep.worker.attempts import create_attempt, run


def test_result_contains_the_returned_metrics(workplace: Path) -> None:
    folder = create_attempt(workplace)
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
def test_failure_is_recorded_with_its_traceback(
    workplace: Path, fault: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(create_attempt(workplace, fault=fault))
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ERROR)
    assert result.error is not None
    assert text in result.error
    assert text in capsys.readouterr().err


def test_memory_error_has_its_own_cause(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "hungry.py").write_text("def train(params, trial):\n    raise MemoryError('no more')\n")
    folder = create_attempt(workplace)
    spec = folder.read_spec()
    folder.create(TrialSpec(**{**vars(spec), "train": "hungry:train"}))
    assert run(folder).cause is Cause.OUT_OF_MEMORY
    capsys.readouterr()


def test_attempt_is_pruned_at_its_next_report(workplace: Path) -> None:
    folder = create_attempt(workplace)
    folder.request_stop(Outcome.PRUNED)
    assert run(folder).outcome is Outcome.PRUNED
    assert [report.epoch for report in folder.read_epochs()[0]] == [1]


def test_started_attempt_is_not_run_by_a_second_process(workplace: Path) -> None:
    folder = create_attempt(workplace)
    first = run(folder)
    assert run_attempt(folder) is Outcome.SUPERSEDED
    assert folder.read_result("t1") == first


def test_worker_imports_only_the_standard_library() -> None:
    code = "import sys; old = set(sys.modules); import sweep.worker.run; print(*set(sys.modules) - old)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert roots - set(sys.stdlib_module_names) == {"sweep"}
