"""Checks that Slurm works and can run the jobs of a profile, without running a job."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sweep.definition.slurm_profile import SlurmProfile, gpus_in
from sweep.scheduler.diagnosis import Diagnosis, failed, ok, warning
from sweep.scheduler.slurm.environment import command_environment
from sweep.scheduler.slurm.queue import CALL_TIMEOUT_S, NO_ACCOUNTING, parse_seconds

COMMANDS = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo")
USABLE_STATES = ("idle", "mixed", "allocated", "completing", "planned", "reserved")
"""States of a node that can run a job now or after other jobs."""


class Partition(NamedTuple):
    """A partition as scontrol shows it.

    Attributes:
        name: The name.
        is_up: Whether the partition starts jobs.
        is_default: Whether jobs that name no partition are submitted to it.
        max_minutes: The maximum time limit of a job in minutes; None if there is none.
        max_nodes: The maximum number of nodes of a job; None if there is none.
    """

    name: str
    is_up: bool
    is_default: bool
    max_minutes: float | None
    max_nodes: int | None


class Node(NamedTuple):
    """A node as sinfo shows it.

    Attributes:
        name: The name.
        cpus: The number of CPU cores.
        mem_mb: The memory in MB.
        gpus: The number of GPUs.
        state: Slurm's name of the state, which may end with a flag such as `*`.
    """

    name: str
    cpus: int
    mem_mb: int
    gpus: int
    state: str

    @property
    def is_usable(self) -> bool:
        """Whether the node can run a job now or after other jobs."""
        return self.state.rstrip("*~#!%$@^-").startswith(USABLE_STATES)


def diagnose_slurm(profile: SlurmProfile, script: str) -> Iterator[Diagnosis]:
    """Check Slurm's commands, controller, accounting and partitions, and whether sbatch accepts a job.

    Args:
        profile: The profile of the job.
        script: The job's sbatch file.
    """
    if missing := [command for command in COMMANDS if shutil.which(command) is None]:
        yield failed(
            "Slurm", f"this machine has no {', '.join(missing)}", "run this on a login node of the cluster"
        )
        return
    ping = _run("scontrol", "ping")
    if ping.code != 0:
        yield failed("Slurm", f"its controller does not answer: {ping.output}", "try again later")
        return
    yield ok("Slurm", f"{_run('sbatch', '--version').output}; its controller answers")
    yield _check_accounting(_run("sacct", "--allocations", "--noheader", "--starttime=now"))
    partitions = _run("scontrol", "show", "partition", "--oneliner")
    for partition in requested_partitions(profile.partition, parse_partitions(partitions.output)):
        nodes = _run(
            "sinfo", "--noheader", "--Node", f"--partition={partition.name}", "--format=%N|%c|%m|%G|%T"
        )
        yield from check_partition(profile, partition, parse_nodes(nodes.output))
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        yield _check_submission(_run("sbatch", "--test-only", file.name))


def parse_partitions(text: str) -> list[Partition]:
    """Parse the output of `scontrol show partition --oneliner`."""
    return [_partition(dict(re.findall(r"(\w+)=(\S*)", line))) for line in text.splitlines() if line]


def _partition(fields: Mapping[str, str]) -> Partition:
    max_time = parse_seconds(fields["MaxTime"])
    max_nodes = fields["MaxNodes"]
    return Partition(
        name=fields["PartitionName"],
        is_up=fields["State"] == "UP",
        is_default=fields["Default"] == "YES",
        max_minutes=None if max_time is None else max_time / 60,
        max_nodes=int(max_nodes) if max_nodes.isdecimal() else None,
    )


def parse_nodes(text: str) -> list[Node]:
    """Parse the output of `sinfo --Node --format=%N|%c|%m|%G|%T`."""
    rows = (line.strip().split("|") for line in text.splitlines() if line.count("|") == 4)
    return [
        Node(name, int(cpus.rstrip("+")), int(mem_mb.rstrip("+")), _num_gpus(gres), state)
        for name, cpus, mem_mb, gres, state in rows
    ]


def _num_gpus(gres: str) -> int:
    """Return the number of GPUs in a node's resources, such as `gpu:a100:4(S:0-1),shard:8`."""
    return gpus_in(re.sub(r"\([^)]*\)", "", gres))


def requested_partitions(requested: str | None, partitions: Sequence[Partition]) -> list[Partition]:
    """Return the partitions that a profile names, or the default one if it names none.

    Unknown names are ignored here; sbatch rejects them.

    Args:
        requested: The profile's `partition`.
        partitions: The cluster's partitions.
    """
    if requested is None:
        return [partition for partition in partitions if partition.is_default]
    return [partition for partition in partitions if partition.name in requested.split(",")]


