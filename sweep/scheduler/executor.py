"""The protocol that every scheduler implements."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Protocol

from sweep.errors import InputError, SweepError
from sweep.scheduler.diagnosis import Diagnosis
from sweep.scheduler.job import Job, JobStatus
from sweep.scheduler.launcher_job import LauncherCommand, SubmittedLauncher


class Rejection(Enum):
    """Why jobs could not be submitted."""

    PERMANENT = "permanent"
    """The scheduler will never accept the jobs."""
    SUBMIT_LIMIT = "submit limit"
    """The user or a group would have more jobs in the queue than are allowed; fewer jobs may be accepted."""
    TEMPORARY = "temporary"
    """The scheduler does not answer or has too many jobs, which ends. It may have received the jobs."""
    UNKNOWN = "unknown"
    """The reason is not known. The scheduler may have received the jobs."""


class SubmissionError(SweepError):
    """Raised if jobs could not be submitted; the message is that of the scheduler.

    Attributes:
        rejection: Why they could not be submitted.
    """

    def __init__(self, message: str, rejection: Rejection = Rejection.UNKNOWN) -> None:
        super().__init__(message)
        self.rejection = rejection


class Executor(Protocol):
    """Runs attempts as jobs. A job outlives the process that submitted it.

    Attributes:
        settle_s: How many seconds after a job's end the files that it wrote may take to become visible here.
    """

    settle_s: float

    @property
    def max_submission_size(self) -> int:
        """The maximum number of jobs in one submission."""

    def threads_per_trial(self, parallel: int) -> int | None:
        """Return how many threads a trial should use; None keeps the defaults of its libraries.

        Args:
            parallel: How many trials of the study run at the same time.
        """

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        """Submit the jobs of one submission, all or none, and return their ids.

        Raises:
            SubmissionError: If the jobs could not be submitted.
        """

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, JobStatus]:
        """Return what is known about each job, by the job's name, with one request for all jobs.

        A job without an id that is missing from the answer was never submitted. The state of a job is
        UNKNOWN if the scheduler did not answer; such a job must not be submitted again.
        """

    def cancel(self, job: Job) -> None:
        """Cancel the job. Nothing happens if the job has ended."""

    def exclude(self, jobs: Sequence[Job], nodes: Sequence[str]) -> None:
        """Keep jobs that wait in the queue away from nodes, if the scheduler can.

        Args:
            jobs: The jobs; each has an id.
            nodes: The names of the nodes.
        """
        return

    def preview(self, job: Job) -> str | None:
        """Return the batch script that `submit` would pass to the scheduler; None if there is none."""
        return None

    def diagnose(self, job: Job) -> Iterator[Diagnosis]:
        """Check the scheduler and whether it would accept the job, without running a job.

        Args:
            job: A job as the launcher would submit it; it needs no attempts.
        """
        return iter(())

    def submit_launcher(self, command: LauncherCommand) -> SubmittedLauncher:
        """Run a launcher as a job.

        Raises:
            InputError: If the scheduler does not run launchers, rejects the job, or already runs a launcher
                of the study.
        """
        raise InputError(
            "the launcher cannot run as a job: the profile runs trials on this machine\n"
            "select the profile of a cluster with --cluster"
        )
