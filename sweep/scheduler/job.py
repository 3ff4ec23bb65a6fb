"""A job as the launcher describes it to a scheduler, and what a scheduler reports about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sweep.states import JobState
from sweep.worker.attempt_folder import AttemptFolder


class ResourceOverride(NamedTuple):
    """Changes to the resources that a job requests, because its attempts follow failed ones.

    If the scheduler rejects them, the job is submitted with the resources of its profile.

    Attributes:
        memory_factor: The factor by which the job requests more memory than its profile.
        exclude_nodes: The names of nodes to exclude in addition to those of the profile.
    """

    memory_factor: float = 1.0
    exclude_nodes: tuple[str, ...] = ()


NO_OVERRIDE = ResourceOverride()


@dataclass(frozen=True)
class Job:
    """One job with one attempt, or with several attempts side by side.

    Jobs submitted together form one array. A job's name is SUBMISSION.INDEX. It identifies the job when its
    id was never recorded: a cluster chooses ids and may use them again, whereas the submission's name is
    chosen here and used once.

    Attributes:
        name: The job's name.
        folder: The folder of the submission, for the executor's files.
        attempts: The folders of the attempts that the job runs.
        id: The id that the scheduler gave the job; None if it is not known.
        resources: Changes to the resources of the profile, the same for all jobs of a submission.
    """

    name: str
    folder: Path
    attempts: tuple[AttemptFolder, ...]
    id: str | None = None
    resources: ResourceOverride = NO_OVERRIDE

    @property
    def submission(self) -> str:
        """The name of the submission."""
        return self.name.rpartition(".")[0]

    @property
    def index(self) -> int:
        """The job's index in the array, counted from 0."""
        return int(self.name.rpartition(".")[2])


class JobStatus(NamedTuple):
    """What a scheduler reports about a job that was submitted.

    Attributes:
        state: The job's state.
        id: The job's id; None if the scheduler did not answer.
        elapsed_s: How many seconds the job has occupied its node; None if the scheduler does not
            report it.
        exit_status: How the job's process ended, as `exit code 3` or `signal SIGSEGV`; None if the scheduler
            does not report it, or if the job has not ended.
        host: The first node of the job; None if it has none yet, or if the scheduler does not report it.
        missing: What the scheduler has not reported, for the log: a clause such as `squeue does not list the
            job and sacct has no record of it`; None if it has reported everything that the state needs.
        only_in_accounting: Whether accounting alone reports that the job runs, which may be wrong forever.
    """

    state: JobState
    id: str | None = None
    elapsed_s: float | None = None
    exit_status: str | None = None
    host: str | None = None
    missing: str | None = None
    only_in_accounting: bool = False


def output_files(job: Job) -> Sequence[Path]:
    """Return the files with the job's own stdout and stderr, where the scheduler and the shell write."""
    if job.id is None:
        return []
    number = job.id.split(":")[1] if ":" in job.id else job.id  # the id of a local job is HOST:PID:BIRTH
    return sorted(job.folder.glob(f"{number}_*_log.*"))
