"""No password reaches a report, wherever a URL was written down: in a command, a study file, an error."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweep.redaction import hide_passwords
from sweep.storage.study_data import StudyData


def without_passwords(data: StudyData) -> StudyData:
    """The same study with `***` for each password in a URL."""
    return dataclasses.replace(
        data,
        definition=_hidden(data.definition),
        provenance=_hidden(data.provenance),
        trials=_hidden_in_frame(data.trials),
        attempts=_hidden_in_frame(data.attempts),
        evaluation=None if data.evaluation is None else without_passwords(data.evaluation),
    )


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return hide_passwords(value)
    if isinstance(value, Mapping):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    return value


def _hidden_in_frame(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.select_dtypes(["object", "str"])
    return frame.assign(
        **{str(name): column.map(_hidden, na_action="ignore") for name, column in texts.items()}
    )
