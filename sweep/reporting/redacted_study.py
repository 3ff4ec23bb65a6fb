"""A study without passwords: URLs occur in commands, study files, hyperparameters and error messages."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd
from pydantic import BaseModel

from sweep.redaction import hide_passwords
from sweep.storage.study_data import StudyData


def without_passwords(data: StudyData) -> StudyData:
    """Return the study with `***` in place of each password in a URL."""
    return dataclasses.replace(
        data,
        study=_redacted(data.study),
        provenance=_redacted(data.provenance),
        trials=_redacted_frame(data.trials),
        attempts=_redacted_frame(data.attempts),
        baselines=_redacted(data.baselines),
        evaluation=None if data.evaluation is None else without_passwords(data.evaluation),
    )


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return hide_passwords(value)
    if isinstance(value, BaseModel):
        # The copy is not validated: two choices may be equal once their passwords are hidden.
        return value.model_copy(update={name: _redacted(field) for name, field in value})
    if isinstance(value, Mapping):
        # A key may be the label of a choice, or a member of an enumeration, which must stay one.
        return {_redacted(key) if type(key) is str else key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_redacted(item) for item in value)
    return value


def _redacted_frame(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.select_dtypes(["object", "str"])
    return frame.assign(
        **{str(name): column.map(_redacted, na_action="ignore") for name, column in texts.items()}
    )
