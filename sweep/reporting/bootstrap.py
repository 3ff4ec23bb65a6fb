"""Bootstrap intervals of the importance of hyperparameters."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from optuna.trial import FrozenTrial

NUM_RESAMPLES = 100
MAX_TRIALS = 200
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """An interval."""

    low: float
    high: float


def bootstrap_intervals(
    trials: Sequence[FrozenTrial],
    shares: Mapping[str, float],
    shares_of: Callable[[Sequence[FrozenTrial]], Mapping[str, float]],
) -> list[Interval]:
    """Return the percentile interval of the share of each hyperparameter (Efron 1979).

    The trials are resampled with replacement. If there are more than `MAX_TRIALS`, fewer are drawn, and the
    intervals are narrowed by the square root of the ratio (Bickel, Götze and van Zwet 1997, "Resampling fewer
    than n observations").

    Args:
        trials: The trials.
        shares: The share of each hyperparameter, as computed from all of these trials.
        shares_of: Computes the shares from trials. It returns an empty mapping if they are undefined.
    """
    random = np.random.default_rng(0)
    num_drawn = min(len(trials), MAX_TRIALS)
    resampled = [
        shares_of([trials[index] for index in random.integers(len(trials), size=num_drawn)])
        for _ in range(NUM_RESAMPLES)
    ]
    tail = (1 - CONFIDENCE) / 2
    scale = (num_drawn / len(trials)) ** 0.5
    intervals = []
    for name, share in shares.items():
        values = [found.get(name, 0.0) for found in resampled if found] or [share]
        low, high = (share + scale * (np.quantile(values, [tail, 1 - tail]) - share)).clip(0, 1)
        intervals.append(Interval(min(float(low), share), max(float(high), share)))
    return intervals
