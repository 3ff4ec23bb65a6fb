"""Several objectives and constraints in a study file."""

import json
from pathlib import Path

import pytest

from sweep.definition.goal_entries import combination_problems
from sweep.definition.pruner import NoPruning
from sweep.definition.sampler import CMAES
from sweep.definition.study import Study, load_study
from sweep.errors import InputError
from sweep.goals import Constraint, Goals, Objective
from sweep.storage.study_definition import definition_of

STUDY = """
name: small
train: package.module:train
objectives:
  - {metric: val_accuracy, direction: maximize}
  - {metric: train_seconds, direction: minimize}
constraints: [{metric: peak_memory_gb, at_most: 16}]
trials: 4
space: {x: {type: float, low: 0.0, high: 1.0}}
dry_run: {trials: 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return str(path)


def test_goals_are_read_in_the_order_of_the_file(file: str) -> None:
    assert load_study(file).goals == Goals(
        (Objective("val_accuracy", "maximize"), Objective("train_seconds", "minimize")),
        (Constraint("peak_memory_gb", 16.0, is_upper=True),),
    )


def test_list_of_one_objective_is_a_single_objective(file: str) -> None:
    study = load_study(file, ["objectives=[{metric: loss, direction: minimize}]", "pruner={name: median}"])
    assert study.goals.is_single


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("metric=loss", "metric: is not possible together with objectives"),
        ("direction=minimize", "direction: is not possible together with objectives"),
        ("objectives=[]", "metric: required, but missing: a study has either metric or objectives"),
        (
            "objectives.0.direction=up",
            'objectives.0.direction: must be "maximize" or "minimize", but is "up"',
        ),
        ("objectives.1.metric=val_accuracy", 'objectives.1.metric: is an objective already: "val_accuracy"'),
        ("objectives.0.weight=1", "objectives.0.weight: no such key"),
        ("pruner={name: median}", "pruner: is not possible with several objectives"),
        ("constraints=[{metric: loss}]", "must have either at_most or at_least, but has neither"),
        ("constraints=[{metric: loss, at_most: 1, at_least: 0}]", "at_most or at_least, but has both"),
        ("constraints=[{at_most: 1}]", "constraints.0.metric: required, but missing"),
        ("constraints.0.at_most=.nan", "constraints.0.at_most: must be a finite number"),
        ("constraints=[{metric: loss, below: 1}]", "constraints.0.below: no such key"),
    ],
)
def test_invalid_goals_are_rejected_on_loading(file: str, override: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_study(file, [override])
    assert message in str(caught.value)


def test_study_needs_an_objective(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    path.write_text("name: none\ntrain: m:t\ntrials: 1\n")
    with pytest.raises(InputError) as caught:
        load_study(str(path))
    assert str(caught.value).splitlines() == [
        f"{path}:1: metric: required, but missing: a study has either metric or objectives",
        f'{path}:1: direction: required, but missing: must be "maximize" or "minimize"',
    ]


def test_sampler_of_a_single_objective_is_rejected() -> None:
    goals = Goals((Objective("a", "maximize"), Objective("b", "minimize")), (Constraint("c", 1.0, True),))
    settings = (CMAES(name="cmaes"), NoPruning(name="none"), "best")
    found = [str(problem) for problem in combination_problems(goals, *settings)]
    assert found == [
        "objective_of: must be last with several objectives; remove it",
        "sampler: cmaes optimizes a single objective, but there are 2; use another sampler, such as tpe",
        "sampler: cmaes does not consider constraints; use another sampler, such as tpe",
    ]


def test_command_needs_a_pattern_for_each_objective_that_is_not_measured(file: str) -> None:
    command = ["train=null", "command=python main.py {args}"]
    load_study(file, [*command, 'metrics={stdout: {val_accuracy: "acc (.*)"}}'])
    with pytest.raises(InputError, match='has no pattern for the study\'s metric "val_accuracy"'):
        load_study(file, [*command, 'metrics={stdout: {loss: "loss (.*)"}}'])


def test_evaluation_measures_the_objectives_on_test_data(file: str) -> None:
    study = load_study(file, ["evaluate=package.module:evaluate"]).evaluation_study([{"x": 0.5}])
    assert study.goals == Goals(
        (Objective("test_accuracy", "maximize"), Objective("train_seconds", "minimize"))
    )


def test_dry_run_has_the_same_goals(file: str) -> None:
    study = load_study(file)
    assert study.dry_run_study("other").goals == study.goals


def test_definition_is_read_as_it_was_written(file: str) -> None:
    study = load_study(file)
    assert Study.model_validate_json(json.dumps(definition_of(study))).goals == study.goals
