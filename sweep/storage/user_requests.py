"""The requests of users to stop a study or to retry its trials.

Requests are recorded in the database, where the study's launcher reads them in its next poll cycle, even if
it runs on another login node.
"""

from sqlalchemy import Engine, select, update

from sweep.errors import InputError
from sweep.states import AttemptState, Stop
from sweep.storage.attempts import IS_NEWEST
from sweep.storage.tables import AttemptRow, StudyRow, TrialRow


def request_stop(engine: Engine, study: StudyRow, stop: Stop) -> None:
    """Record a request to stop a study."""
    with engine.begin() as connection:
        connection.execute(update(StudyRow).where(StudyRow.id == study.id).values(stop=stop))


def withdraw_stop(engine: Engine, name: str) -> None:
    """Withdraw the request to stop the study of that name, so that its next launcher continues it."""
    with engine.begin() as connection:
        connection.execute(update(StudyRow).where(StudyRow.name == name).values(stop=None))


def request_retry(engine: Engine, study: StudyRow, number: int | None = None) -> list[int]:
    """Record requests to retry failed trials.

    Args:
        engine: The database.
        study: The study of the trials.
        number: The number of the failed trial to retry; None retries all failed trials.

    Returns:
        The numbers of the trials that will be retried.

    Raises:
        InputError: If the study has no trial of that number, or the trial has not failed.
    """
    states = (
        select(TrialRow.id, TrialRow.number, AttemptRow.state)
        .join(AttemptRow)
        .where(TrialRow.study_id == study.id, IS_NEWEST)
        .order_by(TrialRow.number)
    )
    if number is not None:
        states = states.where(TrialRow.number == number)
    with engine.begin() as connection:
        rows = connection.execute(states).all()
        if number is not None:
            _check_has_failed(study.name, number, rows[0].state if rows else None)
        failed = [row for row in rows if row.state is AttemptState.FAILED]
        is_failed = TrialRow.id.in_([row.id for row in failed])
        connection.execute(update(TrialRow).where(is_failed).values(retry_requested=True))
    return [row.number for row in failed]


def _check_has_failed(study: str, number: int, state: AttemptState | None) -> None:
    if state is None:
        raise InputError(
            f"study {study} has no trial {number}\nlist its trials with: sweep status --study {study}"
        )
    if state is not AttemptState.FAILED:
        raise InputError(f"trial {number} of study {study} is {state}; only failed trials can be retried")
