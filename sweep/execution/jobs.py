"""What the launcher asks of whatever runs its jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sweep.errors import SweepError
from sweep.execution.trial import AttemptFolder


class SubmissionError(SweepError):
    """Raised when a job is refused; the message is the refuser's own words."""


class JobState(StrEnum):
    """What is known of a job. Only slurm.py knows Slurm's words for it, only executors.py the system's."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    NODE_FAILURE = "node_failure"
    PREEMPTED = "preempted"
    GONE = "gone"  # whoever ran it knows no such job any more
    UNKNOWN = "unknown"  # nobody could be asked just now: nothing follows from it

    @property
    def has_ended(self) -> bool:
        return self not in {JobState.PENDING, JobState.RUNNING, JobState.UNKNOWN}


@dataclass(frozen=True)
class Job:
    """One attempt's job, under the name it is found by when its id was never learned."""

    name: str
    folder: AttemptFolder
    id: str | None = None


class Executor(Protocol):
    """Runs attempts as jobs. A job outlives the process that submitted it."""

    settle_s: float  # how long after a job's end the files it wrote may take to be seen from here

    def submit(self, job: Job) -> str:
        """Start the job and return its id.

        Raises
        ------
        SubmissionError
            When it is refused, with the refuser's own words.
        """

    def find(self, jobs: Sequence[Job]) -> dict[str, str] | None:
        """The ids of those jobs, by name, that were submitted although their ids were never learned.

        None when nobody could be asked: then nothing may be submitted again.
        """

    def states(self, jobs: Sequence[Job]) -> dict[str, JobState]:
        """The state of each job, by id, asked of the system once however many there are."""

    def cancel(self, job: Job) -> None:
        """End the job, which may have ended already."""
