"""By how much the best epoch of a noisy learning curve overstates what the trial has learnt."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sweep.storage.study_data import StudyData

NUM_NEIGHBOURS = 6  # epochs around the best one that determine the line
MIN_EPOCHS = 8  # epochs of a trial below which the line is not determined


class Optimism(NamedTuple):
    """By how much the best epoch is better than the curve around it.

    Attributes:
        mean: The mean over the trials.
        of_best: The value for the best trial; None if it has reported too few epochs.
        num_trials: The number of trials.
    """

    mean: float
    of_best: float | None
    num_trials: int


def optimism(data: StudyData) -> Optimism | None:
    """Return the optimism of the complete trials; None if none of them has reported enough epochs."""
    if data.metric not in data.epochs:
        return None
    best = data.complete_trials["number"]
    curves = data.epochs[data.epochs["number"].isin(best)].sort_values("epoch").groupby("number")[data.metric]
    excess = {number: _excess(curve, data.direction == "maximize") for number, curve in curves}
    found = {number: value for number, value in excess.items() if value is not None}
    if not found:
        return None
    return Optimism(float(np.mean(list(found.values()))), found.get(best.iloc[0]), len(found))


def _excess(curve: "pd.Series[Any]", maximizes: bool) -> float | None:
    """Return by how much the best value is better than a line through the values around it.

    The line does not use the best value itself, which was chosen for its noise.
    """
    values = curve.dropna().to_numpy(float)
    if len(values) < MIN_EPOCHS:
        return None
    gains = values if maximizes else -values
    best = int(gains.argmax())
    distance = np.abs(np.arange(len(gains)) - best)
    distance[best] = len(gains)
    neighbours = np.argsort(distance, kind="stable")[:NUM_NEIGHBOURS]
    expected = np.polyval(np.polyfit(neighbours, gains[neighbours], 1), best)
    return float(gains[best] - expected)
