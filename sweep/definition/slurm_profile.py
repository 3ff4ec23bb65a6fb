"""The profile that runs trials as Slurm jobs."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from sweep.definition.node_environment import NodeEnvironment
from sweep.definition.problem import Problem, format_value, raise_problems
from sweep.definition.settings import Scalar, Settings
from sweep.definition.setup_lines import job_setup
from sweep.definition.time_limit import minutes_of


def _check_time(time: int | str) -> int | str:
    minutes_of(str(time))
    return time


def _check_gpus(gpus: int | str) -> int | str:
    """Check a number of GPUs, with or without their type.

    Raises:
        ValueError: If it has another form.
    """
    if not re.fullmatch(r"(?:\w[\w.-]*:)?\d+(?:,\w[\w.-]*:\d+)*", str(gpus)):
        raise ValueError(f"must be a number of GPUs such as 2 or a100:2, but is {format_value(gpus)}")
    return gpus


# The launcher sets these sbatch options for every job: it finds jobs by name and logs by folder, and it
# retries an attempt as a new attempt, so that two processes never share an attempt's folder.
_LAUNCHER_OPTIONS = {"array", "error", "job-name", "no-requeue", "output", "requeue", "signal"}
# sbatch options whose keys in a profile differ from them by more than the dashes.
_KEYS = {"mem": "mem_gb", "time": "timeout_min"}
# sbatch options that would break what the launcher assumes about its jobs, and why.
_UNUSABLE_OPTIONS = {
    "chdir": "the worker changes to the folder in which the launch was started",
    "cluster": "squeue and sacct would not report the jobs; launch on a login node of that cluster",
    "clusters": "squeue and sacct would not report the jobs; launch on a login node of that cluster",
    "het-group": "a trial is one job",
    "help": "sbatch would not submit the job",
    "ntasks": "a trial is one process",
    "open-mode": "the job's output would be overwritten",
    "parsable": "submitit reads the output of sbatch",
    "quiet": "submitit reads the output of sbatch",
    "test-only": "sbatch would not submit the job",
    "usage": "sbatch would not submit the job",
    "version": "sbatch would not submit the job",
    "wait": "sbatch would wait for the end of the job, and the launcher for sbatch",
    "wrap": "the job runs the trial",
}
# Options that older profiles set in `additional`, before the profile had keys for them.
_EITHER_PLACE = {"gpus", "gpus_per_task"}
_EXCLUSIVE_KEYS = (("gres", "gpus_per_node"), ("mem_gb", "mem_per_cpu_gb"))

TimeLimit = Annotated[int | str, AfterValidator(_check_time)]
Gpus = Annotated[int | str, AfterValidator(_check_gpus)]

MAX_ARRAY_PARALLELISM = 1_000_000
"""The limit that submitit receives if the profile sets none. No array has more jobs."""
PROBE_TIMEOUT_MIN = 10
"""The time limit of a job that examines a node. A job with a short limit starts sooner."""


class LauncherJob(Settings):
    """The resources of the launcher's own job, with `sweep launch --as-job`."""

    partition: str | None = None
    """Partition. The default is the trials' partition."""
    account: str | None = None
    """Account that is charged. The default is the trials' account."""
    qos: str | None = None
    """Quality of service. The default is the trials' quality of service."""
    timeout_min: PositiveInt = 24 * 60
    """Time limit, in minutes. When it is reached, a new launcher job continues the study."""
    mem_gb: PositiveFloat = 2
    """Memory, in units of 1,024 MB."""


