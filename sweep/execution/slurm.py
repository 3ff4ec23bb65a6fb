"""Slurm: sbatch through submitit, states by one squeue and one sacct call. No other file knows its words."""

import getpass
import logging
import subprocess
from collections.abc import Iterable, Sequence

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from sweep.definition.cluster import SlurmProfile
from sweep.execution.jobs import Job, JobState, SubmissionError
from sweep.execution.worker import run_in_job

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 60

# Every job state of Slurm's manual (squeue, "JOB STATE CODES"). A job that is being set up, suspended or
# cleaned up after still has its node: it has not ended.
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


class SlurmExecutor:
    """Runs each trial as one Slurm job."""

    settle_s = 60.0  # how long a network file system may show this machine an old folder

    def __init__(self, profile: SlurmProfile) -> None:
        self._profile = profile

    def submit(self, job: Job) -> str:
        try:
            submitted = self._submitit(job).submit(run_in_job, str(job.folder.path))
        except (FailedJobError, FailedSubmissionError, RuntimeError) as error:
            raise SubmissionError(_slurm_words(error)) from error
        return str(submitted.job_id)

    def script(self, job: Job) -> str:
        """The sbatch file that `submit` would hand in."""
        executor = self._submitit(job)
        text: str = executor._make_submission_file_text(executor._submitit_command_str, "")
        return text

    def find(self, jobs: Sequence[Job]) -> dict[str, str] | None:
        names = {job.name for job in jobs}
        listed = ["--name=" + ",".join(sorted(names)), "--user=" + getpass.getuser()]
        queue = _ask(["squeue", "--noheader", "--states=all", "--format=%i|%j", *listed])
        if queue is None:
            return None
        found = {name: job_id for job_id, name in queue if name in names}
        # squeue forgets a job minutes after its end; accounting, where there is any, does not
        past = _ask(["sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,JobName",
                     "--starttime=now-30days", *listed])  # fmt: skip
        return {name: job_id for job_id, name in past or () if name in names} | found

    def states(self, jobs: Sequence[Job]) -> dict[str, JobState]:
        ids = [job.id for job in jobs if job.id]
        queue = _ask(
            ["squeue", "--noheader", "--states=all", "--format=%i|%T", "--user=" + getpass.getuser()]
        )
        if queue is None:
            return dict.fromkeys(ids, JobState.UNKNOWN)
        states = {job_id: job_state(word) for job_id, word in queue}
        if missing := [job_id for job_id in ids if job_id not in states]:
            states |= _accounted(missing)
        return {job_id: states[job_id] for job_id in ids}

    def cancel(self, job: Job) -> None:
        if job.id:
            _ask(["scancel", job.id])

    def _submitit(self, job: Job) -> "submitit.SlurmExecutor":
        executor = _Sbatch(folder=job.folder.path / "job", python=self._profile.python)
        executor.update_parameters(**self._profile.submitit_parameters(job.name))
        return executor


class _Sbatch(submitit.SlurmExecutor):
    """submitit's executor, made also where no Slurm is installed: the dry run prints its sbatch file."""

    @classmethod
    def affinity(cls) -> int:
        return 1


def job_state(word: str) -> JobState:
    """Our state for one of Slurm's words, which may carry more: `CANCELLED by 1000`, `RUNNING+`."""
    return STATES.get(word.split()[0].rstrip("+"), JobState.UNKNOWN) if word.strip() else JobState.UNKNOWN


def _accounted(job_ids: Iterable[str]) -> dict[str, JobState]:
    """States from accounting; a job that neither squeue nor a working sacct knows is gone."""
    job_ids = list(job_ids)
    lines = _ask(["sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State",
                  "--jobs=" + ",".join(job_ids)])  # fmt: skip
    if lines is None:
        return dict.fromkeys(job_ids, JobState.UNKNOWN)
    return dict.fromkeys(job_ids, JobState.GONE) | {job_id: job_state(word) for job_id, word in lines}


def _ask(command: Sequence[str]) -> list[tuple[str, str]] | None:
    """The two columns a Slurm command prints, or None when it failed: nothing follows from that."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("%s did not answer: %s", command[0], error)
        return None
    rows = (line.strip().split("|", 1) for line in done.stdout.splitlines() if "|" in line)
    return [(first, second) for first, second in rows]


def _slurm_words(error: Exception) -> str:
    """What sbatch itself said: the lines that start with its name, else all of it."""
    lines = str(error).strip().splitlines()
    own = [line for line in lines if line.startswith("sbatch:")]
    return "\n".join(own or lines)
