"""What a reader should take home from a study: a few sentences, each from its numbers."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweep.definition.space import FloatEntry, IntEntry
from sweep.reporting.figures.cost import CostInfo, cost_info
from sweep.reporting.figures.history import HistoryInfo, history_info
from sweep.reporting.formatting import heading, is_share, show_count, show_metric, show_param
from sweep.reporting.params import PREFIX, param_names
from sweep.storage.study_data import StudyData

MIN_EPOCHS = 8  # of the best trial, to tell how much its metric wobbles
MIN_TRIALS = 8  # complete, before an end of a range says anything
FLAT_SHARE = 0.3  # of the trials, the last ones without an improvement
MAX_NAMES = 3
CLEARLY = 4  # wobbles: a trend over noise alone is below 2 of them 39 times in 40


def findings(data: StudyData) -> list[str]:
    """By how much the best won, whether to believe it and to go on, what it cost, what to change."""
    best = data.complete_trials
    if best.empty:
        return [_nothing_yet(data)]
    found = [
        _lead(data, best),
        _belief(data, best),
        _convergence(data, history_info(data)),
        _cost(cost_info(data)),
    ]
    return [sentence for sentence in [*found, *_next_steps(data, best)] if sentence]


def wobble(data: StudyData, number: int) -> float | None:
    """How much a trial's metric varies over its last quarter of epochs: the standard deviation.

    A straight line is taken out, so that a trial that still improves is not said to wobble. None where
    there are too few epochs.
    """
    if data.metric not in data.epochs:
        return None
    values = data.epochs[data.epochs["number"] == number].sort_values("epoch")[data.metric].dropna()
    if len(values) < MIN_EPOCHS:
        return None
    last = values.to_numpy(float)[-max(len(values) // 4, 4) :]
    epochs = np.arange(len(last))
    rest = last - np.polyval(np.polyfit(epochs, last, 1), epochs)
    return float(np.sqrt((rest**2).sum() / (len(last) - 2)))


def _nothing_yet(data: StudyData) -> str:
    failed = data.trials[data.trials["state"] == "failed"]
    if len(failed) and len(failed) == len(data.trials):
        cause = heading(str(failed["cause"].mode().get(0, "unknown")))
        return f"Every trial failed, most often of this cause: {cause}. The failures below say more."
    return "No trial has completed with a value yet."


def _lead(data: StudyData, best: pd.DataFrame) -> str:
    values = best["value"].astype(float)
    if len(best) == 1:
        return "Only one trial is complete: there is nothing to compare it with yet."
    second, median = (abs(values.iloc[0] - other) for other in (values.iloc[1], values.median()))
    lead = _difference(data, second)
    ahead = f"is {lead} better than" if lead.strip("0. points") else "does as well as"
    return (
        f"Trial {best['number'].iloc[0]} {ahead} the next best, trial {best['number'].iloc[1]}, and is "
        f"{_difference(data, median)} better than the median of {show_count(len(best), 'complete trial')}."
    )


def _belief(data: StudyData, best: pd.DataFrame) -> str:
    noise = wobble(data, int(best["number"].iloc[0]))
    if noise is None or len(best) == 1:
        return ""
    values = best["value"].astype(float)
    num_near = int((abs(values - values.iloc[0]) <= 2 * noise).sum())
    wobbles = f"Its {heading(data.metric)} wobbles by {_difference(data, noise)} from epoch to epoch"
    if num_near == 1:
        return f"{wobbles}, less than half of its lead; one seed is still one seed."
    return f"{wobbles}, so take the best {num_near} trials as equal until more seeds have been tried."


def _convergence(data: StudyData, history: HistoryInfo) -> str:
    num_since = int((data.trials["number"] > history.best_numbers[-1]).sum())
    if num_since >= max(FLAT_SHARE * len(data.trials), 5):
        return (
            f"The last {show_count(num_since, 'trial')} brought no better one: more of the same hardly help."
        )
    return f"The best came {show_count(num_since, 'trial')} before the last: more trials may well help."


def _cost(cost: CostInfo) -> str:
    if not cost.outcomes:
        return ""
    wasted = f", {cost.wasted:,.1f} of them on attempts that failed" if cost.wasted >= 0.05 else ""
    return f"It took {cost.total:,.1f} {cost.unit}{wasted}."


def _next_steps(data: StudyData, best: pd.DataFrame) -> Iterator[str]:
    if edges := list(_at_an_end(data, best))[:MAX_NAMES]:
        yield f"The best trials crowd at an end of a range; widen it: {', '.join(edges)}."
    if _still_improves(data, int(best["number"].iloc[0])):
        yield "The best trial still improved at its end: give it more epochs."


def _at_an_end(data: StudyData, best: pd.DataFrame) -> Iterator[str]:
    """Ranges of numbers at an end of which the best tenth lie, while complete trials are all over it."""
    if len(best) < MIN_TRIALS:
        return
    for name in param_names(data):
        entry = data.study.space.get(name)
        if not isinstance(entry, IntEntry | FloatEntry) or entry.low == entry.high:
            continue
        low, high = entry.low, entry.high
        scale = math.log if entry.log else float
        places = pd.to_numeric(best[PREFIX + name], errors="coerce").dropna()
        places = places[(places >= low) & (places <= high)].map(scale)
        shares = (places - scale(low)) / (scale(high) - scale(low))
        top = shares.head(max(3, -(-len(best) // 10)))
        if len(top) < 3 or shares.max() - shares.min() < 0.5:
            continue
        if (top >= 0.9).all():
            yield f"{heading(name)} above {show_param(high)}"
        elif (top <= 0.1).all():
            yield f"{heading(name)} below {show_param(low)}"


def _still_improves(data: StudyData, number: int) -> bool:
    """Whether the metric's trend over the last quarter of epochs is clearly more than its wobble."""
    noise = wobble(data, number)
    if noise is None:
        return False
    values = data.epochs[data.epochs["number"] == number].sort_values("epoch")[data.metric].dropna()
    last = values.to_numpy(float)[-max(len(values) // 4, 4) :]
    gain = (np.polyfit(np.arange(len(last)), last, 1)[0]) * (len(last) - 1)
    return bool((gain if data.direction == "maximize" else -gain) > CLEARLY * noise > 0)


def _difference(data: StudyData, amount: float) -> str:
    """A difference of two values; of shares, in percentage points."""
    if is_share(data.metric) and data.complete_trials["value"].astype(float).between(0, 1).all():
        return f"{100 * amount:.2f} points"
    return show_metric("", amount)
