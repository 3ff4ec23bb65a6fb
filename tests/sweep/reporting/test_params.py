import math
from typing import Any

import pytest

from sweep.reporting.params import Param, param_names, read_params
from tests.sweep.reporting import synthetic_studies as studies


def read(column: list[Any], entry: dict[str, Any]) -> Param:
    data = studies.of_values([0.5] * len(column), columns={"x": column}, space={"x": entry})
    return read_params(data, data.trials)[0]


def test_params_are_in_the_order_of_the_study_file() -> None:
    assert param_names(studies.kmnist()) == list(studies.SPACE)


def test_a_choice_is_its_place_in_the_study_file() -> None:
    param = read(["b", "a", "b"], {"type": "categorical", "choices": ["a", "b", "c"]})
    assert (param.choices, param.values) == (["a", "b", "c"], [1, 0, 1])


@pytest.mark.parametrize("column", [[64, 32], [64.0, 32.0]])
def test_a_number_as_a_choice_may_have_become_a_float(column: list[float]) -> None:
    assert read(column, {"type": "categorical", "choices": [32, 64]}).values == [1, 0]


def test_none_is_a_choice_where_the_study_file_says_so() -> None:
    assert read(["a", None], {"type": "categorical", "choices": ["a", None]}).values == [0, 1]
    assert math.isnan(read(["a", None], {"type": "categorical", "choices": ["a"]}).values[1])


def test_a_choice_that_left_the_study_file_is_still_shown() -> None:
    assert read(["b", "z"], {"type": "categorical", "choices": ["a", "b"]}).choices == ["a", "b", "z"]


def test_a_log_scale_needs_positive_values() -> None:
    entry = {"type": "float", "low": 0.01, "high": 1.0, "log": True}
    assert read([0.1, 0.2], entry).log
    assert not read([0.1, 0.0], entry).log


@pytest.mark.parametrize(
    ("column", "choices"), [([1, 2], None), (["a", "b"], ["a", "b"]), ([True, False], ["False", "True"])]
)
def test_a_param_that_is_not_in_the_study_file_is_read_by_its_values(column: list[Any], choices: Any) -> None:
    data = studies.of_values([0.5, 0.6], columns={"x": column}, space={})
    assert read_params(data, data.trials)[0].choices == choices
