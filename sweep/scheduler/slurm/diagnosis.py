"""Whether Slurm is there and will take what a profile asks for. Beside slurm.py, it knows its words."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sweep.definition.cluster import SlurmProfile, gpus_in
from sweep.scheduler.diagnosis import Check, failed, ok, warning
from sweep.scheduler.slurm.queue import CALL_TIMEOUT_S, NO_ACCOUNTING, seconds

COMMANDS = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo")
USABLE = ("idle", "mixed", "allocated", "completing", "planned", "reserved")  # now or later


class Partition(NamedTuple):
    """What the administrators have set for a partition; None is no limit."""

    name: str
    is_up: bool
    is_default: bool
    max_minutes: float | None
    max_nodes: int | None


class Node(NamedTuple):
    name: str
    cpus: int
    mem_mb: int
    gpus: int
    state: str

    @property
    def is_usable(self) -> bool:
        return self.state.rstrip("*~#!%$@^-").startswith(USABLE)


def check_slurm(profile: SlurmProfile, script: str) -> Iterator[Check]:
    """Everything that can be asked of Slurm without running a job; `script` is the one of a trial."""
    if missing := [command for command in COMMANDS if shutil.which(command) is None]:
        yield failed(
            "Slurm", f"no {', '.join(missing)} on this machine", "run this on a login node of the cluster"
        )
        return
    ping = _run("scontrol", "ping")
    if ping.code != 0:
        yield failed("Slurm", f"its controller does not answer: {ping.text}", "try again later")
        return
    yield ok("Slurm", f"{_run('sbatch', '--version').text}, its controller answers")
    yield _check_accounting(_run("sacct", "--allocations", "--noheader", "--starttime=now"))
    shown = _run("scontrol", "show", "partition", "--oneliner")
    for partition in asked_partitions(profile.partition, read_partitions(shown.text)):
        nodes = _run(
            "sinfo", "--noheader", "--Node", f"--partition={partition.name}", "--format=%N|%c|%m|%G|%T"
        )
        yield from check_partition(profile, partition, read_nodes(nodes.text))
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        yield _check_submission(_run("sbatch", "--test-only", file.name))


def read_partitions(text: str) -> list[Partition]:
    """From `scontrol show partition --oneliner`."""
    return [_partition(dict(re.findall(r"(\w+)=(\S*)", line))) for line in text.splitlines() if line]


def _partition(fields: Mapping[str, str]) -> Partition:
    max_time = seconds(fields["MaxTime"])
    max_nodes = fields["MaxNodes"]
    return Partition(
        name=fields["PartitionName"],
        is_up=fields["State"] == "UP",
        is_default=fields["Default"] == "YES",
        max_minutes=None if max_time is None else max_time / 60,
        max_nodes=int(max_nodes) if max_nodes.isdecimal() else None,
    )


def read_nodes(text: str) -> list[Node]:
    """From `sinfo --Node --format=%N|%c|%m|%G|%T`."""
    rows = (line.strip().split("|") for line in text.splitlines() if line.count("|") == 4)
    return [
        Node(name, int(cpus.rstrip("+")), int(mem_mb.rstrip("+")), _gpus_of(gres), state)
        for name, cpus, mem_mb, gres, state in rows
    ]


def _gpus_of(gres: str) -> int:
    """GPUs in a node's list of resources, such as `gpu:a100:4(S:0-1),shard:8`."""
    return gpus_in(re.sub(r"\([^)]*\)", "", gres))


def asked_partitions(asked: str | None, partitions: Sequence[Partition]) -> list[Partition]:
    """Those that a profile names, the default one where it names none; an unknown name sbatch refuses."""
    if asked is None:
        return [partition for partition in partitions if partition.is_default]
    return [partition for partition in partitions if partition.name in asked.split(",")]


