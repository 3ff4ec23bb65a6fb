"""Cluster profiles: where trials run, and what each asks Slurm for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from sweep.definition.problem import Problem, format_choices, format_value, raise_problems
from sweep.definition.settings import Scalar, Settings
from sweep.definition.settings_file import read_settings
from sweep.errors import InputError

# sbatch options that the launcher sets for every attempt: it finds jobs by name, logs by folder, and
# resubmits on its own, as a new attempt, so that two processes never share one attempt's folder.
_LAUNCHER_OPTIONS = {"array", "error", "job-name", "no-requeue", "output", "requeue", "signal"}
MAX_ARRAY_PARALLELISM = 1_000_000  # more than any array has jobs: no limit of ours
# What sbatch calls keys of a profile whose names differ by more than their dashes.
_KEYS = {"mem": "mem_gb", "time": "timeout_min"}


class InlineProfile(Settings):
    """Trials run one after the other inside the launcher: for tests and debuggers."""

    executor: Literal["inline"]
    workdir: str | None = None
    """Where trial folders go, unless --workdir says; by default ./sweeps."""
    poll_seconds: PositiveFloat = 0.5
    """Seconds between two looks at the trials."""

    num_gpus: ClassVar[int] = 0
    trials_per_job: ClassVar[int] = 1


class LocalProfile(Settings):
    """Trials run as processes of this machine."""

    executor: Literal["local"]
    workdir: str | None = None
    """Where trial folders go, unless --workdir says; by default ./sweeps."""
    timeout_min: PositiveInt = 7 * 24 * 60
    """Minutes after which an attempt is stopped; a week by default."""
    poll_seconds: PositiveFloat = 0.5
    """Seconds between two looks at the trials."""

    num_gpus: ClassVar[int] = 0
    trials_per_job: ClassVar[int] = 1


class LauncherJob(Settings):
    """What the launcher asks for where it is a job itself: `sweep launch --as-job`."""

    partition: str | None = None
    """Partition; by default the trials'."""
    account: str | None = None
    """Account to charge; by default the trials'."""
    qos: str | None = None
    """Quality of service; by default the trials'."""
    timeout_min: PositiveInt = 24 * 60
    """Minutes after which the launcher hands over to a successor."""
    mem_gb: PositiveFloat = 2
    """Memory, in units of 1,024 MB."""


