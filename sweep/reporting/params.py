"""The searched parameters of a study, as columns of numbers that can be drawn."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from sweep.reporting.formatting import NONE, show_param
from sweep.storage.study_data import StudyData

PREFIX = "param_"


class Param(NamedTuple):
    """One parameter and its value in each of some trials.

    A categorical value is the index of its choice. NaN where a trial does not have the parameter.
    """

    name: str
    log: bool
    choices: list[str] | None  # as shown; None for a number
    values: list[float]


def param_names(data: StudyData) -> list[str]:
    """The searched parameters, in the order of the study file."""
    found = [column.removeprefix(PREFIX) for column in data.trials.columns if column.startswith(PREFIX)]
    space = [name for name in data.definition.get("space", {}) if name in found]
    return space + [name for name in found if name not in space]


def read_params(data: StudyData, trials: pd.DataFrame) -> list[Param]:
    """Every searched parameter with its values in `trials`, which are rows of the study's."""
    space = data.definition.get("space", {})
    return [_read_param(name, space.get(name, {}), trials[PREFIX + name]) for name in param_names(data)]


def _read_param(name: str, entry: Mapping[str, Any], column: "pd.Series[Any]") -> Param:
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if entry.get("type", "float" if is_number else "categorical") == "categorical":
        return _read_categorical(name, entry.get("choices") or [], column)
    values = pd.to_numeric(column, errors="coerce").astype(float)
    return Param(name, bool(entry.get("log")) and not (values <= 0).any(), None, values.tolist())


def _read_categorical(name: str, choices: list[Any], column: "pd.Series[Any]") -> Param:
    """Choices are told apart as they are shown: a DataFrame may hold 32 as 32.0, and None as NaN."""
    known = ["None" if choice is None else show_param(choice) for choice in choices]
    missing = "None" if "None" in known else NONE
    shown = [missing if pd.isna(value) else show_param(value) for value in column]
    known += sorted({value for value in shown if value != NONE} - set(known))
    return Param(
        name, False, known, [known.index(value) if value in known else float("nan") for value in shown]
    )
