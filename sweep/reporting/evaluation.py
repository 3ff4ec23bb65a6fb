"""Configurations tested with several seeds: means, how sure they are, and whether one beats another."""

import math
from statistics import fmean, variance
from typing import Any, NamedTuple

from sweep.reporting.params import PREFIX, param_names
from sweep.reporting.ranking import completed
from sweep.reporting.wording import heading, show_count, show_metric, show_param
from sweep.storage.study_data import StudyData

CONFIDENCE = 0.95


class Evaluated(NamedTuple):
    """One configuration, and the objective's value on the test data for each seed."""

    params: dict[str, Any]
    metric: str
    values: list[float]

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
        return f"{heading(self.metric)} {show_mean(self)} ({seeds}): {params}"


def evaluated(evaluation: StudyData) -> list[Evaluated]:
    """The configurations of a study that `sweep evaluate` has made, the best first."""
    names = param_names(evaluation)
    found: dict[tuple[str, ...], Evaluated] = {}
    for trial in completed(evaluation).to_dict("records"):
        params = {name: trial[PREFIX + name] for name in names}
        key = tuple(show_param(value) for value in params.values())
        found.setdefault(key, Evaluated(params, evaluation.metric, [])).values.append(trial["value"])
    sign = -1 if evaluation.direction == "maximize" else 1
    return sorted(found.values(), key=lambda configuration: sign * configuration.mean)


def show_mean(configuration: Evaluated) -> str:
    """ "97.21 % ± 0.34 %"; of a single seed, its value alone."""
    mean = show_metric(configuration.metric, configuration.mean)
    if math.isnan(configuration.half_width):
        return mean
    return f"{mean} ± {show_metric(configuration.metric, configuration.half_width)}"


def verdict(configurations: list[Evaluated]) -> str:
    """In a sentence, whether the best is better than the next, by Welch's interval of their difference."""
    if not configurations:
        return "nothing has been tested to its end yet"
    best, *others = configurations
    if math.isnan(best.half_width):
        return "one seed says nothing of how much seeds differ: test with more, --seeds 3"
    if not others:
        return f"± is the {CONFIDENCE:.0%} confidence interval of the mean over seeds"
    lead = abs(best.mean - others[0].mean)
    errors = [each.standard_error**2 for each in (best, others[0])]
    half_width = _half_width(_welch(best, others[0]), math.sqrt(sum(errors)))
    if math.isnan(half_width):
        return "the second has one seed alone: whether the best is better cannot be told"
    shown = f"{show_metric(best.metric, lead)} ± {show_metric(best.metric, half_width)}"
    if lead <= half_width:
        return f"the two best differ by {shown}: less than seeds do, so neither is better as far as is known"
    return f"the best is ahead of the next by {shown}: more than seeds differ ({CONFIDENCE:.0%} confidence)"


def _welch(one: Evaluated, other: Evaluated) -> float:
    """Degrees of freedom of the difference of two means (Welch and Satterthwaite)."""
    pairs = [(each.standard_error**2, len(each.values) - 1) for each in (one, other)]
    divisor = sum(error**2 / freedom for error, freedom in pairs if freedom)
    return sum(error for error, _ in pairs) ** 2 / divisor if divisor else 1.0


def _half_width(degrees_of_freedom: float, standard_error: float) -> float:
    from scipy.stats import t  # slow to import

    return float(t.ppf((1 + CONFIDENCE) / 2, degrees_of_freedom)) * standard_error
