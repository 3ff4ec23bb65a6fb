"""The main findings of a study as sentences, each derived from its numbers."""

from collections.abc import Iterator

from sweep.goals import Goals
from sweep.reporting.code_comparison import code_notes
from sweep.reporting.figures.cost import CostInfo, cost_info
from sweep.reporting.formatting import format_count, format_metric, heading, is_share
from sweep.reporting.headline import Situation, headline
from sweep.reporting.optimism import optimism
from sweep.reporting.situation import situation_of
from sweep.storage.study_data import StudyData


def findings(data: StudyData) -> list[str]:
    """Return the main findings of a study as sentences: the headline first, then what qualifies it."""
    situation = situation_of(data)
    shown = headline(situation)
    if data.complete_trials.empty:
        return shown
    is_single = data.goals.is_single
    sentences = [
        *shown,
        *_infeasible(situation),
        *([_optimism(data)] if is_single else []),
        *_repeats(data),
        *_early_stop(data),
        _cost(cost_info(data)),
        *([_pruner(data)] if is_single else []),
        *code_notes(data),
    ]
    return [sentence for sentence in sentences if sentence]


def _infeasible(situation: Situation) -> Iterator[str]:
    """Yield a sentence if complete trials violate a constraint."""
    if num_infeasible := situation.num_infeasible:
        trials = format_count(num_infeasible, "complete trial")
        verb = "violates" if num_infeasible == 1 else "violate"
        yield f"{trials} {verb} a constraint and cannot win: {_constraints(situation.goals)}."


def _constraints(goals: Goals) -> str:
    """Return the constraints as a clause, as in "peak memory GB at most 16"."""
    shown = (constraint._replace(metric=heading(constraint.metric)) for constraint in goals.constraints)
    return " and ".join(map(str, shown))


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


def _repeats(data: StudyData) -> Iterator[str]:
    """Yield a sentence if trials have taken over the results of others."""
    if num_repeats := int(data.is_repeat.sum()):
        trials = format_count(num_repeats, "trial")
        verb = "repeats a configuration" if num_repeats == 1 else "repeat configurations"
        yield (
            f"{trials} {verb} that had been measured, and took over the result without training: the ranking "
            "and the figures omit such trials, and the table of trials lists them."
        )


def _early_stop(data: StudyData) -> list[str]:
    """Return a sentence if the study's rules have ended it early."""
    return [] if data.stopped_early is None else [f"The study ended early: {data.stopped_early}."]


def _cost(cost: CostInfo) -> str:
    if not cost.outcomes:
        return ""
    wasted = f", {cost.wasted:,.1f} of them on attempts that failed" if cost.wasted >= 0.05 else ""
    return f"The study took {cost.total:,.1f} {cost.unit}{wasted}."


def _pruner(data: StudyData) -> str:
    metric = data.study.pruner.judged_metric(data.metric)
    if metric is None or (metric in data.epochs and data.epochs[metric].notna().any()):
        return ""
    return (
        f"No trial could be pruned, because the pruner judges {metric}, which no trial has reported in an "
        "epoch."
    )


def _difference(data: StudyData, amount: float) -> str:
    """Return the difference of two values of the objective as text; in percentage points for shares."""
    if is_share(data.metric) and data.complete_trials["value"].astype(float).between(0, 1).all():
        return f"{100 * amount:.2f} points"
    return format_metric("", amount)
