"""Submitting trials as Slurm jobs through submitit, and following them through squeue and sacct."""

import io
import logging
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cached_property

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError, JobPaths

from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.diagnosis import Diagnosis
from sweep.scheduler.executor import Executor, Rejection, SubmissionError
from sweep.scheduler.job import NO_OVERRIDE, Job, JobStatus
from sweep.scheduler.launcher_job import LauncherCommand, SubmittedLauncher
from sweep.scheduler.slurm.diagnosis import diagnose_slurm
from sweep.scheduler.slurm.environment import cleaned_environment
from sweep.scheduler.slurm.launcher_job import submit_launcher
from sweep.scheduler.slurm.queue import (
    JobRecord,
    accounted_jobs,
    cancel_jobs,
    exclude_nodes,
    max_array_size,
    queued_jobs,
    records_of,
)
from sweep.scheduler.slurm.rejections import is_shared_limit, rejection_of
from sweep.scheduler.worker_package import place_worker_package, start_command, study_folder
from sweep.states import JobState
from sweep.worker.run import run_in_job

logger = logging.getLogger(__name__)

# Messages in the stderr of a job in state FAILED that give the reason, which Slurm reports nowhere else: the
# job exceeded its memory on a cluster without cgroups, or the signal that announces a preemption ended it.
FAILURE_MESSAGES = {
    "Exceeded job memory limit": JobState.OUT_OF_MEMORY,
    "oom_kill": JobState.OUT_OF_MEMORY,
    "Out Of Memory": JobState.OUT_OF_MEMORY,
    "task 0: Terminated": JobState.PREEMPTED,
}

ORDINARY_REASONS = {"", "None", "Priority", "Resources", "JobArrayTaskLimit"}
"""Reasons for which jobs wait on a cluster without problems."""


