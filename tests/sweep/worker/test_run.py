"""Tests of running an attempt, for every way in which it can end."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import sweep
from sweep.states import Cause, Outcome
from sweep.worker.documents import Result, TrialSpec
from sweep.worker.environment import current_start
from sweep.worker.run import run_attempt
from tests.pythons import find_python
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


def run_function(workplace: Path, code: str) -> Result:
    """Run an attempt whose train function has this body, and return its result."""
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    (workplace / "own.py").write_text(f"def train(params, trial):\n{lines}\n")
    folder = create_attempt(workplace)
    folder.create(dataclasses.replace(folder.read_spec(), train="own:train"))
    sys.modules.pop("own", None)
    return run(folder)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("None", "None"),
        ("[1.0, 2.0]", "list: [1.0, 2.0]"),
        ("'good'", "'good'"),
        ("__import__('numpy').zeros(2)", "ndarray: array([0., 0.])"),
    ],
)
@pytest.mark.usefixtures("capsys")
def test_error_says_what_was_returned_and_what_is_expected(workplace: Path, value: str, shown: str) -> None:
    result = run_function(workplace, f"return {value}")
    assert result.cause is Cause.ERROR
    last = str(result.error).splitlines()[-1]
    expected = (
        "TypeError: own:train must return a number or its metrics by name, such as {'score': 0.9}, "
        "but it returned "
    )
    assert last.startswith(expected + shown)


@pytest.mark.parametrize(
    "value", ["0.5", "__import__('numpy').float32(0.5)", "__import__('numpy').array(0.5)"]
)
def test_single_number_is_the_objective(workplace: Path, value: str) -> None:
    assert run_function(workplace, f"return {value}").metrics == {"score": 0.5}


@pytest.mark.usefixtures("capsys")
def test_script_arguments_are_the_name_of_the_script_alone(workplace: Path) -> None:
    before = sys.argv
    result = run_function(workplace, "import sys\ntrial.note('argv', sys.argv)\nreturn {'score': 1}")
    assert result.notes == {"argv": "['own.py']"}
    assert sys.argv is before


@pytest.mark.slow
def test_words_of_argparse_are_part_of_the_error(workplace: Path) -> None:
    (workplace / "own.py").write_text(
        "import argparse\n"
        "def train(params, trial):\n"
        "    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--lr', required=True)\n"
        "    parser.parse_args()\n"
    )
    folder = create_attempt(workplace)
    folder.create(dataclasses.replace(folder.read_spec(), train="own:train"))
    subprocess.run([sys.executable, "-m", "sweep.worker", str(folder.path)], check=True)
    result = folder.read_result("t1")
    assert result is not None
    assert str(result.error).splitlines()[-1] == (
        "SystemExit: 2; the last line that it printed: "
        "own.py: error: the following arguments are required: --lr"
    )


@pytest.mark.slow
def test_attempt_that_another_process_has_started_gets_no_result(workplace: Path) -> None:
    folder = create_attempt(workplace)
    folder.claim(current_start("t1"))
    done = subprocess.run([sys.executable, "-m", "sweep.worker", str(folder.path)], check=False)
    assert done.returncode == 0
    assert folder.read_result("t1") is None
    assert "was started before by another process" in folder.read_log(1000)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_worker_ends_by_the_signal_that_has_ended_the_train_function(
    workplace: Path, number: signal.Signals
) -> None:
    """The scheduler then reports the same end of the job as without a supervisor."""
    (workplace / "own.py").write_text(
        f"import os\ndef train(params, trial):\n    os.kill(os.getpid(), {int(number)})\n"
    )
    folder = create_attempt(workplace)
    folder.create(dataclasses.replace(folder.read_spec(), train="own:train"))
    command = [sys.executable, "-m", "sweep.worker", str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -number
    assert folder.read_result("t1") is None
    assert f"was ended by signal {number.name}" in done.stderr


@pytest.mark.slow
def test_worker_runs_on_the_oldest_python_that_it_supports(workplace: Path) -> None:
    if (python := find_python("3.8")) is None:
        pytest.skip("Python 3.8 is not installed")
    (workplace / "own.py").write_text("def train(params, trial):\n    return {'score': 1}\n")
    folder = create_attempt(workplace)
    folder.create(dataclasses.replace(folder.read_spec(), train="own:train"))
    package = Path(sweep.__file__).parents[1]
    command = [python, "-m", "sweep.worker", str(folder.path)]
    subprocess.run(command, check=True, env={"PYTHONPATH": str(package)})
    result = folder.read_result("t1")
    assert result is not None
    assert result.outcome is Outcome.COMPLETE
