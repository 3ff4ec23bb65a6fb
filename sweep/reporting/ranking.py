"""Groups and subsets of trials that are ranked from the best to the worst."""

import numpy as np
import pandas as pd

TOP, UPPER, LOWER = "best 10 %", "next 40 %", "lower half"


def spread(trials: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Return at most `limit` rows at even distances, including the first and the last one.

    A figure with more points than that is no easier to read, and its page is slow to load.
    """
    if len(trials) <= limit:
        return trials
    return trials.iloc[np.linspace(0, len(trials) - 1, limit).astype(int)]


def quantile_groups(num_trials: int) -> list[str]:
    """Return the group of each of `num_trials` ranked trials: TOP, UPPER or LOWER."""
    num_top = -(-num_trials // 10)
    num_upper = max(-(-num_trials // 2) - num_top, 0)
    num_lower = num_trials - num_top - num_upper
    return [TOP] * num_top + [UPPER] * num_upper + [LOWER] * num_lower
