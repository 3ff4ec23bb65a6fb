"""Every command with a study of several objectives."""

import json
import re
from pathlib import Path
from urllib.request import urlopen

import pytest

from sweep.storage.study_reader import study_data
from tests.sweep.cli.conftest import CommandResult, Sweep
from tests.sweep.reporting.dashboard_server import running

pytestmark = pytest.mark.slow

OBJECTIVES = "objectives=[{metric: score, direction: maximize}, {metric: train_seconds, direction: minimize}]"
SETTINGS = (
    "--set=metric=null", "--set=direction=null", f"--set={OBJECTIVES}",
    "--set=constraints=[{metric: size, at_most: 20}]",
)  # fmt: skip
LAUNCH = ("launch", "--study", "toy", "--cluster", "inline")
EVALUATE = """
def evaluate(params, trial):
    return {"test_score": params["x"] + trial.seed / 1e6}
"""


@pytest.fixture
def launched(workplace: Path, sweep: Sweep) -> CommandResult:
    (workplace / "tested.py").write_text(EVALUATE)
    return sweep(
        *LAUNCH, *SETTINGS, "--set=evaluate=tested:evaluate", "--set=sampler={name: tpe, startup_trials: 2}"
    )


def test_launch_lists_the_front(launched: CommandResult) -> None:
    assert launched.code == 0, launched.err
    front = study_data("toy").best_trials["number"]
    lines = re.findall(
        r"^Pareto front: trial (\d+), score = \S+, train_seconds = ", launched.out, re.MULTILINE
    )
    assert sorted(map(int, lines)) == sorted(front)
    assert "(on the Pareto front so far)" in launched.err


def test_status_and_report_show_the_front(launched: CommandResult, sweep: Sweep, workplace: Path) -> None:
    front = study_data("toy").best_trials["number"].tolist()
    assert f"{len(front)} trial" in sweep("status", "--study", "toy").out
    assert "on the Pareto front" in sweep("status").out
    (found,) = json.loads(sweep("status", "--study", "toy", "--json").out)["studies"]
    assert (found["metric"], found["best"]) == (None, None)
    assert [trial["number"] for trial in found["front"]] == front
    assert set(found["trials"][0]["values"]) == {"score", "train_seconds"}
    assert found["constraints"] == [{"metric": "size", "at_most": 20.0}]
    done = sweep("report", "--study", "toy", "--format", "html,csv,markdown,json")
    assert done.code == 0, done.err
    content = json.loads((workplace / "report" / "toy" / "report.json").read_text())
    assert [each["trial"] for each in content["front"]] == front


def test_studies_with_the_same_objectives_are_compared(
    launched: CommandResult, sweep: Sweep, workplace: Path
) -> None:
    assert sweep(*LAUNCH, *SETTINGS, "--set=name=other").code == 0
    assert sweep("report", "--study", "toy", "--study", "other", "--format", "html").code == 0
    assert (workplace / "report" / "comparison.html").exists()
    assert sweep(*LAUNCH, "--set=name=single").code == 0
    rejected = sweep("report", "--study", "toy", "--study", "single")
    assert rejected.code == 2
    assert "toy: maximize score and minimize train_seconds, with size at most 20" in rejected.err


def test_evaluation_takes_chosen_trials_or_the_front(launched: CommandResult, sweep: Sweep) -> None:
    evaluate = ("evaluate", "--study", "toy", "--seeds", "2", "--cluster", "inline")
    front = study_data("toy").best_trials["number"].tolist()
    for options in ((), ("--top", "1")):
        rejected = sweep(*evaluate, *options)
        assert rejected.code == 2
        assert "has several objectives, so no configuration is the best" in rejected.err
        assert f"the front consists of the trials {', '.join(map(str, front))}" in rejected.err
    one = sweep(*evaluate, "--trial", str(front[0]))
    assert one.code == 0, one.err
    assert len(study_data("toy-evaluation").trials) == 2
    every = sweep(*evaluate, "--front")
    assert every.code == 0, every.err
    assert every.out.count("test score") >= len(front)
    assert len(study_data("toy-evaluation").trials) == 2 * len(front)
    assert sweep("report", "--study", "toy", "--format", "html").code == 0


def test_single_objective_has_no_front_to_evaluate(sweep: Sweep) -> None:
    assert sweep(*LAUNCH, "--set=evaluate=toy_model:train").code == 0
    rejected = sweep("evaluate", "--study", "toy", "--front")
    assert rejected.code == 2
    assert "has a single objective, so it has no Pareto front\nuse --top K instead" in rejected.err


def test_trial_is_reproduced_without_its_measurements(launched: CommandResult, sweep: Sweep) -> None:
    done = sweep("reproduce", "--study", "toy", "--trial", "1")
    assert done.code == 0, done.err
    assert "identical to the last bit over 3 epochs: score, size" in done.out
    assert "train_seconds" not in done.out


def test_dry_run_and_deletion(launched: CommandResult, sweep: Sweep) -> None:
    rehearsed = sweep(*LAUNCH, *SETTINGS, "--dry-run", "--set=objectives.1.metric=gpu_seconds")
    assert rehearsed.code == 0, rehearsed.err
    assert "gpu_seconds = 0" in rehearsed.out
    assert sweep("delete", "--study", "toy", "--yes").code == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["constraints=[{metric: peak_memory_gb, at_most: 1}]"],
            "peak_memory_gb cannot be measured with",
        ),
        (
            ["metric=gpu_seconds"],
            "gpu_seconds would be 0 in every trial, because the profile",
        ),
    ],
)
def test_impossible_measurement_is_rejected(sweep: Sweep, settings: list[str], message: str) -> None:
    rejected = sweep(*LAUNCH, *(f"--set={setting}" for setting in settings))
    assert rejected.code == 2
    assert message in rejected.err


def test_objectives_of_a_study_cannot_change(launched: CommandResult, sweep: Sweep) -> None:
    rejected = sweep(*LAUNCH, *SETTINGS, "--set=constraints.0.at_most=30")
    assert rejected.code == 2
    assert "was started with other settings:\n  constraints: was" in rejected.err
    rejected = sweep(*LAUNCH, *SETTINGS, "--set=objectives.1.direction=maximize")
    assert rejected.code == 2


def test_dashboard_shows_the_objectives_and_constraints(launched: CommandResult, workplace: Path) -> None:
    with (
        running(f"sqlite:///{workplace}/sweep.db") as address,
        urlopen(f"{address}/api/studies/1") as response,
    ):
        study = json.load(response)
    assert study["directions"] == ["maximize", "minimize"]
    assert study["trials"][0]["constraints"] == [-10.0]


def test_trackers_record_every_objective(sweep: Sweep, workplace: Path) -> None:
    assert sweep(*LAUNCH, *SETTINGS, "--set=track.tensorboard=events").code == 0
    from tests.sweep.tracking.test_tensorboard import read_events, scalars

    events = read_events(workplace / "events" / "toy" / "00000")
    row = study_data("toy").trials.iloc[0]
    for metric in ("score", "train_seconds", "size"):
        assert scalars(events, f"final/{metric}") == [(3, pytest.approx(row[f"final_{metric}"]))]
