"""Queries over attempts: the newest one of each trial, and the GPU time that attempts used."""

from datetime import datetime

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from sweep.errors import InputError
from sweep.states import ACTIVE_STATES
from sweep.storage.tables import AttemptRow, StudyRow, TrialRow

_any_attempt = aliased(AttemptRow)

IS_NEWEST: ColumnElement[bool] = (
    AttemptRow.number
    == select(func.max(_any_attempt.number))
    .where(_any_attempt.trial_id == AttemptRow.trial_id)
    .scalar_subquery()
)
"""The condition that an attempt is the newest one of its trial, for queries that select from attempts."""


def newest_attempt(engine: Engine, study: StudyRow, number: int) -> AttemptRow:
    """Return the newest attempt at a trial, with its trial loaded.

    Args:
        engine: The database.
        study: The trial's study.
        number: The trial's number.

    Raises:
        InputError: If the study has no trial of that number.
    """
    query = (
        select(AttemptRow)
        .join(TrialRow)
        .where(TrialRow.study_id == study.id, TrialRow.number == number, IS_NEWEST)
        .options(joinedload(AttemptRow.trial))
    )
    with Session(engine) as session:
        attempt = session.scalar(query)
    if attempt is None:
        raise InputError(
            f"study {study.name} has no trial {number}\n"
            f"list its trials with: sweep status --study {study.name}"
        )
    return attempt


def gpu_seconds_used(engine: Engine, study_id: int, now: datetime) -> float:
    """Return the GPU seconds that all attempts of a study have used until now.

    An attempt that has ended counts with its recorded GPU seconds. An active one counts with its share of
    the job's GPUs since it started, or with its recorded GPU seconds if they are more: a job may have
    occupied its node for some time before the attempt started.
    """
    of_study = TrialRow.study_id == study_id
    is_active = AttemptRow.state.in_(ACTIVE_STATES)
    ended = select(func.sum(AttemptRow.gpu_seconds)).join(TrialRow).where(of_study, ~is_active)
    active = select(AttemptRow).join(TrialRow).where(of_study, is_active)
    with Session(engine) as session:
        ended_s: float = session.scalar(ended) or 0.0
        return ended_s + sum(_gpu_seconds_so_far(attempt, now) for attempt in session.scalars(active))


def _gpu_seconds_so_far(attempt: AttemptRow, now: datetime) -> float:
    if attempt.started_at is None:
        return attempt.gpu_seconds
    since_start_s = (now - attempt.started_at).total_seconds()
    return max(attempt.gpu_seconds, attempt.num_gpus / attempt.job_size * since_start_s)
