"""The situation of a study by few queries, for commands that do not read the whole study."""

import math
from collections.abc import Hashable

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sweep.goals import EVALUATION
from sweep.reporting.headline import FrontEnd, Situation
from sweep.reporting.situation import NUM_CURVES, configuration_key, of_front, of_ranking, situation_of
from sweep.states import AttemptState
from sweep.storage import optuna_queries
from sweep.storage.best_trials import best_numbers, infeasible_numbers
from sweep.storage.repeated_trials import repeating_numbers
from sweep.storage.status_queries import failure_causes, num_trials_by_state, objective_curves
from sweep.storage.studies import find_study
from sweep.storage.tables import StudyRow
from sweep.storage.trial_params import params_by_number


def recorded_situation(engine: Engine, study: StudyRow) -> Situation:
    """Return the situation of a study by few queries, unless it has an evaluation, which must be read.

    Args:
        engine: The database.
        study: The study.
    """
    if find_study(engine, f"{study.name}{EVALUATION}") is not None:
        from sweep.storage.study_reader import read_study  # imports Optuna and pandas

        return situation_of(read_study(engine, engine.url, study.name))
    with Session(engine) as session:
        return _recorded(session, study)


def _recorded(session: Session, study: StudyRow) -> Situation:
    goals, connection = study.goals, session.connection()
    counts = num_trials_by_state(session, study.id)
    causes = failure_causes(session, study.id)
    infeasible = infeasible_numbers(connection, study.name) if goals.constraints else set()
    unranked = infeasible | repeating_numbers(session, study)
    losses: dict[int, tuple[float, ...]] = {}
    finals: dict[int, tuple[float, ...]] = {}
    num_infeasible = 0
    for number, value in connection.execute(optuna_queries.complete_values(study.name)):
        finals[number] = (*finals.get(number, ()), math.inf if value is None else value)
    for number, each in finals.items():
        num_infeasible += number in infeasible
        if number not in unranked and all(map(math.isfinite, each)):
            losses[number] = goals.losses(each)
    common = Situation(
        goals=goals,
        num_trials=sum(counts.values()),
        num_failed=counts.get(AttemptState.FAILED, 0),
        cause=min(causes, key=lambda cause: (-causes[cause], cause)) if causes else None,
        num_complete=len(losses),
        num_infeasible=num_infeasible,
        validation_size=study.definition.get("validation_size"),
    )
    ranked = sorted(losses, key=lambda number: (losses[number], number))
    if not goals.is_single:
        front = [number for number in best_numbers(connection, study.name, goals) if number in losses]
        ends = []
        for index, objective in enumerate(goals.objectives if front else ()):
            best = min(front, key=lambda number: losses[number][index])
            ends.append(FrontEnd(objective.metric, best, finals[best][index]))
        return of_front(common, list(losses), front, losses, ends)
    configurations: dict[int, Hashable] = {}
    if study.definition.get("repeats") == "train":
        params = params_by_number(session, study)
        configurations = {number: configuration_key(params[number]) for number in losses if number in params}
    curves = objective_curves(session, study, ranked[:NUM_CURVES])
    return of_ranking(common, {number: finals[number][0] for number in ranked}, configurations, curves)
