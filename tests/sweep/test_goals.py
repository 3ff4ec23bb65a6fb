"""The objectives and constraints of a study."""

import json
import math

import pytest

from sweep.goals import Constraint, Goals, Objective, goals_of

GOALS = Goals(
    (Objective("accuracy", "maximize"), Objective("train_seconds", "minimize")),
    (Constraint("size", 3.0, is_upper=True), Constraint("accuracy", 0.5, is_upper=False)),
)


def test_metrics_are_named_once_and_measurements_are_not_returned() -> None:
    assert GOALS.metrics == ("accuracy", "train_seconds", "size")
    assert GOALS.returned == ("accuracy", "size")
    assert GOALS.returned_objectives == ("accuracy",)
    assert GOALS.measured == ("train_seconds",)


def test_values_losses_and_violations_follow_the_directions() -> None:
    metrics = {"accuracy": 0.4, "train_seconds": 7.0, "size": 2.0}
    assert GOALS.values(metrics) == (0.4, 7.0)
    assert GOALS.losses(GOALS.values(metrics)) == (-0.4, 7.0)
    assert GOALS.violations(metrics) == (-1.0, pytest.approx(0.1))


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_violation_is_a_number_that_json_contains(value: float) -> None:
    violation = GOALS.constraints[0].violation(value)
    assert json.loads(json.dumps(violation, allow_nan=False)) == violation
    assert (violation > 0) == (value > 0)


def test_text_is_a_clause() -> None:
    assert str(GOALS) == (
        "maximize accuracy and minimize train_seconds, with size at most 3 and accuracy at least 0.5"
    )


@pytest.mark.parametrize("others", [{}, {"objectives": [], "constraints": []}])
def test_definition_of_an_earlier_version_has_one_objective(others: dict[str, list[object]]) -> None:
    goals = goals_of({"metric": "loss", "direction": "minimize", **others})
    assert goals == Goals((Objective("loss", "minimize"),))
    assert goals.is_single
