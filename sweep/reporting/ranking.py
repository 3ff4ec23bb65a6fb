"""Which trial is better: the one order that tables and figures share."""

import numpy as np
import pandas as pd

from sweep.storage.study_data import StudyData

STATES = ("complete", "pruned", "running", "waiting", "failed")
TOP, UPPER, LOWER = "best 10 %", "next 40 %", "lower half"


def ranked(data: StudyData) -> pd.DataFrame:
    """All trials: complete ones best first, then pruned, running, waiting and failed ones."""
    loss = data.trials["value"].astype(float) * (-1 if data.direction == "maximize" else 1)
    order = pd.DataFrame(
        {
            "state": data.trials["state"].map(STATES.index),
            "loss": loss.where(np.isfinite(loss)),
            "number": data.trials["number"],
        }
    )
    return data.trials.loc[order.sort_values(["state", "loss", "number"], na_position="last").index]


def completed(data: StudyData) -> pd.DataFrame:
    """The complete trials that have a finite value, best first."""
    trials = ranked(data)
    return trials[(trials["state"] == "complete") & np.isfinite(trials["value"].astype(float))]


def spread(trials: pd.DataFrame, limit: int) -> pd.DataFrame:
    """At most `limit` rows, evenly spaced, the first among them: enough for an eye, light for a page."""
    if len(trials) <= limit:
        return trials
    return trials.iloc[np.linspace(0, len(trials) - 1, limit).astype(int)]


def tiers(num_trials: int) -> list[str]:
    """For each of so many trials, best first, how good it is among them."""
    num_top = -(-num_trials // 10)
    num_upper = max(-(-num_trials // 2) - num_top, 0)
    num_lower = num_trials - num_top - num_upper
    return [TOP] * num_top + [UPPER] * num_upper + [LOWER] * num_lower
