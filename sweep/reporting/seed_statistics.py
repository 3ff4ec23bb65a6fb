"""Configurations that were evaluated with several seeds: means, confidence intervals and comparisons."""

import math
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from statistics import fmean
from typing import Any, NamedTuple

from sweep.errors import MissingPackageError
from sweep.reporting.formatting import format_count, format_metric, format_param, heading
from sweep.reporting.params import params_of_trial
from sweep.storage.study_data import StudyData

CONFIDENCE = 0.95


class EvaluatedConfiguration(NamedTuple):
    """A configuration and its results on the test data.

    Attributes:
        trial: The number of the trial that found the configuration.
        params: The searched hyperparameters that the trial has.
        metric: The metric measured on the test data.
        values: The value of the metric for each seed.
        numbers: The number of the evaluation's trial for each seed.
    """

    trial: int
    params: dict[str, Any]
    metric: str
    values: list[float]
    numbers: list[int]

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.values)

    @property
    def half_width(self) -> float:
        """Half of the width of the mean's confidence interval (Student's t); NaN for a single seed."""
        if len(self.values) == 1:
            return math.nan
        check_scipy()
        from scipy.stats import ttest_1samp  # slow to import

        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # seeds may agree exactly
            return _half_width(ttest_1samp(self.values, popmean=0.0))

    def __str__(self) -> str:
        params = ", ".join(f"{heading(name)} {format_param(value)}" for name, value in self.params.items())
        seeds = format_count(len(self.values), "seed")
        return f"trial {self.trial}: {heading(self.metric)} {format_mean(self)} ({seeds}): {params}"


def check_scipy() -> None:
    """Check that confidence intervals can be computed.

    Raises:
        MissingPackageError: If SciPy is not installed.
    """
    if find_spec("scipy") is None:
        raise MissingPackageError("confidence intervals over seeds", "SciPy", "statistics")


def evaluated_configurations(study: StudyData) -> list[EvaluatedConfiguration]:
    """Return the evaluated configurations of a study, ranked by their validation results.

    The first one is the chosen configuration. A ranking by the test results would choose it on the test data.
    Configurations of trials that did not complete come last.
    """
    if study.evaluation is None:
        return []
    metric = study.evaluation.metric
    found: dict[tuple[tuple[str, str], ...], EvaluatedConfiguration] = {}
    complete = study.complete_trials
    others = study.trials[~study.trials["number"].isin(complete["number"])]
    for trial in [*complete.to_dict("records"), *others.to_dict("records")]:
        params = params_of_trial(study, trial)
        found.setdefault(_key(params), EvaluatedConfiguration(trial["number"], params, metric, [], []))
    for test in study.evaluation.complete_trials.sort_values("number").to_dict("records"):
        if (configuration := found.get(_key(params_of_trial(study, test)))) is not None:
            configuration.values.append(test["value"])
            configuration.numbers.append(test["number"])
    return [configuration for configuration in found.values() if configuration.values]


def format_mean(configuration: EvaluatedConfiguration) -> str:
    """Return the mean with its confidence interval, as in "97.21 % ± 0.34 %"; without it for one seed."""
    mean = format_metric(configuration.metric, configuration.mean)
    if math.isnan(configuration.half_width):
        return mean
    return f"{mean} ± {format_metric(configuration.metric, configuration.half_width)}"


def verdict(configurations: Sequence[EvaluatedConfiguration], direction: str) -> str:
    """State in a sentence whether the chosen configuration is better than the others.

    Args:
        configurations: The configurations, the chosen one first.
        direction: The direction of the metric, "maximize" or "minimize".
    """
    if not configurations:
        return "no evaluation is complete yet"
    chosen, *others = configurations
    if math.isnan(chosen.half_width):
        return "one seed does not show how much results differ between seeds; evaluate more with --seeds 3"
    if not others:
        return f"± is the {CONFIDENCE:.0%} confidence interval of the mean over seeds"
    sign = 1 if direction == "maximize" else -1
    rival = max(others, key=lambda configuration: sign * configuration.mean)
    lead = sign * (chosen.mean - rival.mean)
    half_width = _half_width_of_difference(chosen, rival)
    if math.isnan(half_width):
        return f"trial {rival.trial} was evaluated with one seed only, so the two cannot be compared"
    difference = f"{format_metric(chosen.metric, abs(lead))} ± {format_metric(chosen.metric, half_width)}"
    if abs(lead) <= half_width:
        return (
            f"trial {chosen.trial}, the best on validation data, and trial {rival.trial} differ by "
            f"{difference}, which is within the variation between seeds; neither is shown to be better"
        )
    relation = "is ahead of" if lead > 0 else "is behind"
    return (
        f"trial {chosen.trial}, the best on validation data, {relation} trial {rival.trial} by {difference}, "
        f"which is more than the variation between seeds ({CONFIDENCE:.0%} confidence)"
    )


def _key(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what identifies a configuration: its values as text, because a DataFrame may hold 32 as 32.0."""
    return tuple(
        (name, f"{value:.9g}" if isinstance(value, int | float) else str(value))
        for name, value in params.items()
    )


def _half_width_of_difference(one: EvaluatedConfiguration, other: EvaluatedConfiguration) -> float:
    """Return half of the width of the confidence interval of the difference of two means (Welch)."""
    if min(len(one.values), len(other.values)) == 1:
        return math.nan
    check_scipy()
    from scipy.stats import ttest_ind  # slow to import

    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # seeds may agree exactly
        return _half_width(ttest_ind(one.values, other.values, equal_var=False))


def _half_width(test: Any) -> float:
    interval = test.confidence_interval(CONFIDENCE)
    return float(interval.high - interval.low) / 2
