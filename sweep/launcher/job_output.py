"""What is known about the end of a job without a result: its exit status, and the end of its output."""

import re
from collections.abc import Iterable, Iterator

from sweep.definition.setup_lines import FAILURE
from sweep.redaction import hide_passwords
from sweep.scheduler.job import Job, JobStatus, output_files
from sweep.terminal_text import without_sequences
from sweep.worker.attempt_folder import AttemptFolder, whole_lines
from sweep.worker.regular_file import UnusableFileError, read_end

MAX_FILE_BYTES = 8_000
NUM_LINES = 40
# Lines that say nothing about the reason of a failure.
_ORDINARY = re.compile(
    r"submitit INFO |srun: (job|launch|Job step)|slurmstepd: error: \*+ STEP|srun: error: .* Exit"
)


def describe_job_end(folder: AttemptFolder, job: Job | None, status: JobStatus | None) -> str | None:
    """Return what is known about the end of an attempt without a result; None if nothing is.

    The last line summarizes the others.

    Args:
        folder: The attempt's folder.
        job: The attempt's job; None if it was never submitted.
        status: What the scheduler reports about the job.
    """
    outputs = dict(job_outputs(job)) if job is not None else {}
    parts = [f"--- {name} ---\n{text}" for name, text in outputs.items()]
    exit_status = status.exit_status if status is not None else None
    reasons = [folder.result_damage(), exit_status, _last_telling_line(outputs.values())]
    summary = "; ".join(reason for reason in reasons if reason)
    return "\n".join([*parts, summary] if summary else parts) or None


def job_outputs(job: Job) -> Iterator[tuple[str, str]]:
    """Yield the end of each file with the job's own output that is not empty, with the file's name."""
    for path in output_files(job):
        try:
            data, is_whole = read_end(path, MAX_FILE_BYTES)
        except (OSError, UnusableFileError):
            continue
        lines = hide_passwords(without_sequences(whole_lines(data, is_whole))).splitlines()
        kept = [line for line in lines if line.strip()][-NUM_LINES:]
        if kept:
            yield str(path), "\n".join(kept)


def is_ordinary(text: str) -> bool:
    """Return whether an output of a job contains only routine messages."""
    return all(_ORDINARY.search(line) for line in text.splitlines())


def _last_telling_line(texts: Iterable[str]) -> str | None:
    """Return the last line of the first text with a line that is not a routine message.

    If a setup command has failed, the shell's own message follows.
    """
    for text in texts:
        telling = [line for line in text.splitlines() if not _ORDINARY.search(line)]
        if telling and telling[-1].startswith(FAILURE):
            return "; ".join(line.strip() for line in telling[:-3:-1])
        if telling:
            return telling[-1].strip()
    return None
