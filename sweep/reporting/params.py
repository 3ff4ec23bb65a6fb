"""The searched hyperparameters of a study as columns of numbers that figures can draw."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from sweep.definition.settings import Scalar
from sweep.definition.space import CategoricalEntry, Entry
from sweep.reporting.formatting import NONE, format_param
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
    """

    name: str
    log: bool
    choices: list[str] | None
    values: list[float]


def param_names(data: StudyData) -> list[str]:
    """Return the names of the searched hyperparameters in the order of the study file.

    Hyperparameters that trials have, but that are no longer in the search space, come last.
    """
    found = [column.removeprefix(PREFIX) for column in data.trials.columns if column.startswith(PREFIX)]
    space = [name for name in data.study.space if name in found]
    return space + [name for name in found if name not in space]


def read_params(data: StudyData, trials: pd.DataFrame) -> list[Param]:
    """Return every searched hyperparameter with its values in `trials`, a part of the study's trials."""
    return [
        _read_param(name, data.study.space.get(name), trials[PREFIX + name]) for name in param_names(data)
    ]


def _read_param(name: str, entry: Entry | None, column: "pd.Series[Any]") -> Param:
    """Read a column as its entry of the search space describes it; without an entry, by its values."""
    if isinstance(entry, CategoricalEntry):
        return _read_categorical(name, entry.choices, column)
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if entry is None and not is_number:
        return _read_categorical(name, (), column)
    values = pd.to_numeric(column, errors="coerce").astype(float)
    return Param(name, entry is not None and entry.log and not (values <= 0).any(), None, values.tolist())


def _read_categorical(name: str, choices: Sequence[Scalar], column: "pd.Series[Any]") -> Param:
    """Compare choices by their text, because a DataFrame may hold 32 as 32.0 and None as NaN."""
    known = ["None" if choice is None else format_param(choice) for choice in choices]
    missing = "None" if "None" in known else NONE
    shown = [missing if pd.isna(value) else format_param(value) for value in column]
    known += sorted({value for value in shown if value != NONE} - set(known))
    return Param(
        name, False, known, [known.index(value) if value in known else float("nan") for value in shown]
    )
