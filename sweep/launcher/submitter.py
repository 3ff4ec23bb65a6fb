"""Submitting attempts within the limits of the scheduler, and on nodes that start them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sweep.definition.study import Study
from sweep.errors import StudyFailedError
from sweep.launcher.attempts import FolderOpener, folder_of, job_of
from sweep.launcher.clock import Clock
from sweep.launcher.launch_log import LaunchLog
from sweep.launcher.proposals import Proposals
from sweep.launcher.rejected_submissions import RejectedSubmissions
from sweep.launcher.submission import JobSettings, Submission, plan_submissions, spec_of, submit_within_limits
from sweep.scheduler.executor import Executor, Rejection, SubmissionError
from sweep.states import AttemptState
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow


@dataclass
class Submitter:
    """Submits the attempts of one study.

    Attributes:
        study: The study.
        settings: Where and how its trials run.
        executor: What runs the jobs.
        records: The study's rows.
        proposals: The study in Optuna, which knows the hyperparameters.
        clock: The clock.
        log: The lines that the launcher logs.
        open_folder: Returns the folder of an attempt.
    """

    study: Study
    settings: JobSettings
    executor: Executor
    records: StudyRecords
    proposals: Proposals
    clock: Clock
    log: LaunchLog
    open_folder: FolderOpener = folder_of
    _rejected: RejectedSubmissions = field(default_factory=RejectedSubmissions)
    _excluded_nodes: tuple[str, ...] = ()  # from the jobs that wait in the queue

    def submit(
        self, attempts: Sequence[AttemptRow], queued: Sequence[AttemptRow], max_jobs: int, num_busy: int
    ) -> None:
        """Submit attempts as long as jobs are free; the others wait for a later cycle.

        Retries may need more jobs than are free: the trial that shared their job continues, or they request
        other resources than the trials that they would share a job with.

        Args:
            attempts: The attempts to submit.
            queued: The other active attempts.
            max_jobs: The number of free jobs.
            num_busy: The number of jobs that the study has.

        Raises:
            StudyFailedError: If the scheduler rejects a job, or has rejected all jobs for too long.
        """
        max_jobs = self._rejected.num_allowed(max_jobs, num_busy, self.clock.now())
        if not attempts or max_jobs == 0:
            return
        failing_nodes = self.records.failing_nodes(self.clock.now())
        self.log.failing_nodes(failing_nodes)
        names = tuple(node.name for node in failing_nodes)
        for planned in self._plan(attempts, names):
            submission = replace(planned, jobs=planned.jobs[:max_jobs])
            if not submission.jobs:
                return
            try:
                num_submitted = self._submit(submission)
            except SubmissionError as error:
                self._note_rejection(error, num_busy)
                return
            max_jobs -= num_submitted
            num_busy += num_submitted
            self._rejected = self._rejected.after_acceptance(num_busy)
            self.log.accepted()
            self._exclude_from_queued(queued, names)

    def _plan(self, attempts: Sequence[AttemptRow], failing_nodes: Sequence[str]) -> list[Submission]:
        fits_one_job = len(attempts) <= self.settings.trials_per_job
        return plan_submissions(
            attempts,
            self.settings.trials_per_job,
            # the maximum may be a request to the cluster
            1 if fits_one_job else self.executor.max_submission_size,
            self.study.failures.memory_factor,
            failing_nodes,
        )

    def _submit(self, submission: Submission) -> int:
        specs = {
            attempt.token: spec_of(
                attempt, self.study, self.settings, self.proposals.params(attempt.trial.optuna_trial_id)
            )
            for attempt in submission.attempts
        }
        return submit_within_limits(submission, specs, self.executor, self.records, self.open_folder)

    def _note_rejection(self, error: SubmissionError, num_busy: int) -> None:
        """Decide when submissions are retried.

        Raises:
            StudyFailedError: If the jobs will never be accepted, or have been rejected for too long.
        """
        name, patience_min = self.study.name, self.study.failures.refusal_patience_min
        if error.rejection is Rejection.PERMANENT:
            raise StudyFailedError(
                f"study {name} is stopped because its jobs are rejected:\n{error}"
            ) from error
        self._rejected = self._rejected.after(error.rejection, num_busy, self.clock.now())
        if self._rejected.is_patience_spent(timedelta(minutes=patience_min), self.clock.now()):
            raise StudyFailedError(
                f"study {name} is stopped because its jobs have been rejected for {patience_min:g} min:\n"
                f"{error}\nlaunch it again to continue; failures.refusal_patience_min sets how long it waits"
            ) from error
        self.log.rejection(error)

    def _exclude_from_queued(self, queued: Sequence[AttemptRow], nodes: tuple[str, ...]) -> None:
        """Keep the jobs that wait in the queue away from nodes too, once jobs without these are accepted."""
        if nodes == self._excluded_nodes:
            return
        self._excluded_nodes = nodes
        waiting = {
            attempt.job_name: attempt
            for attempt in queued
            if attempt.state is AttemptState.PENDING and attempt.job_id is not None
        }
        if nodes and waiting:
            jobs = [job_of([attempt], self.open_folder) for attempt in waiting.values()]
            self.executor.exclude(jobs, nodes)
