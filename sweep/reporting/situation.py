"""The situation of a study, from its DataFrames. `recorded_situation` reads it by few queries instead."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sweep.reporting.computed_once import computed_once
from sweep.reporting.epoch_noise import pooled_noise
from sweep.reporting.headline import FrontEnd, Result, SeedNoise, Situation

if TYPE_CHECKING:
    from sweep.storage.study_data import StudyData

NUM_CURVES = 5  # how many of the best trials determine the noise from epoch to epoch
MIN_REPEATS = 3  # degrees of freedom below which the noise between seeds is not known


@computed_once
def situation_of(data: "StudyData") -> Situation:
    """Return the situation of a study that has been read for a report."""
    complete, goals, study = data.complete_trials, data.goals, data.study
    failed = data.trials[data.trials["state"] == "failed"]
    causes = failed["cause"].dropna().mode().tolist()
    evaluated, selection = _evaluation(data)
    common = Situation(
        goals=goals,
        num_trials=len(data.trials),
        num_failed=len(failed),
        cause=str(causes[0]) if causes else None,
        num_complete=len(complete),
        num_infeasible=int(((data.trials["state"] == "complete") & ~data.is_feasible).sum()),
        validation_size=study.validation_size,
        evaluated=evaluated,
        evaluated_selection=selection,
    )
    numbers = complete["number"].tolist()
    if not goals.is_single:
        front = data.best_trials["number"].tolist()
        losses = dict(zip(numbers, data.losses.loc[complete.index].to_numpy(float).tolist(), strict=True))
        ends = (
            FrontEnd(each.metric, int(trial["number"]), float(trial[f"final_{each.metric}"]))
            for each, trial in data.front_ends
        )
        return of_front(common, numbers, front, {key: tuple(each) for key, each in losses.items()}, ends)
    values = dict(zip(numbers, complete["value"].astype(float).tolist(), strict=True))
    configurations: dict[int, Hashable] = {}
    if study.repeats == "train":
        from sweep.reporting.params import params_of_trial

        rows = complete.to_dict("records")
        configurations = {row["number"]: configuration_key(params_of_trial(data, row)) for row in rows}
    has_curves = data.metric in data.epochs
    curves = (
        data.epochs.loc[data.epochs["number"] == number].sort_values("epoch")[data.metric].dropna().tolist()
        for number in numbers[:NUM_CURVES]
        if has_curves
    )
    return of_ranking(common, values, configurations, list(curves))


def of_ranking(
    common: Situation,
    values: Mapping[int, float],
    configurations: Mapping[int, Hashable],
    curves: Sequence[Sequence[float]],
) -> Situation:
    """Complete the situation of a study with a single objective.

    Args:
        common: What does not depend on the number of objectives.
        values: The value of each complete trial by its number, the best first.
        configurations: What identifies the configuration of each trial; empty if all are different.
        curves: The learning curves of the best trials.
    """
    first: dict[Hashable, Result] = {}
    for number, value in values.items():
        first.setdefault(configurations.get(number, number), Result(number, value))
    num_since = sum(number > next(iter(values)) for number in values) if values else 0
    return replace(
        common,
        results=tuple(first.values()),
        num_since_improvement=num_since,
        epoch_noise=pooled_noise(curves),
        seed_noise=_seed_noise(values, configurations),
    )


def of_front(
    common: Situation,
    numbers: Iterable[int],
    front: Sequence[int],
    losses: Mapping[int, tuple[float, ...]],
    ends: Iterable[FrontEnd],
) -> Situation:
    """Complete the situation of a study with several objectives."""
    extended: dict[tuple[float, ...], int] = {}
    for number in sorted(front):
        extended.setdefault(losses[number], number)  # an equal trial does not extend the front
    last = max(extended.values(), default=0)
    return replace(
        common,
        front=tuple(front),
        front_ends=tuple(ends),
        num_since_improvement=sum(number > last for number in numbers),
    )


def _seed_noise(values: Mapping[int, float], configurations: Mapping[int, Hashable]) -> SeedNoise | None:
    groups: dict[Hashable, list[float]] = {}
    for number, configuration in configurations.items():
        groups.setdefault(configuration, []).append(values[number])
    repeated = [group for group in groups.values() if len(group) > 1]
    num_trials = sum(map(len, repeated))
    freedom = num_trials - len(repeated)
    squares = math.fsum((value - fmean(group)) ** 2 for group in repeated for value in group)
    if freedom < MIN_REPEATS or squares == 0:
        return None
    return SeedNoise(math.sqrt(squares / freedom), num_trials)


def configuration_key(params: Mapping[str, Any]) -> Hashable:
    """Return what identifies a configuration: a DataFrame may hold 32 as 32.0, which is equal."""
    return frozenset(params.items())


def _evaluation(data: "StudyData") -> tuple[Any, str | None]:
    """Return the evaluated configurations, and which of them is the best with which probability."""
    if data.evaluation is None:
        return None, None
    from sweep.reporting.seed_statistics import evaluated_configurations
    from sweep.reporting.selection import describe_selection

    if not data.goals.is_single:
        return tuple(evaluated_configurations(data.by_objective[0])), None
    configurations = evaluated_configurations(data)
    selection = describe_selection(configurations, data.direction, with_leads=False)
    return tuple(configurations), next(iter(selection), None)
