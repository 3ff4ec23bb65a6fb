"""The folder in which a study continues: the one that it was launched in, or was moved to."""

import os
from collections.abc import Iterable
from pathlib import Path
from shlex import quote

from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.operations.private_folder import check_workdir, make_private
from sweep.storage.snapshots import used_snapshots
from sweep.storage.studies import RecordedFolder, recorded_folders
from sweep.storage.tables import StudyRow
from sweep.worker.attempt_folder import jobs_folder, snapshot_folder


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
    active = sorted({folder.number for folder in folders if folder.is_active})
    if _is_complete(folders, used_snapshots(engine, study.id), old, new):
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
            f"continue it with --workdir {quote(str(recorded))}, or {_how_to_move(old, new, active)}"
        )
    return recorded


def _how_to_move(old: Path, new: Path, active: list[int]) -> str:
    """Return what a user can do to move a study's folder, as the end of a sentence."""
    if active:
        return f"move it when no trial is active any more ({_trials(active)} active)"
    source, target = quote(str(old)), quote(str(new))
    if os.path.lexists(new):
        copy = f"cp -a {source}/. {target}"
        return f"remove {new} and launch again, or complete the copy in it and launch again:\n  {copy}"
    return f"move it and launch again:\n  mkdir -p {quote(str(new.parent))} && mv {source} {target}"


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


def _is_complete(folders: list[RecordedFolder], snapshots: Iterable[str], old: Path, new: Path) -> bool:
    """Return whether a folder contains attempts of the study, and all that the old one contains.

    Args:
        folders: The folders of the study's attempts.
        snapshots: The digests of the snapshots of the code that the study uses.
        old: The study's folder as recorded.
        new: The other folder.
    """
    if not any((new / folder.path).is_dir() for folder in folders):
        return False
    paths = [folder.path for folder in folders]
    paths += [snapshot_folder(Path(), digest) for digest in snapshots]
    missing = (path for path in paths if not (new / path).is_dir())
    return not any((old / path).is_dir() for path in missing)


def _trials(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"trial {numbers[0]} is"
    return f"trials {', '.join(map(str, numbers))} are"
