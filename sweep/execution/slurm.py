"""Slurm: sbatch through submitit, states by one squeue and one sacct call. No other file knows its words."""

import io
import logging
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import NamedTuple

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, JobPaths

from sweep.definition.cluster import SlurmProfile
from sweep.execution.jobs import Job, JobState, SubmissionError
from sweep.execution.worker import run_in_job

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 60  # Slurm's own commands give up after 9 to 45 s without an answer

# Every job state of Slurm's manuals (squeue and sacct, "JOB STATE CODES"), and of its source. A job that is
# being set up, suspended or cleaned up after still has its node: it has not ended.
STATES = {
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "CANCELLED": JobState.CANCELLED,
    "COMPLETED": JobState.COMPLETED,
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

# Why a job FAILED, where Slurm says so in the job's own output alone: it was over its memory in a cluster
# without cgroups, or died of the signal that gives notice of a preemption.
FAILED_BECAUSE = {
    "Exceeded job memory limit": JobState.OUT_OF_MEMORY,
    "oom_kill": JobState.OUT_OF_MEMORY,
    "Out Of Memory": JobState.OUT_OF_MEMORY,
    "task 0: Terminated": JobState.PREEMPTED,
}

# What sbatch says when it refuses no job: nobody answered, or the user has as many jobs as allowed.
NOT_NOW = (
    "Socket timed out",
    "Unable to contact slurm controller",
    "Zero Bytes were transmitted or received",
    "standby mode",
    "emporarily",
    "try again",
    "job submit limit",
)

ORDINARY_REASONS = {"", "None", "Priority", "Resources"}  # to wait for
NO_ACCOUNTING = "accounting storage is disabled"  # sacct's words where a cluster keeps no accounts


class NotNowError(SubmissionError):
    """Raised when a job could not be handed in just now; it may have arrived all the same."""


class SlurmExecutor:
    """Runs each trial as one Slurm job."""

    def __init__(self, profile: SlurmProfile) -> None:
        self.settle_s = profile.settle_seconds
        self._profile = profile
        self._reasons_told: set[str] = set()

    def submit(self, job: Job) -> str:
        try:
            with redirect_stderr(io.StringIO()):  # submitit prints what it raises
                submitted = self._submitit(job).submit(run_in_job, str(job.folder.path))
        except (FailedJobError, FailedSubmissionError) as error:
            words = _slurm_words(error)
            kind = NotNowError if any(sign in words for sign in NOT_NOW) else SubmissionError
            raise kind(words) from error
        return str(submitted.job_id)

    def script(self, job: Job) -> str:
        """The sbatch file that `submit` would hand in."""
        executor = self._submitit(job)
        text: str = executor._make_submission_file_text(executor._submitit_command_str, "")
        return text

    def find(self, jobs: Sequence[Job]) -> dict[str, str] | None:
        """Looked up by name among the jobs that Slurm remembers; it forgets them minutes after their end.

        A launcher killed before it had handed the job its pickled task leaves a job that waits for it in
        vain: it is cancelled, and counts as never submitted.
        """
        if (queue := _squeue()) is None:
            return None
        named = {job.name: job for job in jobs}
        found = {}
        for row in queue:
            if (job := named.get(row.name)) is None:
                continue
            if _job_paths(job, row.id).submitted_pickle.exists():
                found[job.name] = row.id
            elif not row.state.has_ended:
                _scancel(row.id)
        return found

    def states(self, jobs: Sequence[Job]) -> dict[str, JobState]:
        asked = {job.id: job for job in jobs if job.id}
        if (queue := _squeue()) is None:
            return dict.fromkeys(asked, JobState.UNKNOWN)
        rows = _rows_of(asked, queue)
        self._tell_why_they_wait(rows.values())
        states = {job_id: row.state for job_id, row in rows.items()}
        states |= _accounted({job_id: job for job_id, job in asked.items() if job_id not in rows})
        return {
            job_id: _why_it_failed(asked[job_id]) if state is JobState.FAILED else state
            for job_id, state in states.items()
        }

    def cancel(self, job: Job) -> None:
        if job.id:
            _scancel(job.id)

    def _tell_why_they_wait(self, rows: Iterable["_Row"]) -> None:
        """Log each reason that is out of the ordinary, once: Slurm takes jobs that it will never start."""
        for row in rows:
            unknown = row.reason not in ORDINARY_REASONS | self._reasons_told
            if row.state is JobState.PENDING and unknown:
                self._reasons_told.add(row.reason)
                logger.warning("job %s is kept waiting by Slurm: %s", row.id, row.reason)

    def _submitit(self, job: Job) -> "submitit.SlurmExecutor":
        executor = _Sbatch(folder=_job_paths(job).folder, python=self._profile.python)
        executor.update_parameters(**self._profile.submitit_parameters(job.name))
        return executor


class _Sbatch(submitit.SlurmExecutor):
    """submitit's executor, made also where no Slurm is installed: the dry run prints its sbatch file."""

    @classmethod
    def affinity(cls) -> int:
        return 1

    def _make_submission_command(self, submission_file_path: Path) -> list[str]:
        """sbatch, without what Slurm says of the allocation that the launcher itself may run in: the job
        would take it for its own, and srun refuse to start."""
        inside = "SLURM_JOB_ID" in os.environ
        own = [name for name in os.environ if name.startswith(("SLURM_", "CUDA_")) and name != "SLURM_CONF"]
        return ["env", *(f"--unset={name}" for name in own if inside), "sbatch", str(submission_file_path)]


class _Row(NamedTuple):
    """A job as squeue or sacct shows it."""

    id: str
    state: JobState
    reason: str  # why it waits
    name: str


def job_state(word: str) -> JobState:
    """Our state for one of Slurm's words, which may carry more: `CANCELLED by 1000`, `RUNNING+`."""
    return STATES.get(word.partition(" ")[0].rstrip("+"), JobState.UNKNOWN)


def _job_paths(job: Job, job_id: str | None = None) -> JobPaths:
    return JobPaths(job.folder.path / "job", job_id)


def _squeue() -> list[_Row] | None:
    """This user's jobs, those too that ended minutes ago; None when Slurm does not answer."""
    try:
        return _ask("squeue", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%r|%j")
    except _NoAnswerError as error:
        logger.warning("%s", error)
        return None


def _accounted(jobs: Mapping[str, Job]) -> dict[str, JobState]:
    """From accounting, the states of jobs that squeue knows no more, by id: they have ended, however.

    A record may be late, and one of a job that never ran may never be made.
    """
    if not jobs:
        return {}
    gone = dict.fromkeys(jobs, JobState.GONE)
    columns = "--format=JobID,State,Reason,JobName"
    try:
        rows = _ask("sacct", "--parsable2", "--allocations", columns, "--jobs=" + ",".join(jobs))
    except _NoAnswerError as error:
        if NO_ACCOUNTING in str(error):
            return gone
        logger.warning("%s", error)
        return dict.fromkeys(jobs, JobState.UNKNOWN)
    return gone | {row.id: row.state for row in _rows_of(jobs, rows).values() if row.state.has_ended}


def _rows_of(jobs: Mapping[str, Job], rows: Iterable[_Row]) -> dict[str, _Row]:
    """The rows of these jobs, by id. A row of another name is another job: clusters reuse ids."""
    return {row.id: row for row in rows if row.id in jobs and row.name == jobs[row.id].name}


def _why_it_failed(job: Job) -> JobState:
    try:
        words = _job_paths(job, job.id).stderr.read_text(errors="replace")
    except OSError:
        return JobState.FAILED
    return next((state for sign, state in FAILED_BECAUSE.items() if sign in words), JobState.FAILED)


def _scancel(job_id: str) -> None:
    try:
        _call("scancel", job_id)
    except _NoAnswerError as error:
        logger.warning("%s", error)


class _NoAnswerError(Exception):
    """Raised when a Slurm command fails, with what it said. For no job does anything follow from that."""


def _ask(*command: str) -> list[_Row]:
    """The jobs that a command lists in four columns; the name, which comes last, may be of any length."""
    lines = _call(*command, "--noheader").splitlines()
    rows = (line.strip().split("|", 3) for line in lines if line.count("|") >= 3)
    return [_Row(job_id, job_state(word), reason.split(",")[0], name) for job_id, word, reason, name in rows]


def _call(*command: str) -> str:
    """What a Slurm command prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NoAnswerError(f"{command[0]} did not answer: {error}") from error
    if done.returncode != 0:
        raise _NoAnswerError(f"{command[0]} did not answer: {done.stderr.strip()}")
    return done.stdout


def _slurm_words(error: Exception) -> str:
    """What sbatch itself said: the lines that start with its name, else all of it."""
    lines = str(error).strip().splitlines()
    own = [line for line in lines if line.startswith("sbatch:")]
    return "\n".join(own or lines)
