"""The snapshot of the code that the new trials of a study run."""

import logging
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from sweep.errors import InputError
from sweep.operations.code_snapshot import (
    Differences,
    ProjectCode,
    copy_code,
    differences_between,
    unfinished_copies,
)
from sweep.storage.code_version import SHORT_DIGEST, Snapshot
from sweep.storage.snapshots import current_snapshot, current_snapshot_folder, find_snapshot, record_snapshot
from sweep.storage.studies import get_study
from sweep.storage.tables import StudyRow
from sweep.worker.attempt_folder import snapshot_folder

logger = logging.getLogger(__name__)


def choose_snapshot(
    engine: Engine,
    row: StudyRow,
    workdir: Path,
    code: ProjectCode,
    now: datetime,
    *,
    update: bool,
    read_again: Callable[[], ProjectCode],
) -> str:
    """Return the digest of the snapshot that new trials run, after copying and recording it if necessary.

    A study continues with its snapshot if the code has changed, unless it is to be updated.

    Args:
        engine: The database.
        row: The study's row.
        workdir: The folder that contains the study's folder.
        code: The code as it is now.
        now: The current time.
        update: Whether new trials run the code as it is now, even if the study has a snapshot.
        read_again: Reads the code again if its files change while they are copied.

    Raises:
        InputError: If the code cannot be copied, or the study's snapshot is missing.
    """
    folder = workdir / row.name
    current = current_snapshot(engine, row.id)
    changes = _changes_since(engine, row.id, current, code)
    if current is not None and changes is not None and not update:
        if not snapshot_folder(folder, current).is_dir():
            raise InputError(
                f"study {row.name}: the folder of its code, {snapshot_folder(folder, current)}, is missing, "
                f"and the project has changed since ({changes})\n"
                "restore the folder, or run the project's code in new trials with --update-code"
            )
        logger.warning(
            "code: the project differs from snapshot %s, with which the study continues (%s); to run the "
            "project's code in new trials, launch with --update-code",
            current[:SHORT_DIGEST],
            changes,
        )
        return current
    for unfinished in unfinished_copies(folder):
        shutil.rmtree(unfinished, ignore_errors=True)
    code = copy_code(code, folder, read_again)
    record_snapshot(engine, row.id, code.snapshot, code.files, now)
    replaced = "" if changes is None else f", instead of snapshot {str(current)[:SHORT_DIGEST]} ({changes})"
    logger.info("code: %s%s", code, replaced)
    return code.snapshot.digest


def recorded_code(engine: Engine, name: str) -> ProjectCode | None:
    """Return the code that new trials of a recorded study run; None if it has no snapshot.

    Raises:
        InputError: If the folder of the snapshot is missing.
    """
    row, folder = get_study(engine, name), current_snapshot_folder(engine, name)
    recorded = None if row.snapshot is None else find_snapshot(engine, row.id, row.snapshot)
    if folder is None or recorded is None:
        return None
    if not folder.is_dir():
        raise InputError(
            f"study {name}: the folder of its code, {folder}, is missing\n"
            "restore it, launch the study with the --workdir that its folder was moved to, or launch it with "
            "--update-code"
        )
    return ProjectCode(
        folder, recorded.files, Snapshot(recorded.digest, recorded.git_commit, recorded.is_clean)
    )


def _changes_since(
    engine: Engine, study_id: int, current: str | None, code: ProjectCode
) -> Differences | None:
    """Return how the code differs from the study's snapshot; None if it does not, or if there is none."""
    if current is None or current == code.snapshot.digest:
        return None
    recorded = find_snapshot(engine, study_id, current)
    return differences_between({} if recorded is None else recorded.files, code.files)
