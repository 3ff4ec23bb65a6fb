"""The interface of a cluster profile."""

from typing import Protocol, Self


class Profile(Protocol):
    """Where trials run and which resources they request.

    Each executor has a profile class of its own, with the keys that a cluster file may contain for it. Only
    the executor knows the class of its profile; all other code uses this interface.
    """

    @property
    def executor(self) -> str:
        """The name of the executor that runs the trials."""

    @property
    def workdir(self) -> str | None:
        """The folder in which trial folders are created; None if the profile does not set it."""

    @property
    def poll_seconds(self) -> float:
        """The time between two poll cycles."""

    @property
    def exit_grace_seconds(self) -> float:
        """The time after a trial's result until its job is cancelled, if the job has not ended by then."""

    @property
    def num_gpus(self) -> int:
        """The number of GPUs that one job occupies, on all its nodes."""

    @property
    def trials_per_job(self) -> int:
        """The number of trials that share one job."""

    @property
    def runs_in_launcher_process(self) -> bool:
        """Whether trials run in the launcher's process, so that there is no node to examine."""

    @property
    def runs_in_launcher_environment(self) -> bool:
        """Whether trials run with the launcher's Python and environment, without any setup."""

    @property
    def lacks_memory_request(self) -> bool:
        """Whether jobs can request memory, but the profile does not set how much."""

    def for_probe(self) -> Self:
        """Return the profile of a job that examines a node: one trial, a short time limit, no mail."""
