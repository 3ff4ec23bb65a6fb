"""What Slurm knows of jobs, asked by squeue and sacct; scancel. Only here are its words for states known."""

import logging
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sweep.scheduler.job import Job
from sweep.states import JobState

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 60  # Slurm's own commands give up after 9 to 45 s without an answer

# Every job state of Slurm's manuals (squeue and sacct, "JOB STATE CODES"), and of its source. A job that is
# being set up, suspended or cleaned up after still has its node: it has not ended.
STATES = {
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "CANCELLED": JobState.CANCELLED,
    "COMPLETED": JobState.COMPLETE,
    "COMPLETING": JobState.RUNNING,
    "CONFIGURING": JobState.RUNNING,
    "DEADLINE": JobState.TIMEOUT,
    "FAILED": JobState.FAILED,
    "LAUNCH_FAILED": JobState.NODE_FAILURE,
    "NODE_FAIL": JobState.NODE_FAILURE,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "PENDING": JobState.PENDING,
    "POWER_UP_NODE": JobState.PENDING,
    "PREEMPTED": JobState.PREEMPTED,
    "RECONFIG_FAIL": JobState.NODE_FAILURE,
    "REQUEUED": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "RESIZING": JobState.RUNNING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "REVOKED": JobState.CANCELLED,
    "RUNNING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "SPECIAL_EXIT": JobState.PENDING,
    "STAGE_OUT": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "SUSPENDED": JobState.RUNNING,
    "TIMEOUT": JobState.TIMEOUT,
    "UPDATE_DB": JobState.RUNNING,
}

NO_ACCOUNTING = "accounting storage is disabled"  # sacct's words where a cluster keeps no accounts
DEFAULT_MAX_ARRAY_SIZE = 1001  # Slurm's own


class Row(NamedTuple):
    """A job as squeue or sacct shows it; its name is that of its submission, which an array shares."""

    id: str
    state: JobState
    elapsed_s: float | None
    reason: str  # why it waits
    name: str

    @property
    def job_name(self) -> str:
        """Our name of the job: a job that is no array is its submission's first and only one."""
        return f"{self.name}.{self.id.partition('_')[2] or 0}"


class NoAnswerError(Exception):
    """Raised when a Slurm command fails, with what it said. For no job does anything follow from that."""


def job_state(word: str) -> JobState:
    """Our state for one of Slurm's words, which may carry more: `CANCELLED by 1000`, `RUNNING+`."""
    return STATES.get(word.partition(" ")[0].rstrip("+"), JobState.UNKNOWN)


def seconds(time: str) -> float | None:
    """Slurm's [[D-]H:]MM:SS in seconds; None for what is no time, such as INVALID."""
    found = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", time)
    if found is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + rest)


def queue() -> list[Row] | None:
    """This user's jobs, those too that ended minutes ago; None when Slurm does not answer."""
    try:
        return _ask("squeue", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%M|%r|%j")
    except NoAnswerError as error:
        logger.warning("%s", error)
        return None


def accounted(jobs: Mapping[str, Job], queue_rows: Iterable[Row]) -> dict[str, Row]:
    """From accounting, what became of jobs that squeue knows no more, by id: they have ended, however.

    A record may be late. None is ever made of a task that is cancelled before its array has begun, while
    others of the array are left: what tells of it is the array, which is known.
    """
    if not jobs:
        return {}

    def unrecorded(job_id: str, state: JobState) -> Row:
        return Row(job_id, state, None, "", jobs[job_id].submission)

    columns = "--format=JobID,State,Elapsed,Reason,JobName"
    arrays = ",".join(dict.fromkeys(map(_array_of, jobs)))
    rows: list[Row] = []
    try:
        rows = _ask("sacct", "--parsable2", "--allocations", columns, f"--jobs={arrays}")
    except NoAnswerError as error:
        if NO_ACCOUNTING not in str(error):
            logger.warning("%s", error)
            return {job_id: unrecorded(job_id, JobState.UNKNOWN) for job_id in jobs}
    ended = rows_of(jobs, (task for row in rows if row.state.has_ended for task in _tasks_of(row)))
    recorded = {row.id for row in rows}
    known_arrays = {(_array_of(row.id), row.name) for row in [*queue_rows, *rows]}

    def without(job_id: str) -> JobState:
        is_of_known_array = (_array_of(job_id), jobs[job_id].submission) in known_arrays
        ran = job_id in recorded or any(attempt.started.exists() for attempt in jobs[job_id].attempts)
        return JobState.CANCELLED if "_" in job_id and is_of_known_array and not ran else JobState.GONE

    return {job_id: ended.get(job_id) or unrecorded(job_id, without(job_id)) for job_id in jobs}


def _array_of(job_id: str) -> str:
    return job_id.partition("_")[0]


def _tasks_of(row: Row) -> Iterator[Row]:
    """A row each for the tasks that sacct has in one, as 12_[0-3,7], since none of them has begun."""
    found = re.fullmatch(r"(\d+)_\[([\d,-]+)(?:%\d+)?\]", row.id)
    if found is None:
        yield row
        return
    for part in found[2].split(","):
        first, _, last = part.partition("-")
        for index in range(int(first), int(last or first) + 1):
            yield row._replace(id=f"{found[1]}_{index}")


def rows_of(jobs: Mapping[str, Job], rows: Iterable[Row]) -> dict[str, Row]:
    """The rows of these jobs, by id. A row of another name is another job: clusters reuse ids."""
    return {row.id: row for row in rows if row.id in jobs and row.name == jobs[row.id].submission}


def scancel(*job_ids: str) -> None:
    try:
        call("scancel", *job_ids)
    except NoAnswerError as error:
        logger.warning("%s", error)


def max_array_size() -> int:
    """How many jobs one array may have on this cluster."""
    try:
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", call("scontrol", "show", "config"), re.MULTILINE)
    except NoAnswerError as error:
        logger.warning("%s", error)
        found = None
    return max(1, int(found[1])) if found else DEFAULT_MAX_ARRAY_SIZE


def _ask(*command: str) -> list[Row]:
    """The jobs that a command lists in five columns; the name, which comes last, may be of any length."""
    lines = call(*command, "--noheader").splitlines()
    rows = (line.strip().split("|", 4) for line in lines if line.count("|") >= 4)
    return [
        Row(job_id, job_state(word), seconds(time), reason.split(",")[0], name)
        for job_id, word, time, reason, name in rows
    ]


def call(*command: str) -> str:
    """What a Slurm command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswerError(f"{command[0]} did not answer: {error}") from error
    if done.returncode != 0:
        raise NoAnswerError(f"{command[0]} did not answer: {done.stderr.strip()}")
    return done.stdout