class SlurmExecutor(Executor):
    """Runs each job of a submission as one Slurm job, and the submission as one job array."""

    def __init__(self, profile: SlurmProfile) -> None:
        self.settle_s = profile.settle_seconds
        self._profile = profile
        self._logged_reasons: set[str] = set()
        self._impossible_exclusions: set[tuple[str, ...]] = set()  # which leave no node

    @cached_property
    def max_submission_size(self) -> int:
        return max_array_size()

    def threads_per_trial(self, parallel: int) -> int:
        return max(1, self._profile.cpus_per_task // self._profile.trials_per_job)

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        try:
            return self._submit(jobs)
        except SubmissionError as error:
            if error.rejection is not Rejection.PERMANENT or jobs[0].resources == NO_OVERRIDE:
                raise
            logger.warning("%s is submitted without its resource override: %s", jobs[0].submission, error)
            self._impossible_exclusions.add(jobs[0].resources.exclude_nodes)
        return self._submit([replace(job, resources=NO_OVERRIDE) for job in jobs])

    def _submit(self, jobs: Sequence[Job]) -> list[str]:
        place_worker_package(study_folder(jobs[0]))
        executor = self._submitit_executor(jobs)
        folders = [[str(attempt.path) for attempt in job.attempts] for job in jobs]
        try:
            # submitit prints the message of the error that it raises.
            with redirect_stderr(io.StringIO()), cleaned_environment():
                submitted = executor.map_array(run_in_job, folders)
        except (FailedJobError, FailedSubmissionError) as error:
            message = _sbatch_message(error)
            raise SubmissionError(message, self._rejection_of(message, len(jobs))) from error
        except FileNotFoundError as error:
            message = f"{error.filename} does not exist: {error.strerror}"
            raise SubmissionError(message, Rejection.PERMANENT) from error
        return [str(job.job_id) for job in submitted]

    @staticmethod
    def _rejection_of(message: str, num_jobs: int) -> Rejection:
        """Return why jobs were not submitted.

        A submit limit of the user that rejects one job although the user has none will reject it for ever.
        """
        rejection = rejection_of(message)
        if rejection is Rejection.SUBMIT_LIMIT and num_jobs == 1 and not is_shared_limit(message):
            queued = queued_jobs()
            if queued is not None and all(record.state.has_ended for record in queued):
                return Rejection.UNKNOWN
        return rejection

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        """Return what is known about each job, with one call of squeue, and at most one of sacct."""
        if (queued := queued_jobs()) is None:
            return {
                job.name: JobStatus(JobState.UNKNOWN, job.id, missing="squeue did not answer") for job in jobs
            }
        found = self._find_by_name([job for job in jobs if job.id is None], queued)
        with_id = {job.id: job for job in jobs if job.id is not None}
        records = records_of(with_id, queued)
        self._log_unusual_reasons(records.values())
        records |= accounted_jobs({id_: job for id_, job in with_id.items() if id_ not in records}, queued)
        return found | {with_id[id_].name: _status(with_id[id_], record) for id_, record in records.items()}

    def cancel(self, job: Job) -> None:
        if job.id:
            cancel_jobs(job.id)

    def exclude(self, jobs: Sequence[Job], nodes: Sequence[str]) -> None:
        """Exclude nodes from pending jobs, unless a submission without these nodes has been rejected.

        scontrol does not check whether a node is left.
        """
        if tuple(nodes) not in self._impossible_exclusions:
            profile = self._profile.with_override(1.0, nodes)
            exclude_nodes([job.id for job in jobs if job.id], profile.exclude or "")

    def preview(self, job: Job) -> str:
        """Return the sbatch file that `submit` would submit for this job alone."""
        executor = self._submitit_executor([job])
        text: str = executor._make_submission_file_text(executor._submitit_command_str, "")
        return text

    def diagnose(self, job: Job) -> Iterator[Diagnosis]:
        return diagnose_slurm(self._profile, self.preview(job))

    def submit_launcher(self, command: LauncherCommand) -> SubmittedLauncher:
        return submit_launcher(self._profile, command)

    @staticmethod
    def _find_by_name(jobs: Iterable[Job], queued: Iterable[JobRecord]) -> dict[str, JobStatus]:
        """Find jobs whose ids were never recorded; squeue lists jobs for minutes after their end.

        A launcher that was killed before it wrote the job's pickled task leaves a job that waits for the task
        forever. That job is cancelled, and it counts as never submitted.
        """
        named = {job.name: job for job in jobs}
        found, without_task = {}, []
        for record in queued:
            if (job := named.get(record.name)) is None:
                continue
            if _paths(job, record.id).submitted_pickle.exists():
                found[job.name] = _status(job, record)
            elif not record.state.has_ended:
                without_task.append(record.id)
        if without_task:
            cancel_jobs(*without_task)
        return found

    def _log_unusual_reasons(self, records: Iterable[JobRecord]) -> None:
        """Log each unusual reason to wait once, because Slurm accepts jobs that it will never start."""
        for record in records:
            is_new = record.reason not in ORDINARY_REASONS | self._logged_reasons
            if record.state is JobState.PENDING and is_new:
                self._logged_reasons.add(record.reason)
                logger.warning("job %s is pending in Slurm for the reason %s", record.id, record.reason)

    def _submitit_executor(self, jobs: Sequence[Job]) -> "_SubmititExecutor":
        executor = _SubmititExecutor(jobs[0], self._profile)
        profile = self._profile.with_override(*jobs[0].resources)
        executor.update_parameters(**profile.submitit_parameters(jobs[0].submission))
        return executor


class _SubmititExecutor(submitit.SlurmExecutor):
    """submitit's executor with another command, and without its check that Slurm is installed.

    A dry run does not need Slurm.

    Args:
        job: A job of the submission.
        profile: The profile, which says how Python is started.
    """

    def __init__(self, job: Job, profile: SlurmProfile) -> None:
        super().__init__(folder=job.folder)
        self._job = job
        self._python = profile.python_command(study_folder(job)) or shlex.quote(sys.executable)

    @classmethod
    def affinity(cls) -> int:
        return 1

    @property
    def _submitit_command_str(self) -> str:
        return start_command(self._python, self._job)


def _paths(job: Job, job_id: str | None) -> JobPaths:
    return JobPaths(job.folder, job_id)


def _status(job: Job, record: JobRecord) -> JobStatus:
    state = _failed_job_state(job, record.id) if record.state is JobState.FAILED else record.state
    if state is JobState.UNKNOWN:
        missing = record.missing or "squeue reports a state that is not known"
        return JobStatus(state, record.id, missing=missing)
    return JobStatus(
        state,
        record.id,
        record.elapsed_s,
        record.exit_status,
        record.host,
        record.missing,
        record.only_in_accounting,
    )


def _failed_job_state(job: Job, job_id: str) -> JobState:
    """Return the state of a job that Slurm reports as FAILED, by the messages in its stderr."""
    try:
        stderr = _paths(job, job_id).stderr.read_text(errors="replace")
    except OSError:
        return JobState.FAILED
    return next((state for message, state in FAILURE_MESSAGES.items() if message in stderr), JobState.FAILED)


def _sbatch_message(error: Exception) -> str:
    """Return the lines of sbatch itself in submitit's error, or the whole error if there are none."""
    lines = str(error).strip().splitlines()
    return "\n".join([line for line in lines if line.startswith("sbatch:")] or lines)
