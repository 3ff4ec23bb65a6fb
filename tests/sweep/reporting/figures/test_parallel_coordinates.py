"""The data of the parallel coordinates."""

import math

import pytest

from sweep.reporting.figures.parallel_coordinates import ABSENT, MAX_LINES, draw_parallel, parallel_info
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

SPACE = {
    "depth": {"type": "int", "low": 1, "high": 9},
    "rate": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
    "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
    "same": {"type": "int", "low": 1, "high": 9},
}


def data() -> StudyData:
    columns = {"depth": [1, 3, 5], "rate": [0.01, 0.1, 1.0], "kind": ["c", "b", "a"], "same": [4, 4, 4]}
    return studies.of_values([0.5, 0.6, 0.9], columns=columns, space=SPACE)


def test_line_crosses_each_axis_at_its_value() -> None:
    lines = {line.number: line.y for line in parallel_info(data()).lines}
    assert lines[0] == pytest.approx([0.0, 0.0, 1.0, 0.5, 0.0])
    assert lines[1] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.25])
    assert lines[2] == pytest.approx([1.0, 1.0, 0.0, 0.5, 1.0])


def test_axes_are_labelled_at_their_ends() -> None:
    depth, rate, kind, same, metric = parallel_info(data()).axes
    assert depth.ticks == [(0, "1"), (1, "5")]
    assert rate == ("rate (log)", [(0, "0.01"), (1, "1")])
    assert kind.ticks == [(0, "a"), (0.5, "b"), (1, "c")]
    assert same.ticks == [(0.5, "4")]
    assert metric.name == "validation accuracy"


@pytest.mark.parametrize(("sign", "direction", "tick"), [(1, "maximize", "≤ 95"), (-1, "minimize", "≥ -95")])
def test_outlier_does_not_compress_the_other_values(sign: int, direction: str, tick: str) -> None:
    values = [sign * value for value in (10.0, 95.0, 96.0, 95.5, 96.2, 97.0, 96.5, 95.8)]
    info = parallel_info(studies.of_values(values, direction=direction))
    heights = {line.number: line.y[-1] for line in info.lines}
    worst = heights[1]
    assert heights[0] == worst == (0 if sign > 0 else 1)
    assert abs(heights[3] - worst) == pytest.approx(0.25)
    assert tick in [text for _, text in info.axes[-1].ticks]


def test_missing_param_leaves_a_gap() -> None:
    data = studies.of_values([0.5, 0.6], columns={"x": [1.0, math.nan]}, space={})
    assert math.isnan({line.number: line.y for line in parallel_info(data).lines}[1][0])


def test_many_trials_are_thinned() -> None:
    info = parallel_info(studies.of_values([i / 5000 for i in range(5000)]))
    assert (len(info.lines), info.num_complete) == (MAX_LINES, 5000)


def test_absent_conditional_param_has_a_position_of_its_own() -> None:
    space = {
        "kind": {"type": "categorical", "choices": ["a", "b"]},
        "x": {"type": "float", "low": 0.0, "high": 1.0, "when": {"kind": "a"}},
    }
    columns = {"kind": ["a", "a", "b"], "x": [0.0, 1.0, None]}
    info = parallel_info(studies.of_values([0.5, 0.6, 0.7], columns=columns, space=space))
    assert {line.number: line.y[1] for line in info.lines} == {0: 0.0, 1: 1.0, 2: ABSENT}
    assert info.axes[1].ticks == [(ABSENT, "–"), (0.0, "0"), (1.0, "1")]
    assert draw_parallel(info).layout.yaxis.range[0] < ABSENT
