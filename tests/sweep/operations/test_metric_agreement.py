"""The comparison of a reproduced trial with the recorded one."""

import math

import pytest

from sweep.operations.metric_agreement import Agreement, agreements, difference


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.25, 0.25, 0.0),
        (0.25, 0.5, 0.25),
        (None, None, 0.0),
        (None, math.nan, 0.0),
        (None, 1.0, math.inf),
        (1.0, math.nan, math.inf),
    ],
)
def test_difference_is_infinite_if_only_one_value_is_finite(
    one: float | None, other: float | None, expected: float
) -> None:
    assert difference(one, other) == expected


def test_metrics_are_compared_over_the_epochs_of_both_trainings() -> None:
    recorded = {1: {"a": 1.0, "b": 1.0}, 2: {"a": 2.0, "b": 2.0}, 3: {"a": 3.0}, 0: {"a": 3.0}}
    now = {1: {"a": 1.0, "b": 1.0, "c": 1.0}, 2: {"a": 2.0, "b": 2.5}, 0: {"a": 4.0}}
    assert agreements(recorded, now) == [Agreement("a", 0, 1.0), Agreement("b", 2, 0.5)]
    assert agreements(recorded, {}) == []
