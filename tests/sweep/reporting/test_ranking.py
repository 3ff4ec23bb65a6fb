from sweep.reporting.ranking import LOWER, TOP, UPPER, quantile_groups, spread
from tests.sweep.reporting import synthetic_studies as studies


def test_spread_keeps_the_first_and_the_last_row() -> None:
    trials = studies.of_values([0.1 * i for i in range(10)]).complete_trials
    assert spread(trials, 3)["number"].tolist() == [9, 5, 0]
    assert spread(trials, 10) is trials


def test_quantile_groups_divide_any_number_of_trials() -> None:
    assert quantile_groups(0) == []
    assert quantile_groups(1) == [TOP]
    assert quantile_groups(2) == [TOP, LOWER]
    assert quantile_groups(20) == [TOP] * 2 + [UPPER] * 8 + [LOWER] * 10
