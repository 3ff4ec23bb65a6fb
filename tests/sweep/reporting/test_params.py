import math
from typing import Any

import pytest

from sweep.reporting.params import Param, param_names, params_of_trial, read_params
from sweep.storage.study_data import StudyData
from tests.sweep.reporting import synthetic_studies as studies


def read(column: list[Any], entry: dict[str, Any]) -> Param:
    data = studies.of_values([0.5] * len(column), columns={"x": column}, space={"x": entry})
    return read_params(data, data.trials)[0]


def test_params_keep_the_order_of_the_study_file() -> None:
    assert param_names(studies.kmnist()) == list(studies.SPACE)


def test_categorical_value_is_the_index_of_its_choice() -> None:
    param = read(["b", "a", "b"], {"type": "categorical", "choices": ["a", "b", "c"]})
    assert (param.choices, param.values) == (["a", "b", "c"], [1, 0, 1])


@pytest.mark.parametrize("column", [[64, 32], [64.0, 32.0]])
def test_numeric_choice_is_found_if_pandas_made_it_a_float(column: list[float]) -> None:
    assert read(column, {"type": "categorical", "choices": [32, 64]}).values == [1, 0]


def test_choices_are_told_apart_by_value() -> None:
    decays = [0.999, 0.9999, 0.99995, 0.99999]
    param = read([*decays, *decays], {"type": "categorical", "choices": decays})
    assert (param.choices, param.values) == (["0.999", "0.9999", "0.99995", "0.99999"], [0, 1, 2, 3] * 2)
    param = read(["1", 1], {"type": "categorical", "choices": [1, "1"]})
    assert (param.choices, param.values) == (["1", '"1"'], [1, 0])


def test_none_is_a_choice_only_if_the_study_file_lists_it() -> None:
    assert read(["a", None], {"type": "categorical", "choices": ["a", None]}).values == [0, 1]
    assert math.isnan(read(["a", None], {"type": "categorical", "choices": ["a"]}).values[1])


def test_choice_removed_from_the_study_file_is_kept() -> None:
    assert read(["b", "z"], {"type": "categorical", "choices": ["a", "b"]}).choices == ["a", "b", "z"]


def test_log_scale_requires_positive_values() -> None:
    entry = {"type": "float", "low": 0.01, "high": 1.0, "log": True}
    assert read([0.1, 0.2], entry).log
    assert not read([0.1, 0.0], entry).log


@pytest.mark.parametrize(
    ("column", "choices"), [([1, 2], None), (["a", "b"], ["a", "b"]), ([True, False], ["False", "True"])]
)
def test_param_without_an_entry_is_read_by_its_values(column: list[Any], choices: Any) -> None:
    data = studies.of_values([0.5, 0.6], columns={"x": column}, space={})
    assert read_params(data, data.trials)[0].choices == choices


CONDITIONAL = {
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "clip": {"type": "categorical", "choices": [None, 1.0], "when": {"optimizer": "sgd"}},
    "layers": {"type": "int", "low": 1, "high": 9, "when": {"optimizer": ["adam"]}},
}


def conditional() -> StudyData:
    columns: dict[str, list[Any]] = {
        "optimizer": ["sgd", "sgd", "adam"],
        "clip": [None, 1.0, None],
        "layers": [None, None, 3],
    }
    return studies.of_values([0.1, 0.2, 0.3], columns=columns, space=CONDITIONAL)


def test_choice_none_differs_from_absence() -> None:
    _, clip, layers = read_params(conditional(), conditional().trials)
    assert clip.values[:2] == [0, 1]
    assert math.isnan(clip.values[2])
    assert layers.values[2] == 3
    assert (clip.title, layers.title) == ("clip (if optimizer is sgd)", "layers (if optimizer is adam)")


def test_params_of_a_trial_omit_those_that_it_does_not_have() -> None:
    rows = conditional().trials.to_dict("records")
    assert [list(params_of_trial(conditional(), row)) for row in rows] == [
        ["optimizer", "clip"], ["optimizer", "clip"], ["optimizer", "layers"],
    ]  # fmt: skip
