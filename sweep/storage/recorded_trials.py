"""The states of the trials of a study, and the folders of their attempts."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from sweep.states import ACTIVE_STATES, AttemptState
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.attempt_folder import attempt_folder, trial_folder


class RecordedTrial(NamedTuple):
    """A trial and the folders of its attempts.

    Attributes:
        number: The trial's number.
        state: The state of the newest attempt.
        is_active: Whether any attempt has not ended.
        retry_requested: Whether a user has requested another attempt.
        attempts: The paths of the attempts' folders below the study's folder.
    """

    number: int
    state: AttemptState
    is_active: bool
    retry_requested: bool
    attempts: Sequence[Path]


def recorded_trials(engine: Engine, study_id: int) -> list[RecordedTrial]:
    """Return the trials of a study in the order of their numbers, including those without a folder yet."""
    attempts = selectinload(TrialRow.attempts).load_only(
        AttemptRow.trial_id, AttemptRow.number, AttemptRow.token, AttemptRow.state
    )
    query = select(TrialRow).where(TrialRow.study_id == study_id).order_by(TrialRow.number)
    with Session(engine) as session:
        return [
            RecordedTrial(
                number=trial.number,
                state=trial.attempts[-1].state,
                is_active=any(attempt.state in ACTIVE_STATES for attempt in trial.attempts),
                retry_requested=trial.retry_requested,
                attempts=[
                    attempt_folder(trial_folder(Path(), "", trial.number), attempt.number, attempt.token).path
                    for attempt in trial.attempts
                ],
            )
            for trial in session.scalars(query.options(attempts))
            if trial.attempts
        ]
