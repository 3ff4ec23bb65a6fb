"""The folder in which a study continues: the one that it was launched in, or was moved to."""

import os
from pathlib import Path

from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.operations.private_folder import check_workdir, make_private
from sweep.storage.studies import RecordedFolder, recorded_folders
from sweep.storage.tables import StudyRow
from sweep.worker.attempt_folder import jobs_folder


def workdir_to_continue(engine: Engine, study: StudyRow, requested: Path, is_given: bool) -> Path:
    """Return the folder in which a recorded study continues.

    A study whose folder was moved or copied to the requested workdir continues there.

    Args:
        engine: The database.
        study: The study.
        requested: The workdir of this launch.
        is_given: Whether the user has given the workdir, rather than the profile or the default.

    Raises:
        InputError: If the study's folder is not in the given workdir, is nowhere to be found, or trials are
            active in the recorded one.
    """
    recorded = Path(study.workdir)
    if _is_same(requested, recorded):
        return recorded
    folders = recorded_folders(engine, study.id)
    if not folders:
        return requested
    old, new = recorded / study.name, requested / study.name
    if _is_complete(folders, old, new):
        active = sorted({folder.number for folder in folders if folder.is_active})
        if active and old.is_dir():
            raise InputError(
                f"study {study.name} was copied to {new}, but {_trials(active)} active in {old}\n"
                f"continue it there until they have ended: --workdir {recorded}"
            )
        return requested
    if not old.is_dir():
        raise InputError(
            f"the folder of study {study.name} is neither {old}, where its trials were, nor {new}\n"
            f"name the folder that contains {study.name} with --workdir, or give the new study another name: "
            "--set name=NAME"
        )
    if is_given:
        raise InputError(
            f"study {study.name} has its trials in {old}, not in {new}\n"
            f"continue it with --workdir {recorded}, or move {old} to {new} and launch again"
        )
    return recorded


def prepare_study_folder(workdir: Path, study: str) -> None:
    """Create a study's folder and that of its jobs, or check that they are private.

    Raises:
        InputError: If they cannot be created, or other users can change or replace what is in them.
    """
    check_workdir(workdir)
    folder = workdir / study
    make_private(folder)
    make_private(jobs_folder(folder))


def check_study_folder(workdir: Path, study: str) -> None:
    """Check the workdir, and the study's folder if it exists.

    Raises:
        InputError: If other users can change or replace what is in them.
    """
    check_workdir(workdir)
    folder = workdir / study
    for path in (folder, jobs_folder(folder)):
        if os.path.lexists(path):
            make_private(path)


def _is_same(path: Path, other: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)


def _is_complete(folders: list[RecordedFolder], old: Path, new: Path) -> bool:
    """Return whether a folder contains attempts of the study, and all those that the old one contains."""
    if not new.is_dir():
        return False
    found = [(new / folder.path).is_dir() for folder in folders]
    missing = [folder for folder, is_found in zip(folders, found, strict=True) if not is_found]
    return any(found) and not any((old / folder.path).is_dir() for folder in missing)


def _trials(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"trial {numbers[0]} is"
    return f"trials {', '.join(map(str, numbers))} are"
