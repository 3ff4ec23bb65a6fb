"""How many pruned trials would probably have been among the best, had they been trained to their ends."""

from typing import NamedTuple

import numpy as np

from sweep.storage.study_data import StudyData

NUM_NEIGHBOURS = 5  # complete trials that predict the end of a pruned one
MIN_COMPLETE = 10  # complete trials with a value at the same epoch below which nothing is predicted
BEST_SHARE = 0.25  # of the complete trials are competitive


class Competitive(NamedTuple):
    """The expected number of pruned trials that would have been in the best quarter.

    Attributes:
        expected: The expected number.
        num_pruned: The number of pruned trials for which it was predicted.
    """

    expected: float
    num_pruned: int


def competitive_pruned(data: StudyData) -> Competitive | None:
    """Predict each pruned trial by the five complete trials whose values at its last epoch are nearest.

    The probability that it would have been in the best quarter is the share of these five that ended there.
    Returns None without pruned trials, or if too few complete trials have reached the epochs.
    """
    if not data.goals.is_single or data.metric not in data.epochs:
        return None
    complete = data.complete_trials["number"].tolist()
    best = set(complete[: max(round(BEST_SHARE * len(complete)), 1)])
    pruned = data.trials.loc[data.trials["state"] == "pruned", "number"].tolist()
    values = data.epochs.pivot(index="epoch", columns="number", values=data.metric)
    shares = []
    for number in pruned:
        if number not in values or (last := values[number].last_valid_index()) is None:
            continue
        at_epoch = values.loc[last].reindex(complete).dropna()
        if len(at_epoch) < MIN_COMPLETE:
            continue
        nearest = np.argsort((at_epoch - values.loc[last, number]).abs().to_numpy(), kind="stable")[
            :NUM_NEIGHBOURS
        ]
        shares.append(float(np.mean([at_epoch.index[place] in best for place in nearest])))
    return Competitive(sum(shares), len(shares)) if shares else None
