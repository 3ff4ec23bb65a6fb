"""Tests of the trial that an objective function of Optuna receives."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.study import Study
from sweep.launcher.trial_spec import build_spec
from sweep.states import Cause, Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import Result, TrialSpec
from tests.sweep.worker.attempts import create_attempt, run

SPACE = {
    "lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.9, "step": 0.3},
    "layers": {"type": "int", "low": 1, "high": 4},
    "width": {"type": "int", "low": 16, "high": 64, "step": 16},
    "act": {"type": "categorical", "choices": ["relu", "gelu", None, 1]},
}
PARAMS = {"lr": 0.01, "dropout": 0.3, "layers": 2, "width": 32, "act": "gelu"}
OBJECTIVE = """
import optuna

def objective(trial):
    lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 1.0, step=0.3)  # Optuna reduces high to 0.9
    layers = trial.suggest_int("layers", 1, 4)
    width = trial.suggest_int("width", 16, 64, step=16)
    act = trial.suggest_categorical("act", ["gelu", "relu", None, 1])
    assert [lr, dropout, layers, width, act] == [0.01, 0.3, 2, 32, "gelu"], trial.params
    assert (trial.number, trial.params["lr"]) == (0, 0.01)
    trial.set_user_attr("parameters", 1000)
    trial.set_user_attr("text", "a text")
    for step in range(3):
        trial.report(lr * step, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return lr * step
"""


def objective_attempt(workplace: Path, code: str, **changes: Any) -> AttemptFolder:
    (workplace / "own.py").write_text(code)
    sys.modules.pop("own", None)
    values = {"name": "toy", "objective": "own:objective", "metric": "score", "direction": "maximize"}
    study = Study.model_validate({**values, "trials": 1, "space": SPACE, **changes})
    folder = create_attempt(workplace)
    params = {name: value for name, value in PARAMS.items() if name not in study.fixed}
    spec = build_spec(study, number=0, params=params, seed=0, token="t1", code_dir=workplace, threads=None)
    folder.create(spec)
    return folder


def run_objective(workplace: Path, body: str, **changes: Any) -> Result:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return run(objective_attempt(workplace, f"def objective(trial):\n{lines}\n", **changes))


def test_objective_of_optuna_runs_unchanged(workplace: Path) -> None:
    folder = objective_attempt(workplace, OBJECTIVE)
    assert TrialSpec.from_json(folder.spec.read_bytes()) == folder.read_spec()
    result = run(folder)
    assert (result.outcome, result.metrics) == (Outcome.COMPLETE, {"score": 0.02})
    assert result.notes == {"parameters": "1000", "text": "a text"}
    reports = [(report.epoch, report.metrics["score"]) for report in folder.read_all_epochs()]
    assert reports == [(1, 0.0), (2, 0.01), (3, 0.02)]


def test_steps_from_1_are_epochs(workplace: Path) -> None:
    folder = objective_attempt(
        workplace, "def objective(trial):\n    for n in (1, 2): trial.report(n, step=n)\n    return 2\n"
    )
    assert run(folder).metrics == {"score": 2.0}
    assert [report.epoch for report in folder.read_all_epochs()] == [1, 2]


def test_objective_is_pruned_when_a_stop_is_requested(workplace: Path) -> None:
    folder = objective_attempt(workplace, OBJECTIVE)
    folder.request_stop(Outcome.PRUNED)
    assert run(folder).outcome is Outcome.PRUNED
    assert [report.epoch for report in folder.read_all_epochs()] == [1]


def test_reason_of_the_stop_is_kept(workplace: Path) -> None:
    folder = objective_attempt(workplace, OBJECTIVE)
    folder.request_stop(Outcome.SUPERSEDED)
    assert run(folder).outcome is Outcome.SUPERSEDED


def test_objective_may_prune_itself(workplace: Path) -> None:
    assert run_objective(workplace, "import optuna\nraise optuna.TrialPruned").outcome is Outcome.PRUNED


def test_deprecated_methods_are_supported(workplace: Path) -> None:
    body = (
        "assert trial.suggest_loguniform('lr', 1e-4, 0.1) == 0.01\n"
        "assert trial.suggest_discrete_uniform('dropout', 0, 0.9, 0.3) == 0.3\n"
        "assert trial.suggest_uniform('plain', 0, 1) == 0.5\n"
        "return 1"
    )
    space = {**SPACE, "plain": {"type": "float", "low": 0.0, "high": 1.0}}
    folder = objective_attempt(
        workplace, "def objective(trial):\n    " + body.replace("\n", "\n    "), space=space
    )
    spec = folder.read_spec()
    folder.create(dataclasses.replace(spec, params={**spec.params, "plain": 0.5}))
    assert run(folder).metrics == {"score": 1.0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("float('lr', 1e-4, 0.2, log=True)", "'lr': high is 0.2 in the function, and 0.1 in the file"),
        ("float('lr', 1e-4, 0.1)", "'lr': log is False in the function, and True in the file"),
        ("float('dropout', 0, 0.9)", "'dropout': step is None in the function, and 0.3 in the file"),
        ("float('layers', 1, 4)", "'layers': type is float in the function, and int in the file"),
        ("int('layers', 0, 4)", "'layers': low is 0 in the function, and 1 in the file"),
        ("categorical('act', ['relu'])", "'act': choices are ['relu'] in the function, and ['relu', 'gelu'"),
        ("categorical('act', ['relu', 'gelu', None, 1.0])", "'act': choices are"),
        ("float('lrr', 0, 1)", "but the study file has no hyperparameter of this name; it has: lr"),
        ("int('n', 1, 9)", "add it to `space`:  n: {type: int, low: 1, high: 9}"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("capsys")
def test_difference_from_the_study_file_is_an_error(workplace: Path, call: str, message: str) -> None:
    result = run_objective(workplace, f"return trial.suggest_{call}")
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ERROR)
    assert message in str(result.error)


def test_fixed_value_may_lie_outside_the_range(workplace: Path) -> None:
    space = {name: entry for name, entry in SPACE.items() if name != "layers"}
    body = "return trial.suggest_int('layers', 1, 4)"
    assert run_objective(workplace, body, space=space, fixed={"layers": 9}).metrics == {"score": 9.0}


@pytest.mark.usefixtures("capsys")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("trial.report(1.0, -1)", "a step must be an integer counted from 0 or 1, but report got step=-1"),
        ("trial.report('x', 1)", "metric 'score' must be a number"),
        ("return None", "own:objective must return a number or its metrics by name"),
        ("return 1.0, 2.0", "own:objective must return a number or its metrics by name"),
        ("return float('nan')", "the study's metric 'score' is nan"),
        ("raise KeyError('x')", "KeyError: 'x'"),
    ],
)
def test_invalid_use_is_an_error(workplace: Path, body: str, message: str) -> None:
    assert message in str(run_objective(workplace, body).error)


@pytest.mark.slow
def test_node_needs_no_optuna(workplace: Path) -> None:
    code = "def objective(trial):\n    import sys\n    assert 'optuna' not in sys.modules\n    return 1\n"
    folder = objective_attempt(workplace, code)
    subprocess.run([sys.executable, "-m", "sweep.worker", str(folder.path)], check=True)
    result = folder.read_result("t1")
    assert result is not None
    assert result.metrics == {"score": 1.0}


CONDITIONAL = {
    **SPACE,
    "momentum": {"type": "float", "low": 0.0, "high": 1.0, "when": {"act": "relu"}},
    "widths": {"type": "categorical", "choices": {"small": [8, 8], "large": [64, 64]}},
}


def run_with_label(workplace: Path, body: str) -> Result:
    folder = objective_attempt(workplace, f"def objective(trial):\n    {body}\n", space=CONDITIONAL)
    spec = folder.read_spec()
    folder.create(dataclasses.replace(spec, params={**spec.params, "widths": [8, 8]}))
    return run(folder)


@pytest.mark.parametrize(
    ("choices", "value"),
    [("['large', 'small']", "'small'"), ("[[8, 8], [64, 64]]", "[8, 8]")],
)
def test_objective_may_suggest_labels_or_their_values(workplace: Path, choices: str, value: str) -> None:
    body = f"return float(trial.suggest_categorical('widths', {choices}) == {value})"
    assert run_with_label(workplace, body).metrics == {"score": 1.0}


@pytest.mark.usefixtures("capsys")
def test_objective_must_suggest_what_the_condition_allows(workplace: Path) -> None:
    error = str(run_with_label(workplace, "return trial.suggest_float('momentum', 0, 1)").error)
    assert "'momentum', but this trial does not have it" in error
    assert 'when: {"act": ["relu"]}' in error
