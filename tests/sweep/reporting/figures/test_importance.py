"""The importance of the hyperparameters."""

from typing import Any

import numpy as np
import pytest

from sweep.reporting.figures.importance import (
    ImportanceInfo,
    describe_importance,
    draw_importance,
    importance_info,
)
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies

SPACE = {
    "matters": {"type": "float", "low": 0.001, "high": 1.0, "log": True},
    "idle": {"type": "categorical", "choices": ["a", "b"]},
    "same": {"type": "int", "low": 1, "high": 9, "step": 2},
}


def data(num_trials: int) -> StudyData:
    random = np.random.default_rng(0)
    rates = 10 ** random.uniform(-3, 0, num_trials)
    idle = random.choice(["a", "b"], num_trials)
    columns = {"matters": rates.tolist(), "idle": idle.tolist(), "same": [3] * num_trials}
    return studies.of_values((1 - rates).tolist(), columns=columns, space=SPACE)


def test_decisive_param_comes_first() -> None:
    info = importance_info(data(100))
    assert info.params[0] == "matters"
    assert set(info.params) == set(SPACE)
    assert sum(info.shares) == pytest.approx(1)
    assert info.caveat == ""


def test_few_trials_have_a_caveat() -> None:
    info = importance_info(data(16))
    assert info.params
    assert "only 16 complete trials" in info.caveat


def test_importance_requires_a_minimum_of_trials() -> None:
    info = importance_info(data(14))
    assert (info.params, info.shares) == ([], [])
    assert "requires 15 complete trials within the search space, but there are 14" in info.caveat


def test_bars_have_intervals_that_narrow_with_more_trials() -> None:
    few, many = importance_info(data(30)), importance_info(data(400))
    for info in (few, many):
        for share, (low, high) in zip(info.shares, info.intervals, strict=True):
            assert 0 <= low <= share <= high <= 1
        bar = draw_importance(info).data[0]
        assert len(bar.error_x.array) == len(info.params)
        assert "95 % bootstrap intervals" in describe_importance(info)

    def width(info: ImportanceInfo) -> float:
        return info.intervals[0].high - info.intervals[0].low

    assert width(many) < width(few)
    assert importance_info(data(30)) == few


def test_equal_trials_have_no_importance() -> None:
    columns = {"matters": [0.1] * 30, "idle": ["a"] * 30, "same": [1] * 30}
    info = importance_info(studies.of_values([0.5] * 30, columns=columns, space=SPACE))
    assert info.params == []
    assert "no hyperparameter varied" in info.caveat


def test_trials_outside_the_search_space_are_omitted() -> None:
    study = data(30)
    study.trials.loc[:1, "param_matters"] = 5.0
    study.trials.loc[2, "param_idle"] = "c"
    assert "3 trials outside the search space" in importance_info(study).caveat


def test_nothing_is_logged_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    importance_info(data(30))
    assert capfd.readouterr() == ("", "")


CONDITIONAL = {
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "momentum": {"type": "float", "low": 0.0, "high": 1.0, "when": {"optimizer": "sgd"}},
    "idle": {"type": "float", "low": 0.0, "high": 1.0, "when": {"optimizer": "sgd"}},
    "rare": {"type": "float", "low": 0.0, "high": 1.0, "when": {"optimizer": "adam"}},
}


def conditional(num_adam: int) -> StudyData:
    """Return a study in which sgd is worse than adam, and its results depend on momentum alone."""
    random = np.random.default_rng(0)
    columns: dict[str, list[Any]] = {name: [] for name in CONDITIONAL}
    values = []
    for number in range(100):
        is_adam = number < num_adam
        momentum, idle, rare = random.uniform(size=3)
        values.append(2 + 0.01 * rare if is_adam else momentum)
        row = ("adam", None, None, rare) if is_adam else ("sgd", momentum, idle, None)
        for name, value in zip(CONDITIONAL, row, strict=True):
            columns[name].append(value)
    return studies.of_values(values, columns=columns, space=CONDITIONAL)


def test_importance_of_a_conditional_param_is_computed_within_its_group() -> None:
    info = importance_info(conditional(num_adam=50))
    shares = dict(zip(info.params, info.shares, strict=True))
    assert info.params[0] == "optimizer"
    assert shares["optimizer"] == 1  # among all trials, which have nothing else
    assert shares["momentum"] > 0.8
    assert shares["momentum"] + shares["idle"] == pytest.approx(1, abs=0.01)  # optimizer does not vary
    assert info.titles[1:3] == ["momentum (if optimizer is sgd)", "idle (if optimizer is sgd)"]
    assert "momentum (if optimizer is sgd)" in describe_importance(info)
    assert list(draw_importance(info).data[0].y)[1] == "momentum<br>if optimizer is sgd"


def test_group_with_too_few_trials_is_named() -> None:
    info = importance_info(conditional(num_adam=3))
    assert "rare" not in info.params
    assert "omits rare, because fewer than 15 complete trials have a value" in info.caveat