class SlurmProfile(Settings):
    """Trials run as jobs of a Slurm cluster, each asking for what this profile says."""

    executor: Literal["slurm"]
    partition: str | None = None
    """Partition, or several separated by commas."""
    account: str | None = None
    """Account to charge."""
    qos: str | None = None
    """Quality of service."""
    constraint: str | None = None
    """Features that the node must have."""
    exclude: str | None = None
    """Nodes to keep away from."""
    gres: str | None = None
    """Generic resources per node, such as gpu:1 or gpu:a100:2; instead of gpus_per_node."""
    gpus_per_node: NonNegativeInt | None = None
    """GPUs per node; instead of gres."""
    cpus_per_task: PositiveInt = 1
    """CPU cores of the trial's process."""
    mem_gb: PositiveFloat | None = None
    """Memory per node, in units of 1,024 MB as Slurm counts; without it, what the cluster gives."""
    timeout_min: PositiveInt
    """Time limit of one attempt, in minutes."""
    nodes: PositiveInt = 1
    """Nodes per trial. The trial is one process, on the first of them; it starts any others itself."""
    trials_per_job: PositiveInt = 1
    """Trials that share a job and its GPU, side by side; small ones leave most of a GPU idle."""
    array_parallelism: PositiveInt | None = None
    """How many jobs of one array may run at once; jobs submitted together are one array."""
    mail_type: str | None = None
    """Events to be mailed about, such as ALL or END,FAIL."""
    mail_user: str | None = None
    """Address to mail to."""
    setup: tuple[str, ...] = Field(default=(), strict=False)
    """Shell lines to run before the trial, such as `module load cuda`."""
    python: str | None = None
    """Command that starts Python on the node; by default the launcher's own Python."""
    launcher: LauncherJob = LauncherJob()
    """What the launcher itself asks for as a job, with --as-job: one CPU and no GPU."""
    additional: dict[str, Scalar] = Field(default={})
    """Any other long sbatch options, by name without dashes; true for one that takes no value."""
    workdir: str | None = None
    """Where trial folders go, on a file system that all nodes share; --workdir goes first."""
    poll_seconds: PositiveFloat = 10
    """Seconds between two looks at the trials, each a call of squeue."""
    settle_seconds: NonNegativeFloat = 60
    """Seconds that a file written on a node may take to be seen from here."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        raise_problems(list(self._problems()))
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.gres is not None and self.gpus_per_node is not None:
            yield Problem(("gres",), "gres and gpus_per_node exclude each other; keep one")
        for option, value in self.additional.items():
            if reason := _reason_against(option, value):
                yield Problem(("additional", option), reason)

    @property
    def num_gpus(self) -> int:
        """GPUs that one trial occupies, on all its nodes."""
        per_node = self.gpus_per_node or gpus_in(self.gres or "")
        return per_node * self.nodes

    def with_override(self, memory_factor: float, exclude_node: str | None) -> Self:
        """The profile of a job that needs more memory, or is to keep away from one more node."""
        exclude = ",".join(filter(None, [self.exclude, exclude_node])) or None
        mem_gb = self.mem_gb and self.mem_gb * memory_factor
        return self.model_copy(update={"exclude": exclude, "mem_gb": mem_gb})

    def submitit_parameters(self, job_name: str) -> dict[str, Any]:
        """Say all this in the words of `submitit.SlurmExecutor.update_parameters`; None leaves one out."""
        return {
            "job_name": job_name,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "exclude": self.exclude,
            "gres": self.gres,
            "gpus_per_node": self.gpus_per_node,
            "cpus_per_task": self.cpus_per_task,
            "mem": None if self.mem_gb is None else f"{round(self.mem_gb * 1024)}M",
            "time": self.timeout_min,
            "nodes": self.nodes,
            "array_parallelism": self.array_parallelism or MAX_ARRAY_PARALLELISM,
            "mail_type": self.mail_type,
            "mail_user": self.mail_user,
            "setup": list(self.setup),
            # A cluster may refuse the key that submitit sends by default.
            "wckey": None,
            # srun inherits no CPUs from sbatch since Slurm 22.05, and would start a process per node.
            "srun_args": ["--nodes=1", "--ntasks=1", f"--cpus-per-task={self.cpus_per_task}"],
            "additional_parameters": {**self.additional, "no-requeue": True},
        }


Profile = Annotated[InlineProfile | LocalProfile | SlurmProfile, Field(discriminator="executor")]


class ClusterFile(Settings):
    """The profiles that --cluster can name."""

    default: str
    """Profile to use without --cluster."""
    profiles: dict[str, Profile] = Field(min_length=1)
    """The profiles, by name."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.default not in self.profiles:
            raise_problems([Problem(("default",), _no_profile(self.default, list(self.profiles)))])
        return self


def load_cluster(path: Path | None) -> ClusterFile:
    """Load a cluster file, or for None the built-in profiles `local` and `inline`.

    Raises InputError.
    """
    if path is not None:
        return read_settings(path, ClusterFile)
    return ClusterFile(
        default="local",
        profiles={"local": LocalProfile(executor="local"), "inline": InlineProfile(executor="inline")},
    )


def profile(cluster: ClusterFile, name: str | None) -> Profile:
    """Pick a profile by name, the default one for None.

    Raises InputError for a name that is not there.
    """
    name = cluster.default if name is None else name
    if name not in cluster.profiles:
        raise InputError(_no_profile(name, list(cluster.profiles)))
    return cluster.profiles[name]


def _no_profile(name: str, known: list[str]) -> str:
    return f"no profile {format_value(name)}; {format_choices(name, known)}"


def _reason_against(option: str, value: Scalar) -> str | None:
    """Why a profile cannot pass this sbatch option on, if it cannot."""
    if option.replace("_", "-") in _LAUNCHER_OPTIONS:
        return "the launcher sets this option itself"
    key = _KEYS.get(option, option.replace("-", "_"))
    if key in SlurmProfile.model_fields:
        return f"the profile has a key for this option, {key}"
    if value is None or value is False:
        return f"must be true, for an option without a value, or its value, but is {format_value(value)}"
    return None


def gpus_in(resources: str) -> int:
    """GPUs in a gres list, such as `gpu:a100:2,shard:8`."""
    return sum(map(_num_gpus, resources.split(",")))


def _num_gpus(resource: str) -> int:
    """GPUs in one part of a gres list: `gpu`, `gpu:2`, `gpu:a100` or `gpu:a100:2`."""
    kind, *details = resource.split(":")
    if kind != "gpu":
        return 0
    return int(details[-1]) if details and details[-1].isdecimal() else 1
