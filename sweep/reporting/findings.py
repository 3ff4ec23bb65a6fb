"""The main findings of a study as sentences, each derived from its numbers."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from sweep.definition.space import FloatEntry, IntEntry
from sweep.reporting.code_comparison import code_notes
from sweep.reporting.figures.cost import CostInfo, cost_info
from sweep.reporting.figures.history import HistoryInfo, history_info
from sweep.reporting.figures.hypervolume import hypervolume_info, num_without_improvement
from sweep.reporting.formatting import format_count, format_metric, format_param, heading, is_share
from sweep.reporting.optimism import optimism
from sweep.reporting.params import PREFIX, param_names
from sweep.storage.study_data import StudyData

MIN_EPOCHS = 8  # epochs of a trial below which its noise cannot be estimated
MIN_TRIALS = 8  # complete trials below which the ends of the ranges say nothing
FLAT_SHARE = 0.3  # share of the trials without an improvement from which a search counts as converged
MAX_NAMES = 3
CLEAR_TREND = 4  # in standard deviations of the noise: noise alone stays below 2 of them 39 times in 40


def findings(data: StudyData) -> list[str]:
    """Return the main findings of a study as sentences.

    The sentences state by how much the best trial leads, whether the lead is reliable, whether more trials
    may help, what the study cost, and which changes to the study file may improve the result.
    """
    best = data.complete_trials
    if best.empty:
        return [_no_result(data)]
    if not data.goals.is_single:
        return [
            *_trade_offs(data),
            *_infeasible(data),
            *_repeats(data),
            *_early_stop(data),
            *filter(None, [_cost(cost_info(data))]),
            *code_notes(data),
        ]
    sentences = [
        _lead(data, best),
        *_infeasible(data),
        _reliability(data, best),
        _optimism(data),
        *_repeats(data),
        *(_early_stop(data) or [_convergence(data, history_info(data))]),
        _cost(cost_info(data)),
        *_next_steps(data, best),
        _pruner(data),
        *code_notes(data),
    ]
    return [sentence for sentence in sentences if sentence]


def epoch_noise(data: StudyData, number: int) -> float | None:
    """Return how much the objective of a trial varies from epoch to epoch.

    This is the standard deviation over the last quarter of its epochs around a straight line, so that
    continued improvement does not count as noise. None if the trial has reported too few epochs.
    """
    values = _objective_by_epoch(data, number)
    if len(values) < MIN_EPOCHS:
        return None
    last = _last_quarter(values)
    epochs = np.arange(len(last))
    residuals = last - np.polyval(np.polyfit(epochs, last, 1), epochs)
    return float(np.sqrt((residuals**2).sum() / (len(last) - 2)))


def _objective_by_epoch(data: StudyData, number: int) -> "np.ndarray[Any, Any]":
    if data.metric not in data.epochs:
        return np.array([])
    epochs = data.epochs[data.epochs["number"] == number].sort_values("epoch")
    return epochs[data.metric].dropna().to_numpy(float)


def _last_quarter(values: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    return values[-max(len(values) // 4, 4) :]


def _no_result(data: StudyData) -> str:
    failed = data.trials[data.trials["state"] == "failed"]
    if len(failed) and len(failed) == len(data.trials):
        cause = heading(str(failed["cause"].mode().get(0, "unknown")))
        return f"All trials failed. The most frequent cause is: {cause}. The section on failures has details."
    if (data.trials["state"] == "complete").any() and data.goals.constraints:
        return f"No complete trial satisfies the constraints: {_constraints(data)}."
    return "No trial is complete yet."


def _trade_offs(data: StudyData) -> Iterator[str]:
    """Yield sentences on the Pareto front: its size, its ends, and whether it still grows."""
    front, complete = data.best_trials, format_count(len(data.complete_trials), "complete trial")
    complete += " within the constraints" if data.goals.constraints else ""
    is_one = len(front) == 1
    yield (
        f"{len(front):,} of {complete} {'is' if is_one else 'are'} on the Pareto front: no other trial is "
        "better in one objective and at least as good in the others."
    )
    for objective, trial in data.front_ends:
        value = format_metric(objective.metric, trial[f"final_{objective.metric}"])
        yield f"The best {heading(objective.metric)} is {value}, of trial {trial['number']}."
    info = hypervolume_info(data)
    num_since = num_without_improvement(info)
    if info.numbers and num_since >= max(FLAT_SHARE * len(info.numbers), 5):
        trials = format_count(num_since, "complete trial")
        yield f"The last {trials} did not extend the front, so more trials are unlikely to help."
    elif info.numbers:
        since = f"was followed by only {format_count(num_since, 'trial')}" if num_since else "is the last one"
        yield f"The trial that last extended the front {since}, so more trials may extend it further."


def _infeasible(data: StudyData) -> Iterator[str]:
    """Yield a sentence if complete trials violate a constraint."""
    num_infeasible = int(((data.trials["state"] == "complete") & ~data.is_feasible).sum())
    if num_infeasible:
        trials = format_count(num_infeasible, "complete trial")
        verb = "violates" if num_infeasible == 1 else "violate"
        yield f"{trials} {verb} a constraint and cannot win: {_constraints(data)}."


def _constraints(data: StudyData) -> str:
    """Return the constraints as a clause, as in "peak memory GB at most 16"."""
    shown = (constraint._replace(metric=heading(constraint.metric)) for constraint in data.goals.constraints)
    return " and ".join(map(str, shown))


def _lead(data: StudyData, best: pd.DataFrame) -> str:
    values = best["value"].astype(float)
    if len(best) == 1:
        return "Only one trial is complete, so there is nothing to compare it with yet."
    second, median = (abs(values.iloc[0] - other) for other in (values.iloc[1], values.median()))
    lead = _difference(data, second)
    comparison = f"is {lead} better than" if re.search("[1-9]", lead) else "is as good as"
    return (
        f"Trial {best['number'].iloc[0]} {comparison} the next best, trial {best['number'].iloc[1]}, and is "
        f"{_difference(data, median)} better than the median of {format_count(len(best), 'complete trial')}."
    )


def _reliability(data: StudyData, best: pd.DataFrame) -> str:
    noise = epoch_noise(data, int(best["number"].iloc[0]))
    if noise is None or len(best) == 1:
        return ""
    values = best["value"].astype(float)
    num_near = int((abs(values - values.iloc[0]) <= 2 * noise).sum())
    variation = f"Its {heading(data.metric)} varies by {_difference(data, noise)} from epoch to epoch"
    if num_near == 1:
        return f"{variation}, less than half of its lead, but it was trained with one seed only."
    return f"{variation}, so the best {num_near} trials cannot be distinguished with one seed each."


def _optimism(data: StudyData) -> str:
    if data.study.objective_of != "best":
        return ""
    text = "The objective is the best epoch of each trial. The maximum of a noisy curve is optimistic"
    if data.direction == "minimize":
        text = text.replace("maximum", "minimum")
    found = optimism(data)
    if found is None:
        return f"{text}; the trials have reported too few epochs to say by how much."
    of_best = f", and by {_difference(data, found.of_best)} for the best trial" if found.of_best else ""
    return (
        f"{text}: in this study by {_difference(data, found.mean)} on average over "
        f"{format_count(found.num_trials, 'complete trial')}{of_best}, compared with a line through the "
        "epochs around the best one."
    )


def _convergence(data: StudyData, history: HistoryInfo) -> str:
    num_since = int((data.trials["number"] > history.best_numbers[-1]).sum())
    if num_since >= max(FLAT_SHARE * len(data.trials), 5):
        trials = format_count(num_since, "trial")
        return f"The last {trials} brought no improvement, so more trials are unlikely to help."
    if num_since == 0:
        return "The last trial is the best one, so more trials may improve the result."
    return (
        f"The best trial was followed by only {format_count(num_since, 'trial')}, so more trials may improve "
        "the result."
    )


def _repeats(data: StudyData) -> Iterator[str]:
    """Yield a sentence if trials have taken over the results of others."""
    if num_repeats := int(data.is_repeat.sum()):
        trials = format_count(num_repeats, "trial")
        verb = "repeats a configuration and has" if num_repeats == 1 else "repeat configurations and have"
        yield f"{trials} {verb} not been trained; only trained trials are compared below."


def _early_stop(data: StudyData) -> list[str]:
    """Return a sentence if the study's rules have ended it early."""
    return [] if data.stopped_early is None else [f"The study ended early: {data.stopped_early}."]


