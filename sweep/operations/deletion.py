"""The deletion of a study: its folder first, then its rows in the database.

If it is interrupted, the rows are still there, so that the command can be run again and finishes it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.goals import EVALUATION
from sweep.operations.disk_usage import size_on_disk
from sweep.operations.dry_run import DRY_RUN
from sweep.operations.stop import running_launcher
from sweep.operations.study_removal import check_removable, remove_study_folder
from sweep.storage.attempts import gpu_seconds_used
from sweep.storage.lease import STALE_AFTER, Lease, LeaseHeldError
from sweep.storage.recorded_trials import RecordedTrial, recorded_trials
from sweep.storage.studies import study_names
from sweep.storage.study_deletion import delete_study
from sweep.storage.tables import StudyRow


class Deletion(NamedTuple):
    """What the deletion of a study deletes.

    Attributes:
        num_trials: The number of its trials.
        gpu_hours: The GPU hours that they used.
        folder: The study's folder.
        num_bytes: The size of the folder on disk; None if it does not exist on this machine.
        related: The names of the study's dry runs and of its evaluation, which are not deleted.
    """

    num_trials: int
    gpu_hours: float
    folder: Path
    num_bytes: int | None
    related: list[str]


def plan_deletion(engine: Engine, study: StudyRow) -> Deletion:
    """Return what the deletion of a study deletes, after checking that it is possible.

    Raises:
        InputError: If a launcher is running, trials are active, or the study's folder contains something
            else.
    """
    if running := running_launcher(study):
        raise InputError(
            f"study {study.name} has a launcher: {running}\n{_how_to_end(study.name)}\n"
            f"a launcher that no longer exists is ignored {STALE_AFTER.seconds // 60} minutes after its last "
            "heartbeat"
        )
    trials = recorded_trials(engine, study.id)
    _check(study, trials)
    folder = Path(study.workdir) / study.name
    return Deletion(
        num_trials=len(trials),
        gpu_hours=gpu_seconds_used(engine, study.id, datetime.now(UTC)) / 3600,
        folder=folder,
        num_bytes=size_on_disk(folder) if folder.is_dir() else None,
        related=_related(study.name, study_names(engine)),
    )


def delete(engine: Engine, study: StudyRow) -> bool:
    """Delete a study's folder, and then its rows from our tables and from Optuna's.

    Args:
        engine: The database.
        study: The study.

    Returns:
        False if the Optuna study of that name belongs to another program, and was therefore not deleted.

    Raises:
        InputError: If a launcher is running, trials are active, or the study's folder contains something
            else. Nothing is deleted then.
        InputError: If the folder cannot be removed completely. The rows are still there then.
        LeaseLostError: If another launcher has taken over the study. The rows are still there then.
    """
    lease = Lease(engine, study.id)
    try:
        lease.acquire()
    except LeaseHeldError as error:
        raise InputError(f"{str(error).partition(chr(10))[0]}\n{_how_to_end(study.name)}") from None
    try:
        _check(study, recorded_trials(engine, study.id))
        remove_study_folder(Path(study.workdir) / study.name)
        return delete_study(engine, study, lease)
    finally:
        lease.release()


def _check(study: StudyRow, trials: list[RecordedTrial]) -> None:
    active = [str(trial.number) for trial in trials if trial.is_active]
    if active:
        noun, verb = ("trial", "is") if len(active) == 1 else ("trials", "are")
        raise InputError(
            f"study {study.name}: {noun} {', '.join(active)} {verb} active, so jobs may be running\n"
            f"{_how_to_end(study.name)}"
        )
    attempts = [path for trial in trials for path in trial.attempts]
    check_removable(Path(study.workdir) / study.name, attempts)


def _how_to_end(study: str) -> str:
    stop = f"sweep stop --study {study} --cancel-jobs"
    return f"end the study first: {stop}\nrun this command again when no trial is active any more"


def _related(name: str, names: list[str]) -> list[str]:
    """Return the names of a study's evaluation and dry runs."""
    return [
        other for other in names if other == f"{name}{EVALUATION}" or other.startswith(f"{name}{DRY_RUN}")
    ]
