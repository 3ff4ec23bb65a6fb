"""Tests of the value that the epochs of a trial determine."""

import math
from collections.abc import Mapping
from typing import Literal

import pytest

from sweep.definition.objective_value import objective_value

EPOCHS = {3: 0.4, 1: 0.2, 2: 0.9}


@pytest.mark.parametrize(
    ("objective_of", "direction", "epochs", "value"),
    [
        ("last", "maximize", EPOCHS, 0.5),
        ("last", "maximize", {}, 0.5),
        ("best", "maximize", EPOCHS, 0.9),
        ("best", "minimize", EPOCHS, 0.2),
        ("best", "maximize", {1: math.nan, 2: 0.1}, 0.1),
        ("mean_of_last(2)", "maximize", EPOCHS, 0.65),
        ("mean_of_last(10)", "maximize", EPOCHS, 0.5),
    ],
)
def test_value(
    objective_of: str, direction: Literal["maximize", "minimize"], epochs: Mapping[int, float], value: float
) -> None:
    assert objective_value(objective_of, direction, 0.5, epochs) == pytest.approx(value)


@pytest.mark.parametrize("objective_of", ["best", "mean_of_last(2)"])
@pytest.mark.parametrize("epochs", [{}, {1: math.nan, 2: math.nan}])
def test_epochs_without_a_value_are_an_error(objective_of: str, epochs: Mapping[int, float]) -> None:
    with pytest.raises(ValueError, match=r"has reported no number as the metric of these epochs"):
        objective_value(objective_of, "maximize", 0.5, epochs)