def _cost(cost: CostInfo) -> str:
    if not cost.outcomes:
        return ""
    wasted = f", {cost.wasted:,.1f} of them on attempts that failed" if cost.wasted >= 0.05 else ""
    return f"The study took {cost.total:,.1f} {cost.unit}{wasted}."


def _next_steps(data: StudyData, best: pd.DataFrame) -> Iterator[str]:
    if ends := list(_range_ends(data, best))[:MAX_NAMES]:
        yield (
            "The best trials lie at an end of a search range. Consider extending the range: "
            f"{', '.join(ends)}."
        )
    if _still_improves(data, int(best["number"].iloc[0])):
        yield "The best trial was still improving in its last epochs. Consider training for more epochs."


def _pruner(data: StudyData) -> str:
    metric = data.study.pruner.judged_metric(data.metric)
    if metric is None or (metric in data.epochs and data.epochs[metric].notna().any()):
        return ""
    return (
        f"No trial could be pruned, because the pruner judges {metric}, which no trial has reported in an "
        "epoch."
    )


def _range_ends(data: StudyData, best: pd.DataFrame) -> Iterator[str]:
    """Yield the ends of numeric ranges at which the best tenth of the trials lie.

    A hyperparameter counts only if the complete trials that have it are enough, and cover at least half of
    its range.
    """
    if len(best) < MIN_TRIALS:
        return
    for name in param_names(data):
        entry = data.study.space.get(name)
        if not isinstance(entry, IntEntry | FloatEntry) or entry.low == entry.high:
            continue
        scale = math.log if entry.log else float
        values = pd.to_numeric(best[PREFIX + name], errors="coerce").dropna()
        values = values[(values >= entry.low) & (values <= entry.high)].map(scale)
        positions = (values - scale(entry.low)) / (scale(entry.high) - scale(entry.low))
        top = positions.head(max(3, -(-len(positions) // 10)))
        if len(positions) < MIN_TRIALS or positions.max() - positions.min() < 0.5:
            continue
        if (top >= 0.9).all():
            yield f"{heading(name)} above {format_param(entry.high)}"
        elif (top <= 0.1).all():
            yield f"{heading(name)} below {format_param(entry.low)}"


def _still_improves(data: StudyData, number: int) -> bool:
    """Return whether the trend over the last quarter of a trial's epochs clearly exceeds its noise."""
    noise = epoch_noise(data, number)
    if noise is None:
        return False
    last = _last_quarter(_objective_by_epoch(data, number))
    gain = (np.polyfit(np.arange(len(last)), last, 1)[0]) * (len(last) - 1)
    return bool((gain if data.direction == "maximize" else -gain) > CLEAR_TREND * noise > 0)


def _difference(data: StudyData, amount: float) -> str:
    """Return the difference of two values of the objective as text; in percentage points for shares."""
    if is_share(data.metric) and data.complete_trials["value"].astype(float).between(0, 1).all():
        return f"{100 * amount:.2f} points"
    return format_metric("", amount)
