"""Tests of the entries of the search space."""

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import ValidationError

from sweep.definition.settings import Scalar
from sweep.definition.space import CategoricalEntry, Entry, FloatEntry, IntEntry


@pytest.mark.parametrize(
    ("entry", "distribution"),
    [
        (IntEntry(type="int", low=1, high=5), IntDistribution(1, 5)),
        (IntEntry(type="int", low=2, high=8, step=3), IntDistribution(2, 8, step=3)),
        (IntEntry(type="int", low=1, high=64, log=True), IntDistribution(1, 64, log=True)),
        (FloatEntry(type="float", low=0, high=1), FloatDistribution(0, 1)),
        (FloatEntry(type="float", low=0.1, high=0.7, step=0.3), FloatDistribution(0.1, 0.7, step=0.3)),
        (FloatEntry(type="float", low=1e-5, high=1, log=True), FloatDistribution(1e-5, 1, log=True)),
        (CategoricalEntry(type="categorical", choices=("a", None)), CategoricalDistribution(("a", None))),
    ],
)
def test_entry_suggests_values_of_its_distribution(entry: Entry, distribution: BaseDistribution) -> None:
    trial = optuna.create_study().ask()
    value = entry.suggest(trial, "x")
    assert entry.contains(value)
    assert entry.distribution() == distribution
    assert trial.distributions == {"x": distribution}
    assert trial.params == {"x": value}


INTEGER = IntEntry(type="int", low=1, high=7, step=3)
RANGE = FloatEntry(type="float", low=0, high=1)
GRID = FloatEntry(type="float", low=0.1, high=0.7, step=0.1)
CHOICE = CategoricalEntry(type="categorical", choices=(1, 0.5, "none", None))


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        (INTEGER, [1, 4, 7], [0, 2, 10, 4.0, True, "4", None]),
        (RANGE, [0, 1, 0.3], [-0.1, 1.1, True, "0.3", None, float("nan")]),
        (GRID, [0.1, 0.3, 0.7], [0.15, 0.8]),
        (CHOICE, [1, 0.5, "none", None], [1.0, True, "1", 2]),
    ],
)
def test_contains_accepts_the_values_that_can_be_suggested(
    entry: Entry, inside: list[Scalar], outside: list[Scalar]
) -> None:
    assert [value for value in inside if not entry.contains(value)] == []
    assert [value for value in outside if entry.contains(value)] == []


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (INTEGER, "an integer from 1 to 7 in steps of 3"),
        (RANGE, "a number from 0.0 to 1.0"),
        (GRID, "a number from 0.1 to 0.7 in steps of 0.1"),
        (CHOICE, 'one of 1, 0.5, "none", null'),
    ],
)
def test_entry_is_formatted_as_the_values_it_allows(entry: Entry, text: str) -> None:
    assert str(entry) == text


LABELLED = CategoricalEntry(
    type="categorical", choices={"small": [64, 64], "large": [512, 256], "auto": None, "map": {"a": 1}}
)


def test_labels_represent_values_of_any_form() -> None:
    assert LABELLED.names == ("small", "large", "auto", "map")
    assert [LABELLED.value(name) for name in LABELLED.names] == [[64, 64], [512, 256], None, {"a": 1}]
    assert LABELLED.contains("small")
    assert not LABELLED.contains("medium")
    assert str(LABELLED) == 'one of "small", "large", "auto", "map"'


def test_optuna_stores_labels_whose_order_does_not_matter() -> None:
    other = CategoricalEntry(type="categorical", choices=dict(reversed(LABELLED.choices.items())))
    assert LABELLED.distribution() == other.distribution()
    assert LABELLED.distribution().choices == ("auto", "large", "map", "small")
    assert LABELLED.suggest(optuna.create_study().ask(), "x") in LABELLED.names


@pytest.mark.parametrize(
    "choices", [{"a": [1], "b": [1.0]}, {"": 1}, {}, {"a": [float("nan")]}, {"a": {1: 2}}, [[1], [2]], 3, "a"]
)
def test_invalid_choices_are_rejected(choices: object) -> None:
    with pytest.raises(ValidationError):
        CategoricalEntry.model_validate({"type": "categorical", "choices": choices})
