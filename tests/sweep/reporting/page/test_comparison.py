import dataclasses
import math
from pathlib import Path

import pandas as pd
import pytest

from sweep.errors import InputError
from sweep.reporting.figures.best_so_far import best_so_far_info, describe_best_so_far, draw_best_so_far
from sweep.reporting.page.comparison import comparison, winners
from sweep.reporting.report import write_comparison
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies
from tests.sweep.reporting.page.test_page import Elements

START = pd.Timestamp("2025-05-03 14:00", tz="UTC")


def of(name: str, values: list[float], direction: str = "maximize", **fields: object) -> StudyData:
    """Return a study whose trials take an hour each, one after another, on one GPU."""
    data = studies.of_values(values, direction=direction)
    hours = [pd.Timedelta(hours=number) for number in range(len(values) + 1)]
    trials = data.trials.assign(
        started_at=[START + hour for hour in hours[:-1]],
        ended_at=[START + hour for hour in hours[1:]],
        gpu_seconds=3600.0,
    )
    return studies.with_definition(dataclasses.replace(data, trials=trials), name=name, **fields)


class TestBestSoFar:
    def test_a_line_a_study_with_a_point_at_each_improvement_and_at_the_end(self) -> None:
        trials, hours, gpu_hours = best_so_far_info([of("a", [0.5, 0.4, 0.7, 0.6]), of("b", [0.6])])
        a, b = trials.lines
        assert (a.study, a.efforts, a.values) == ("a", [1, 3, 4], [0.5, 0.7, 0.7])
        assert (b.study, b.efforts, b.values) == ("b", [1], [0.6])
        assert hours.lines[0].efforts == gpu_hours.lines[0].efforts == [1, 3, 4]

    def test_less_is_better_when_minimizing(self) -> None:
        (line,) = best_so_far_info([of("a", [0.5, 0.7, 0.4], "minimize")])[0].lines
        assert line.values == [0.5, 0.4]

    def test_trials_count_in_the_order_in_which_they_ended_whatever_came_of_them(self) -> None:
        data = of("a", [0.5, math.nan, 0.7])
        data.trials.loc[1, "state"] = "failed"
        data.trials.loc[0, "ended_at"] = START + pd.Timedelta(hours=9)
        (line,) = best_so_far_info([data])[0].lines
        assert (line.efforts, line.values) == ([2, 3], [0.7, 0.7])

    def test_without_gpus_there_is_no_plot_of_gpu_hours(self) -> None:
        data = of("a", [0.5])
        data.trials["gpu_seconds"] = 0.0
        assert [info.effort for info in best_so_far_info([data])] == ["trials", "hours"]

    @pytest.mark.parametrize("make", [studies.empty, studies.all_failed])
    def test_a_study_without_a_result_has_no_line(self, make: object) -> None:
        data = make()  # type: ignore[operator]
        for info in best_so_far_info([data, data]):
            assert info.lines == []
            assert draw_best_so_far(info).to_json()
            assert describe_best_so_far(info) == "No study has a complete trial yet."

    def test_five_thousand_trials_are_as_many_points_as_improvements(self) -> None:
        values = [number / 5000 if number % 1000 == 0 else 0.0 for number in range(5000)]
        assert len(best_so_far_info([of("a", values)])[0].lines[0].values) == 6


def test_study_with_the_best_value_is_first_and_marked() -> None:
    rows = winners([of("a", [0.5]), studies.empty(), of("größe", [0.7, 0.6])]).rows
    assert [(row.kind, row.cells[0]) for row in rows] == [("best", "größe"), ("", "a"), ("", "kmnist")]
    assert winners([of("a", [0.5], "minimize"), of("b", [0.7], "minimize")]).rows[0].cells[0] == "a"


def test_fixed_param_is_listed_beside_the_searched_one() -> None:
    searched = studies.of_values([0.5], {"depth": [3]}, {"depth": {"type": "int", "low": 1, "high": 5}})
    fixed = of("b", [0.4], space={}, fixed={"depth": 8})
    table = winners([searched, fixed])
    column = [column.heading for column in table.columns].index("depth")
    assert [row.cells[column] for row in table.rows] == ["3", "8"]


def test_studies_with_different_objectives_raise_error() -> None:
    other = studies.with_definition(studies.empty(), name="other", metric="val_loss", direction="minimize")
    with pytest.raises(
        InputError, match=r"cannot be compared.*\n  kmnist: val_accuracy, maximized\n  other: val_loss"
    ):
        comparison([studies.empty(), other])


def test_page_contains_the_table_and_the_figures() -> None:
    elements = Elements(comparison([of("a", [0.5, 0.6]), of("<b>", [0.7])]))
    assert "2 studies compared" in elements.text
    assert len(elements.plots()) == 3
    assert "b" not in elements.tags


def test_comparison_is_written_without_passwords(tmp_path: Path) -> None:
    command = "sweep launch --storage postgresql://me:hunter2@db/x"
    data = dataclasses.replace(of("a", [0.5]), provenance={"command": command})
    path = write_comparison([data, of("b", [0.6])], tmp_path)
    assert path.name == "comparison.html"
    assert b"hunter2" not in path.read_bytes()
