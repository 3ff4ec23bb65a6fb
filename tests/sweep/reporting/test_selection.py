"""The statements on the best of the evaluated configurations."""

from sweep.reporting.evaluation_table import evaluation_table
from sweep.reporting.seed_statistics import EvaluatedConfiguration
from sweep.reporting.selection import HEADINGS, describe_selection


def configuration(trial: int, *values: float) -> EvaluatedConfiguration:
    numbers = list(range(len(values)))
    return EvaluatedConfiguration(trial, {"x": trial}, "test_accuracy", list(values), numbers)


CONFIGURATIONS = [
    configuration(4, 0.90, 0.92, 0.94),
    configuration(7, 0.91, 0.93, 0.92, 0.92),
    configuration(9, 0.50, 0.52, 0.51),
]


def test_statements_name_the_probability_each_difference_and_the_method() -> None:
    first, *leads, method = describe_selection(CONFIGURATIONS, "maximize")
    assert "the best test accuracy of the 3 configurations with a probability of" in first
    assert "judged by 10 trainings" in first
    assert len(leads) == 2
    assert all("(95 % interval)" in lead for lead in leads)
    assert "trial 9 is the best with a probability of less than 0.1 %" in leads[1]
    assert "Bayesian random-effects model" in method
    assert describe_selection(CONFIGURATIONS, "maximize", with_leads=False) == [first, method]


def test_table_has_the_probability_and_the_interval_of_each_configuration() -> None:
    table = evaluation_table(CONFIGURATIONS, "maximize")
    assert [column.heading for column in table.columns[-2:]] == list(HEADINGS)
    assert table.rows[2].cells[-2] == "less than 0.1 %"
    assert " to " in table.rows[2].cells[-1]
    assert [row.cells[-1] for row in table.rows].count("–") == 1


def test_single_seeds_are_not_compared() -> None:
    single = [configuration(4, 0.9), configuration(7, 0.8)]
    assert describe_selection(single, "maximize") == []
    assert len(evaluation_table(single, "maximize").columns) == 4
    assert evaluation_table([], "maximize").rows == []
