"""What the records say about trials whose configuration is proposed again."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from sweep.storage.attempts import IS_NEWEST
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow, StudyRow, Table, TrialRow

REPEATS = "repeats_trial"
"""The note of an attempt that was not trained: the number of the trial whose result it has."""


class Original(NamedTuple):
    """A trial that another one repeats.

    Attributes:
        id: Its id in our tables.
        number: Its number.
        seed: Its seed.
    """

    id: int
    number: int
    seed: int


def originals(
    engine: Engine, study_id: int, numbers: Collection[int], snapshot: str | None
) -> dict[int, Original]:
    """Return those of the trials whose last attempt runs a snapshot of the code, by their numbers.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        numbers: The numbers of the trials.
        snapshot: The digest of the snapshot; None for the project's own files, as earlier versions used them.
    """
    query = (
        select(TrialRow)
        .where(TrialRow.study_id == study_id, TrialRow.number.in_(numbers))
        .options(selectinload(TrialRow.attempts).load_only(AttemptRow.trial_id, AttemptRow.snapshot))
    )
    with Session(engine) as session:
        return {
            trial.number: Original(trial.id, trial.number, trial.seed)
            for trial in session.scalars(query)
            if trial.attempts and trial.attempts[-1].snapshot == snapshot
        }


def repeating_numbers(session: Session, study: StudyRow) -> set[int]:
    """Return the numbers of the trials that have taken over the result of another one."""
    if study.definition.get("repeats", "reuse") != "reuse":
        return set()
    # A job that was submitted trained; the notes of the others, which are few, say what they repeat.
    query = select(TrialRow.number, AttemptRow.notes).join_from(AttemptRow, TrialRow)
    rows = session.execute(query.where(TrialRow.study_id == study.id, IS_NEWEST, AttemptRow.job_id.is_(None)))
    return {number for number, notes in rows if notes.get(REPEATS) is not None}


def copied_results(engine: Engine, trial_id: int, to_trial_id: int) -> list[Table]:
    """Return copies of the epochs and of the final metrics of a trial, as new rows of another one."""
    with Session(engine) as session:
        epochs = session.scalars(select(EpochRow).where(EpochRow.trial_id == trial_id))
        copies: list[Table] = [
            EpochRow(
                trial_id=to_trial_id,
                epoch=row.epoch,
                metric=row.metric,
                value=row.value,
                reported_at=row.reported_at,
            )
            for row in epochs
        ]
        finals = session.scalars(select(FinalMetricRow).where(FinalMetricRow.trial_id == trial_id))
        copies += [FinalMetricRow(trial_id=to_trial_id, metric=row.metric, value=row.value) for row in finals]
    return copies
