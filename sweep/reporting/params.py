"""The searched hyperparameters of a study as columns of numbers that figures can draw."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from sweep.definition.conditions import present_params, requirements
from sweep.definition.settings import Scalar
from sweep.definition.space import CategoricalEntry, Entry
from sweep.reporting.formatting import format_choice, format_choices, heading
from sweep.storage.study_data import StudyData

PREFIX = "param_"


class Param(NamedTuple):
    """One hyperparameter and its value in each of some trials.

    Attributes:
        name: The name of the hyperparameter.
        log: Whether an axis of the hyperparameter is logarithmic.
        choices: The choices as text if the hyperparameter is categorical; None if it is a number.
        values: The value in each trial. A categorical value is the index of its choice. NaN if the trial does
            not have the hyperparameter.
        condition: The condition under which trials have it as text, such as "if optimizer is sgd"; empty if
            all have it.
    """

    name: str
    log: bool
    choices: list[str] | None
    values: list[float]
    condition: str = ""

    @property
    def title(self) -> str:
        """The name in words, with the condition."""
        return f"{heading(self.name)} ({self.condition})" if self.condition else heading(self.name)


def param_names(data: StudyData) -> list[str]:
    """Return the names of the searched hyperparameters in the order of the study file.

    Hyperparameters that trials have, but that are no longer in the search space, come last.
    """
    found = [column.removeprefix(PREFIX) for column in data.trials.columns if column.startswith(PREFIX)]
    space = [name for name in data.study.space if name in found]
    return space + [name for name in found if name not in space]


def params_of_trial(data: StudyData, trial: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the searched hyperparameters that a trial has, a row of the DataFrame, by name."""
    values = {name: trial[PREFIX + name] for name in param_names(data)}
    space = data.study.space
    known = {name: None if pd.isna(value) else value for name, value in values.items()}
    present = present_params(space, known)
    return {name: value for name, value in values.items() if name in present or name not in space}


def condition_text(space: Mapping[str, Entry], name: str) -> str:
    """Return the condition of a hyperparameter, such as "if optimizer is sgd"; empty without one."""
    condition = space[name].when if name in space else {}
    parts = [
        f"{heading(parent)} is {' or '.join(map(_choice_text, values))}"
        for parent, values in condition.items()
    ]
    return f"if {' and '.join(parts)}" if parts else ""


def read_params(data: StudyData, trials: pd.DataFrame) -> list[Param]:
    """Return every searched hyperparameter with its values in `trials`, a part of the study's trials."""
    return [_read_param(data, name, trials) for name in param_names(data)]


def _read_param(data: StudyData, name: str, trials: pd.DataFrame) -> Param:
    """Read a column as its entry of the search space describes it; without an entry, by its values."""
    column, entry = trials[PREFIX + name], data.study.space.get(name)
    condition = condition_text(data.study.space, name)
    if isinstance(entry, CategoricalEntry):
        param = _read_categorical(name, entry.names, column)
        if entry.when and None in entry.names:  # a DataFrame does not distinguish this choice from absence
            pairs = zip(param.values, _is_met(data.study.space, name, trials), strict=True)
            param = param._replace(values=[value if is_met else math.nan for value, is_met in pairs])
        return param._replace(condition=condition)
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if entry is None and not is_number:
        return _read_categorical(name, (), column)
    values = pd.to_numeric(column, errors="coerce").astype(float)
    log = entry is not None and entry.log and not (values <= 0).any()
    return Param(name, log, None, values.tolist(), condition)


def _is_met(space: Mapping[str, Entry], name: str, trials: pd.DataFrame) -> "pd.Series[bool]":
    """Return whether the condition of a hyperparameter holds in each trial."""
    is_met = pd.Series(data=True, index=trials.index)
    for parent, values in requirements(space, name).items():
        column = trials[PREFIX + parent]
        is_met &= column.isin(values) | (column.isna() & (None in values))
    return is_met


def _read_categorical(name: str, choices: Sequence[Scalar], column: "pd.Series[Any]") -> Param:
    """Compare choices by value: a DataFrame may hold 32 as 32.0, which is equal, and None as NaN."""
    values = [None if pd.isna(value) else value for value in column]
    others = {value for value in values if value is not None} - set(choices)
    known = [*choices, *sorted(others, key=str)]
    index = {choice: float(position) for position, choice in enumerate(known)}
    return Param(name, False, format_choices(known), [index.get(value, math.nan) for value in values])


def _choice_text(choice: Scalar) -> str:
    return "None" if choice is None else format_choice(choice)
