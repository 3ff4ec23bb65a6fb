"""Queries behind `sweep status`. They read only what is shown, so they are fast in a study of any size."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from sweep.error_summary import error_summary
from sweep.goals import Goals
from sweep.states import ACTIVE_STATES, AttemptState, Cause
from sweep.storage import optuna_queries
from sweep.storage.attempts import IS_NEWEST
from sweep.storage.best_trials import best_numbers
from sweep.storage.last_metrics import last_metrics
from sweep.storage.repeated_trials import REPEATS
from sweep.storage.tables import AttemptRow, EpochRow, StudyRow, TrialRow
from sweep.storage.trial_params import params_by_trial

NUM_CHECKED = 20  # how many complete trials are searched for the metric that the pruner judges


class ActiveAttempt(NamedTuple):
    """An active attempt, which occupies one of the study's slots.

    Attributes:
        number: The trial's number.
        submitted_at: When the attempt was created for submission.
    """

    number: int
    submitted_at: datetime


class TrialCost(NamedTuple):
    """The cost of one trial, over all its attempts.

    Attributes:
        slot_s: Seconds from the submission of its attempts to their ends.
        gpu_s: GPU seconds.
    """

    slot_s: float
    gpu_s: float


class TrialStatus(NamedTuple):
    """A trial, described by its newest attempt.

    Attributes:
        number: The trial's number.
        state: The state of the newest attempt.
        cause: Why the newest attempt failed.
        attempt: The number of the newest attempt, counted from 1.
        job_id: The id of its job.
        host: The node that it ran on.
        gpu: The GPU that it ran on.
        epoch: The last epoch that the trial reported.
        values: The trial's value of each objective if it is complete, else the best value of its epochs; None
            for an objective without a value.
        violates: The constraints that the trial violates; None if it is not complete.
        submitted_at: When the newest attempt was created for submission.
        started_at: When it started.
        ended_at: When it ended.
        error: The line of its error that says most; None if it did not fail.
        exit_status: How its process ended, as `exit code 3` or `signal SIGSEGV`, if it left no result.
        snapshot: The digest of the snapshot of the code that it runs; None for one of an earlier version.
        repeats: The number of the trial whose result it has taken over; None if it was trained itself.
        params: The searched hyperparameters that it has, in the order of the study file.
        metrics: The last value of each metric, as `last_metrics` describes; None for one that is not finite.
    """

    number: int
    state: AttemptState
    cause: Cause | None
    attempt: int
    job_id: str | None
    host: str | None
    gpu: str | None
    epoch: int | None
    values: tuple[float | None, ...]
    violates: tuple[str, ...] | None
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None = None
    exit_status: str | None = None
    snapshot: str | None = None
    repeats: int | None = None
    params: Mapping[str, Any] = {}
    metrics: Mapping[str, float | None] = {}

    @property
    def is_active(self) -> bool:
        """Whether the newest attempt has not ended."""
        return self.state in ACTIVE_STATES


def all_studies(session: Session) -> Sequence[StudyRow]:
    """Return the rows of all studies in the order of their first launches."""
    return session.scalars(select(StudyRow).order_by(StudyRow.id)).all()


def num_trials_by_state(session: Session, study_id: int) -> dict[AttemptState, int]:
    """Return the number of trials by the state of their newest attempt, without states that do not occur."""
    counts = _newest_attempts(study_id, AttemptRow.state, func.count()).group_by(AttemptRow.state)
    found: dict[AttemptState, int] = dict(session.execute(counts).all())
    return {state: found[state] for state in AttemptState if state in found}


def failure_causes(session: Session, study_id: int) -> Counter[Cause]:
    """Return how many trials have failed with each cause."""
    query = _newest_attempts(study_id, AttemptRow.cause).where(AttemptRow.state == AttemptState.FAILED)
    return Counter(cause for cause in session.scalars(query) if cause is not None)


def objective_curves(session: Session, study: StudyRow, numbers: Sequence[int]) -> list[list[float]]:
    """Return the finite values of the first objective in the epochs of each trial that has reported any."""
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
    curves: dict[int, list[float]] = {}
    for number, value in session.execute(query):
        if value is not None:
            curves.setdefault(number, []).append(value)
    return list(curves.values())


def num_retries_requested(session: Session, study_id: int) -> int:
    """Return the number of failed trials for which a user has requested a retry."""
    is_requested = (TrialRow.study_id == study_id) & TrialRow.retry_requested
    return session.scalar(select(func.count()).select_from(TrialRow).where(is_requested)) or 0


def num_enqueued(session: Session, study: StudyRow) -> int:
    """Return the number of enqueued points that no trial has been proposed for."""
    return session.scalar(optuna_queries.num_waiting(study.name)) or 0


def unreported_pruner_metric(session: Session, study: StudyRow) -> str | None:
    """Return the metric that the pruner judges if the first complete trials have not reported it.

    None if they have, if no trial is complete, or if there is no pruner.
    """
    pruner = study.definition.get("pruner", {"name": "none"})
    if pruner["name"] == "none":
        return None
    metric: str = pruner.get("metric") or study.goals.objectives[0].metric
    complete = _newest_attempts(study.id, TrialRow.id).where(AttemptRow.state == AttemptState.COMPLETE)
    ids = session.scalars(complete.order_by(TrialRow.number).limit(NUM_CHECKED)).all()
    reports = select(EpochRow.trial_id).where(EpochRow.trial_id.in_(ids), EpochRow.metric == metric)
    return metric if ids and session.scalar(reports.limit(1)) is None else None


def active_attempts(session: Session, study_id: int) -> list[ActiveAttempt]:
    """Return the active attempts in the order of their trials."""
    query = (
        select(TrialRow.number, AttemptRow.submitted_at)
        .join(AttemptRow)
        .where(TrialRow.study_id == study_id, AttemptRow.state.in_(ACTIVE_STATES))
        .order_by(TrialRow.number)
    )
    return [ActiveAttempt(*row) for row in session.execute(query)]


def recent_costs(session: Session, study_id: int, limit: int) -> list[TrialCost]:
    """Return the costs of the last complete or pruned trials, the last to end first."""
    has_value = AttemptRow.state.in_((AttemptState.COMPLETE, AttemptState.PRUNED))
    latest = _newest_attempts(study_id, TrialRow.id).where(has_value).order_by(AttemptRow.ended_at.desc())
    ids = session.scalars(latest.limit(limit)).all()
    attempts = select(AttemptRow).where(AttemptRow.trial_id.in_(ids), AttemptRow.ended_at.is_not(None))
    costs = dict.fromkeys(ids, TrialCost(0.0, 0.0))
    for attempt in session.scalars(attempts):
        assert attempt.ended_at is not None
        slot_s, gpu_s = costs[attempt.trial_id]
        took_s = max(0.0, (attempt.ended_at - attempt.submitted_at).total_seconds())  # a clock may be wrong
        costs[attempt.trial_id] = TrialCost(slot_s + took_s, gpu_s + attempt.gpu_seconds)
    return list(costs.values())


def best_trials(session: Session, study: StudyRow, limit: int | None) -> list[int]:
    """Return the numbers of the best trials, as `best_numbers` does."""
    return best_numbers(session.connection(), study.name, study.goals, limit)


def latest_trials(session: Session, study_id: int, limit: int) -> list[int]:
    """Return the numbers of the trials that ended last, the last one first."""
    latest = (
        _newest_attempts(study_id, TrialRow.number)
        .where(AttemptRow.ended_at.is_not(None))
        .order_by(AttemptRow.ended_at.desc())
        .limit(limit)
    )
    return list(session.scalars(latest))


def trial_statuses(session: Session, study: StudyRow, numbers: Sequence[int] | None) -> list[TrialStatus]:
    """Return the status of the trials of these numbers in this order; None selects all, by number.

    Args:
        session: A session of the database.
        study: The study.
        numbers: The numbers of the trials to select.
    """
    if numbers is not None and not numbers:
        return []
    of_study = TrialRow.study_id == study.id
    is_selected = of_study if numbers is None else of_study & TrialRow.number.in_(numbers)
    trial_ids = select(TrialRow.id).where(is_selected)
    optuna_trial_ids = select(TrialRow.optuna_trial_id).where(is_selected)
    newest = _newest_attempts(study.id, TrialRow.number, TrialRow.optuna_trial_id, AttemptRow)
    goals = study.goals
    epochs = _last_and_best_epochs(session, goals, trial_ids)
    values: dict[int, tuple[float | None, ...]] = {}
    for trial_id, value in session.execute(optuna_queries.values(optuna_trial_ids)):
        values[trial_id] = (*values.get(trial_id, ()), value)
    params = params_by_trial(session, optuna_trial_ids, list(study.definition["space"]))
    metrics = last_metrics(session, trial_ids)
    names = [objective.metric for objective in goals.objectives]
    violations = _violations(session, study) if goals.constraints else {}
    trials = {}
    for number, optuna_trial_id, attempt in session.execute(
        newest.where(is_selected).order_by(TrialRow.number)
    ):
        is_complete = attempt.state is AttemptState.COMPLETE
        last_epoch, of_epochs = epochs.get(attempt.trial_id, (None, (None,) * len(goals.objectives)))
        finals = values.get(optuna_trial_id, of_epochs) if is_complete else of_epochs
        trials[number] = TrialStatus(
            number=number,
            state=attempt.state,
            cause=attempt.cause,
            attempt=attempt.number,
            job_id=attempt.job_id,
            host=attempt.host,
            gpu=attempt.gpu,
            epoch=last_epoch,
            values=tuple(
                final if final is not None else best for final, best in zip(finals, of_epochs, strict=True)
            ),
            violates=violations.get(number, ()) if is_complete else None,
            submitted_at=attempt.submitted_at,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
            error=error_summary(attempt.error),
            exit_status=attempt.exit_status,
            snapshot=attempt.snapshot,
            repeats=attempt.notes.get(REPEATS),
            params=params.get(optuna_trial_id, {}),
            metrics=metrics.get(attempt.trial_id, {})
            | (dict(zip(names, finals, strict=True)) if is_complete else {}),
        )
    # A number that only Optuna knows is of a trial whose row is not committed yet, or of another program.
    return [trials[number] for number in (trials if numbers is None else numbers) if number in trials]


def _last_and_best_epochs(
    session: Session, goals: Goals, trial_ids: Select[int]
) -> dict[int, tuple[int, tuple[float | None, ...]]]:
    """Return the last epoch of each trial, and the best value of each objective among its epochs."""
    values = [
        (func.max if objective.maximizes else func.min)(
            case((EpochRow.metric == objective.metric, EpochRow.value))
        )
        for objective in goals.objectives
    ]
    query = (
        select(EpochRow.trial_id, func.max(EpochRow.epoch), *values)
        .where(EpochRow.trial_id.in_(trial_ids))
        .group_by(EpochRow.trial_id)
    )
    return {trial_id: (epoch, tuple(best)) for trial_id, epoch, *best in session.execute(query)}


def _violations(session: Session, study: StudyRow) -> dict[int, tuple[str, ...]]:
    """Return the constraints that each trial violates, by the number of the trial."""
    return {
        number: tuple(
            str(constraint)
            for constraint, excess in zip(study.goals.constraints, json.loads(text), strict=True)
            if excess > 0
        )
        for number, text in session.execute(optuna_queries.violations(study.name))
    }


def _newest_attempts(study_id: int, *columns: Any) -> Select[Any]:
    """Return a query for these columns of each trial and its newest attempt."""
    return (
        select(*columns)
        .select_from(AttemptRow)
        .join(TrialRow)
        .where(TrialRow.study_id == study_id, IS_NEWEST)
    )
