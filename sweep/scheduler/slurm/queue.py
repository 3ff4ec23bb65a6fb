"""What Slurm reports about jobs, through squeue and sacct, and other calls of Slurm's commands.

`job_state` is the only function that maps Slurm's job states to the states of this project.
"""

import logging
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sweep.scheduler.job import Job
from sweep.states import JobState

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 60
"""The time limit of a Slurm command. Without an answer, the commands themselves give up after 9 to 45 s."""

# All job states in Slurm's manuals (squeue and sacct, "JOB STATE CODES") and in its source code. A job that
# is being set up, is suspended or is being cleaned up occupies its node, so it has not ended.
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

NO_ACCOUNTING = "accounting storage is disabled"
"""A part of sacct's error message on a cluster without accounting."""
DEFAULT_MAX_ARRAY_SIZE = 1001
"""Slurm's default of MaxArraySize."""


class SlurmCommandError(Exception):
    """Raised if a Slurm command fails; the message is its output. The states of all jobs are then unknown."""


class JobRecord(NamedTuple):
    """A job as squeue or sacct lists it.

    Attributes:
        id: The job's id; ARRAY_INDEX for a job of an array.
        state: The job's state.
        elapsed_s: How many seconds the job has run; None if it is not known.
        reason: Why the job waits.
        submission: The job's name in Slurm, which is the name of the submission for all jobs of an array.
    """

    id: str
    state: JobState
    elapsed_s: float | None
    reason: str
    submission: str

    @property
    def name(self) -> str:
        """The job's name in this project, SUBMISSION.INDEX. A job that is not in an array has index 0."""
        return f"{self.submission}.{self.id.partition('_')[2] or 0}"


def job_state(slurm_state: str) -> JobState:
    """Return the state for a state of Slurm, which may have a suffix: `CANCELLED by 1000`, `RUNNING+`."""
    return STATES.get(slurm_state.partition(" ")[0].rstrip("+"), JobState.UNKNOWN)


def parse_seconds(time: str) -> float | None:
    """Return a time of the form [[D-]H:]MM:SS in seconds, or None for other text, such as INVALID."""
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", time)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def queued_jobs() -> list[JobRecord] | None:
    """Return the user's jobs, including jobs that ended minutes ago; None if Slurm does not answer."""
    try:
        return _list_jobs(
            "squeue", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%M|%r|%j"
        )
    except SlurmCommandError as error:
        logger.warning("%s", error)
        return None


def accounted_jobs(jobs: Mapping[str, Job], queued: Iterable[JobRecord]) -> dict[str, JobRecord]:
    """Return records from accounting of jobs that squeue no longer lists, so that they have ended.

    Accounting may lag behind. It never contains a job of an array that was cancelled before the array
    started, if other jobs of the array were left. Such a job is recognized by its array, which is known.

    Args:
        jobs: The jobs by id.
        queued: What squeue lists.
    """
    if not jobs:
        return {}

    def record(job_id: str, state: JobState) -> JobRecord:
        return JobRecord(job_id, state, None, "", jobs[job_id].submission)

    columns = "--format=JobID,State,Elapsed,Reason,JobName"
    arrays = ",".join(dict.fromkeys(map(_array_of, jobs)))
    listed: list[JobRecord] = []
    try:
        listed = _list_jobs("sacct", "--parsable2", "--allocations", columns, f"--jobs={arrays}")
    except SlurmCommandError as error:
        if NO_ACCOUNTING not in str(error):
            logger.warning("%s", error)
            return {job_id: record(job_id, JobState.UNKNOWN) for job_id in jobs}
    ended = records_of(jobs, (each for entry in listed if entry.state.has_ended for each in _split(entry)))
    listed_ids = {entry.id for entry in listed}
    known_arrays = {(_array_of(entry.id), entry.submission) for entry in [*queued, *listed]}

    def state_without_record(job_id: str) -> JobState:
        is_in_known_array = (_array_of(job_id), jobs[job_id].submission) in known_arrays
        ran = job_id in listed_ids or any(attempt.started.exists() for attempt in jobs[job_id].attempts)
        return JobState.CANCELLED if "_" in job_id and is_in_known_array and not ran else JobState.GONE

    return {job_id: ended.get(job_id) or record(job_id, state_without_record(job_id)) for job_id in jobs}


def _array_of(job_id: str) -> str:
    return job_id.partition("_")[0]


def _split(record: JobRecord) -> Iterator[JobRecord]:
    """Split the record of several jobs, such as 12_[0-3,7], which sacct shows if none of them has started."""
    match = re.fullmatch(r"(\d+)_\[([\d,-]+)(?:%\d+)?\]", record.id)
    if match is None:
        yield record
        return
    for part in match[2].split(","):
        first, _, last = part.partition("-")
        for index in range(int(first), int(last or first) + 1):
            yield record._replace(id=f"{match[1]}_{index}")


def records_of(jobs: Mapping[str, Job], records: Iterable[JobRecord]) -> dict[str, JobRecord]:
    """Return the records of these jobs by id.

    Clusters reuse job ids, so a record with another name belongs to another job and is ignored.
    """
    return {
        record.id: record
        for record in records
        if record.id in jobs and record.submission == jobs[record.id].submission
    }


def cancel_jobs(*job_ids: str) -> None:
    """Cancel jobs with scancel; a failure is logged."""
    try:
        run_command("scancel", *job_ids)
    except SlurmCommandError as error:
        logger.warning("%s", error)


def max_array_size() -> int:
    """Return the maximum number of jobs of one array on this cluster."""
    try:
        config = run_command("scontrol", "show", "config")
    except SlurmCommandError as error:
        logger.warning("%s", error)
        return DEFAULT_MAX_ARRAY_SIZE
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", config, re.MULTILINE)
    return max(1, int(match[1])) if match else DEFAULT_MAX_ARRAY_SIZE


def _list_jobs(*command: str) -> list[JobRecord]:
    """Return the jobs that a command lists in five columns; the last, the name, may contain separators."""
    lines = run_command(*command, "--noheader").splitlines()
    rows = (line.strip().split("|", 4) for line in lines if line.count("|") >= 4)
    return [
        JobRecord(job_id, job_state(state), parse_seconds(time), reason.split(",")[0], submission)
        for job_id, state, time, reason, submission in rows
    ]


def run_command(*command: str) -> str:
    """Run a Slurm command and return its standard output.

    Raises:
        SlurmCommandError: If the command cannot be started, fails or does not end in time.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmCommandError(f"{command[0]} did not answer: {error}") from error
    if done.returncode != 0:
        raise SlurmCommandError(f"{command[0]} did not answer: {done.stderr.strip()}")
    return done.stdout
