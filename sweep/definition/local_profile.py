"""The profiles that run trials on this machine."""

from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from sweep.definition.node_environment import NodeEnvironment
from sweep.definition.problem import Problem, raise_problems
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


class LocalProfile(NodeEnvironment):
    """Trials run as processes of this machine."""

    executor: Literal["local"]
    gpus: tuple[NonNegativeInt, ...] = Field(default=(), strict=False)
    """Numbers of the GPUs to use, each by one trial at a time. Without it, trials run on the CPU."""
    workdir: str | None = None
    """Folder in which trial folders are created. The option --workdir takes precedence. The default
    is ./sweeps."""
    timeout_min: PositiveInt = 7 * 24 * 60
    """Time limit of one attempt, in minutes. The default is a week."""
    poll_seconds: PositiveFloat = 0.5
    """Seconds between two poll cycles."""
    exit_grace_seconds: NonNegativeFloat = 10
    """Seconds after a trial's result until its job is cancelled, if the job has not ended by then."""

    trials_per_job: ClassVar[int] = 1
    runs_in_launcher_process: ClassVar[bool] = False
    lacks_memory_request: ClassVar[bool] = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = list(self._environment_problems())
        if len(set(self.gpus)) < len(self.gpus):
            problems.append(Problem(("gpus",), "must name each GPU once"))
        raise_problems(problems)
        return self

    @property
    def num_gpus(self) -> int:
        return 1 if self.gpus else 0

    @property
    def runs_in_launcher_environment(self) -> bool:
        return self.is_of_launcher

    def for_probe(self) -> Self:
        return self
