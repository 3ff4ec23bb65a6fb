"""What a worker needs to know about several objectives and constraints."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.states import Outcome
from sweep.worker.documents import Result, TrialSpec
from sweep.worker.metrics import check_required, returned_metrics
from tests.sweep.worker.attempts import create_attempt, run


def test_several_numbers_are_the_objectives_in_order() -> None:
    assert returned_metrics((0.9, 3), "m:f", ["accuracy", "size"]) == {"accuracy": 0.9, "size": 3.0}
    assert returned_metrics(0.9, "m:f", ["accuracy"]) == {"accuracy": 0.9}


@pytest.mark.parametrize(
    ("returned", "objectives", "message"),
    [
        (
            0.9,
            ["a", "b"],
            r"m:f must return 2 numbers or its metrics by name, such as {'a': 0.9, 'b'",
        ),
        ((1, 2, 3), ["a", "b"], r"but it returned tuple: \(1, 2, 3\)"),
        ((1, 2), ["a"], "m:f must return a number or its metrics by name"),
        (0.9, [], "m:f must return a mapping or its metrics by name"),
    ],
)
def test_wrong_number_of_values_raises_error(returned: object, objectives: list[str], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        returned_metrics(returned, "m:f", objectives)


def test_every_required_metric_must_be_a_number() -> None:
    check_required(["a", "b"], {"a": 1.0, "b": 2.0, "c": float("nan")})
    with pytest.raises(ValueError, match=r"metric is 'b', but the train function returned \['a'\]"):
        check_required(["a", "b"], {"a": 1.0})
    with pytest.raises(ValueError, match="the study's metric 'b' is nan"):
        check_required(["a", "b"], {"a": 1.0, "b": float("nan")})


def test_missing_constrained_metric_fails_the_attempt(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = create_attempt(workplace)
    folder.create(dataclasses.replace(folder.read_spec(), constrained=("memory",)))
    result = run(folder)
    assert result.outcome is Outcome.FAILED
    assert "the study's metric is 'memory'" in str(result.error)
    capsys.readouterr()


def test_specification_of_an_earlier_version_has_one_objective(workplace: Path) -> None:
    spec = create_attempt(workplace).read_spec()
    earlier = json.loads(spec.to_json())
    del earlier["objectives"], earlier["constrained"]
    assert TrialSpec.from_json(json.dumps({**earlier, "metric": "score"})) == spec


def test_memory_is_measured_in_a_process_of_its_own(workplace: Path) -> None:
    (workplace / "hungry.py").write_text(
        "def train(params, trial):\n    block = b'x' * (300 << 20)\n    return {'score': len(block)}\n"
    )
    folder = create_attempt(workplace)
    folder.create(dataclasses.replace(folder.read_spec(), train="hungry:train"))
    command = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r}); "
    command += f"from sweep.worker.run import run_in_process; run_in_process({str(folder.path)!r})"
    subprocess.run([sys.executable, "-c", command], check=True, cwd=workplace)
    result = folder.read_result("t1")
    assert result is not None
    assert result.peak_memory_gb is not None
    assert 0.3 < result.peak_memory_gb < 2
    assert Result.from_json(result.to_json()) == result


def test_memory_is_not_measured_in_the_process_of_the_launcher(workplace: Path) -> None:
    assert run(create_attempt(workplace)).peak_memory_gb is None


OBJECTIVE = """
def objective(trial):
    x = trial.suggest_float("x", 0.0, 1.0)
    if trial.params.get("reports"):
        trial.report(x, 1)
    return x, 1 - x
"""


@pytest.mark.parametrize("reports", [False, True])
def test_objective_function_of_optuna_returns_several_values(
    workplace: Path, reports: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "tune.py").write_text(OBJECTIVE)
    folder = create_attempt(workplace, reports=reports)
    space = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
    folder.create(
        dataclasses.replace(
            folder.read_spec(), train="tune:objective", objectives=("a", "b"), objective_space=space
        )
    )
    result = run(folder)
    if reports:
        assert "not supported for multi-objective optimization" in str(result.error)
        capsys.readouterr()
    else:
        assert result.metrics == {"a": 0.5, "b": 0.5}
