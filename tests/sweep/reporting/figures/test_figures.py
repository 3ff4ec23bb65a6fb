import dataclasses
import math
from itertools import chain

import numpy as np
import pandas as pd
import pytest

from sweep.reporting.figures import theme
from sweep.reporting.figures.history import MAX_DOTS, history_info
from sweep.reporting.figures.importance import importance_info
from sweep.reporting.figures.learning_curves import MAX_TRIALS, curves_info
from sweep.reporting.figures.parallel_coordinates import MAX_LINES, parallel_info
from sweep.reporting.figures.slices import describe_slice, slices_info
from sweep.reporting.page.sections import sections
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

EDGE_CASES = {
    "empty": studies.empty,
    "one trial": studies.one_trial,
    "all failed": studies.all_failed,
    "values not finite": lambda: studies.of_values([math.nan, math.inf]),
    "no params": lambda: studies.of_values([0.5, 0.6], columns={}, space={}),
    "one that never varied": lambda: studies.of_values(
        [i / 40 for i in range(40)],
        columns={"same": [3] * 40, "x": list(range(40))},
        space={"same": {"type": "int", "low": 1, "high": 9}, "x": {"type": "int", "low": 0, "high": 40}},
    ),
    "metrics not finite": lambda: without_metrics(studies.kmnist()),
    "no attempt has begun": lambda: dataclasses.replace(
        studies.kmnist(), attempts=studies.kmnist().attempts.assign(started_at=pd.NaT, ended_at=pd.NaT)
    ),
    "five thousand trials": lambda: studies.kmnist(num_trials=5000, num_epochs=4),
    "unicode": lambda: studies.of_values(
        [0.5, 0.6],
        columns={"größe <b>": ["小", "大"]},
        space={"größe <b>": {"type": "categorical", "choices": ["小", "大"]}},
    ),
}


def without_metrics(data: StudyData) -> StudyData:
    """A study whose every epoch reported nan."""
    metrics = data.epochs.columns.drop(["number", "epoch"])
    return dataclasses.replace(data, epochs=data.epochs.assign(**dict.fromkeys(metrics, math.nan)))


@pytest.mark.parametrize("name", EDGE_CASES)
def test_every_figure_of_every_edge_case_can_be_drawn_and_described(name: str) -> None:
    data = EDGE_CASES[name]()
    plots = [plot for section in sections(data) for panel in section.panels for plot in panel.plots]
    for plot in plots:
        assert plot.figure.to_json()
        assert plot.description.endswith(".")
    assert len({plot.name for plot in plots}) == len(plots)


class TestHistory:
    def test_the_best_so_far_has_a_step_for_each_improvement(self) -> None:
        info = history_info(studies.of_values([0.5, 0.4, 0.7, 0.6, 0.8]))
        assert info.values == [0.5, 0.4, 0.7, 0.6, 0.8]
        assert (info.best_numbers, info.best_values) == ([0, 2, 4], [0.5, 0.7, 0.8])

    def test_less_is_better_when_minimizing(self) -> None:
        info = history_info(studies.of_values([0.5, 0.7, 0.4], direction="minimize"))
        assert info.best_numbers == [0, 2]

    def test_pruned_and_failed_trials_are_apart(self) -> None:
        data = studies.kmnist()
        info = history_info(data)
        by_state = data.trials.groupby("state")["number"].agg(list)
        assert info.numbers == by_state["complete"]
        assert info.incomplete == {state: by_state[state] for state in ("pruned", "failed")}

    def test_ten_thousand_trials_are_thinned_and_the_best_stays(self) -> None:
        values = np.random.default_rng(0).uniform(size=10_000)
        info = history_info(studies.of_values(values.tolist()))
        assert len(info.numbers) == MAX_DOTS
        assert info.num_complete == 10_000
        assert int(values.argmax()) in info.numbers
        assert info.best_values[-1] == values.max()


