"""The profiles that run trials on this machine."""

from typing import ClassVar, Literal, Self

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from sweep.definition.settings import Settings


class InlineProfile(Settings):
    """Trials run one after another in the launcher's process, for tests and for debugging."""

    executor: Literal["inline"]
    workdir: str | None = None
    """Folder in which trial folders are created. The option --workdir takes precedence. The default
    is ./sweeps."""
    poll_seconds: PositiveFloat = 0.5
    """Seconds between two poll cycles."""

    exit_grace_seconds: ClassVar[float] = 0.0
    num_gpus: ClassVar[int] = 0
    trials_per_job: ClassVar[int] = 1
    runs_in_launcher_process: ClassVar[bool] = True
    runs_in_launcher_environment: ClassVar[bool] = True
    lacks_memory_request: ClassVar[bool] = False

    def for_probe(self) -> Self:
        return self


class LocalProfile(Settings):
    """Trials run as processes of this machine."""

    executor: Literal["local"]
    workdir: str | None = None
    """Folder in which trial folders are created. The option --workdir takes precedence. The default
    is ./sweeps."""
    timeout_min: PositiveInt = 7 * 24 * 60
    """Time limit of one attempt, in minutes. The default is a week."""
    poll_seconds: PositiveFloat = 0.5
    """Seconds between two poll cycles."""
    exit_grace_seconds: NonNegativeFloat = 10
    """Seconds after a trial's result until its job is cancelled, if the job has not ended by then."""

    num_gpus: ClassVar[int] = 0
    trials_per_job: ClassVar[int] = 1
    runs_in_launcher_process: ClassVar[bool] = False
    runs_in_launcher_environment: ClassVar[bool] = True
    lacks_memory_request: ClassVar[bool] = False

    def for_probe(self) -> Self:
        return self
