"""The trial whose configuration a user wants: the best one, or one that is chosen by its number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.storage.status_queries import TrialStatus, best_trials, trial_statuses
from sweep.storage.tables import StudyRow


class ChosenTrial(NamedTuple):
    """A trial with its configuration.

    Attributes:
        number: The trial's number.
        params: The searched hyperparameters by name, with the labels of choices.
        description: Its state or its values, and whether it is the best trial or on the Pareto front.
    """

    number: int
    params: dict[str, Any]
    description: str


def chosen_trial(engine: Engine, study: StudyRow, number: int | None) -> ChosenTrial:
    """Return a trial of a study.

    Args:
        engine: The database.
        study: The study.
        number: The trial's number; None for the best trial.

    Raises:
        InputError: If there is no such trial, no best one, or no single best one.
    """
    with Session(engine) as session:
        is_single = study.goals.is_single
        best = best_trials(session, study, 1 if is_single else None)
        if number is None:
            number = _best(study, best)
        found = trial_statuses(session, study, [number])
    if not found:
        raise InputError(f"study {study.name} has no trial {number}")
    return ChosenTrial(number, dict(found[0].params), _description(study, found[0], best))


def _best(study: StudyRow, best: Sequence[int]) -> int:
    if not best:
        satisfied = " that satisfies the constraints" if study.goals.constraints else ""
        raise InputError(
            f"study {study.name} has no complete trial{satisfied} yet; --trial N selects any other trial"
        )
    if not study.goals.is_single:
        numbers = ", ".join(map(str, best))
        raise InputError(
            f"study {study.name} has several objectives, so no single trial is the best\n"
            f"select a trial of the Pareto front with --trial N: {numbers}"
        )
    return best[0]


def _description(study: StudyRow, trial: TrialStatus, best: Sequence[int]) -> str:
    objectives = study.goals.objectives
    values = ", ".join(
        f"{objective.metric} = {value:.6g}"
        for objective, value in zip(objectives, trial.values, strict=True)
        if value is not None
    )
    mark = (
        ("the best value" if study.goals.is_single else "on the Pareto front")
        if trial.number in best
        else None
    )
    return ", ".join(part for part in (mark, str(trial.state), values) if part)
