"""What is evaluated: a study's best configurations, each as often as there are to be seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial
from sqlalchemy import Engine

from sweep.definition.study import EVALUATION, Study
from sweep.errors import InputError
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.studies import find_study
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import StudyRow


def evaluation_study(
    engine: Engine, row: StudyRow, top: int, num_seeds: int, numbers: Sequence[int] = ()
) -> Study:
    """The study whose trials evaluate the best `top` configurations of another, `num_seeds` of them each.

    So are those of the trials of these numbers, pruned or not: a known recipe, to compare with.

    It goes on with what has been evaluated before: whatever is asked for later, no configuration is tested
    more often than asked, and no trial of it is lost.

    Raises
    ------
    InputError
        When the study names no evaluate function, no trial of it is complete, or none has such a number.
    """
    study = recorded_definition(row)
    if study.evaluate is None:
        raise InputError(
            f"study {row.name} names no function to evaluate with\n"
            "add `evaluate: package.module:function` to its file, and launch it once more"
        )
    with optuna_storage(engine.url) as storage:
        study_id = storage.get_study_id_from_name(row.name)
        trials = storage.get_all_trials(study_id, deepcopy=False)
        numbers_best_first = storage.best_numbers(study_id)
    params = {trial.number: trial.params for trial in trials}
    best = _distinct(params[number] for number in numbers_best_first)[:top]
    if not best:
        raise InputError(f"study {row.name} has no complete trial: there is nothing to evaluate yet")
    chosen = [*best, *_numbered(row.name, trials, numbers)]
    earlier = find_study(engine, f"{row.name}{EVALUATION}")
    points = [] if earlier is None else list(recorded_definition(earlier).enqueue)
    return study.evaluation_study(with_missing(points, chosen, num_seeds))


def _numbered(study: str, trials: Sequence[FrozenTrial], numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The params of the trials of these numbers."""
    started = {trial.number: trial.params for trial in trials if trial.params}
    for number in numbers:
        if number not in started:
            raise InputError(
                f"study {study} has no trial {number} that could be evaluated\n"
                f"--trial takes a number from {min(started)} to {max(started)}; `sweep status` lists them"
            )
    return [started[number] for number in numbers]


def _distinct(configurations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the configurations in their order, each once."""
    distinct: list[dict[str, Any]] = []
    for configuration in configurations:
        if configuration not in distinct:
            distinct.append(dict(configuration))
    return distinct


def with_missing(
    points: Sequence[Mapping[str, Any]], configurations: Sequence[Mapping[str, Any]], num_seeds: int
) -> list[Mapping[str, Any]]:
    """The points, and as many more as let each configuration be there once for each seed."""
    extended = list(points)
    for configuration in configurations:
        there = sum(point == configuration for point in extended)
        extended += [dict(configuration)] * (num_seeds - there)
    return extended
