"""The protocol that every scheduler implements."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sweep.errors import SweepError
from sweep.scheduler.job import Job, JobStatus


class SubmissionError(SweepError):
    """Raised when a scheduler rejects a submission; the message is the scheduler's own."""


class TemporarySubmissionError(SubmissionError):
    """Raised when a submission failed for a temporary reason; it may have arrived nevertheless."""


class Executor(Protocol):
    """Runs attempts as jobs. A job outlives the process that submitted it.

    Attributes:
        settle_s: How many seconds after a job's end the files that it wrote may take to become visible here.
    """

    settle_s: float

    @property
    def max_submission_size(self) -> int:
        """The maximum number of jobs in one submission."""

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        """Submit the jobs of one submission, all or none, and return their ids.

        Raises:
            SubmissionError: If the scheduler rejects the jobs.
            TemporarySubmissionError: If the jobs could not be submitted at the moment.
        """

    def poll(self, jobs: Sequence[Job]) -> Mapping[str, JobStatus]:
        """Return what is known about each job, by the job's name, with one request for all jobs.

        A job without an id that is missing from the answer was never submitted. The state of a job is
        UNKNOWN if the scheduler did not answer; such a job must not be submitted again.
        """

    def cancel(self, job: Job) -> None:
        """Cancel the job; a job that has ended is left alone."""
