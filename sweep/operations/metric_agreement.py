"""Two runs of one trial, compared metric by metric and epoch by epoch."""

import math
from collections.abc import Mapping
from typing import NamedTuple

Metrics = Mapping[str, float | None]  # None where a value was no finite number


class Agreement(NamedTuple):
    """How one metric of two runs compares."""

    metric: str
    num_compared: int  # epochs, and the result
    first_difference: int | None  # the epoch, 0 for the result; None when all are the same to the last bit
    largest_difference: float


def agreements(recorded: Mapping[int, Metrics], now: Mapping[int, Metrics]) -> list[Agreement]:
    """For each metric, over the epochs that both have; 0 stands for the result, which comes last."""
    epochs = sorted(recorded.keys() & now.keys(), key=lambda epoch: epoch or math.inf)
    metrics = sorted({metric for epoch in epochs for metric in recorded[epoch].keys() & now[epoch].keys()})
    return [_agreement(metric, epochs, recorded, now) for metric in metrics]


def _agreement(
    metric: str, epochs: list[int], recorded: Mapping[int, Metrics], now: Mapping[int, Metrics]
) -> Agreement:
    both = [epoch for epoch in epochs if metric in recorded[epoch] and metric in now[epoch]]
    apart = {epoch: difference(recorded[epoch][metric], now[epoch][metric]) for epoch in both}
    first = next((epoch for epoch, distance in apart.items() if distance > 0), None)
    return Agreement(metric, len(both), first, max(apart.values()))


def difference(one: float | None, other: float | None) -> float:
    """How far two values are apart: 0 for the same, infinity where only one is a finite number."""
    one, other = (None if each is None or not math.isfinite(each) else each for each in (one, other))
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other)
