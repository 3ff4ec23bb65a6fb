"""Settings: the frozen, strict pydantic model that every part of a study or cluster file is."""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Settings(BaseModel):
    """Base of all settings: nothing is converted, unknown keys are errors, numbers are finite.

    The line below a field describes it; the JSON schema and the error messages repeat that line.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _check_scalar(value: object) -> object:
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError("must be a single value: null, true or false, a number or text")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Scalar = Annotated[bool | int | float | str | None, BeforeValidator(_check_scalar)]
"""A value that JSON, SQL and Optuna all keep as it is."""

_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_STUDY_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_PARAM_NAME = f"^{_WORD}$"
_DOTTED_PATH = rf"^{_WORD}(\.{_WORD})*:{_WORD}$"

# It becomes part of folder names and Slurm job names.
StudyName = Annotated[str, Field(pattern=_STUDY_NAME)]
# Without dots, which `--set space.batch_size.low=8` puts between keys.
ParamName = Annotated[str, Field(pattern=_PARAM_NAME)]
DottedPath = Annotated[str, Field(pattern=_DOTTED_PATH)]

PATTERNS_IN_WORDS = {
    _STUDY_NAME: 'at most 100 letters, digits, ".", "_" and "-", the first a letter or digit',
    _PARAM_NAME: 'letters, digits and "_", the first no digit',
    _DOTTED_PATH: "package.module:function",
}
