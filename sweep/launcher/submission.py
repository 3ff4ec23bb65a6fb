"""Grouping attempts into jobs, and submitting the jobs."""

import logging
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep.definition.study import Study
from sweep.launcher.attempts import FolderOpener, describe, failures_before, folder_of, job_of
from sweep.launcher.policy import resources_after
from sweep.launcher.trial_spec import build_spec
from sweep.scheduler.executor import Executor, Rejection, SubmissionError
from sweep.scheduler.job import ResourceOverride
from sweep.states import AttemptState
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import attempt_folder, snapshot_folder
from sweep.worker.documents import TrialSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobSettings:
    """Where and how a study's trials run.

    Attributes:
        workdir: The folder that contains the studies' folders.
        project_dir: The project's folder. Attempts without a snapshot import the train function from it.
        num_gpus: The number of GPUs of one job.
        threads: The number of CPU threads of one trial; None keeps the defaults of its libraries.
        trials_per_job: How many trials share a job.
        exit_grace_s: How many seconds after a trial's result its job is cancelled, if it has not ended.
        snapshot: The digest of the snapshot of the code that new trials run; None if they run the project's
            own files.
    """

    workdir: Path
    project_dir: Path
    num_gpus: int
    threads: int | None
    trials_per_job: int
    exit_grace_s: float = 60.0
    snapshot: str | None = None


@dataclass(frozen=True)
class Submission:
    """Attempts that are submitted together, as one array of jobs.

    Attributes:
        jobs: The attempts of each job.
        resources: Changes to the resources of the profile.
    """

    jobs: tuple[tuple[AttemptRow, ...], ...]
    resources: ResourceOverride

    @property
    def attempts(self) -> list[AttemptRow]:
        """The attempts of all jobs."""
        return [attempt for job in self.jobs for attempt in job]


def plan_submissions(
    attempts: Sequence[AttemptRow],
    trials_per_job: int,
    max_jobs: int,
    memory_factor: float,
    failing_nodes: Sequence[str] = (),
) -> list[Submission]:
    """Group attempts into submissions.

    Attempts that request the same resources are submitted together, in the order given.

    Args:
        attempts: The attempts to submit.
        trials_per_job: How many attempts share a job.
        max_jobs: The maximum number of jobs in one submission.
        memory_factor: The factor by which an attempt requests more memory than an earlier one that
            exhausted its memory.
        failing_nodes: The nodes that all attempts avoid.
    """
    groups: dict[ResourceOverride, list[AttemptRow]] = {}
    for attempt in attempts:
        resources = resources_after(failures_before(attempt), memory_factor, failing_nodes)
        groups.setdefault(resources, []).append(attempt)
    return [
        Submission(tuple(_chunks(together, trials_per_job)), resources)
        for resources, group in groups.items()
        for together in _chunks(group, trials_per_job * max_jobs)
    ]


def submit_within_limits(
    submission: Submission,
    specs: Mapping[str, TrialSpec],
    executor: Executor,
    records: StudyRecords,
    open_folder: FolderOpener = folder_of,
) -> int:
    """Submit as many of the jobs as the submit limits allow, and return their number; see `submit`.

    Raises:
        SubmissionError: If not even one job can be submitted.
    """
    while True:
        try:
            submit(submission, specs, executor, records, open_folder)
            return len(submission.jobs)
        except SubmissionError as error:
            if error.rejection is not Rejection.SUBMIT_LIMIT or len(submission.jobs) == 1:
                raise
            submission = replace(submission, jobs=submission.jobs[: len(submission.jobs) // 2])


def submit(
    submission: Submission,
    specs: Mapping[str, TrialSpec],
    executor: Executor,
    records: StudyRecords,
    open_folder: FolderOpener = folder_of,
) -> None:
    """Submit jobs, and record their names before that and their ids after it.

    A launcher that is killed in between leaves jobs that the next launcher finds by their names, and does not
    submit again. If the scheduler rejects the jobs, their folder is removed and their attempts stay as they
    are. The scheduler may have received the jobs, so the next poll cycle looks for them before they are
    submitted again. A received job without its pickled task cannot start, and the executor cancels it.

    Args:
        submission: What to submit.
        specs: The specifications of the attempts, by their tokens.
        executor: What runs the jobs.
        records: The study's rows.
        open_folder: Returns the folder of an attempt.

    Raises:
        SubmissionError: If the jobs could not be submitted.
    """
    attempts = submission.attempts
    study = specs[attempts[0].token].study
    name = f"{study}-{attempts[0].trial.number}-{secrets.token_hex(4)}"
    for index, job in enumerate(submission.jobs):
        for attempt in job:
            attempt.job_name, attempt.job_size = f"{name}.{index}", len(job)
            attempt.job_ended_at = None  # that of a job that was never submitted
    for attempt in attempts:
        open_folder(attempt).create(specs[attempt.token])
    records.save(attempts)  # fails if another launcher has taken over; nothing may come before the submission
    jobs = [replace(job_of(job, open_folder), resources=submission.resources) for job in submission.jobs]
    try:
        job_ids = executor.submit(jobs)
    except SubmissionError:
        shutil.rmtree(jobs[0].folder, ignore_errors=True)
        raise
    for job, job_id in zip(submission.jobs, job_ids, strict=True):
        for attempt in job:
            attempt.job_id, attempt.state = job_id, AttemptState.PENDING
    records.save(attempts)
    for attempt in attempts:
        logger.info("%s: submitted as job %s", describe(attempt), attempt.job_id)


def spec_of(attempt: AttemptRow, study: Study, settings: JobSettings, params: Mapping[str, Any]) -> TrialSpec:
    """Return the specification of an attempt."""
    trial = attempt.trial
    earlier = [
        attempt_folder(Path(trial.folder), other.number, other.token).path
        for other in trial.attempts
        if other.number < attempt.number
    ]
    snapshot = attempt.snapshot and snapshot_folder(Path(trial.folder).parent, attempt.snapshot)
    return build_spec(
        study,
        number=trial.number,
        params=params,
        seed=trial.seed,
        token=attempt.token,
        code_dir=snapshot or settings.project_dir,
        project_dir=settings.project_dir if snapshot else None,
        threads=settings.threads,
        attempt=attempt.number,
        earlier_attempts=earlier[::-1],
    )


def _chunks(attempts: Sequence[AttemptRow], size: int) -> Iterator[tuple[AttemptRow, ...]]:
    for start in range(0, len(attempts), size):
        yield tuple(attempts[start : start + size])
