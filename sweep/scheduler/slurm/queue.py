"""What Slurm reports about jobs, through squeue and sacct, and other calls of Slurm's commands.

`job_state` is the only function that maps Slurm's job states to the states of this project.
"""

import logging
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from sweep.scheduler.job import Job
from sweep.scheduler.slurm.environment import command_environment
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
NO_SUCH_JOB = ("Invalid job id", "not found")
"""Parts of scontrol's messages about a job, or a job of a known array, that slurmctld does not know."""
MAX_LOOKUPS = 20
"""The maximum number of jobs that one poll looks up with scontrol."""
RUNAWAY = (
    "sacct reports that it runs, but squeue does not list it and slurmctld does not know it; "
    "an administrator can list and correct such records with: sacctmgr show runawayjobs"
)
"""What is missing if accounting has not recorded the end of a job."""
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
        host: The job's first node; None if it has none.
        exit_status: How the job's process ended, as `exit code 3` or `signal SIGSEGV`, if that is reported.
        missing: What Slurm has not reported, if the state is UNKNOWN or its commands contradict each other.
        only_in_accounting: Whether sacct reports that the job runs, and squeue does not list it.
    """

    id: str
    state: JobState
    elapsed_s: float | None
    reason: str
    submission: str
    host: str | None = None
    exit_status: str | None = None
    missing: str | None = None
    only_in_accounting: bool = False

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


def first_node(nodes: str) -> str | None:
    """Return the first node of a list such as `n[1-3,7],m4`; None if the list names none."""
    match = re.match(r"([\w.-]+)(?:\[([^\],-]+)[^\]]*\]([\w.-]*))?(?:,|$)", nodes.strip())
    return None if match is None else "".join(part or "" for part in match.groups())


def exit_status(code: str) -> str | None:
    """Return how a job ended by Slurm's exit code, such as `3:0` (its exit code) or `0:11` (its signal).

    A shell, and srun, report a signal as an exit code above 128.
    """
    match = re.fullmatch(r"(\d+):(\d+)", code)
    if match is None or code == "0:0":
        return None
    number, signal_number = int(match[1]), int(match[2])
    with suppress(ValueError):
        return f"signal {signal.Signals(signal_number or number - 128).name}"
    return f"exit code {number}"


def queued_jobs() -> list[JobRecord] | None:
    """Return the user's jobs, including jobs that ended minutes ago; None if Slurm does not answer."""
    options = ("--noheader", "--array", "--states=all", f"--user={os.getuid()}")
    try:
        lines = run_command("squeue", *options, "--format=%i|%T|%M|%r|%N|%j")
    except SlurmCommandError as error:
        logger.warning("%s", error)
        return None
    return [
        JobRecord(
            job_id, job_state(state), parse_seconds(time), reason.split(",")[0], submission, first_node(nodes)
        )
        for job_id, state, time, reason, nodes, submission in _rows(lines)
    ]


def accounted_jobs(jobs: Mapping[str, Job], queued: Iterable[JobRecord]) -> dict[str, JobRecord]:
    """Return records of jobs that squeue does not list.

    That squeue omits a job does not mean that it has ended: only an end that Slurm states is one. Accounting
    may lag behind, and it never contains a job of an array that was cancelled before the array started, if
    other jobs of the array were left. A job without a record is therefore looked up with scontrol. So is the
    first job that sacct alone reports as running: if slurmctld does not know it, accounting may never record
    its end, and the record has a hint for the log.

    Args:
        jobs: The jobs by id.
        queued: What squeue lists.
    """
    if not jobs:
        return {}
    listed: list[JobRecord] = []
    try:
        listed = _accounted(dict.fromkeys(map(_array_of, jobs)))
    except SlurmCommandError as error:
        if NO_ACCOUNTING not in str(error):
            logger.warning("%s", error)
            return {job_id: _unknown(job_id, job, "sacct did not answer") for job_id, job in jobs.items()}
    found = records_of(jobs, (each for entry in listed for each in _split(entry)))
    running = [job_id for job_id, record in found.items() if record.state is JobState.RUNNING]
    found |= {job_id: found[job_id]._replace(only_in_accounting=True) for job_id in running}
    known_arrays = {(_array_of(entry.id), entry.submission) for entry in [*queued, *listed]}
    missing = [job_id for job_id in jobs if job_id not in found or found[job_id].state is JobState.PENDING]
    for job_id in missing[:MAX_LOOKUPS]:
        job = jobs[job_id]
        found[job_id] = _looked_up(job_id, job, (_array_of(job_id), job.submission) in known_arrays)
    for job_id in missing[MAX_LOOKUPS:]:
        found[job_id] = _unknown(job_id, jobs[job_id], "squeue and sacct do not list it")
    for job_id in running[:1]:  # one is enough to say what to do about all of them
        if _looked_up(job_id, jobs[job_id], is_array_known=False).state is JobState.GONE:
            found[job_id] = found[job_id]._replace(missing=RUNAWAY)
    return found


