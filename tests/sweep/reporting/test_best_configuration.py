"""The configuration of a trial can be pasted into a study file and into a command line."""

import json
import shlex
from typing import Any

import pytest

from sweep.definition.study import Study
from sweep.definition.yaml_text import parse
from sweep.reporting.best_configuration import configuration_text

SPACE = {
    "beta": {"type": "categorical", "choices": [0.999, 0.9999, 0.99995, 0.99999]},
    "lr": {"type": "float", "low": 1e-7, "high": 1.0, "log": True},
    "mode": {"type": "categorical", "choices": ["none", "true", "1e-3", "a b", "", "null", "größe: #x"]},
    "flag": {"type": "categorical", "choices": [True, None]},
    "widths": {"type": "categorical", "choices": {"small": [64, 64], "large": [512, 256]}},
    "layers": {"type": "int", "low": 1, "high": 9},
}
STUDY: dict[str, Any] = {
    "name": "toy", "train": "toy_model:train", "metric": "score", "direction": "maximize", "trials": 9,
    "space": SPACE, "fixed": {"epochs": 50, "schedule": {"warmup": 5}},
}  # fmt: skip
PARAMS = {"beta": 0.99995, "lr": 1e-05, "mode": "none", "flag": True, "widths": "large", "layers": 3}
RECEIVED = {"epochs": 50, "schedule": {"warmup": 5}, **PARAMS, "widths": [512, 256]}


@pytest.mark.parametrize("mode", SPACE["mode"]["choices"])
@pytest.mark.parametrize("flag", [True, None])
@pytest.mark.parametrize("lr", [1e-7, 0.1 + 0.2, 1.0, 0.00012345678901234567])
def test_yaml_is_an_enqueued_point_of_the_study(mode: str, flag: Any, lr: float) -> None:
    params = PARAMS | {"mode": mode, "flag": flag, "lr": lr}
    document = parse(configuration_text(Study.model_validate(STUDY), params, "yaml"))
    assert document == {"enqueue": [params]}
    assert isinstance(document, dict)
    assert Study.model_validate(STUDY | document).enqueue == (params,)


def test_yaml_keeps_the_order_of_the_study_file() -> None:
    text = configuration_text(Study.model_validate(STUDY), {"lr": 1e-05, "beta": 0.99995}, "yaml")
    assert text == "enqueue:\n  - lr: 1e-05\n    beta: 0.99995"


def test_fixed_contains_all_hyperparameters_with_their_values() -> None:
    document = parse(configuration_text(Study.model_validate(STUDY), PARAMS, "fixed"))
    assert document == {"fixed": RECEIVED}
    assert isinstance(document, dict)
    fixed = Study.model_validate(STUDY | {"space": {}, "trials": 1} | document)
    assert fixed.params({}) == RECEIVED


def test_json_contains_all_hyperparameters() -> None:
    assert json.loads(configuration_text(Study.model_validate(STUDY), PARAMS, "json")) == RECEIVED


def test_args_are_those_of_a_command() -> None:
    params = PARAMS | {"mode": "a b", "flag": None}
    assert shlex.split(configuration_text(Study.model_validate(STUDY), params, "args")) == [
        "--epochs", "50", "--schedule", '{"warmup": 5}', "--beta", "0.99995", "--lr", "1e-05",
        "--mode", "a b", "--widths", "[512, 256]", "--layers", "3",
    ]  # fmt: skip
