"""The comparison of a reproduced trial with the recorded one, for each metric and epoch."""

import math
from collections.abc import Mapping
from typing import NamedTuple

Metrics = Mapping[str, float | None]
"""Metrics by name; None where a value was not finite."""

RESULT = 0
"""The key of a trial's result among its epochs, which are counted from 1."""


class Agreement(NamedTuple):
    """How one metric of two trainings compares.

    Attributes:
        metric: The metric's name.
        first_difference: The first epoch that differs, `RESULT` for the result; None if all are identical.
        largest_difference: The largest absolute difference.
    """

    metric: str
    first_difference: int | None
    largest_difference: float


def agreements(recorded: Mapping[int, Metrics], now: Mapping[int, Metrics]) -> list[Agreement]:
    """Compare each metric over the epochs that both trainings have, and over the result."""
    epochs = sorted(recorded.keys() & now.keys(), key=lambda epoch: math.inf if epoch == RESULT else epoch)
    metrics = sorted({metric for epoch in epochs for metric in recorded[epoch].keys() & now[epoch].keys()})
    return [_agreement(metric, epochs, recorded, now) for metric in metrics]


def _agreement(
    metric: str, epochs: list[int], recorded: Mapping[int, Metrics], now: Mapping[int, Metrics]
) -> Agreement:
    in_both = [epoch for epoch in epochs if metric in recorded[epoch] and metric in now[epoch]]
    distances = {epoch: difference(recorded[epoch][metric], now[epoch][metric]) for epoch in in_both}
    first = next((epoch for epoch, distance in distances.items() if distance > 0), None)
    return Agreement(metric, first, max(distances.values()))


def difference(one: float | None, other: float | None) -> float:
    """Return the absolute difference of two values; infinity if only one of them is finite."""
    one, other = (None if each is None or not math.isfinite(each) else each for each in (one, other))
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other)
