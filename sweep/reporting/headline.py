"""What a study has shown, as sentences that no output contradicts: the page, its exports, and the commands.

The decision is a pure function of a `Situation`. docs/confidence.md documents its rules.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from sweep.goals import Goals
from sweep.reporting.formatting import (
    format_count,
    format_difference,
    format_metric,
    heading,
    shortened,
)

if TYPE_CHECKING:
    from sweep.reporting.seed_statistics import EvaluatedConfiguration

NUM_ERRORS = 2  # standard errors of a difference from which it is more than noise
FLAT_SHARE = 0.3  # share of the complete trials without an improvement after which a search has converged
MIN_FLAT = 5  # complete trials without an improvement below which a search does not count as converged
MAX_NAME_LENGTH = 60
MAX_NAMED = 5  # tied trials that are named
MEASURED_ONCE = "Each configuration was measured once; differences of this size may be chance."


class Result(NamedTuple):
    """The value of the objective of a complete trial."""

    number: int
    value: float


class SeedNoise(NamedTuple):
    """How much the results of one configuration differ between seeds.

    Attributes:
        deviation: The pooled standard deviation within the configurations that were trained repeatedly.
        num_trials: The number of trials of these configurations.
    """

    deviation: float
    num_trials: int


class FrontEnd(NamedTuple):
    """The trial of the Pareto front that is the best in one objective."""

    metric: str
    number: int
    value: float


@dataclass(frozen=True)
class Situation:
    """What the sentences depend on.

    Attributes:
        goals: The objectives and constraints of the study.
        num_trials: The number of trials in any state.
        num_failed: The number of failed trials.
        cause: The most frequent cause of the failures.
        num_complete: The number of complete trials that satisfy the constraints and were trained.
        num_infeasible: The number of complete trials that violate a constraint.
        num_since_improvement: How many of the complete trials are newer than the one that improved the best
            value or extended the Pareto front last.
        results: With a single objective, the result of each configuration, the best first. Of several trials
            of a configuration, it is the best one's.
        front: With several objectives, the numbers of the trials of the Pareto front.
        front_ends: The trial of the front that is the best in each objective.
        epoch_noise: The standard deviation of the objective from epoch to epoch; None if unknown.
        seed_noise: The noise between repeated trials of a configuration; None if unknown.
        validation_size: The number of validation samples if the study file states it.
        evaluated: The evaluated configurations, the chosen one first; None without an evaluation.
        evaluated_selection: Which of them is the best and with which probability, if that was estimated.
    """

    goals: Goals
    num_trials: int = 0
    num_failed: int = 0
    cause: str | None = None
    num_complete: int = 0
    num_infeasible: int = 0
    num_since_improvement: int = 0
    results: tuple[Result, ...] = ()
    front: tuple[int, ...] = ()
    front_ends: tuple[FrontEnd, ...] = ()
    epoch_noise: float | None = None
    seed_noise: SeedNoise | None = None
    validation_size: int | None = None
    evaluated: tuple["EvaluatedConfiguration", ...] | None = None
    evaluated_selection: str | None = None

    @property
    def metric(self) -> str:
        """The metric of the first objective."""
        return self.goals.objectives[0].metric


class _Noise(NamedTuple):
    """An estimate of the noise.

    Attributes:
        text: What it is, as a clause.
        error: The standard error of the difference of two results.
        is_of_one_seed: Whether it leaves out how much seeds differ.
    """

    text: str
    error: float
    is_of_one_seed: bool


def headline(situation: Situation) -> list[str]:
    """Return what a study has shown: the evaluation, then the search, and how far the search is reliable."""
    if not situation.num_complete:
        return [_no_result(situation)]
    return [*_evaluation(situation), *_search(situation), *more_trials(situation)]


def more_trials(situation: Situation) -> Iterator[str]:
    """Say whether more trials may help, by one rule for all studies.

    They are unlikely to help if the last `FLAT_SHARE` of the complete trials, at least `MIN_FLAT`, have
    neither improved the best value nor extended the Pareto front.
    """
    num_since, num_complete = situation.num_since_improvement, situation.num_complete
    improvement = "improved the result" if situation.goals.is_single else "extended the Pareto front"
    trials = format_count(num_complete, "complete trial")
    if num_since >= max(FLAT_SHARE * num_complete, MIN_FLAT):
        yield f"More trials are unlikely to help: none of the last {num_since:,} of {trials} {improvement}."
    elif num_complete == 1:
        yield "More trials may help: only one is complete."
    elif num_since == 0:
        yield f"More trials may help: the last of {trials} {improvement}."
    else:
        yield f"More trials may help: only {num_since:,} of {trials} came after the last that {improvement}."


def tied_numbers(situation: Situation) -> list[int]:
    """Return the numbers of the trials whose value is the best one as it is shown; there may be one only."""
    metric, results = situation.metric, situation.results
    return [
        each.number
        for each in takewhile(lambda each: _is_tied(metric, results[0].value, each.value), results)
    ]


def _no_result(situation: Situation) -> str:
    if situation.num_infeasible:
        constraints = " and ".join(
            str(each._replace(metric=_name(each.metric))) for each in situation.goals.constraints
        )
        return f"No complete trial satisfies the constraints: {constraints}."
    if situation.num_failed and situation.num_failed == situation.num_trials:
        cause = heading(situation.cause or "unknown")
        return f"All trials failed. The most frequent cause is: {cause}."
    return "No trial is complete yet."


def _evaluation(situation: Situation) -> Iterator[str]:
    """Yield what the evaluation has shown. It takes precedence over the search, whose results chose from."""
    if situation.evaluated is None:
        return
    if not situation.goals.is_single:
        num_evaluated = format_count(len(situation.evaluated), "configuration")
        yield f"The evaluation on test data has results of {num_evaluated}; see its section."
        return
    from sweep.reporting.seed_statistics import format_mean, verdict  # imports pandas, which is slow

    if situation.evaluated:
        chosen = situation.evaluated[0]
        seeds = format_count(len(chosen.values), "seed")
        yield (
            f"On test data, trial {chosen.trial} has the {_name(chosen.metric)} {format_mean(chosen)} "
            f"({seeds})."
        )
    text = verdict(situation.evaluated, situation.goals.objectives[0].direction)
    yield f"{text[0].upper()}{text[1:]}."
    if situation.evaluated_selection is not None:
        yield f"{situation.evaluated_selection[0].upper()}{situation.evaluated_selection[1:]}."


def _search(situation: Situation) -> Iterator[str]:
    if not situation.goals.is_single:
        yield from _trade_offs(situation)
        return
    results, metric = situation.results, situation.metric
    best, value = results[0], format_metric(metric, results[0].value)
    if situation.num_complete == 1:
        yield (
            f"Only trial {best.number} is complete, with the {_name(metric)} {value}, so there is nothing "
            "to compare it with yet."
        )
        return
    if len(results) == 1:
        yield f"All {situation.num_complete} complete trials have the same configuration, at best {value}."
        return
    tied = tied_numbers(situation)
    noise = _noise(situation, results[1])
    if len(tied) > 1:
        yield _tie(situation, tied)
        if noise is None:
            yield "Each configuration was measured once; this does not show which of them is better."
        return
    lead = _difference(situation, best.value, results[1].value)
    to_median = _difference(situation, best.value, median(each.value for each in results))
    comparison = f"{lead} better than the next best, trial {results[1].number}"
    if len(results) > 2:
        comparison += f", and {to_median} better than the median of {len(results):,} configurations"
    if noise is None:
        yield f"Trial {best.number} has the best {_name(metric)}, {value}: {comparison}."
        yield MEASURED_ONCE
        return
    limit = _difference(situation, 0.0, NUM_ERRORS * noise.error)
    if abs(best.value - results[1].value) <= NUM_ERRORS * noise.error:
        near = takewhile(
            lambda each: abs(best.value - each.value) <= NUM_ERRORS * _error(situation, each), results
        )
        num_near = sum(1 for _ in near)
        which = "the" if num_near == len(results) else "the best"
        yield f"Trial {best.number} has the best {_name(metric)}, {value}: {comparison}."
        yield (
            f"{noise.text}, so differences of up to {limit} may be chance: {which} {num_near:,} "
            "configurations cannot be distinguished."
        )
        return
    yield f"Trial {best.number} wins with the {_name(metric)} {value}: {comparison}."
    caveat = "; how much seeds differ is not known" if noise.is_of_one_seed else ""
    yield f"{noise.text}, so differences of up to {limit} may be chance; the lead is larger{caveat}."


def _tie(situation: Situation, tied: Sequence[int]) -> str:
    value = format_metric(situation.metric, situation.results[0].value)
    if len(tied) == len(situation.results):
        return f"All {len(tied):,} configurations are tied with the {_name(situation.metric)} {value}."
    if len(tied) <= MAX_NAMED:
        names = f"{', '.join(map(str, tied[:-1]))} and {tied[-1]}"
    else:
        names = f"{', '.join(map(str, tied[:MAX_NAMED]))} and {len(tied) - MAX_NAMED:,} more"
    return f"Trials {names} are tied for the best {_name(situation.metric)}, {value}."


def _trade_offs(situation: Situation) -> Iterator[str]:
    """Yield sentences on the Pareto front: its size and its ends."""
    front, complete = situation.front, format_count(situation.num_complete, "complete trial")
    complete += " within the constraints" if situation.goals.constraints else ""
    if situation.num_complete == 1:
        yield f"Only trial {front[0]} is complete, so there is nothing to compare it with yet."
        return
    yield (
        f"{len(front):,} of {complete} {'is' if len(front) == 1 else 'are'} on the Pareto front: no other "
        "trial is better in one objective and at least as good in the others."
    )
    for metric, number, value in situation.front_ends:
        yield f"The best {_name(metric)} is {format_metric(metric, value)}, of trial {number}."
    yield MEASURED_ONCE


def _noise(situation: Situation, second: Result) -> _Noise | None:
    """Return the largest estimate of the noise of the difference of the two best; None if there is none."""
    return max(_estimates(situation, second), key=lambda noise: noise.error, default=None)


def _error(situation: Situation, other: Result) -> float:
    return max(noise.error for noise in _estimates(situation, other))


def _estimates(situation: Situation, other: Result) -> Iterator[_Noise]:
    """Yield every estimate of the noise of the difference between the best result and another one."""
    best, name = situation.results[0], _name(situation.metric)
    if (noise := situation.epoch_noise) is not None:
        amount = _difference(situation, 0.0, noise)
        text = f"The {name} of the best trials varies by {amount} from epoch to epoch"
        yield _Noise(text, math.sqrt(2) * noise, is_of_one_seed=True)
    if situation.seed_noise is not None:
        deviation, num_trials = situation.seed_noise
        amount = _difference(situation, 0.0, deviation)
        text = (
            f"The {name} varies by {amount} between seeds, the standard deviation of {num_trials} trials of "
            "repeated configurations"
        )
        yield _Noise(text, math.sqrt(2) * deviation, is_of_one_seed=False)
    size = situation.validation_size
    if size is not None and all(0 <= result.value <= 1 for result in (best, other)):
        errors = [_binomial_error(result.value, size) for result in (best, other)]
        sample, error = (_difference(situation, 0.0, amount) for amount in (1 / size, errors[0]))
        text = (
            f"One of the {size:,} validation samples is worth {sample}, and the binomial standard error is "
            f"{error}"
        )
        yield _Noise(text, math.hypot(*errors), is_of_one_seed=True)


def _binomial_error(share: float, size: int) -> float:
    """Return the standard error of a share, which is taken to be at least one sample away from 0 and 1."""
    share = min(max(share, 1 / size), 1 - 1 / size)
    return math.sqrt(share * (1 - share) / size)


def _is_tied(metric: str, one: float, other: float) -> bool:
    """Return whether two values are equal to the precision at which they are shown."""
    return format_metric(metric, one) == format_metric(metric, other)


def _difference(situation: Situation, one: float, other: float) -> str:
    """Return the difference of two values as text; in percentage points for shares."""
    if any(not 0 <= result.value <= 1 for result in situation.results):
        return f"{abs(one - other):.4g}"
    return format_difference(situation.metric, one, other)


def _name(metric: str) -> str:
    """Return a metric's name in words, shortened in the middle if it is very long."""
    return shortened(heading(metric), MAX_NAME_LENGTH)