def _accounted(arrays: Iterable[str]) -> list[JobRecord]:
    columns = "--format=JobID,State,Elapsed,ExitCode,NodeList,JobName"
    options = ("--noheader", "--parsable2", "--allocations", columns, f"--jobs={','.join(arrays)}")
    return [
        JobRecord(
            job_id,
            job_state(state),
            parse_seconds(time),
            "",
            submission,
            first_node(nodes),
            exit_status(code),
            None if job_state(state) is not JobState.UNKNOWN else f"sacct reports the state {state!r}",
        )
        for job_id, state, time, code, nodes, submission in _rows(run_command("sacct", *options))
    ]


def _looked_up(job_id: str, job: Job, is_array_known: bool) -> JobRecord:
    """Return what slurmctld reports about a job that neither squeue nor sacct describes.

    If it states that there is no such job, the job was cancelled if its array is known and it never started;
    otherwise it has ended in an unknown way.
    """
    started = any(attempt.started.exists() for attempt in job.attempts)
    was_cancelled = "_" in job_id and is_array_known and not started
    no_such_job = JobRecord(
        job_id, JobState.CANCELLED if was_cancelled else JobState.GONE, None, "", job.submission
    )
    try:
        shown = run_command("scontrol", "show", "job", job_id, "--oneliner")
    except SlurmCommandError as error:
        if any(message in str(error) for message in NO_SUCH_JOB):
            return no_such_job
        return _unknown(job_id, job, "squeue and sacct do not list it, and scontrol did not answer")
    fields = dict(re.findall(r"(\w+)=(\S*)", shown))
    if "JobName" not in fields:
        return _unknown(job_id, job, "squeue, sacct and scontrol do not describe it")
    if fields["JobName"] != job.submission:  # the id was assigned again
        return no_such_job
    state = job_state(fields.get("JobState", ""))
    return JobRecord(
        job_id,
        state,
        parse_seconds(fields.get("RunTime", "")),
        "",
        job.submission,
        first_node(fields.get("NodeList", "")),
        exit_status(fields.get("ExitCode", "")),
        "squeue does not list it" if state is JobState.UNKNOWN else None,
    )


def _unknown(job_id: str, job: Job, missing: str) -> JobRecord:
    return JobRecord(job_id, JobState.UNKNOWN, None, "", job.submission, missing=missing)


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


def exclude_nodes(job_ids: Sequence[str], nodes: str) -> None:
    """Replace the excluded nodes of the jobs that have not started; Slurm reports an error for others."""
    try:
        run_command("scontrol", "update", f"jobid={','.join(job_ids)}", f"excnodelist={nodes}")
    except SlurmCommandError as error:
        logger.debug("%s", error)


def max_array_size() -> int:
    """Return the maximum number of jobs of one array on this cluster."""
    try:
        config = run_command("scontrol", "show", "config")
    except SlurmCommandError as error:
        logger.warning("%s", error)
        return DEFAULT_MAX_ARRAY_SIZE
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", config, re.MULTILINE)
    return max(1, int(match[1])) if match else DEFAULT_MAX_ARRAY_SIZE


def _rows(lines: str) -> Iterator[list[str]]:
    """Yield the six columns of each job that a command lists; the last, the name, may contain separators."""
    for line in lines.splitlines():
        if line.count("|") >= 5:
            yield line.strip().split("|", 5)


def run_command(*command: str) -> str:
    """Run a Slurm command and return its standard output.

    Raises:
        SlurmCommandError: If the command cannot be started, fails or does not end in time.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # the names of other programs' jobs may be in any encoding
            env=command_environment(),
            timeout=CALL_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmCommandError(f"{command[0]} did not answer: {error}") from error
    if done.returncode != 0:
        # scontrol writes some of its errors to stdout.
        raise SlurmCommandError(f"{command[0]} did not answer: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