def check_partition(profile: SlurmProfile, partition: Partition, nodes: Sequence[Node]) -> list[Check]:
    """The profile's wishes against the partition's limits: sbatch takes jobs that could never start."""
    problems = [*_limits_passed(profile, partition), *_nodes_missing(profile, partition, nodes)]
    if problems:
        return problems
    limit = (
        "no time limit" if partition.max_minutes is None else f"time limit {partition.max_minutes:.0f} min"
    )
    num_fitting = sum(_fits(profile, node) for node in nodes)
    found = f"{num_fitting} of its {len(nodes)} nodes have what is asked for; {limit}"
    return [ok(f"partition {partition.name}", found)]


def _limits_passed(profile: SlurmProfile, partition: Partition) -> Iterator[Check]:
    what = f"partition {partition.name}"
    if not partition.is_up:
        yield warning(
            what, "it is not up: jobs wait", "choose another `partition`, or ask the administrators"
        )
    if partition.max_minutes is not None and profile.timeout_min > partition.max_minutes:
        yield failed(
            what,
            f"{profile.timeout_min} min are asked for, and it allows {partition.max_minutes:.0f}",
            f"set timeout_min to {partition.max_minutes:.0f}: longer trials go on from their checkpoints",
        )
    if partition.max_nodes is not None and profile.nodes > partition.max_nodes:
        found = f"{profile.nodes} nodes are asked for, and it allows {partition.max_nodes}"
        yield failed(what, found, "set nodes to fewer")


def _nodes_missing(profile: SlurmProfile, partition: Partition, nodes: Sequence[Node]) -> Iterator[Check]:
    what = f"partition {partition.name}"
    fitting = [node for node in nodes if _fits(profile, node)]
    if len(fitting) < profile.nodes:
        yield failed(
            what,
            f"{_wish(profile)} are asked for on a node, and its largest nodes have {_largest(nodes)}",
            "ask for less with cpus_per_task, mem_gb, gres or gpus_per_node",
        )
    elif not any(node.is_usable for node in fitting):
        found = f"all {len(fitting)} nodes that would do are {fitting[0].state}"
        yield warning(what, found, "jobs wait until one is up again")


def _fits(profile: SlurmProfile, node: Node) -> bool:
    mem_mb = (profile.mem_gb or 0) * 1024
    return (
        node.cpus >= profile.cpus_per_task
        and node.mem_mb >= mem_mb
        and node.gpus >= profile.num_gpus // profile.nodes
    )


def _wish(profile: SlurmProfile) -> str:
    parts = [f"{profile.cpus_per_task} CPUs"]
    if profile.mem_gb is not None:
        parts.append(f"{profile.mem_gb:g} GB")
    if profile.num_gpus:
        parts.append(f"{profile.num_gpus // profile.nodes} GPUs")
    return ", ".join(parts)


def _largest(nodes: Sequence[Node]) -> str:
    if not nodes:
        return "nothing: it has no nodes"
    cpus, mem_mb, gpus = (max(each) for each in zip(*(node[1:4] for node in nodes), strict=True))
    return f"{cpus} CPUs, {mem_mb / 1024:.0f} GB, {gpus} GPUs"


class _Said(NamedTuple):
    code: int
    text: str


def _run(*command: str) -> _Said:
    """What a command exits with and says, on either stream."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=CALL_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return _Said(1, f"no answer in {CALL_TIMEOUT_S} s")
    return _Said(done.returncode, done.stdout.strip())


def _check_accounting(said: _Said) -> Check:
    if said.code == 0:
        return ok("accounting", "sacct answers")
    if NO_ACCOUNTING in said.text:
        found, advice = (
            "this cluster keeps none",
            "GPU hours go by the workers' clocks, ends by squeue: that will do",
        )
    else:
        found, advice = f"sacct does not answer: {said.text}", "ask the administrators if it stays so"
    return warning("accounting", found, advice)


def _check_submission(said: _Said) -> Check:
    words = " ".join(line.removeprefix("sbatch: ") for line in said.text.splitlines())
    if said.code != 0:
        return failed("sbatch", f"a trial's job is refused: {words}", "change the profile in cluster.yaml")
    return ok("sbatch", f"a trial's job would be taken: {words}")
