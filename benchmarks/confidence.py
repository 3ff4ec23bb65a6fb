"""Simulate evaluations whose true means are known, and count how often `sweep evaluate --until` is right.

    python -m benchmarks.confidence 1000

A simulated study has the means and the noise of docs/results/seed_noise.csv, which benchmarks/seed_noise.py
records: 24 configurations of a network or of gradient boosting with 40 seeds each. A search is simulated by
the validation result of one random seed for each of some configurations, and its best five are evaluated. The
true mean of a configuration is the mean over its 40 seeds; the result of a seed is that mean plus a residual
of the same configuration, drawn with replacement.

An evaluation makes a statement if it reaches the level. The statement is correct if the named configuration
has the highest true mean; with equal means, every statement is wrong, because no configuration is better than
the others. Evaluations with the same number of seeds for each configuration choose the highest mean. The
command takes about twenty minutes on one core for 1,000 studies.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.seed_noise import rows
from sweep.operations.seed_allocation import Evaluated, allocate
from sweep.operations.selection import Selection, select

RECORD = Path(__file__).parents[1] / "docs" / "results" / "seed_noise.csv"
LEVEL = 0.95
NUM_EVALUATED = 5
NUM_START = 3
MAX_SEEDS = 30
MUCH_NOISE = 2
FIXED_COUNTS = (3, 5, 7, 10, 12, 15, 18, 20, 25, 30, 35, 40, 50, 60, 80)
Array = np.ndarray[Any, Any]


class Problem(NamedTuple):
    """The recorded results of a problem, of shape (configurations, seeds)."""

    validation: Array
    test: Array


class SimulatedStudy(NamedTuple):
    """The evaluated configurations: their true means, and the residuals of each, (configurations, seeds)."""

    means: Array
    residuals: Array

    def results(self, index: int, num_seeds: int, random: np.random.Generator) -> Array:
        """Return results of new seeds of a configuration."""
        results: Array = self.means[index] + random.choice(self.residuals[index], num_seeds)
        return results


class Outcome(NamedTuple):
    """The end of an evaluation.

    Attributes:
        is_stated: Whether the level is reached.
        is_correct: Whether the chosen configuration has the highest true mean, and no other has it too.
        probability: The stated probability.
        num_trainings: The number of trainings.
        num_steps: The number of launches.
        contained: Whether the interval of the difference from the chosen configuration contains the true
            difference, for each other configuration.
        contained_alike: The same for configurations with less than `MUCH_NOISE` times the standard deviation
            of the chosen one.
    """

    is_stated: bool
    is_correct: bool
    probability: float
    num_trainings: int
    num_steps: int
    contained: Sequence[bool]
    contained_alike: Sequence[bool]


Draw = Callable[[Mapping[str, Problem], np.random.Generator], SimulatedStudy]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("num_studies", type=int)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    problems = recorded_problems()
    print_pairing(problems)
    comparisons: list[list[str]] = []
    seeds = range(arguments.num_studies)
    print("\n| studies | level reached | of these correct | stated probability (mean) | "
          "correct choices without a statement |"
          " trainings | launches | intervals that contain the difference |"
          " of configurations with similar noise |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    with ProcessPoolExecutor(arguments.processes) as pool:
        for name, draw in SCENARIOS.items():
            outcomes = list(pool.map(partial(adaptive, problems, draw), seeds, chunksize=10))
            print_outcomes(name, outcomes)
            if name in COMPARED:
                error = 1 - np.mean([outcome.is_correct for outcome in outcomes])
                num_correct = sum(outcome.is_stated and outcome.is_correct for outcome in outcomes)
                cost = float(np.mean([outcome.num_trainings for outcome in outcomes]))
                compared = [
                    list(pool.map(partial(fixed, problems, draw, count), seeds, chunksize=10))
                    for count in FIXED_COUNTS
                ]
                comparisons.append(compare(name, error, num_correct, cost, compared))
    print("\n| studies | | adaptive | same number of seeds for all | trainings |\n|---|---|---|---|---|")
    print("\n".join(line for lines in comparisons for line in lines))


def recorded_problems() -> dict[str, Problem]:
    """Return the recorded results by problem."""
    results: dict[str, dict[tuple[int, int], tuple[float, float]]] = defaultdict(dict)
    for row in rows(RECORD):
        key = int(row["configuration"]), int(row["seed"])
        results[row["problem"]][key] = float(row["validation"]), float(row["test"])
    problems = {}
    for name, of_problem in results.items():
        shape = tuple(1 + max(key[axis] for key in of_problem) for axis in (0, 1))
        values = np.array([of_problem[key] for key in sorted(of_problem)]).reshape(*shape, 2)
        problems[name] = Problem(values[..., 0], values[..., 1])
    return problems


def best_of_search(
    num_configurations: int, problems: Mapping[str, Problem], random: np.random.Generator
) -> SimulatedStudy:
    """Return the best configurations of a search, by the validation result of one seed each."""
    problem = problems[str(random.choice(sorted(problems)))]
    total, num_seeds = problem.test.shape
    searched = random.choice(total, num_configurations, replace=False)
    found = problem.validation[searched, random.integers(num_seeds, size=num_configurations)]
    chosen = searched[np.argsort(-found)[:NUM_EVALUATED]]
    means = problem.test[chosen].mean(axis=1)
    residuals = (problem.test[chosen] - means[:, None]) * np.sqrt(num_seeds / (num_seeds - 1))
    return SimulatedStudy(means, residuals)


def equal_means(problems: Mapping[str, Problem], random: np.random.Generator) -> SimulatedStudy:
    """Return configurations with equal means that differ in their noise only."""
    study = best_of_search(24, problems, random)
    return study._replace(means=np.zeros_like(study.means))


SCENARIOS: dict[str, Draw] = {
    "best 5 of 24": partial(best_of_search, 24),
    "best 5 of 8": partial(best_of_search, 8),
    "equal means": equal_means,
}
COMPARED = ("best 5 of 24", "best 5 of 8")


def adaptive(problems: Mapping[str, Problem], draw: Draw, seed: int) -> Outcome:
    """Simulate `sweep evaluate --until 0.95`."""
    random = np.random.default_rng(seed)
    study = draw(problems, random)
    results = [list(study.results(index, NUM_START, random)) for index in range(NUM_EVALUATED)]
    num_steps = 1
    while chosen := allocate(
        [Evaluated(len(values), values) for values in results], "maximize", LEVEL, MAX_SEEDS
    ).chosen:
        num_steps += 1
        for index in chosen:
            results[index] += list(study.results(index, 1, random))
    return outcome(study, results, num_steps)


def fixed(problems: Mapping[str, Problem], draw: Draw, num_seeds: int, seed: int) -> tuple[bool, bool]:
    """Simulate an evaluation with the same number of seeds for each configuration.

    Returns:
        Whether the configuration with the highest mean is correct, and whether a correct statement is made.
    """
    random = np.random.default_rng(seed)
    study = draw(problems, random)
    results = [list(study.results(index, num_seeds, random)) for index in range(NUM_EVALUATED)]
    end = outcome(study, results, 1)
    highest = int(np.argmax([np.mean(values) for values in results]))
    return highest == int(study.means.argmax()), end.is_stated and end.is_correct


def outcome(study: SimulatedStudy, results: Sequence[Sequence[float]], num_steps: int) -> Outcome:
    """Compare what an evaluation states with the true means."""
    selection = select(results, "maximize")
    assert selection is not None
    others = [index for index in range(len(results)) if index != selection.best]
    true_leads = study.means[selection.best] - study.means
    noise = study.residuals.std(axis=1)
    alike = [index for index in others if noise[index] < MUCH_NOISE * noise[selection.best]]
    return Outcome(
        is_stated=selection.probability >= LEVEL,
        is_correct=bool((true_leads[others] > 0).all()),
        probability=selection.probability,
        num_trainings=sum(map(len, results)),
        num_steps=num_steps,
        contained=[_contains(selection, index, true_leads[index]) for index in others],
        contained_alike=[_contains(selection, index, true_leads[index]) for index in alike],
    )


def _contains(selection: Selection, index: int, difference: float) -> bool:
    low, high = selection.leads[index]
    return low <= difference <= high


def print_outcomes(name: str, outcomes: Sequence[Outcome]) -> None:
    """Print a line of the table of outcomes."""
    stated = [each for each in outcomes if each.is_stated]
    open_ends = [each for each in outcomes if not each.is_stated]
    correct = _mean(each.is_correct for each in stated)
    error = 1.96 * np.sqrt(correct * (1 - correct) / max(len(stated), 1))
    print(
        f"| {name} | {len(stated)} of {len(outcomes)} | {correct:.1%} ± {error:.1%} | "
        f"{_mean(each.probability for each in stated):.1%} | "
        f"{_mean(each.is_correct for each in open_ends):.0%}, stated "
        f"{_mean(each.probability for each in open_ends):.0%} | "
        f"{_mean(each.num_trainings for each in outcomes):.1f} | "
        f"{_mean(each.num_steps for each in outcomes):.1f} | "
        f"{_mean(inside for each in outcomes for inside in each.contained):.1%} | "
        f"{_mean(inside for each in outcomes for inside in each.contained_alike):.1%} |",
        flush=True,
    )


def _mean(values: Iterable[float]) -> float:
    """Return the mean; NaN without values."""
    every = list(values)
    return sum(every) / len(every) if every else float("nan")


def compare(
    name: str, error: float, num_correct: int, cost: float, compared: Sequence[Sequence[tuple[bool, bool]]]
) -> list[str]:
    """Return lines with the number of seeds at which all configurations alike achieve the same."""
    lines = []
    for what, value, achieved in (
        ("wrong choices, with or without a statement", f"{error:.1%}",
         [1 - np.mean([is_best for is_best, _ in each]) <= error for each in compared]),
        ("studies with a correct statement", f"{num_correct}",
         [sum(stated for _, stated in each) >= num_correct for each in compared]),
    ):  # fmt: skip
        count = next((count for count, enough in zip(FIXED_COUNTS, achieved, strict=True) if enough), None)
        if count is None:
            needed, ratio = f"more than {FIXED_COUNTS[-1]} seeds", "–"
        else:
            needed, ratio = f"{count} seeds", f"{cost / (count * NUM_EVALUATED):.0%}"
        lines.append(f"| {name} | {what}: {value} | {cost:.1f} trainings | {needed} | {ratio} |")
    return lines


def print_pairing(problems: Mapping[str, Problem]) -> None:
    """Print whether the same seeds for all configurations would reduce the variance of differences."""
    for name, problem in problems.items():
        correlations = np.corrcoef(problem.test)[np.triu_indices(len(problem.test), 1)]
        print(
            f"{name}: correlation of two configurations over the same seeds: mean {correlations.mean():.3f}"
        )


if __name__ == "__main__":
    main()