def check_partition(profile: SlurmProfile, partition: Partition, nodes: Sequence[Node]) -> list[Diagnosis]:
    """Compare a profile's requests with a partition, because sbatch accepts jobs that can never start.

    Args:
        profile: The profile.
        partition: The partition.
        nodes: The partition's nodes.
    """
    problems = [*_check_limits(profile, partition), *_check_nodes(profile, partition, nodes)]
    if problems:
        return problems
    limit = (
        "no time limit" if partition.max_minutes is None else f"time limit {partition.max_minutes:.0f} min"
    )
    num_fitting = sum(_fits(profile, node) for node in nodes)
    found = f"{num_fitting} of its {len(nodes)} nodes have the requested resources; {limit}"
    return [ok(f"partition {partition.name}", found)]


def _check_limits(profile: SlurmProfile, partition: Partition) -> Iterator[Diagnosis]:
    what = f"partition {partition.name}"
    if not partition.is_up:
        yield warning(
            what,
            "it is not up, so jobs do not start",
            "choose another `partition`, or ask the administrators",
        )
    if partition.max_minutes is not None and profile.timeout_min > partition.max_minutes:
        yield failed(
            what,
            f"the profile requests {profile.timeout_min} min, but the limit is {partition.max_minutes:.0f}",
            f"set timeout_min to {partition.max_minutes:.0f}; longer trials resume from their checkpoints",
        )
    if partition.max_nodes is not None and profile.nodes > partition.max_nodes:
        found = f"the profile requests {profile.nodes} nodes, but the limit is {partition.max_nodes}"
        yield failed(what, found, f"set nodes to {partition.max_nodes} or less")


def _check_nodes(profile: SlurmProfile, partition: Partition, nodes: Sequence[Node]) -> Iterator[Diagnosis]:
    what = f"partition {partition.name}"
    fitting = [node for node in nodes if _fits(profile, node)]
    if len(fitting) < profile.nodes:
        yield failed(
            what,
            f"{len(fitting)} of its {len(nodes)} nodes have the requested {_request(profile)}, "
            f"but a job needs {profile.nodes}; {_largest(nodes)}",
            "request less with cpus_per_task, mem_gb, gres, gpus_per_node or nodes",
        )
    elif not any(node.is_usable for node in fitting):
        found = f"all {len(fitting)} nodes with the requested resources are {fitting[0].state}"
        yield warning(what, found, "jobs do not start until one of them is up")


def _fits(profile: SlurmProfile, node: Node) -> bool:
    mem_mb = (profile.mem_gb or 0) * 1024
    return (
        node.cpus >= profile.cpus_per_task
        and node.mem_mb >= mem_mb
        and node.gpus >= profile.num_gpus // profile.nodes
    )


def _request(profile: SlurmProfile) -> str:
    parts = [f"{profile.cpus_per_task} CPUs"]
    if profile.mem_gb is not None:
        parts.append(f"{profile.mem_gb:g} GB")
    if profile.num_gpus:
        parts.append(f"{profile.num_gpus // profile.nodes} GPUs")
    return ", ".join(parts)


def _largest(nodes: Sequence[Node]) -> str:
    if not nodes:
        return "it has no nodes"
    cpus, mem_mb, gpus = (max(each) for each in zip(*(node[1:4] for node in nodes), strict=True))
    return f"its largest nodes have {cpus} CPUs, {mem_mb / 1024:.0f} GB, {gpus} GPUs"


class _Completed(NamedTuple):
    """The exit code and the output, of both streams, of a command."""

    code: int
    output: str


def _run(*command: str) -> _Completed:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=command_environment(),
            timeout=CALL_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return _Completed(1, f"no answer within {CALL_TIMEOUT_S} s")
    return _Completed(done.returncode, done.stdout.strip())


def _check_accounting(sacct: _Completed) -> Diagnosis:
    if sacct.code == 0:
        return ok("accounting", "sacct answers")
    if NO_ACCOUNTING in sacct.output:
        return warning(
            "accounting",
            "this cluster has no accounting",
            "nothing needs to be done: GPU hours are measured by the workers, and squeue reports ended jobs",
        )
    return warning(
        "accounting", f"sacct does not answer: {sacct.output}", "ask the administrators if this persists"
    )


def _check_submission(sbatch: _Completed) -> Diagnosis:
    message = " ".join(line.removeprefix("sbatch: ") for line in sbatch.output.splitlines())
    if sbatch.code != 0:
        return failed(
            "sbatch", f"Slurm rejects a trial's job: {message}", "change the profile in cluster.yaml"
        )
    return ok("sbatch", f"Slurm accepts a trial's job: {message}")
