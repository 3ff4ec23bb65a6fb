"""The ranking of a study's trials."""

import pytest

from tests.sweep.reporting import synthetic_studies as studies


def test_complete_trials_are_ranked_first_and_failed_trials_last() -> None:
    states = studies.kmnist().ranked_trials["state"].tolist()
    assert states == sorted(states, key=["complete", "pruned", "failed"].index)


@pytest.mark.parametrize(("direction", "numbers"), [("maximize", [1, 2, 0]), ("minimize", [0, 2, 1])])
def test_direction_determines_which_value_is_best(direction: str, numbers: list[int]) -> None:
    data = studies.of_values([0.1, 0.9, 0.5], direction=direction)
    assert data.complete_trials["number"].tolist() == numbers


def test_value_that_is_not_finite_is_never_the_best() -> None:
    data = studies.of_values([float("nan"), 0.5, float("inf")])
    assert data.complete_trials["number"].tolist() == [1]
    assert data.ranked_trials["number"].tolist() == [1, 0, 2]


def test_trials_with_equal_values_are_ranked_by_number() -> None:
    assert studies.of_values([0.5] * 4).complete_trials["number"].tolist() == [0, 1, 2, 3]


def test_ranking_is_computed_once() -> None:
    data = studies.kmnist()
    assert data.complete_trials is data.complete_trials
    assert data.ranked_trials is data.ranked_trials
