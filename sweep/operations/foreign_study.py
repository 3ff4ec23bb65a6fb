"""A study that plain Optuna has created, and the study file that describes it."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy import URL

from sweep.definition.problem import format_choices, format_value
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.storage.database import connect, shown_url
from sweep.storage.optuna_storage import all_trials, optuna_storage
from sweep.storage.studies import optuna_study_names, study_names

MAX_SHOWN = 5
"""How many trials that do not fit a study file a message lists."""


class ForeignStudy(NamedTuple):
    """A study that plain Optuna has created.

    Attributes:
        origin: The database, without a password, and the name of the study.
        directions: The direction of each objective.
        metrics: The names of the objectives; None if they have none.
        trials: The trials that have ended, in the order of their numbers.
        num_active: The number of the other trials, which are not imported.
    """

    origin: str
    directions: Sequence[StudyDirection]
    metrics: Sequence[str] | None
    trials: Sequence[FrozenTrial]
    num_active: int


def read_foreign_study(url: URL, name: str) -> ForeignStudy:
    """Read a study of Optuna from a database.

    Raises:
        InputError: If the database cannot be opened, if it has no such study, or if `sweep` has launched it.
    """
    engine = connect(url, must_exist=True)
    try:
        names = optuna_study_names(engine)
        if name not in names:
            raise InputError(
                f"{shown_url(url)} has no Optuna study {format_value(name)}; "
                f"{format_choices(name, sorted(names))}"
            )
        if name in study_names(engine):
            raise InputError(
                f"study {name} in {shown_url(url)} was launched by sweep, so it need not be imported\n"
                "to start another study from its results, write `start_from` into the study file"
            )
    finally:
        engine.dispose()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with optuna_storage(url) as storage:
        study = optuna.load_study(study_name=name, storage=storage)
        trials = all_trials(storage, name)
        ended = [trial for trial in trials if trial.state.is_finished()]
        return ForeignStudy(
            f"{name} in {shown_url(url)}",
            study.directions,
            study.metric_names,
            ended,
            len(trials) - len(ended),
        )


def study_text(name: str, foreign: ForeignStudy) -> str:
    """Return the text of a study file for a foreign study, with comments where it must be reviewed."""
    if not foreign.trials:
        raise InputError(f"study {foreign.origin} has no trial that has ended, so there is nothing to import")
    metrics = foreign.metrics or [f"value{index or ''}" for index in range(len(foreign.directions))]
    goals = [
        f"metric: {json.dumps(metric)}\ndirection: {direction.name.lower()}"
        for metric, direction in zip(metrics, foreign.directions, strict=True)
    ]
    if len(goals) > 1:
        entries = [goal.replace("\n", ", ") for goal in goals]
        goals = ["objectives:", *(f"  - {{{entry}}}" for entry in entries)]
    distributions: dict[str, BaseDistribution] = {}
    for trial in foreign.trials:
        distributions.update(
            {key: each for key, each in trial.distributions.items() if key not in distributions}
        )
    lines = [
        f"name: {name}",
        "objective: my_module:objective  # review: only needed to continue the study",
        *goals,
        f"trials: {len(foreign.trials)}  # review: in total, including those that are imported",
        "space:",
        *(f"  {_key(key)}: {_entry(each)}" for key, each in distributions.items()),
    ]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if name.replace("_", "a").isalnum() else json.dumps(name)


def _entry(distribution: BaseDistribution) -> str:
    """Return the entry of a study file that has a distribution of Optuna."""
    match distribution:
        case CategoricalDistribution():
            return f"{{type: categorical, choices: {json.dumps(list(distribution.choices))}}}"
        case IntDistribution() | FloatDistribution():
            word = "int" if isinstance(distribution, IntDistribution) else "float"
            keys = [f"type: {word}", f"low: {distribution.low}", f"high: {distribution.high}"]
            if distribution.log:
                keys.append("log: true")
            elif distribution.step not in {None, 1}:
                keys.append(f"step: {distribution.step}")
            return f"{{{', '.join(keys)}}}"
        case _:
            raise InputError(f"a hyperparameter has the distribution {distribution}, which is not supported")


def check_fits(study: Study, foreign: ForeignStudy) -> None:
    """Check that a foreign study has the objectives and the space of a study file.

    Raises:
        InputError: If it has not; the message lists the first trials that do not fit.
    """
    expected = [objective.direction for objective in study.goals.objectives]
    found = [direction.name.lower() for direction in foreign.directions]
    if expected != found:
        raise InputError(
            f"study {foreign.origin} has the directions {', '.join(found)}, but the study file has "
            f"{', '.join(expected)}\nchange the study file"
        )
    problems = [
        f"trial {trial.number}: {text}" for trial in foreign.trials for text in _misfits(study, trial)
    ]
    if problems:
        more = [f"and {len(problems) - MAX_SHOWN} more"] if len(problems) > MAX_SHOWN else []
        lines = [f"trials do not fit the file of study {study.name}:", *problems[:MAX_SHOWN], *more]
        raise InputError("\n".join([*lines, "widen the space in the study file"]))


def _misfits(study: Study, trial: FrozenTrial) -> Iterator[str]:
    """Yield a clause for each value of a trial that is neither in the space nor the fixed one."""
    for name, value in trial.params.items():
        if name in study.fixed:
            if study.fixed[name] != value:
                fixed = format_value(study.fixed[name])
                yield f"{name} is fixed to {fixed}, but is {format_value(value)}"
        elif name not in study.space:
            yield f"{name} is neither in space nor fixed"
        elif not study.space[name].contains(value):
            yield f"{name} must be {study.space[name]}, but is {format_value(value)}"
