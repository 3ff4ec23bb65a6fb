"""What a person asks of a study: written down in the database, and read by its launcher at its next turn.

The database is the one place that a launcher on another login node looks at too.
"""

from sqlalchemy import Engine, Select, func, select, update

from sweep.errors import InputError
from sweep.states import AttemptState, Stop
from sweep.storage.tables import AttemptRow, StudyRow, TrialRow


def request_stop(engine: Engine, study: StudyRow, stop: Stop) -> None:
    with engine.begin() as connection:
        connection.execute(update(StudyRow).where(StudyRow.id == study.id).values(stop=stop))


def take_back_stop(engine: Engine, name: str) -> None:
    """Have the next launcher of a study go on with it, whatever was asked before."""
    with engine.begin() as connection:
        connection.execute(update(StudyRow).where(StudyRow.name == name).values(stop=None))


def request_retry(engine: Engine, study: StudyRow, number: int | None = None) -> list[int]:
    """Ask for another attempt at one failed trial, or for None at all of them; their numbers.

    Raises
    ------
    InputError
        When there is no trial of that number, or it has not failed.
    """
    with engine.begin() as connection:
        rows = connection.execute(_last_states(study.id)).all()
        if number is not None:
            rows = [row for row in rows if row.number == number]
            _check(study.name, number, rows[0].state if rows else None)
        failed = [row for row in rows if row.state == AttemptState.FAILED]
        chosen = TrialRow.id.in_([row.id for row in failed])
        connection.execute(update(TrialRow).where(chosen).values(retry_requested=True))
    return [row.number for row in failed]


def _last_states(study_id: int) -> Select[int, int, str]:
    """Of each trial of the study: its id, its number, and the state of its last attempt."""
    last = (
        select(AttemptRow.trial_id, func.max(AttemptRow.number).label("number"))
        .group_by(AttemptRow.trial_id)
        .subquery()
    )
    is_last = (AttemptRow.trial_id == last.c.trial_id) & (AttemptRow.number == last.c.number)
    return (
        select(TrialRow.id, TrialRow.number, AttemptRow.state)
        .join(AttemptRow)
        .join(last, is_last)
        .where(TrialRow.study_id == study_id)
        .order_by(TrialRow.number)
    )


def _check(study: str, number: int, state: str | None) -> None:
    if state is None:
        raise InputError(
            f"study {study} has no trial {number}\nsee which it has with: sweep status --study {study}"
        )
    if state != AttemptState.FAILED:
        raise InputError(f"trial {number} of study {study} is {state}; only a failed trial is tried again")
