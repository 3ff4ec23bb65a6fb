"""Queries over attempts: the newest one of each trial, and the GPU time that attempts used."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from sweep.errors import InputError
from sweep.states import ACTIVE_STATES
from sweep.storage.tables import AttemptRow, StudyRow, TrialRow

MAX_CLOCK_DIFFERENCE = timedelta(hours=1)
"""By how much the clock of a node may differ from that of the launcher without a wrong cost."""

_any_attempt = aliased(AttemptRow)

IS_NEWEST: ColumnElement[bool] = (
    AttemptRow.number
    == select(func.max(_any_attempt.number))
    .where(_any_attempt.trial_id == AttemptRow.trial_id)
    .scalar_subquery()
)
"""The condition that an attempt is the newest one of its trial, for queries that select from attempts."""


def newest_attempt(engine: Engine, study: StudyRow, number: int) -> AttemptRow:
    """Return the newest attempt of a trial, with its trial loaded.

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

    An attempt that has ended counts with its recorded GPU seconds, and an active one with those that
    `gpu_seconds_so_far` returns.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        now: The time until which they are counted.
    """
    active = (
        select(AttemptRow)
        .join(TrialRow)
        .where(TrialRow.study_id == study_id, AttemptRow.state.in_(ACTIVE_STATES))
    )
    with Session(engine) as session:
        running_s = sum(
            gpu_seconds_so_far(attempt, attempt.started_at, now) for attempt in session.scalars(active)
        )
    return gpu_seconds_of_ended(engine, study_id) + running_s


def gpu_seconds_of_ended(engine: Engine, study_id: int) -> float:
    """Return the recorded GPU seconds of all attempts of a study that have ended."""
    query = (
        select(func.sum(AttemptRow.gpu_seconds))
        .join(TrialRow)
        .where(TrialRow.study_id == study_id, AttemptRow.state.not_in(ACTIVE_STATES))
    )
    with Session(engine) as session:
        used: float = session.scalar(query) or 0.0
        return used


def gpu_seconds_so_far(attempt: AttemptRow, started_at: datetime | None, now: datetime) -> float:
    """Return the GPU seconds of an active attempt: its share of its job's GPUs since it started.

    Args:
        attempt: The attempt.
        started_at: When the attempt started; None if it has not started.
        now: The time until which they are counted.
    """
    if started_at is None:
        return 0.0
    since = max(started_at, (attempt.submitted_at or started_at) - MAX_CLOCK_DIFFERENCE)
    return attempt.num_gpus / attempt.job_size * max((now - since).total_seconds(), 0.0)
