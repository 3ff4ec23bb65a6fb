"""The failure policy of a study: which failed trials are retried, and when the study is stopped."""

import ast
import inspect
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    WithJsonSchema,
)

from sweep.definition.problem import format_choices
from sweep.definition.settings import Settings
from sweep.states import Cause

DEFAULT_RETRIES: dict[Cause, int] = {
    Cause.PREEMPTED: 5,
    Cause.NODE_FAILURE: 3,
    Cause.TIMEOUT: 2,
    Cause.OUT_OF_MEMORY: 1,
    Cause.LAUNCH_FAILURE: 1,
    Cause.LOST: 2,
    Cause.ERROR: 0,
}
"""How often one trial is retried after each cause of failure. Cancelled trials are not retried."""


def _check_cause(value: object) -> object:
    """Convert a key of `retries` to a cause.

    Raises:
        ValueError: If there is no such cause, or if trials are not retried after it.
    """
    if value == Cause.CANCELLED.value:
        raise ValueError("a cancelled trial is not retried automatically; `sweep retry` requests a retry")
    if value not in [cause.value for cause in DEFAULT_RETRIES]:
        available = [cause.value for cause in DEFAULT_RETRIES]
        raise ValueError(f"no such cause; {format_choices(str(value), available)}")
    return Cause(value)


def _add_defaults(retries: Mapping[Cause, int]) -> dict[Cause, int]:
    return {**DEFAULT_RETRIES, **retries}


def _cause_descriptions() -> Mapping[Cause, str]:
    """Return the string below each member of `Cause`, which Python does not keep at run time."""
    (definition,) = ast.parse(inspect.getsource(Cause)).body
    assert isinstance(definition, ast.ClassDef)
    descriptions = {}
    for member, description in zip(definition.body, definition.body[1:], strict=False):
        match member, description:
            case ast.Assign(targets=[ast.Name(name)]), ast.Expr(ast.Constant(text)):
                descriptions[Cause[name]] = str(text)
    return descriptions


def _retries_schema() -> dict[str, Any]:
    descriptions = _cause_descriptions()
    properties = {
        cause.value: {"default": default, "description": descriptions[cause], "minimum": 0, "type": "integer"}
        for cause, default in DEFAULT_RETRIES.items()
    }
    return {"additionalProperties": False, "properties": properties, "type": "object"}


Retries = Annotated[
    dict[Annotated[Cause, BeforeValidator(_check_cause)], NonNegativeInt],
    AfterValidator(_add_defaults),
    WithJsonSchema(_retries_schema()),
]
"""The maximum number of retries of one trial, by cause. Causes that are omitted keep their defaults."""


class Failures(Settings):
    """The failure policy: retries of trials, and when the study is stopped."""

    retries: Retries = DEFAULT_RETRIES
    """The maximum number of retries of one trial, by cause of the failure."""
    stop_after_same: PositiveInt = 3
    """Stop the study after this number of consecutive trials have failed with the same cause."""
    refusal_patience_min: PositiveFloat = 30.0
    """Stop the study after the scheduler has rejected all its jobs for an unknown reason for this time, in
    minutes."""
    memory_factor: float = Field(default=1.0, ge=1.0)
    """Factor by which a retry requests more memory after an attempt that ran out of memory."""
