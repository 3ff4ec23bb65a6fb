"""Trials as Slurm jobs: submitted through submitit, followed through squeue and sacct."""

import io
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from functools import cached_property

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, JobPaths

from sweep.definition.cluster import SlurmProfile
from sweep.scheduler.executor import SubmissionError, TemporarySubmissionError
from sweep.scheduler.job import NO_OVERRIDE, Job, JobStatus
from sweep.scheduler.slurm.queue import Row, accounted, max_array_size, queue, rows_of, scancel
from sweep.states import JobState
from sweep.worker.run import run_in_job

logger = logging.getLogger(__name__)

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

ORDINARY_REASONS = {"", "None", "Priority", "Resources", "JobArrayTaskLimit"}  # to wait for


class SlurmExecutor:
    """Runs each job of a submission as one Slurm job, all of them as one array."""

    def __init__(self, profile: SlurmProfile) -> None:
        self.settle_s = profile.settle_seconds
        self._profile = profile
        self._reasons_told: set[str] = set()

    @cached_property
    def max_submission_size(self) -> int:
        return max_array_size()

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        try:
            return self._submit(jobs)
        except SubmissionError as error:
            if isinstance(error, TemporarySubmissionError) or jobs[0].resources == NO_OVERRIDE:
                raise
            logger.warning("%s goes out as its profile says: %s", jobs[0].submission, error)
        return self._submit([replace(job, resources=NO_OVERRIDE) for job in jobs])

    def _submit(self, jobs: Sequence[Job]) -> list[str]:
        executor = self._submitit(jobs)
        folders = [[str(attempt.path) for attempt in job.attempts] for job in jobs]
        try:
            with redirect_stderr(io.StringIO()), _outside_any_allocation():  # submitit prints what it raises
                submitted = executor.map_array(run_in_job, folders)
        except (FailedJobError, FailedSubmissionError) as error:
            words = _slurm_words(error)
            kind = TemporarySubmissionError if any(sign in words for sign in NOT_NOW) else SubmissionError
            raise kind(words) from error
        except FileNotFoundError as error:
            raise SubmissionError(f"{error.filename} is not there: {error.strerror}") from error
        return [str(job.job_id) for job in submitted]

    def script(self, job: Job) -> str:
        """The sbatch file that `submit` would hand in for one job."""
        executor = self._submitit([job])
        text: str = executor._make_submission_file_text(executor._submitit_command_str, "")
        return text

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        """By one call of squeue and, for jobs that it has forgotten, one of sacct."""
        if (rows := queue()) is None:
            return {job.name: JobStatus(JobState.UNKNOWN, job.id) for job in jobs}
        found = self._found_by_name([job for job in jobs if job.id is None], rows)
        asked = {job.id: job for job in jobs if job.id is not None}
        known = rows_of(asked, rows)
        self._tell_why_they_wait(known.values())
        known |= accounted({job_id: job for job_id, job in asked.items() if job_id not in known}, rows)
        return found | {asked[row.id].name: _status(asked[row.id], row) for row in known.values()}

    def cancel(self, job: Job) -> None:
        if job.id:
            scancel(job.id)

    @staticmethod
    def _found_by_name(jobs: Iterable[Job], rows: Iterable[Row]) -> dict[str, JobStatus]:
        """Jobs whose ids were never learned, among those that Slurm remembers for minutes after their end.

        A launcher killed before it had handed a job its pickled task leaves a job that waits for it in
        vain: it is cancelled, and counts as never submitted.
        """
        named = {job.name: job for job in jobs}
        found, in_vain = {}, []
        for row in rows:
            if (job := named.get(row.job_name)) is None:
                continue
            if _paths(job, row.id).submitted_pickle.exists():
                found[job.name] = _status(job, row)
            elif not row.state.has_ended:
                in_vain.append(row.id)
        if in_vain:
            scancel(*in_vain)
        return found

    def _tell_why_they_wait(self, rows: Iterable[Row]) -> None:
        """Log each reason that is out of the ordinary, once: Slurm takes jobs that it will never start."""
        for row in rows:
            unknown = row.reason not in ORDINARY_REASONS | self._reasons_told
            if row.state is JobState.PENDING and unknown:
                self._reasons_told.add(row.reason)
                logger.warning("job %s is kept waiting by Slurm: %s", row.id, row.reason)

    def _submitit(self, jobs: Sequence[Job]) -> "_SubmititExecutor":
        executor = _SubmititExecutor(folder=jobs[0].folder, python=self._profile.python)
        profile = self._profile.with_override(*jobs[0].resources)
        executor.update_parameters(**profile.submitit_parameters(jobs[0].submission))
        return executor


class _SubmititExecutor(submitit.SlurmExecutor):
    """submitit's executor, made also where no Slurm is installed: the dry run prints its sbatch file."""

    @classmethod
    def affinity(cls) -> int:
        return 1


@contextmanager
def _outside_any_allocation() -> Iterator[None]:
    """Without what Slurm says of the allocation that the launcher itself may run in: the job would take it
    for its own, and srun refuse to start."""
    inside = "SLURM_JOB_ID" in os.environ
    own = [name for name in os.environ if name.startswith(("SLURM_", "CUDA_")) and name != "SLURM_CONF"]
    taken = {name: os.environ.pop(name) for name in own if inside}
    try:
        yield
    finally:
        os.environ.update(taken)


def _paths(job: Job, job_id: str | None) -> JobPaths:
    return JobPaths(job.folder, job_id)


def _status(job: Job, row: Row) -> JobStatus:
    state = _why_it_failed(job, row.id) if row.state is JobState.FAILED else row.state
    return JobStatus(state, row.id, row.elapsed_s)


def _why_it_failed(job: Job, job_id: str) -> JobState:
    try:
        words = _paths(job, job_id).stderr.read_text(errors="replace")
    except OSError:
        return JobState.FAILED
    return next((state for sign, state in FAILED_BECAUSE.items() if sign in words), JobState.FAILED)


def _slurm_words(error: Exception) -> str:
    """What sbatch itself said: the lines that start with its name, else all of it."""
    lines = str(error).strip().splitlines()
    own = [line for line in lines if line.startswith("sbatch:")]
    return "\n".join(own or lines)