class SlurmProfile(NodeEnvironment):
    """Trials run as jobs of a Slurm cluster."""

    executor: Literal["slurm"]
    partition: str | None = None
    """Partition, or several partitions separated by commas."""
    account: str | None = None
    """Account that is charged."""
    qos: str | None = None
    """Quality of service."""
    constraint: str | None = None
    """Features that a node must have."""
    exclude: str | None = None
    """Nodes that are not used."""
    gres: str | None = None
    """Generic resources per node, such as gpu:1 or gpu:a100:2. Excludes gpus_per_node."""
    gpus_per_node: NonNegativeInt | None = None
    """GPUs per node. Excludes gres."""
    gpus: Gpus | None = None
    """GPUs of a job on all its nodes, such as 2 or a100:2."""
    gpus_per_task: Gpus | None = None
    """GPUs of each task, such as 1 or a100:1."""
    cpus_per_task: PositiveInt = 1
    """CPU cores of each task."""
    mem_gb: NonNegativeFloat | None = None
    """Memory per node, in units of 1,024 MB, as Slurm counts it; 0 for all memory of the node. The default is
    the cluster's default."""
    mem_per_cpu_gb: PositiveFloat | None = None
    """Memory per CPU core, in units of 1,024 MB. Excludes mem_gb."""
    timeout_min: PositiveInt
    """Time limit of one attempt, in minutes."""
    time: TimeLimit | None = None
    """Time limit in a form of Slurm, such as 90, 1:30:00 or 2-12:00:00, in place of timeout_min."""
    nodes: PositiveInt = 1
    """Nodes per job. A trial is one process on the first node, which starts any others itself."""
    tasks_per_node: PositiveInt = 1
    """Tasks per node that a trial may start itself, with srun or torchrun."""
    trials_per_job: PositiveInt = 1
    """Trials that run in one job at the same time and share its GPU, for models too small for a whole GPU."""
    array_parallelism: PositiveInt | None = None
    """Maximum number of jobs of an array that run at the same time. Jobs submitted together are one array."""
    mail_type: str | None = None
    """Events that Slurm sends mail about, such as ALL or END,FAIL."""
    mail_user: str | None = None
    """Address that Slurm sends mail to."""
    launcher: LauncherJob = LauncherJob()
    """Resources of the launcher's own job with --as-job, which has one CPU core and no GPU."""
    additional: dict[str, Scalar] = Field(default={})
    """Other sbatch options, by their long names without dashes; true for an option without a value."""
    workdir: str | None = None
    """Folder in which trial folders are created, on a file system that all nodes share. The option --workdir
    takes precedence."""
    poll_seconds: PositiveFloat = 10
    """Seconds between two poll cycles, each of which runs squeue once."""
    settle_seconds: NonNegativeFloat = 60
    """Seconds that a file written on a node may take to become visible to the launcher."""
    exit_grace_seconds: NonNegativeFloat = 60
    """Seconds after a trial's result until its job is cancelled, if the job has not ended by then."""

    runs_in_launcher_process: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _convert_time(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "time" not in values or "timeout_min" in values:
            return values
        try:
            return {**values, "timeout_min": minutes_of(str(values["time"]))}
        except ValueError:
            return {**values, "timeout_min": 1}  # the field `time` reports the problem

    @model_validator(mode="after")
    def _check(self) -> Self:
        raise_problems(list(self._problems()))
        return self

    def _problems(self) -> Iterator[Problem]:
        yield from self._environment_problems()
        for keys in _EXCLUSIVE_KEYS:
            given = [key for key in keys if getattr(self, key) is not None]
            if len(given) > 1:
                yield Problem((given[0],), f"{' and '.join(given)} exclude each other; remove one")
        if self.time is not None and self.timeout_min != minutes_of(str(self.time)):
            yield Problem(("time",), "time and timeout_min exclude each other; remove one")
        for option, value in self.additional.items():
            if message := _problem_with_option(option, value):
                yield Problem(("additional", option), message)

    @property
    def num_gpus(self) -> int:
        options = {name.replace("_", "-"): str(value) for name, value in self.additional.items()}
        if (gpus := self.gpus or options.get("gpus")) is not None:
            return _count_of(str(gpus))
        per_node = self.gpus_per_node or gpus_in(self.gres or "")
        per_task = self.gpus_per_task or options.get("gpus-per-task")
        if not per_node and per_task is not None:
            per_node = _count_of(str(per_task)) * self.tasks_per_node
        if not per_node and "gpus-per-socket" in options:
            per_node = _count_of(options["gpus-per-socket"])
        if not per_node:
            in_tres = options.get("tres-per-node", options.get("tres-per-task", ""))
            per_node = gpus_in(in_tres.replace("gres/", ""))
        return per_node * self.nodes

    @property
    def runs_in_launcher_environment(self) -> bool:
        return self.is_of_launcher

    @property
    def starts_tasks(self) -> bool:
        """Whether a trial may start further tasks in its job with srun."""
        return self.nodes > 1 or self.tasks_per_node > 1

    @property
    def lacks_memory_request(self) -> bool:
        return self.mem_gb is None and self.mem_per_cpu_gb is None

    def for_probe(self) -> Self:
        timeout_min = min(self.timeout_min, PROBE_TIMEOUT_MIN)
        return self.model_copy(
            update={"timeout_min": timeout_min, "time": None, "mail_type": None, "trials_per_job": 1}
        )

    def with_override(self, memory_factor: float, exclude_nodes: Sequence[str]) -> Self:
        """Return the profile of a job that requests more memory or excludes more nodes."""
        exclude = ",".join(filter(None, [self.exclude, *exclude_nodes])) or None
        memory = {
            key: amount and amount * memory_factor
            for key, amount in (("mem_gb", self.mem_gb), ("mem_per_cpu_gb", self.mem_per_cpu_gb))
        }
        return self.model_copy(update={"exclude": exclude, **memory})

    def submitit_parameters(self, job_name: str) -> dict[str, Any]:
        """Return the arguments of `submitit.SlurmExecutor.update_parameters`.

        Args:
            job_name: The name of the job.
        """
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
            "gpus_per_task": self.gpus_per_task,
            "mem": _megabytes(self.mem_gb),
            "mem_per_cpu": _megabytes(self.mem_per_cpu_gb),
            "time": self.timeout_min,
            "nodes": self.nodes,
            "array_parallelism": self.array_parallelism or MAX_ARRAY_PARALLELISM,
            "mail_type": self.mail_type,
            "mail_user": self.mail_user,
            "setup": [*self.exports(), *job_setup(self.setup_lines())],
            # submitit sets a wckey by default, which some clusters reject.
            "wckey": None,
            # Since Slurm 22.05, srun does not inherit --cpus-per-task from sbatch. Without --nodes and
            # --ntasks it would start one process on each node.
            "srun_args": [
                "--nodes=1",
                "--ntasks=1",
                f"--cpus-per-task={self.cpus_per_task}",
                "--export=ALL",  # the step needs the job's variables even if the job inherits none
            ],
            # A step would hold the resources of the tasks that the trial starts itself.
            "use_srun": not self.starts_tasks,
            "additional_parameters": {
                **({"gpus": self.gpus} if self.gpus is not None else {}),
                "ntasks_per_node": self.tasks_per_node,  # Slurm rejects --gpus-per-task without it
                **self.additional,
                "no-requeue": True,
            },
        }


