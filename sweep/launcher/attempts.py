"""Values that are derived from an attempt's row: its folder, job, earlier failures and name in messages."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sweep.launcher.policy import Failure
from sweep.scheduler.job import Job
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder, submission_folder

FolderOpener = Callable[[AttemptRow], AttemptFolder]
"""Returns the folder of an attempt; a test replaces it by one that touches no file system."""


def folder_of(attempt: AttemptRow) -> AttemptFolder:
    """Return the attempt's folder on the shared file system."""
    return attempt_folder(Path(attempt.trial.folder), attempt.number, attempt.token)


def job_of(attempts: Sequence[AttemptRow], open_folder: FolderOpener = folder_of) -> Job:
    """Return the job that these attempts share."""
    first = attempts[0]
    assert first.job_name is not None
    return Job(
        name=first.job_name,
        folder=submission_folder(Path(first.trial.folder), first.job_name.rpartition(".")[0]),
        attempts=tuple(open_folder(attempt) for attempt in attempts),
        id=first.job_id,
    )


def failures_before(attempt: AttemptRow) -> list[Failure]:
    """Return why the trial's earlier attempts failed, the newest last."""
    return [
        Failure(earlier.cause, earlier.host)
        for earlier in attempt.trial.attempts
        if earlier.number < attempt.number and earlier.cause is not None
    ]


def describe(attempt: AttemptRow) -> str:
    """Return the name of an attempt in messages."""
    again = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"trial {attempt.trial.number}{again}"
