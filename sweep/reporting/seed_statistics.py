"""Configurations tested with several seeds: means, how sure they are, and whether one beats another."""

import math
from collections.abc import Mapping
from statistics import fmean, variance
from typing import Any, NamedTuple

from sweep.reporting.formatting import heading, show_count, show_metric, show_param
from sweep.reporting.params import PREFIX, param_names
from sweep.reporting.table import Column, Row, Table
from sweep.storage.study_data import StudyData

CONFIDENCE = 0.95


class Evaluated(NamedTuple):
    """One configuration, and the objective's value on the test data for each seed."""

    trial: int  # of the study, that found the configuration
    params: dict[str, Any]
    metric: str
    values: list[float]
    numbers: list[int]  # the evaluation's trials

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def half_width(self) -> float:
        """Of the confidence interval of the mean, by Student's t; nan for a single seed."""
        return _half_width(len(self.values) - 1, self.standard_error)

    @property
    def standard_error(self) -> float:
        num_seeds = len(self.values)
        return math.sqrt(variance(self.values) / num_seeds) if num_seeds > 1 else math.nan

    def __str__(self) -> str:
        params = ", ".join(f"{heading(name)} {show_param(value)}" for name, value in self.params.items())
        seeds = show_count(len(self.values), "seed")
        return f"trial {self.trial}: {heading(self.metric)} {show_mean(self)} ({seeds}): {params}"


def evaluated(study: StudyData) -> list[Evaluated]:
    """The configurations of a study that have been tested, in the order in which validation puts them.

    The first is the chosen one: to go by what the tests say would be to choose on the test data. Those of
    trials that validation did not see to their end come last.
    """
    if study.evaluation is None:
        return []
    found: dict[tuple[str, ...], Evaluated] = {}
    ranked = study.complete_trials
    unranked = study.trials[~study.trials["number"].isin(ranked["number"])]
    for trial in [*ranked.to_dict("records"), *unranked.to_dict("records")]:
        params = _params(study, trial)
        found.setdefault(_key(params), Evaluated(trial["number"], params, study.evaluation.metric, [], []))
    for test in study.evaluation.complete_trials.sort_values("number").to_dict("records"):
        if (configuration := found.get(_key(_params(study, test)))) is not None:
            configuration.values.append(test["value"])
            configuration.numbers.append(test["number"])
    return [configuration for configuration in found.values() if configuration.values]


def _params(study: StudyData, trial: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: trial[PREFIX + name] for name in param_names(study)}


def _key(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Configurations are the same whose params look the same: a DataFrame may hold 32 as 32.0."""
    return tuple(
        f"{value:.9g}" if isinstance(value, int | float) else str(value) for value in params.values()
    )


def evaluation_table(configurations: list[Evaluated]) -> Table:
    """The tested configurations, the chosen one first: their params, how many seeds, and the mean."""
    names = list(configurations[0].params) if configurations else []
    metric = heading(configurations[0].metric) if configurations else ""
    columns = [Column("trial", True), *(Column(heading(name), True) for name in names)]
    columns += [Column("seeds", True), Column(f"{metric} ± 95 %", True)]
    rows = [
        Row(
            "" if rank else "best",
            [str(each.trial), *map(show_param, each.params.values()), str(len(each.values)), show_mean(each)],
        )
        for rank, each in enumerate(configurations)
    ]
    return Table(columns, rows)


def show_mean(configuration: Evaluated) -> str:
    """ "97.21 % ± 0.34 %"; of a single seed, its value alone."""
    mean = show_metric(configuration.metric, configuration.mean)
    if math.isnan(configuration.half_width):
        return mean
    return f"{mean} ± {show_metric(configuration.metric, configuration.half_width)}"


def verdict(configurations: list[Evaluated], direction: str) -> str:
    """In a sentence, whether the chosen configuration is better than the others, by Welch's interval."""
    if not configurations:
        return "nothing has been tested to its end yet"
    chosen, *others = configurations
    if math.isnan(chosen.half_width):
        return "one seed says nothing of how much seeds differ: test with more, --seeds 3"
    if not others:
        return f"± is the {CONFIDENCE:.0%} confidence interval of the mean over seeds"
    sign = 1 if direction == "maximize" else -1
    rival = max(others, key=lambda configuration: sign * configuration.mean)
    lead = sign * (chosen.mean - rival.mean)
    errors = chosen.standard_error**2 + rival.standard_error**2
    half_width = _half_width(_welch(chosen, rival), math.sqrt(errors))
    if math.isnan(half_width):
        return f"trial {rival.trial} has one seed alone: whether another is better cannot be told"
    shown = f"{show_metric(chosen.metric, abs(lead))} ± {show_metric(chosen.metric, half_width)}"
    if abs(lead) <= half_width:
        return (
            f"trial {chosen.trial}, the best on validation data, and trial {rival.trial} differ by {shown}: "
            "less than seeds do, so neither is better as far as is known"
        )
    comes = "is ahead of" if lead > 0 else "is behind"
    return (
        f"trial {chosen.trial}, the best on validation data, {comes} trial {rival.trial} by {shown}: "
        f"more than seeds differ ({CONFIDENCE:.0%} confidence)"
    )


def _welch(one: Evaluated, other: Evaluated) -> float:
    """Degrees of freedom of the difference of two means (Welch and Satterthwaite)."""
    pairs = [(each.standard_error**2, len(each.values) - 1) for each in (one, other)]
    divisor = sum(error**2 / freedom for error, freedom in pairs if freedom)
    return sum(error for error, _ in pairs) ** 2 / divisor if divisor else 1.0


def _half_width(degrees_of_freedom: float, standard_error: float) -> float:
    from scipy.stats import t  # slow to import

    return float(t.ppf((1 + CONFIDENCE) / 2, degrees_of_freedom)) * standard_error
