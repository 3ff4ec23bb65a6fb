import pytest

from sweep.reporting.ranking import LOWER, TOP, UPPER, completed, ranked, spread, tiers
from tests.sweep.reporting import synthetic_studies as studies


def test_complete_trials_come_first_and_failed_ones_last() -> None:
    states = ranked(studies.kmnist())["state"].tolist()
    assert states == sorted(states, key=["complete", "pruned", "failed"].index)


@pytest.mark.parametrize(("direction", "numbers"), [("maximize", [1, 2, 0]), ("minimize", [0, 2, 1])])
def test_the_direction_says_which_value_is_best(direction: str, numbers: list[int]) -> None:
    data = studies.of_values([0.1, 0.9, 0.5], direction=direction)
    assert completed(data)["number"].tolist() == numbers


def test_a_value_that_is_not_finite_is_never_the_best() -> None:
    data = studies.of_values([float("nan"), 0.5, float("inf")])
    assert completed(data)["number"].tolist() == [1]
    assert ranked(data)["number"].tolist() == [1, 0, 2]


def test_equal_trials_keep_the_order_of_their_numbers() -> None:
    assert completed(studies.of_values([0.5] * 4))["number"].tolist() == [0, 1, 2, 3]


def test_spread_keeps_the_first_and_the_last() -> None:
    trials = completed(studies.of_values([0.1 * i for i in range(10)]))
    assert spread(trials, 3)["number"].tolist() == [9, 5, 0]
    assert spread(trials, 10) is trials


def test_tiers_divide_any_number_of_trials() -> None:
    assert tiers(0) == []
    assert tiers(1) == [TOP]
    assert tiers(2) == [TOP, LOWER]
    assert tiers(20) == [TOP] * 2 + [UPPER] * 8 + [LOWER] * 10
