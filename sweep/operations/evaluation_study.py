"""The study that retrains another study's best configurations and measures them on test data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial
from sqlalchemy import Engine

from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.goals import EVALUATION
from sweep.storage.best_trials import best_numbers
from sweep.storage.optuna_storage import all_trials, optuna_storage
from sweep.storage.studies import find_study
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import StudyRow

MAX_SHOWN = 20
"""How many trials of a Pareto front a message lists."""


def evaluation_study(
    engine: Engine,
    row: StudyRow,
    top: int | None,
    num_seeds: int,
    numbers: Sequence[int] = (),
    *,
    front: bool = False,
) -> Study:
    """Return the study whose trials evaluate configurations of another study.

    If an evaluation study exists, it is continued: only missing trials are added, and none is removed.

    Args:
        engine: The database.
        row: The study to evaluate.
        top: How many of its best configurations to evaluate; None for one, or for none with several
            objectives.
        num_seeds: How many trials, which differ in their seeds, each configuration has.
        numbers: The numbers of further trials to evaluate, regardless of their results.
        front: Whether to evaluate the configurations of the Pareto front of several objectives.

    Raises:
        InputError: If the study has no `evaluate` function or no complete trial that satisfies the
            constraints, if a number is not that of a trial with hyperparameters, or if no trial is chosen
            although there are several objectives.
    """
    study = recorded_definition(row)
    if study.evaluate is None and study.command is not None:
        raise InputError(
            f"study {row.name} trains with a command, and has no `evaluate` function\n"
            "a command cannot be used for the evaluation; add `evaluate: package.module:function`, "
            "a function that trains a configuration and returns its test metrics, and launch the study again"
        )
    if study.evaluate is None:
        raise InputError(
            f"study {row.name} has no `evaluate` function\n"
            "add `evaluate: package.module:function` to its file, and launch it again"
        )
    with optuna_storage(engine.url) as storage:
        trials = all_trials(storage, row.name)
        with storage.engine.connect() as connection:
            numbers_best_first = best_numbers(connection, row.name, study.goals)
    params = {trial.number: trial.params for trial in trials}
    if not numbers_best_first:
        limits = " that satisfies the constraints" if study.goals.constraints else ""
        raise InputError(
            f"study {row.name} has no complete trial{limits}, so there is nothing to evaluate yet"
        )
    limit = _num_best(study, numbers_best_first, top, numbers, front=front)
    best = distinct(params[number] for number in numbers_best_first)[:limit]
    chosen = [*best, *_configurations_of(row.name, trials, numbers)]
    earlier = find_study(engine, f"{row.name}{EVALUATION}")
    points = [] if earlier is None else list(recorded_definition(earlier).enqueue)
    return study.evaluation_study(with_missing(points, chosen, num_seeds))


def _num_best(
    study: Study, best: Sequence[int], top: int | None, numbers: Sequence[int], *, front: bool
) -> int:
    """Return how many of the best configurations to evaluate.

    Raises:
        InputError: If the options do not suit the number of objectives.
    """
    if study.goals.is_single:
        if front:
            raise InputError(
                f"study {study.name} has a single objective, so it has no Pareto front\n"
                "use --top K instead of --front"
            )
        return 1 if top is None else top
    if top is not None or not (front or numbers):
        shown = ", ".join(map(str, best[:MAX_SHOWN])) + (", …" if len(best) > MAX_SHOWN else "")
        raise InputError(
            f"study {study.name} has several objectives, so no configuration is the best\n"
            "choose trials of the Pareto front with --trial N (may be repeated), or all of them with "
            f"--front\nthe front consists of the trials {shown}"
        )
    return len(best) if front else 0


def _configurations_of(
    study: str, trials: Sequence[FrozenTrial], numbers: Sequence[int]
) -> list[dict[str, Any]]:
    """Return the hyperparameters of the trials with these numbers."""
    proposed = {trial.number: trial.params for trial in trials if trial.params}
    for number in numbers:
        if number not in proposed:
            raise InputError(
                f"study {study} has no trial {number} that could be evaluated\n"
                f"--trial takes a number from {min(proposed)} to {max(proposed)}; `sweep status` lists them"
            )
    return [proposed[number] for number in numbers]


def distinct(configurations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the configurations in their order, each once."""
    distinct: list[dict[str, Any]] = []
    for configuration in configurations:
        if configuration not in distinct:
            distinct.append(dict(configuration))
    return distinct


def with_missing(
    points: Sequence[Mapping[str, Any]], configurations: Sequence[Mapping[str, Any]], num_seeds: int
) -> list[Mapping[str, Any]]:
    """Return the points, extended so that each configuration occurs at least `num_seeds` times."""
    extended = list(points)
    for configuration in configurations:
        num_present = sum(point == configuration for point in extended)
        extended += [dict(configuration)] * (num_seeds - num_present)
    return extended
