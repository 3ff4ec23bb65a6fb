"""The situation of a study: from its DataFrames for reports, and by few queries for commands."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sweep.goals import EVALUATION
from sweep.reporting.epoch_noise import pooled_noise
from sweep.reporting.headline import FrontEnd, Result, SeedNoise, Situation
from sweep.states import AttemptState
from sweep.storage import optuna_queries
from sweep.storage.attempts import IS_NEWEST
from sweep.storage.best_trials import best_numbers, infeasible_numbers
from sweep.storage.repeated_trials import REPEATS
from sweep.storage.studies import find_study
from sweep.storage.tables import AttemptRow, EpochRow, StudyRow, TrialRow
from sweep.storage.trial_params import params_by_trial

if TYPE_CHECKING:
    from sweep.storage.study_data import StudyData

NUM_CURVES = 5  # how many of the best trials determine the noise from epoch to epoch
MIN_REPEATS = 3  # degrees of freedom below which the noise between seeds is not known


def situation_of(data: "StudyData") -> Situation:
    """Return the situation of a study that has been read for a report."""
    complete, goals, study = data.complete_trials, data.goals, data.study
    failed = data.trials[data.trials["state"] == "failed"]
    causes = failed["cause"].dropna().mode().tolist()
    evaluated, selection = _evaluation(data)
    common = Situation(
        goals=goals,
        num_trials=len(data.trials),
        num_failed=len(failed),
        cause=str(causes[0]) if causes else None,
        num_complete=len(complete),
        num_infeasible=int(((data.trials["state"] == "complete") & ~data.is_feasible).sum()),
        validation_size=study.validation_size,
        evaluated=evaluated,
        evaluated_selection=selection,
    )
    numbers = complete["number"].tolist()
    if not goals.is_single:
        front = data.best_trials["number"].tolist()
        losses = dict(zip(numbers, data.losses.loc[complete.index].to_numpy(float).tolist(), strict=True))
        ends = (
            FrontEnd(each.metric, int(trial["number"]), float(trial[f"final_{each.metric}"]))
            for each, trial in data.front_ends
        )
        return _of_front(common, numbers, front, {key: tuple(each) for key, each in losses.items()}, ends)
    values = dict(zip(numbers, complete["value"].astype(float).tolist(), strict=True))
    configurations: dict[int, Hashable] = {}
    if study.repeats == "train":
        from sweep.reporting.params import params_of_trial

        rows = complete.to_dict("records")
        configurations = {row["number"]: _configuration(params_of_trial(data, row)) for row in rows}
    has_curves = data.metric in data.epochs
    curves = (
        data.epochs.loc[data.epochs["number"] == number].sort_values("epoch")[data.metric].dropna().tolist()
        for number in numbers[:NUM_CURVES]
        if has_curves
    )
    return _of_ranking(common, values, configurations, list(curves))


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
        return _of_front(common, list(losses), front, losses, ends)
    configurations: dict[int, Hashable] = {}
    if study.definition.get("repeats") == "train":
        ids = select(TrialRow.optuna_trial_id).where(TrialRow.study_id == study.id)
        params = params_by_trial(session, ids, list(study.definition["space"]))
        rows = session.execute(
            select(TrialRow.number, TrialRow.optuna_trial_id).where(TrialRow.study_id == study.id)
        )
        configurations = {
            number: _configuration(params.get(optuna_id, {}))
            for number, optuna_id in rows
            if number in losses
        }
    curves = _recorded_curves(session, study, ranked[:NUM_CURVES])
    return _of_ranking(common, {number: finals[number][0] for number in ranked}, configurations, curves)


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


def _of_ranking(
    common: Situation,
    values: Mapping[int, float],
    configurations: Mapping[int, Hashable],
    curves: Sequence[Sequence[float]],
) -> Situation:
    """Complete the situation of a study with a single objective.

    Args:
        common: What does not depend on the number of objectives.
        values: The value of each complete trial by its number, the best first.
        configurations: What identifies the configuration of each trial; empty if all are different.
        curves: The learning curves of the best trials.
    """
    first: dict[Hashable, Result] = {}
    for number, value in values.items():
        first.setdefault(configurations.get(number, number), Result(number, value))
    num_since = sum(number > next(iter(values)) for number in values) if values else 0
    return replace(
        common,
        results=tuple(first.values()),
        num_since_improvement=num_since,
        epoch_noise=pooled_noise(curves),
        seed_noise=_seed_noise(values, configurations),
    )


def _of_front(
    common: Situation,
    numbers: Iterable[int],
    front: Sequence[int],
    losses: Mapping[int, tuple[float, ...]],
    ends: Iterable[FrontEnd],
) -> Situation:
    """Complete the situation of a study with several objectives."""
    extended: dict[tuple[float, ...], int] = {}
    for number in sorted(front):
        extended.setdefault(losses[number], number)  # an equal trial does not extend the front
    last = max(extended.values(), default=0)
    return replace(
        common,
        front=tuple(front),
        front_ends=tuple(ends),
        num_since_improvement=sum(number > last for number in numbers),
    )


def _seed_noise(values: Mapping[int, float], configurations: Mapping[int, Hashable]) -> SeedNoise | None:
    groups: dict[Hashable, list[float]] = {}
    for number, configuration in configurations.items():
        groups.setdefault(configuration, []).append(values[number])
    repeated = [group for group in groups.values() if len(group) > 1]
    num_trials = sum(map(len, repeated))
    freedom = num_trials - len(repeated)
    squares = math.fsum((value - fmean(group)) ** 2 for group in repeated for value in group)
    if freedom < MIN_REPEATS or squares == 0:
        return None
    return SeedNoise(math.sqrt(squares / freedom), num_trials)


def _configuration(params: Mapping[str, Any]) -> Hashable:
    """Return what identifies a configuration: a DataFrame may hold 32 as 32.0, which is equal."""
    return frozenset(params.items())


def _evaluation(data: "StudyData") -> tuple[Any, str | None]:
    """Return the evaluated configurations, and which of them is the best with which probability."""
    if data.evaluation is None:
        return None, None
    from sweep.reporting.seed_statistics import evaluated_configurations
    from sweep.reporting.selection import describe_selection

    if not data.goals.is_single:
        return tuple(evaluated_configurations(data.by_objective[0])), None
    configurations = evaluated_configurations(data)
    selection = describe_selection(configurations, data.direction, with_leads=False)
    return tuple(configurations), next(iter(selection), None)