def _problem_with_option(option: str, value: Scalar) -> str | None:
    """Return why a profile cannot set this sbatch option, or None if it can."""
    if option.replace("_", "-") in _LAUNCHER_OPTIONS:
        return "the launcher sets this option itself"
    if (reason := _UNUSABLE_OPTIONS.get(option.replace("_", "-"))) is not None:
        return f"this option cannot be set: {reason}"
    key = _KEYS.get(option, option.replace("-", "_"))
    if key in SlurmProfile.model_fields and key not in _EITHER_PLACE:
        return f"the profile has a key for this option, {key}"
    if value is None or value is False:
        return f"must be the option's value, or true if it has none, but is {format_value(value)}"
    return None


def _megabytes(memory_gb: float | None) -> str | None:
    """Return an amount of memory in units of 1,024 MB as sbatch expects it."""
    return None if memory_gb is None else f"{round(memory_gb * 1024)}M"


def _count_of(gpus: str) -> int:
    """Return the number of GPUs in an option such as --gpus: `2`, `a100:2` or `a100:1,v100:2`."""
    return sum(_num_gpus(part if part.startswith("gpu:") else f"gpu:{part}") for part in gpus.split(","))


def gpus_in(resources: str) -> int:
    """Return the number of GPUs in a list of generic resources, such as `gpu:a100:2,shard:8`."""
    return sum(map(_num_gpus, resources.split(",")))


def _num_gpus(resource: str) -> int:
    """Return the number of GPUs in one resource: `gpu`, `gpu:2`, `gpu:a100` or `gpu:a100:2`."""
    kind, *details = resource.split(":")
    if kind != "gpu":
        return 0
    return int(details[-1]) if details and details[-1].isdecimal() else 1
