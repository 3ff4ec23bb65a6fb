"""The situation of a study by few queries, for commands that do not read the whole study."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sweep.goals import EVALUATION
from sweep.reporting.headline import FrontEnd, Situation
from sweep.reporting.situation import NUM_CURVES, configuration_key, of_front, of_ranking, situation_of
from sweep.states import AttemptState
from sweep.storage import optuna_queries
from sweep.storage.attempts import IS_NEWEST
from sweep.storage.best_trials import best_numbers, infeasible_numbers
from sweep.storage.repeated_trials import REPEATS
from sweep.storage.studies import find_study
from sweep.storage.tables import AttemptRow, EpochRow, StudyRow, TrialRow
from sweep.storage.trial_params import params_by_trial


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
    newest = select(TrialRow.number, AttemptRow.state, AttemptRow.cause).join_from(AttemptRow, TrialRow)
    attempts = session.execute(newest.where(TrialRow.study_id == study.id, IS_NEWEST)).all()
    failed = [cause for _, state, cause in attempts if state is AttemptState.FAILED]
    infeasible = infeasible_numbers(connection, study.name) if goals.constraints else set()
    repeats = _repeats(session, study)
    losses: dict[int, tuple[float, ...]] = {}
    finals: dict[int, tuple[float, ...]] = {}
    num_infeasible = 0
    for number, value in connection.execute(optuna_queries.complete_values(study.name)):
        finals[number] = (*finals.get(number, ()), math.inf if value is None else value)
    for number, each in finals.items():
        num_infeasible += number in infeasible
        if number not in infeasible | repeats and all(map(math.isfinite, each)):
            losses[number] = goals.losses(each)
    causes = Counter(cause for cause in failed if cause is not None)
    common = Situation(
        goals=goals,
        num_trials=len(attempts),
        num_failed=len(failed),
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
        ids = select(TrialRow.optuna_trial_id).where(TrialRow.study_id == study.id)
        params = params_by_trial(session, ids, list(study.definition["space"]))
        rows = session.execute(
            select(TrialRow.number, TrialRow.optuna_trial_id).where(TrialRow.study_id == study.id)
        )
        configurations = {
            number: configuration_key(params.get(optuna_id, {}))
            for number, optuna_id in rows
            if number in losses
        }
    curves = _recorded_curves(session, study, ranked[:NUM_CURVES])
    return of_ranking(common, {number: finals[number][0] for number in ranked}, configurations, curves)


def _repeats(session: Session, study: StudyRow) -> set[int]:
    """Return the numbers of the trials that have taken over the result of another one."""
    if study.definition.get("repeats", "reuse") != "reuse":
        return set()
    # A job that was submitted trained; the notes of the others, which are few, say what they repeat.
    query = select(TrialRow.number, AttemptRow.notes).join_from(AttemptRow, TrialRow)
    rows = session.execute(query.where(TrialRow.study_id == study.id, IS_NEWEST, AttemptRow.job_id.is_(None)))
    return {number for number, notes in rows if notes.get(REPEATS) is not None}


def _recorded_curves(session: Session, study: StudyRow, numbers: Sequence[int]) -> list[list[float]]:
    """Return the finite values of the objective in the epochs of each trial that has reported any."""
    curves: dict[int, list[float]] = {}
    query = (
        select(TrialRow.number, EpochRow.value)
        .join_from(EpochRow, TrialRow)
        .where(
            TrialRow.study_id == study.id,
            TrialRow.number.in_(numbers),
            EpochRow.metric == study.goals.objectives[0].metric,
        )
        .order_by(EpochRow.epoch)
    )
    for number, value in session.execute(query):
        if value is not None:
            curves.setdefault(number, []).append(value)
    return list(curves.values())
