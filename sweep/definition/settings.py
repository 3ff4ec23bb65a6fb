"""The base class of all settings, and the types that their fields share."""

import json
import math
import sys
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Settings(BaseModel):
    """Base class of all settings, which are immutable, reject unknown keys and do not convert types.

    The string below a field is its description, which the JSON schema and the error messages contain.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
    guide: ClassVar[str] = ""
    """Where the documentation explains the keys of such a file; shown if a key resembles no known one."""


def _check_scalar(value: object) -> object:
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ValueError("must be a single value (null, a boolean, a number or a string)")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Scalar = Annotated[bool | int | float | str | None, BeforeValidator(_check_scalar)]
"""A value that JSON, SQL and Optuna store without changing it."""


def _check_value(value: object) -> object:
    return _check_items(value) if isinstance(value, list | tuple | dict) else _check_scalar(value)


def _check_items(value: object) -> object:
    """Return a list or a mapping whose items, at any depth, are single values."""
    if isinstance(value, list | tuple):
        return [_check_items(item) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(  # noqa: TRY004 - for pydantic
                    f"has the key {json.dumps(key, default=str)}, which is not a string: put it in quotes"
                )
        return {key: _check_items(item) for key, item in value.items()}
    try:
        return _check_scalar(value)
    except ValueError as error:
        raise ValueError(f"has an item that {error}") from None


Value = Annotated[Any, BeforeValidator(_check_value)]
"""A single value, or a list or a mapping of values, which may be nested."""

_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_STUDY_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_PARAM_NAME = r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
_DOTTED_PATH = rf"^{_WORD}(\.{_WORD})*:{_WORD}$"

_VARIABLE_NAME = f"^{_WORD}$"
OBJECTIVE_OF = r"^(last|best|mean_of_last\([1-9][0-9]{0,5}\))$"
"""The epochs that determine the objective."""
HUB_PATH = rf"^samplers/[A-Za-z0-9_-]+:{_WORD}$"
"""The path of a sampler of OptunaHub."""

StudyName = Annotated[str, Field(pattern=_STUDY_NAME)]
"""The name of a study, which is also a part of folder names and of Slurm job names."""
ParamName = Annotated[str, Field(pattern=_PARAM_NAME)]
"""The name of a hyperparameter, as in `learning_rate`, `batch-size` or `model.width`."""

VariableName = Annotated[str, Field(pattern=_VARIABLE_NAME)]
"""The name of an environment variable."""


def _check_module(path: str) -> str:
    """Check that a path does not lead into Python itself, whose functions run what their arguments say.

    A user's own file `sweep.py` may have functions; the module of this package with that name has none.
    """
    module = path.partition(":")[0]
    package = module.partition(".")[0]
    if module == "sweep":
        return path
    if package in sys.stdlib_module_names or package in {"builtins", "sweep"}:
        if path == _PROBE:
            return path
        raise ValueError(
            f"must be a function of your own project or of an installed package, not of {package} (rename "
            f"your module if it has that name), but is {json.dumps(path)}"
        )
    return path


_PROBE = "sweep.worker.node_probe:probe"  # the train function of `sweep doctor`
DottedPath = Annotated[str, Field(pattern=_DOTTED_PATH), AfterValidator(_check_module)]
"""The import path of a function."""

PATTERN_DESCRIPTIONS = {
    _STUDY_NAME: 'at most 100 letters, digits, ".", "_" and "-", starting with a letter or a digit',
    _PARAM_NAME: 'letters, digits, "_", "-" and "." between them, starting with a letter or "_"',
    _VARIABLE_NAME: 'letters, digits and "_", not starting with a digit',
    _DOTTED_PATH: "package.module:function",
    OBJECTIVE_OF: "last, best or mean_of_last(K) with a number K",
    HUB_PATH: "samplers/PACKAGE:Class",
}
"""What each pattern matches, for error messages."""
