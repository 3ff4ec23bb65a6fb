"""Freeing disk space: the removal of files in studies' folders that are no longer needed.

Complete and pruned trials are never opened again, so their files can be removed while a launcher is running.
Everything else is removed only while this process holds the study's lease.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from sweep.operations.disk_usage import is_own_folder, remove, size_on_disk
from sweep.operations.stop import running_launcher
from sweep.operations.study_removal import foreign_entries
from sweep.states import AttemptState, StringEnum
from sweep.storage.lease import Lease, LeaseHeldError
from sweep.storage.recorded_trials import RecordedTrial, recorded_trials
from sweep.storage.snapshots import delete_unused_snapshots, used_snapshots
from sweep.storage.tables import StudyRow
from sweep.worker.attempt_folder import AttemptFolder, snapshots_folder, worker_packages_folder


class Kind(StringEnum):
    """The kinds of files that are removed."""

    CHECKPOINTS = "checkpoints"
    """The checkpoints of ended trials."""
    ARTIFACTS = "artifacts"
    """All files of pruned trials that are not their record."""
    SNAPSHOTS = "snapshots"
    """Snapshots of the code that no trial has run and new trials will not run."""
    WORKER_PACKAGES = "worker packages"
    """Copies of the worker, which are created again when a trial is submitted."""


class Removable(NamedTuple):
    """A file or folder that can be removed."""

    kind: Kind
    path: Path


class Cleaning(NamedTuple):
    """What was removed from a study's folder, or would be.

    Attributes:
        study: The study's name.
        num_bytes: The size on disk by kind.
        left_out: Why some kinds of files were left out; None if none was.
    """

    study: str
    num_bytes: Mapping[Kind, int]
    left_out: str | None

    @property
    def total(self) -> int:
        """The size on disk of all kinds."""
        return sum(self.num_bytes.values())


def clean(engine: Engine, study: StudyRow, *, failed: bool = False, dry_run: bool = False) -> Cleaning:
    """Remove the files in a study's folder that are no longer needed.

    Args:
        engine: The database.
        study: The study.
        failed: Whether the checkpoints of failed trials are removed too, from which a retry would continue.
        dry_run: Whether nothing is removed or changed.

    Raises:
        InputError: If a file cannot be removed.
    """
    folder = Path(study.workdir) / study.name
    num_bytes = dict.fromkeys(Kind, 0)
    if not is_own_folder(folder):
        state = "is not a folder of yours, or is a link" if folder.exists() else "does not exist here"
        return Cleaning(study.name, num_bytes, f"{folder} {state}")
    with _exclusive(engine, study, dry_run) as is_exclusive:
        trials = recorded_trials(engine, study.id)
        found = list(_of_trials(folder, trials, failed and is_exclusive))
        left_out = _reason_to_leave_out(folder, trials, is_exclusive)
        if left_out is None:
            found += _unused_snapshots(folder, used_snapshots(engine, study.id))
            if not any(trial.is_active for trial in trials):
                found += [
                    Removable(Kind.WORKER_PACKAGES, path) for path in _entries(worker_packages_folder(folder))
                ]
        for kind, path in found:
            num_bytes[kind] += size_on_disk(path)
            if not dry_run:
                remove(path)
        if left_out is None and not dry_run:
            delete_unused_snapshots(engine, study.id)
    return Cleaning(study.name, num_bytes, left_out)


@contextmanager
def _exclusive(engine: Engine, study: StudyRow, dry_run: bool) -> Iterator[bool]:
    """Hold the study's lease, and yield whether no launcher holds it; nothing is changed by a dry run."""
    if dry_run:
        yield running_launcher(study) is None
        return
    lease = Lease(engine, study.id)
    try:
        lease.acquire()
    except LeaseHeldError:
        yield False
        return
    try:
        yield True
    finally:
        lease.release()


def _reason_to_leave_out(folder: Path, trials: list[RecordedTrial], is_exclusive: bool) -> str | None:
    """Return why files outside the folders of complete and pruned trials are left out."""
    if not is_exclusive:
        return "a launcher is running, so only files of complete and pruned trials are removed"
    attempts = [path for trial in trials for path in trial.attempts]
    if (foreign := next(foreign_entries(folder, attempts), None)) is not None:
        return (
            f"{folder} contains {foreign}, which the study has not created, so its snapshots and worker "
            "packages stay, because a study in another database may use them"
        )
    return None


def _of_trials(folder: Path, trials: list[RecordedTrial], failed: bool) -> Iterator[Removable]:
    """Yield what can be removed from the folders of trials that have ended."""
    for trial in trials:
        if trial.is_active or trial.retry_requested:
            continue
        if trial.state is AttemptState.FAILED and not failed:
            continue
        for path in trial.attempts:
            if is_own_folder(folder / path.parent) and is_own_folder(folder / path):
                yield from _of_attempt(AttemptFolder(folder / path), trial.state is AttemptState.PRUNED)


def _of_attempt(attempt: AttemptFolder, is_pruned: bool) -> Iterator[Removable]:
    for path in _entries(attempt.path):
        if path in {attempt.checkpoints, attempt.partial_checkpoints}:
            yield Removable(Kind.CHECKPOINTS, path)
        elif is_pruned and path not in attempt.record:
            yield Removable(Kind.ARTIFACTS, path)


def _unused_snapshots(folder: Path, used: set[str]) -> Iterator[Removable]:
    """Yield the folders of snapshots that are not used, and copies that killed launches have left."""
    for path in _entries(snapshots_folder(folder)):
        if path.name not in used:
            yield Removable(Kind.SNAPSHOTS, path)


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder of the user's own; none if it is something else."""
    if not is_own_folder(folder):
        return []
    with suppress(FileNotFoundError):
        return sorted(folder.iterdir())
    return []
