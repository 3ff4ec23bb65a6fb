"""The best value so far of several studies."""

import math

import pandas as pd
import pytest

from sweep.reporting.figures.best_so_far import best_so_far_info, describe_best_so_far, draw_best_so_far
from tests.sweep.reporting import synthetic_studies as studies


def test_line_has_a_point_at_each_improvement_and_at_the_end() -> None:
    trials, hours, gpu_hours = best_so_far_info(
        [studies.sequential("a", [0.5, 0.4, 0.7, 0.6]), studies.sequential("b", [0.6])]
    )
    a, b = trials.lines
    assert (a.study, a.efforts, a.values) == ("a", [1, 3, 4], [0.5, 0.7, 0.7])
    assert (b.study, b.efforts, b.values) == ("b", [1], [0.6])
    assert hours.lines[0].efforts == gpu_hours.lines[0].efforts == [1, 3, 4]


def test_smaller_value_is_an_improvement_when_minimizing() -> None:
    (line,) = best_so_far_info([studies.sequential("a", [0.5, 0.7, 0.4], "minimize")])[0].lines
    assert line.values == [0.5, 0.4]


def test_all_trials_count_in_the_order_in_which_they_ended() -> None:
    data = studies.sequential("a", [0.5, math.nan, 0.7])
    data.trials.loc[1, "state"] = "failed"
    data.trials.loc[0, "ended_at"] = studies.START + pd.Timedelta(hours=9)
    (line,) = best_so_far_info([data])[0].lines
    assert (line.efforts, line.values) == ([2, 3], [0.7, 0.7])


def test_gpu_hours_are_omitted_without_gpus() -> None:
    data = studies.sequential("a", [0.5])
    data.trials["gpu_seconds"] = 0.0
    assert [info.effort for info in best_so_far_info([data])] == ["trials", "hours"]


@pytest.mark.parametrize("make", [studies.empty, studies.all_failed])
def test_study_without_a_result_has_no_line(make: object) -> None:
    data = make()  # type: ignore[operator]
    for info in best_so_far_info([data, data]):
        assert info.lines == []
        assert draw_best_so_far(info).to_json()
        assert describe_best_so_far(info) == "No study has a complete trial yet."


def test_number_of_points_is_the_number_of_improvements() -> None:
    values = [number / 5000 if number % 1000 == 0 else 0.0 for number in range(5000)]
    assert len(best_so_far_info([studies.sequential("a", values)])[0].lines[0].values) == 6
