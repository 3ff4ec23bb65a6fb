"""`sweep best`: the best configuration in several forms, or that of a trial on the Pareto front."""

import json
import shlex

import pytest
from optuna.distributions import FloatDistribution
from sqlalchemy import Engine

from sweep.definition.yaml_text import parse
from sweep.errors import InputError
from sweep.storage.chosen_trial import chosen_trial
from sweep.storage.database import connect, parse_url
from sweep.storage.studies import get_study
from tests.sweep.cli.conftest import CommandResult, Sweep
from tests.sweep.reporting.recorded_study import COMPLETE, RUNNING, RecordedStudy


@pytest.mark.slow
def test_best_configuration_is_printed_in_each_form(launched: CommandResult, sweep: Sweep) -> None:
    printed = sweep("best", "--study", "toy")
    assert (printed.code, ": the best value, complete, " in printed.err) == (0, True)
    document = parse(printed.out)
    assert isinstance(document, dict)
    (point,) = document["enqueue"]
    as_json = json.loads(sweep("best", "--study", "toy", "--format", "json").out)
    assert point.items() <= as_json.items()
    assert parse(sweep("best", "--study", "toy", "--format", "fixed").out) == {"fixed": as_json}
    words = shlex.split(sweep("best", "--study", "toy", "--format", "args").out)
    assert words[::2] == [f"--{name}" for name in as_json]
    missing = sweep("best", "--study", "toy", "--trial", "99")
    assert (missing.code, missing.err) == (2, "error: study toy has no trial 99\n")


@pytest.fixture
def engine(tmp_path: object) -> Engine:
    return connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))


def test_study_without_a_complete_trial_has_no_best_one(engine: Engine) -> None:
    study = RecordedStudy(engine, space={"x": {}})
    study.add(RUNNING, params={"x": (0.5, FloatDistribution(0.0, 1.0))})
    with pytest.raises(InputError, match="study toy has no complete trial yet; --trial N selects any other"):
        chosen_trial(engine, get_study(engine, "toy"), None)
    assert chosen_trial(engine, get_study(engine, "toy"), 0).params == {"x": 0.5}


def test_trial_of_the_front_must_be_selected(engine: Engine) -> None:
    objectives = [
        {"metric": "score", "direction": "maximize"},
        {"metric": "size", "direction": "minimize"},
    ]
    study = RecordedStudy(engine, metric=None, direction=None, objectives=objectives, space={"x": {}})
    for number, values in enumerate(([0.5, 2.0], [0.4, 3.0], [0.3, 1.0])):
        study.add(COMPLETE, value=values, params={"x": (number / 10, FloatDistribution(0.0, 1.0))})
    row = get_study(engine, "toy")
    with pytest.raises(InputError, match="select a trial of the Pareto front with --trial N: 0, 2"):
        chosen_trial(engine, row, None)
    chosen = chosen_trial(engine, row, 2)
    assert chosen.params == {"x": 0.2}
    assert chosen.description == "on the Pareto front, complete, score = 0.3, size = 1"
    assert chosen_trial(engine, row, 1).description == "complete, score = 0.4, size = 3"