class TestLearningCurves:
    def test_a_plot_a_metric_train_beside_validation(self) -> None:
        metrics = [info.metric for info in curves_info(studies.kmnist())]
        assert metrics == ["train_accuracy", "val_accuracy", "train_loss", "val_loss"]

    def test_a_curve_holds_what_its_trial_reported(self) -> None:
        data = studies.kmnist()
        info = curves_info(data)[1]
        for curve in info.curves:
            rows = data.epochs[data.epochs["number"] == curve.number]
            assert curve.x == rows["epoch"].tolist()
            assert curve.y == rows["val_accuracy"].tolist()

    def test_the_best_trial_is_a_group_of_its_own(self) -> None:
        data = studies.kmnist()
        best = [curve.number for curve in curves_info(data)[0].curves if curve.group == "best"]
        assert best == [data.trials.set_index("number")["value"].idxmax()]

    def test_train_and_validation_share_an_extent(self) -> None:
        train, validation, train_loss, _ = curves_info(studies.kmnist())
        assert train.extent == validation.extent
        assert train.extent != train_loss.extent

    def test_epochs_without_a_value_are_left_out(self) -> None:
        data = studies.kmnist(3)
        data.epochs.loc[data.epochs["epoch"] == 2, "val_accuracy"] = math.nan
        data.epochs.loc[data.epochs["number"] == 0, "val_accuracy"] = math.nan
        curves = curves_info(data)[1].curves
        assert 2 not in chain.from_iterable(curve.x for curve in curves)
        assert 0 not in [curve.number for curve in curves]

    def test_many_trials_and_epochs_are_thinned(self) -> None:
        info = curves_info(studies.kmnist(num_trials=300, num_epochs=450))[0]
        assert len(info.curves) == MAX_TRIALS < info.num_trials
        best = next(curve for curve in info.curves if curve.group == "best")
        assert (len(best.x), best.x[-1]) == (150, 450)

    def test_a_loss_over_decades_is_on_a_log_axis_and_an_accuracy_never(self) -> None:
        data = studies.kmnist()
        data.epochs.loc[0, ["train_loss", "train_accuracy"]] = [100.0, 0.0001]
        logs = {info.metric: info.log for info in curves_info(data)}
        assert logs == {"train_accuracy": False, "val_accuracy": False, "train_loss": True, "val_loss": True}


class TestParallelCoordinates:
    SPACE = {  # noqa: RUF012
        "depth": {"type": "int", "low": 1, "high": 9},
        "rate": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
        "kind": {"type": "categorical", "choices": ["a", "b", "c"]},
        "same": {"type": "int", "low": 1, "high": 9},
    }

    def data(self) -> StudyData:
        columns = {"depth": [1, 3, 5], "rate": [0.01, 0.1, 1.0], "kind": ["c", "b", "a"], "same": [4, 4, 4]}
        return studies.of_values([0.5, 0.6, 0.9], columns=columns, space=self.SPACE)

    def test_a_line_goes_through_each_axis_at_its_value(self) -> None:
        lines = {line.number: line.y for line in parallel_info(self.data()).lines}
        assert lines[0] == pytest.approx([0.0, 0.0, 1.0, 0.5, 0.0])
        assert lines[1] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.25])
        assert lines[2] == pytest.approx([1.0, 1.0, 0.0, 0.5, 1.0])

    def test_axes_say_what_their_ends_are(self) -> None:
        depth, rate, kind, same, metric = parallel_info(self.data()).axes
        assert depth.ticks == [(0, "1"), (1, "5")]
        assert rate == ("rate (log)", [(0, "0.01"), (1, "1")])
        assert kind.ticks == [(0, "a"), (0.5, "b"), (1, "c")]
        assert same.ticks == [(0.5, "4")]
        assert metric.name == "validation accuracy"

    @pytest.mark.parametrize(
        ("sign", "direction", "tick"), [(1, "maximize", "≤ 95"), (-1, "minimize", "≥ -95")]
    )
    def test_a_value_far_off_does_not_flatten_the_rest(self, sign: int, direction: str, tick: str) -> None:
        values = [sign * value for value in (10.0, 95.0, 96.0, 95.5, 96.2, 97.0, 96.5, 95.8)]
        info = parallel_info(studies.of_values(values, direction=direction))
        heights = {line.number: line.y[-1] for line in info.lines}
        worst = heights[1]
        assert heights[0] == worst == (0 if sign > 0 else 1)
        assert abs(heights[3] - worst) == pytest.approx(0.25)
        assert tick in [text for _, text in info.axes[-1].ticks]

    def test_a_param_that_a_trial_does_not_have_leaves_a_gap(self) -> None:
        data = studies.of_values([0.5, 0.6], columns={"x": [1.0, math.nan]}, space={})
        assert math.isnan({line.number: line.y for line in parallel_info(data).lines}[1][0])

    def test_five_thousand_trials_are_thinned(self) -> None:
        info = parallel_info(studies.of_values([i / 5000 for i in range(5000)]))
        assert (len(info.lines), info.num_complete) == (MAX_LINES, 5000)


