"""Metrics as a train function reports or returns them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

MAX_NAME_LENGTH = 128  # characters; the length of the database's column


def plain_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics as plain floats. The train function may use any number type.

    Raises:
        TypeError: If a value is not a single number.
        ValueError: If a name is longer than the database allows.
    """
    plain = {}
    for name, value in metrics.items():
        if len(str(name)) > MAX_NAME_LENGTH:
            raise ValueError(
                f"the name of a metric must have at most {MAX_NAME_LENGTH} characters, "
                f"but {name!r} has {len(name)}"
            )
        if not isinstance(value, numbers.Real) and not hasattr(value, "__float__"):
            raise TypeError(f"metric {name!r} must be a number, but got {value!r}")
        plain[str(name)] = float(value)
    return plain


def check_objective(metric: str, metrics: Mapping[str, float]) -> None:
    """Check that the returned metrics contain a value of the objective.

    Raises:
        ValueError: If the objective is missing or not a number.
    """
    if metric not in metrics:
        raise ValueError(
            f"the study's metric is {metric!r}, but the train function returned {sorted(metrics)}"
        )
    if math.isnan(metrics[metric]):
        raise ValueError(f"the study's metric {metric!r} is nan")
