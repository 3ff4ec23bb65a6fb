"""The evaluation study: its points, and `sweep evaluate` in processes of its own."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.definition.study import load_study
from sweep.operations.evaluation_study import with_missing
from sweep.storage.study_reader import study_data

pytestmark = pytest.mark.slow

A, B = {"x": 0.25}, {"x": 0.75}


@pytest.mark.parametrize(
    ("points", "configurations", "num_seeds", "expected"),
    [
        ([], [A, B], 2, [A, A, B, B]),
        ([A, A], [A], 3, [A, A, A]),
        ([A, A, A], [A], 2, [A, A, A]),  # no point is removed
        ([A, A], [B, A], 2, [A, A, B, B]),
        ([], [A, A], 2, [A, A]),  # the named trial is the best one
    ],
)
def test_missing_points_are_added(
    points: list[dict[str, float]],
    configurations: list[dict[str, float]],
    num_seeds: int,
    expected: list[dict[str, float]],
) -> None:
    assert with_missing(points, configurations, num_seeds) == expected


def test_evaluation_study_trains_with_the_evaluate_function(workplace: Path) -> None:
    study = load_study("toy", ["evaluate=toy_model:train", "metric=val_score"]).evaluation_study([A, A])
    assert (study.name, study.train, study.metric) == ("toy-evaluation", "toy_model:train", "test_score")
    assert (study.trials, study.enqueue, study.evaluate) == (2, (A, A), None)


TESTED = """
def evaluate(params, trial):
    return {"test_score": params["x"] + trial.seed / 1e6, "test_score_of_0": 1.0}
"""


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweep", *arguments, "--study", "toy", "--cluster", "inline"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_later_evaluation_adds_the_missing_trials(workplace: Path) -> None:
    (workplace / "tested.py").write_text(TESTED)
    assert sweep("launch", "--set", "evaluate=tested:evaluate").returncode == 0
    values = study_data("toy").trials.sort_values("value", ascending=False)["param_x"].tolist()

    done = sweep("evaluate", "--top", "2", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "(2 seeds)" in done.stdout
    assert "is ahead of trial" in done.stdout
    tested = study_data("toy-evaluation").trials
    assert tested["param_x"].tolist() == [values[0], values[0], values[1], values[1]]
    assert tested["seed"].nunique() == 4
    assert tested["final_test_score_of_0"].tolist() == [1.0] * 4

    assert sweep("evaluate", "--top", "1", "--seeds", "3").returncode == 0  # a third seed of the best
    assert study_data("toy-evaluation").trials["param_x"].tolist()[4:] == [values[0]]
    assert len(study_data("toy").trials) == 4


def test_named_trial_is_evaluated_although_pruned(workplace: Path) -> None:
    (workplace / "tested.py").write_text(TESTED)
    assert sweep("launch", "--set", "evaluate=tested:evaluate").returncode == 0
    trials = study_data("toy").trials
    worst = trials.sort_values("value").iloc[0]
    with sqlite3.connect(workplace / "sweep.db") as database:
        database.execute("UPDATE trials SET state = 'PRUNED' WHERE number = ?", (int(worst["number"]),))

    done = sweep("evaluate", "--seeds", "2", "--trial", str(worst["number"]))
    assert done.returncode == 0, done.stderr
    assert study_data("toy-evaluation").trials["param_x"].tolist()[2:] == [worst["param_x"]] * 2
    assert f"is ahead of trial {worst['number']}" in done.stdout

    rejected = sweep("evaluate", "--trial", "99")
    assert rejected.returncode == 2
    assert "no trial 99" in rejected.stderr
    assert len(study_data("toy-evaluation").trials) == 4


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "study toy has no `evaluate` function"),
        (["evaluate=tested:evaluate", "fixed.fault=raise"], "has no complete trial, so there is nothing to"),
    ],
)
def test_study_that_cannot_be_evaluated_is_rejected(
    workplace: Path, overrides: list[str], message: str
) -> None:
    sweep("launch", *(f"--set={override}" for override in overrides))
    done = sweep("evaluate")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
