"""What the launcher asks of whatever runs its jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from sweep.errors import SweepError
from sweep.execution.trial import AttemptFolder


class SubmissionError(SweepError):
    """Raised when a job is refused; the message is the refuser's own words."""


class NotNowError(SubmissionError):
    """Raised when a job could not be handed in just now; it may have arrived all the same."""


class JobState(StrEnum):
    """What is known of a job, in our words; only slurm/queue.py knows Slurm's."""

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


class Demand(NamedTuple):
    """What a job asks for beyond its profile, since its attempts follow on failed ones.

    It is a wish: where the cluster refuses it, the job is submitted as its profile says.
    """

    memory_factor: float = 1.0
    avoid: str | None = None  # a node


AS_THE_PROFILE_SAYS = Demand()


@dataclass(frozen=True)
class Job:
    """One job: one attempt, or several side by side. Jobs submitted together are one array.

    Its name is SUBMISSION.INDEX. By it the job is found when its id was never learned: ids are given by
    the cluster, and given anew; the submission's name is ours, and used once.
    """

    name: str
    folder: Path  # of the submission: what the executor keeps of its own
    attempts: tuple[AttemptFolder, ...]
    id: str | None = None
    demand: Demand = AS_THE_PROFILE_SAYS  # of all jobs of a submission

    @property
    def submission(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def index(self) -> int:
        """Its place in the array, from 0."""
        return int(self.name.rpartition(".")[2])


class JobStatus(NamedTuple):
    """What is known of a job that was submitted."""

    state: JobState
    id: str | None = None  # None when nobody could be asked
    elapsed_s: float | None = None  # how long it has occupied its node; None where nobody counts


class Executor(Protocol):
    """Runs attempts as jobs. A job outlives the process that submitted it."""

    settle_s: float  # how long after a job's end the files it wrote may take to be seen from here

    @property
    def largest_submission(self) -> int:
        """How many jobs one submission takes."""

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        """Start the jobs of one submission, all or none, and return their ids.

        Raises
        ------
        SubmissionError
            When they are refused, with the refuser's own words.
        """

    def look(self, jobs: Sequence[Job]) -> Mapping[str, JobStatus]:
        """What is known of each job, by name, asked of the system once however many there are.

        A job without an id that is not in the answer was never submitted. One of which nobody could say
        anything is UNKNOWN: then nothing may be submitted again.
        """

    def cancel(self, job: Job) -> None:
        """End the job, which may have ended already."""
