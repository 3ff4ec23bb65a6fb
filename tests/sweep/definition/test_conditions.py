"""Tests of the conditions of hyperparameters."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sweep.definition.conditions import (
    format_condition,
    holds,
    present_params,
    requirements,
    restricted_space,
    suggestion_order,
)
from sweep.definition.space import Entry
from sweep.definition.study import Study

RANGE = {"type": "float", "low": 0.0, "high": 1.0}
ENTRIES: dict[str, Any] = {
    "scale": {"type": "int", "low": 1, "high": 9, "when": {"nesterov": True}},
    "rate": RANGE,
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam", "lion"]},
    "nesterov": {"type": "categorical", "choices": [True, False], "when": {"optimizer": ["sgd"]}},
    "beta": {**RANGE, "when": {"optimizer": ["adam", "lion"]}},
    "layers": {"type": "int", "low": 1, "high": 4},
    "both": {**RANGE, "when": {"optimizer": "lion", "layers": [3, 4]}},
}


def space_of(entries: dict[str, Any]) -> dict[str, Entry]:
    return TypeAdapter(dict[str, Entry]).validate_python(entries)


SPACE = space_of(ENTRIES)


def study(space: dict[str, Any], **values: Any) -> Study:
    defaults = {"name": "toy", "train": "m:f", "metric": "score", "direction": "maximize", "trials": 4}
    return Study.model_validate({**defaults, "space": space, **values})


def problems(space: dict[str, Any], **values: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        study(space, **values)
    return [".".join(map(str, each["loc"])) + ": " + each["msg"] for each in caught.value.errors()]


def test_hyperparameter_is_suggested_after_those_that_its_condition_names() -> None:
    order = suggestion_order(SPACE)
    assert sorted(order) == sorted(SPACE)
    assert order.index("optimizer") < order.index("nesterov") < order.index("scale")


def test_space_without_conditions_is_suggested_in_the_order_of_the_file() -> None:
    names = ["z", "a", "m", "b"]
    assert suggestion_order(space_of(dict.fromkeys(names, RANGE))) == names


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"optimizer": "sgd", "nesterov": True}, ["scale", "rate", "optimizer", "nesterov", "layers"]),
        ({"optimizer": "sgd", "nesterov": False}, ["rate", "optimizer", "nesterov", "layers"]),
        ({"optimizer": "adam", "nesterov": True}, ["rate", "optimizer", "beta", "layers"]),
        ({"optimizer": "lion", "layers": 4}, ["rate", "optimizer", "beta", "layers", "both"]),
        ({"optimizer": "lion", "layers": 2}, ["rate", "optimizer", "beta", "layers"]),
    ],
)
def test_trial_has_the_hyperparameters_whose_conditions_hold(
    values: dict[str, Any], names: list[str]
) -> None:
    assert list(present_params(SPACE, values)) == names


def test_condition_on_an_absent_hyperparameter_does_not_hold() -> None:
    assert not holds(SPACE["scale"].when, {"optimizer": "adam"})


def test_requirements_include_those_of_the_named_hyperparameters() -> None:
    assert requirements(SPACE, "scale") == {"nesterov": (True,), "optimizer": ("sgd",)}
    assert format_condition(requirements(SPACE, "both")) == 'optimizer is "lion", and layers is 3 or 4'


def test_fixed_values_decide_conditions() -> None:
    restricted = restricted_space(SPACE, {"optimizer": "lion"})
    assert list(restricted) == ["rate", "beta", "layers", "both"]
    assert restricted["beta"].when == {}
    assert restricted["both"].when == {"layers": (3, 4)}
    assert "scale" not in restricted_space(SPACE, {"optimizer": "adam"})


def with_condition(condition: dict[str, Any]) -> dict[str, Any]:
    return {**ENTRIES, "new": {**RANGE, "when": condition}}


@pytest.mark.parametrize(
    ("space", "problem"),
    [
        (
            with_condition({"optimiser": "sgd"}),
            'space.new.when.optimiser: is not in space; did you mean "optimizer"? Available: scale, rate, '
            "optimizer, nesterov, beta, layers, both",
        ),
        (
            with_condition({"optimizer": ["sgd", "adma"]}),
            'space.new.when.optimizer: must be one of "sgd", "adam", "lion", but is "adma"',
        ),
        (with_condition({"layers": 5}), "space.new.when.layers: must be an integer from 1 to 4, but is 5"),
        (with_condition({"nesterov": 1}), "space.new.when.nesterov: must be one of true, false, but is 1"),
        (
            with_condition({"rate": 0.5}),
            "space.new.when.rate: is of type float, but a condition needs one of type categorical or int",
        ),
        (
            with_condition({"nesterov": True, "optimizer": "adam"}),
            "space.new.when: cannot hold: with the conditions of the hyperparameters that it names, it "
            "requires two different values of optimizer",
        ),
        (
            {
                "a": {"type": "int", "low": 1, "high": 2, "when": {"b": 1}},
                "b": {"type": "int", "low": 1, "high": 2, "when": {"a": 1}},
            },
            "space.b.when: the conditions form a cycle: b → a → b",
        ),
        (
            {"a": {"type": "int", "low": 1, "high": 2, "when": {"a": 1}}},
            "space.a.when: the conditions form a cycle: a → a",
        ),
    ],
)
def test_invalid_condition_is_rejected(space: dict[str, Any], problem: str) -> None:
    found = problems(space)
    assert len(found) == 1
    if "cycle" in problem:  # which may begin with any of its hyperparameters
        assert "the conditions form a cycle" in found[0]
    else:
        assert found == [problem]


@pytest.mark.parametrize("condition", [{"optimizer": []}, {"optimizer": [["sgd"]]}, "optimizer"])
def test_condition_of_another_form_is_rejected(condition: Any) -> None:
    with pytest.raises(ValidationError):
        space_of(with_condition(condition))


@pytest.mark.parametrize(
    ("point", "problem"),
    [
        (
            {"optimizer": "adam", "nesterov": True},
            'nesterov: is present only if optimizer is "sgd", but optimizer is "adam"',
        ),
        (
            {"nesterov": True},
            'nesterov: is present only if optimizer is "sgd", so optimizer must be given too',
        ),
    ],
)
def test_point_with_an_absent_hyperparameter_is_rejected(point: dict[str, Any], problem: str) -> None:
    assert problems(ENTRIES, enqueue=[{"rate": 0.5}, point]) == [f"enqueue.1.{problem}"]
    assert problems(ENTRIES, dry_run={"params": point}) == [f"dry_run.params.{problem}"]


def test_point_may_omit_hyperparameters_that_it_would_have() -> None:
    assert study(ENTRIES, enqueue=[{"optimizer": "sgd"}, {"optimizer": "sgd", "nesterov": True, "scale": 2}])


def test_dry_run_has_the_conditional_hyperparameters_of_its_values() -> None:
    labelled = {"type": "categorical", "choices": {"small": [8], "large": [64]}}
    values = {
        "dry_run": {"params": {"optimizer": "adam", "widths": "small"}},
        "enqueue": [{"optimizer": "sgd", "nesterov": True}, {"optimizer": "lion", "beta": 0.5}],
    }
    dry = study({**ENTRIES, "widths": labelled}, **values).dry_run_study("dry")
    assert list(dry.space) == ["rate", "beta", "layers"]
    assert dry.fixed == {"optimizer": "adam", "widths": [8]}
    assert dry.enqueue == ({"beta": 0.5},)


def test_conditions_and_labels_are_stored_and_read() -> None:
    labelled = {"type": "categorical", "choices": {"small": [8, 8], "nested": {"a": [1, {"b": None}]}}}
    original = study({**ENTRIES, "widths": labelled}, fixed={"schedule": {"warmup": [1, 2.5, None]}})
    assert Study.model_validate_json(original.model_dump_json()) == original


def test_objective_function_receives_labels_in_a_dry_run() -> None:
    space = {"widths": {"type": "categorical", "choices": {"small": [8], "large": [64]}}}
    dry_run = {"params": {"widths": "small"}}
    of_objective = study(space, train=None, objective="m:f", dry_run=dry_run)
    assert of_objective.dry_run_study("dry").fixed == {"widths": "small"}
    assert study(space, dry_run=dry_run).dry_run_study("dry").fixed == {"widths": [8]}