class TestImportance:
    SPACE = {  # noqa: RUF012
        "matters": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
        "idle": {"type": "categorical", "choices": ["a", "b"]},
        "same": {"type": "int", "low": 1, "high": 9, "step": 2},
    }

    def data(self, num_trials: int) -> StudyData:
        random = np.random.default_rng(0)
        rates = 10 ** random.uniform(-3, 0, num_trials)
        idle = random.choice(["a", "b"], num_trials)
        columns = {"matters": rates.tolist(), "idle": idle.tolist(), "same": [3] * num_trials}
        return studies.of_values((1 - rates).tolist(), columns=columns, space=self.SPACE)

    def test_the_param_that_decides_comes_first(self) -> None:
        info = importance_info(self.data(100))
        assert info.params[0] == "matters"
        assert set(info.params) == set(self.SPACE)
        assert sum(info.shares) == pytest.approx(1)
        assert info.caveat == ""

    def test_few_trials_carry_a_caveat(self) -> None:
        info = importance_info(self.data(12))
        assert info.params
        assert "Only 12 complete trials" in info.caveat

    def test_too_few_trials_are_said_to_be_too_few(self) -> None:
        info = importance_info(self.data(3))
        assert (info.params, info.shares) == ([], [])
        assert "needs 4 complete trials" in info.caveat

    def test_equal_trials_have_no_importance(self) -> None:
        columns = {"matters": [0.1] * 30, "idle": ["a"] * 30, "same": [1] * 30}
        info = importance_info(studies.of_values([0.5] * 30, columns=columns, space=self.SPACE))
        assert info.params == []
        assert "no parameter varied" in info.caveat

    def test_trials_outside_the_search_space_are_left_out(self) -> None:
        data = self.data(30)
        data.trials.loc[:1, "param_matters"] = 5.0
        data.trials.loc[2, "param_idle"] = "c"
        assert "3 trials outside the search space" in importance_info(data).caveat

    def test_nothing_is_logged_to_the_terminal(self, capfd: pytest.CaptureFixture[str]) -> None:
        importance_info(self.data(30))
        assert capfd.readouterr() == ("", "")


class TestSlices:
    def test_a_slice_a_param_with_the_best_tenth_marked(self) -> None:
        data = studies.of_values([i / 20 for i in range(20)], columns={"x": list(range(20))}, space={})
        (info,) = slices_info(data)
        assert info.numbers == list(range(20))
        assert info.param.values == [float(i) for i in range(20)]
        assert [number for number, top in zip(info.numbers, info.is_top, strict=True) if top] == [18, 19]

    def test_a_param_that_never_varied_is_said_not_to(self) -> None:
        data = studies.of_values([0.1, 0.2], columns={"x": [3, 3]}, space={})
        assert "never varied" in describe_slice(slices_info(data)[0])


class TestTheme:
    @pytest.mark.parametrize("background", ["#ffffff", "#1b1f23"])
    def test_every_colour_stands_out_from_light_and_from_dark(self, background: str) -> None:
        for color in theme.STATE_COLORS.values():
            light, dark = sorted([luminance(color), luminance(background)], reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.1, 1.4.11

    def test_an_axis_leaves_out_what_would_flatten_the_rest(self) -> None:
        low, high = theme.focus([0.1, 0.95, 0.96, 0.955, 0.962, 0.97, 0.965, 0.958], "maximize")["range"]
        assert 0.94 < low < 0.95
        assert 0.97 < high < 0.98

    def test_an_axis_shows_all_where_nothing_is_far_off_or_there_are_few(self) -> None:
        assert theme.focus([0.91, 0.95, 0.96, 0.955, 0.962, 0.97, 0.965, 0.93], "maximize") == {}
        assert theme.focus([0.1, 0.95, 0.96], "maximize") == {}
        assert theme.focus([0.5] * 9, "maximize") == {}

    def test_far_off_is_on_the_worse_side_only(self) -> None:
        values = [0.1, 0.95, 0.96, 0.955, 0.962, 0.97, 0.965, 0.958]
        assert theme.focus(values, "minimize") == {}
        assert theme.focus([-value for value in values], "minimize")["range"][1] < -0.94

    def test_names_are_shown_letter_for_letter(self) -> None:
        assert theme.plain("<b>&</b>") == "&lt;b&gt;&amp;&lt;/b&gt;"

    def test_log_ticks_are_numbers_in_full(self) -> None:
        assert theme.log_axis(0.02, 0.9)["ticktext"] == [
            "0.01",
            "0.02",
            "0.05",
            "0.1",
            "0.2",
            "0.5",
            "1",
            "2",
            "5",
        ]
        assert theme.log_axis(1e-5, 1)["ticktext"] == ["1e-05", "0.0001", "0.001", "0.01", "0.1", "1"]


def luminance(color: str) -> float:
    """Relative luminance as WCAG defines it."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))
