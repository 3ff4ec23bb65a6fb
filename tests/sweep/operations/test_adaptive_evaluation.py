"""`sweep evaluate --until`: further seeds, the end at the level or a limit, stops and interruptions."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.errors import InputError
from sweep.operations.adaptive_evaluation import Goal, goal_of
from sweep.storage.study_reader import study_data

EVALUATE = """
import os, random
from pathlib import Path

def evaluate(params, trial):
    Path("evaluated.txt").open("a").write(f"{trial.number}\\n")
    calls = len(Path("evaluated.txt").read_text().split())
    if os.environ.get("KILLED_AT") == str(calls):
        os._exit(9)
    if os.environ.get("STOPPED_AT") == str(trial.number):
        os.system(f"{os.environ['SWEEP_COMMAND']} stop --study toy-evaluation")
    return {"test_score": params["x"] + random.Random(trial.seed).gauss(0, params.get("noise", 0.5))}
"""
EVALUATION = ("evaluate", "--top", "3", "--until", "0.95", "--max-seeds", "6")


def sweep(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweep", *arguments, "--study", "toy", "--cluster", "inline"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def launched(workplace: Path) -> Path:
    """A workplace with a study whose trials are complete and whose seeds differ much."""
    (workplace / "tested.py").write_text(EVALUATE)
    done = sweep(workplace, "launch", "--set", "evaluate=tested:evaluate")
    assert done.returncode == 0, done.stderr
    return workplace


def evaluated_points(folder: Path) -> list[float]:
    trials = study_data("toy-evaluation", f"sqlite:///{folder / 'sweep.db'}").trials
    assert (trials["state"] == "complete").all()
    return trials["param_x"].tolist()


@pytest.mark.slow
def test_interrupted_evaluation_continues_with_the_same_decisions(launched: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("studies", "cluster.yaml", "toy_model.py", "tested.py"):
        source = launched / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, other / name)
    assert sweep(other, "launch", "--set", "evaluate=tested:evaluate").returncode == 0

    whole = sweep(launched, *EVALUATION)
    assert whole.returncode == 0, whole.stderr
    points = evaluated_points(launched)
    assert len(points) > 9  # three seeds of each, and more for those in contention
    assert points[:9] == [point for point in points[:9:3] for _ in range(3)]

    for call in (2, 11):  # in the first and in later steps
        killed = sweep(other, *EVALUATION, KILLED_AT=str(call))
        assert killed.returncode not in {0, 2}, killed.stderr
    assert sweep(other, *EVALUATION).returncode == 0
    assert evaluated_points(other) == points


@pytest.mark.slow
def test_report_states_the_probability_the_intervals_and_the_method(launched: Path) -> None:
    done = sweep(launched, *EVALUATION)
    assert "the evaluation has ended" in done.stdout
    assert "has the best test score of the 3 configurations with a probability of" in done.stdout
    assert "(95 % interval)" in done.stdout
    again = sweep(launched, *EVALUATION)
    assert len(evaluated_points(launched)) == len(study_data("toy-evaluation").trials)
    assert again.stdout.splitlines()[-6:] == done.stdout.splitlines()[-6:]
    report = subprocess.run(
        [sys.executable, "-m", "sweep", "report", "--study", "toy", "--format", "html"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert report.returncode == 0, report.stderr
    page = (launched / "report" / "toy" / "report.html").read_text()
    for text in ("with a probability of", "behind the best by", "Bayesian random-effects model"):
        assert text in page


@pytest.mark.slow
def test_fixed_evaluation_of_an_earlier_version_is_continued(launched: Path) -> None:
    assert sweep(launched, "evaluate", "--top", "2", "--seeds", "2").returncode == 0
    earlier = evaluated_points(launched)
    done = sweep(launched, *EVALUATION)
    assert done.returncode == 0, done.stderr
    assert evaluated_points(launched)[: len(earlier)] == earlier


@pytest.mark.slow
def test_stop_ends_the_evaluation(launched: Path) -> None:
    done = sweep(
        launched, *EVALUATION, STOPPED_AT="8", SWEEP_COMMAND=f"'{sys.executable}' -m sweep"
    )  # in the last trial of the first step
    assert done.returncode == 0, done.stderr
    assert "the evaluation has ended: a user has requested a stop" in done.stdout
    assert len(evaluated_points(launched)) == 9


@pytest.mark.slow
def test_single_configuration_is_rejected(launched: Path) -> None:
    done = sweep(launched, "evaluate", "--top", "1", "--until", "0.95")
    assert done.returncode == 2
    assert "--until compares configurations, but only one is selected" in done.stderr


def test_goal_needs_options_that_fit_together() -> None:
    assert goal_of(None, 3, 30, None) is None
    assert goal_of(0.9, 3, 30, 2.0) == Goal(0.9, 30, 2.0)
    for arguments, message in (
        ((None, 3, 30, 1.0), "only together with --until"),
        ((0.9, 1, 30, None), "needs at least 2"),
        ((0.9, 9, 5, None), "more than --max-seeds 5"),
        ((0.9, 3, 30, 0.0), "must be positive"),
    ):
        with pytest.raises(InputError, match=message):
            goal_of(*arguments)
