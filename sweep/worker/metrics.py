"""Metrics as a train function reports or returns them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_NAME_LENGTH = 128  # characters; the length of the database's column
MAX_METRICS = 1000
"""How many metrics an epoch or a trial may have."""
RESERVED_NAMES = frozenset({"epoch", "number"})
"""Names of columns in the tables of a report."""


def plain_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics as plain floats. The train function may use any number type.

    Raises:
        TypeError: If the metrics are not a mapping from names to single numbers.
        ValueError: If a name cannot be stored, or if there are too many metrics.
    """
    if not isinstance(metrics, Mapping):
        raise TypeError(
            f"metrics must be a mapping such as {{'accuracy': 0.9}}, but got {_described(metrics)}"
        )
    if len(metrics) > MAX_METRICS:
        raise ValueError(f"there must be at most {MAX_METRICS} metrics, but got {len(metrics)}")
    plain = {}
    for name, value in metrics.items():
        if message := problem_with_name(name):
            raise ValueError(f"the name of a metric {message}")
        if name in RESERVED_NAMES:
            raise ValueError(
                f"the name of a metric must not be {name!r}, because reports have a column of this name; "
                "choose another name"
            )
        plain[str(name)] = _plain_number(str(name), value)
    return plain


def returned_metrics(returned: Any, train: str, objectives: Sequence[str]) -> dict[str, float]:
    """Return what a train function has returned as plain floats.

    A single number is the objective. Several numbers are the objectives in the order of the study file.

    Args:
        returned: What it returned.
        train: The function's dotted path, for messages.
        objectives: The names of the objectives that it returns.

    Raises:
        TypeError: If it is neither a mapping from names to single numbers nor one number for each objective.
        ValueError: If a name cannot be stored.
    """
    if isinstance(returned, Mapping):
        return plain_numbers(returned)
    is_sequence = isinstance(returned, (list, tuple))
    values = list(returned) if is_sequence and len(objectives) > 1 else [returned]
    try:
        if len(values) != len(objectives):
            raise TypeError
        return plain_numbers(dict(zip(objectives, values)))  # noqa: B905 - Python 3.8 has no strict=
    except TypeError:
        several = f"{len(objectives)} numbers" if len(objectives) != 1 else "a number"
        example = ", ".join(f"{name!r}: 0.9" for name in objectives)
        raise TypeError(
            f"{train} must return {several if objectives else 'a mapping'} or its metrics by name, such as "
            f"{{{example}}}, but it returned {_described(returned)}"
        ) from None


def problem_with_name(name: Any) -> str | None:
    """Return why a metric cannot have this name, as the rest of a sentence; None if it can."""
    if not isinstance(name, str):
        return f"must be text, but got {_described(name)}"
    if not name or len(name) > MAX_NAME_LENGTH:
        return f"must have 1 to at most {MAX_NAME_LENGTH} characters, but {name[:200]!r} has {len(name)}"
    if name != name.strip() or not name.isprintable():  # databases disagree about spaces at the end
        return f"must not begin or end with spaces or contain control characters, but got {name!r}"
    return None


def check_required(required: Iterable[str], metrics: Mapping[str, float]) -> None:
    """Check that the returned metrics contain a value of each objective and of each constrained metric.

    Raises:
        ValueError: If a metric is missing or not a number.
    """
    for metric in required:
        if metric not in metrics:
            raise ValueError(
                f"the study's metric is {metric!r}, but the train function returned {sorted(metrics)}"
            )
        if math.isnan(metrics[metric]):
            raise ValueError(f"the study's metric {metric!r} is nan")


def _plain_number(name: str, value: Any) -> float:
    is_number = isinstance(value, numbers.Real) or hasattr(value, "__float__")
    if is_number and not isinstance(value, str):
        try:
            return float(value)
        except OverflowError:  # a whole number beyond the range of floats
            return math.inf if value > 0 else -math.inf
        except (TypeError, ValueError):  # an array of several numbers
            pass
    raise TypeError(f"metric {name!r} must be a number, but got {_described(value)}")


def _described(value: Any) -> str:
    """Return a value for a message, shortened, with its type unless its text shows it."""
    if value is None or isinstance(value, (str, int, float)):
        return repr(value)[:200]
    return f"{type(value).__name__}: {value!r:.200}"
