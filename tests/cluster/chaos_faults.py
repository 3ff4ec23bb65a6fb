"""The faults of the chaos test, and the timeline of faults that a seed determines.

A fault is a generator function: it causes the fault, yields while the fault lasts, and repairs it.
"""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from tests.cluster.launch_process import LaunchProcess
from tests.cluster.postgresql import PostgreSQL
from tests.cluster.slow_commands import SlowCommands
from tests.cluster.slurm import NODES, Slurm
from tests.cluster.work_disk import WorkDisk

STUDY = "toy"
FIRST_FAULT_S = 5.0
"""When the first fault may occur, after the start of the first launcher."""
MEAN_INTERVAL_S = 4.0
"""The mean time between the beginnings of two faults."""


class Postponed(Exception):  # noqa: N818 - no error
    """Raised if a fault cannot begin at the moment, for example because no job is running."""


@dataclass
class Services:
    """What the faults act on.

    Attributes:
        slurm: The cluster.
        postgresql: The server of the study's database.
        database: The name of the database.
        launch: The launcher; whoever kills it need not start it again.
        commands: The Slurm commands that the launcher calls.
        disk: The file system of the study's folders; None if it could not be mounted.
        start_launcher: Starts a launcher.
        cancelled: The ids of the jobs that were cancelled.
        crashed_at: When slurmctld crashed, as Unix times.
    """

    slurm: Slurm
    postgresql: PostgreSQL
    database: str
    launch: LaunchProcess
    commands: SlowCommands
    disk: WorkDisk | None
    start_launcher: Callable[[], None]
    cancelled: set[str] = field(default_factory=set)
    crashed_at: list[float] = field(default_factory=list)


class Fault(NamedTuple):
    """A fault of the timeline.

    Attributes:
        at_s: When it begins, in seconds after the start of the study.
        kind: A key of `KINDS`.
        duration_s: How long it lasts.
        choice: A number from 0 to 1 that selects, for example, the node or the job.
    """

    at_s: float
    kind: str
    duration_s: float
    choice: float

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.kind}, {self.duration_s:.1f} s, choice {self.choice:.3f}"

    @property
    def node(self) -> str:
        """The node that the fault selects."""
        return NODES[int(self.choice * len(NODES))]


def launcher_killed(services: Services, fault: Fault) -> Iterator[None]:
    """Kill the launcher."""
    services.launch.kill()
    yield


def launcher_killed_in_startup(services: Services, fault: Fault) -> Iterator[None]:
    """Kill the launcher, start another one and kill that one before or shortly after its first poll cycle."""
    services.launch.kill()
    services.start_launcher()
    yield
    services.launch.kill()


def running_job_cancelled(services: Services, fault: Fault) -> Iterator[None]:
    """Cancel a running job as a user does."""
    _cancel_one(services, fault, "RUNNING")
    yield


def pending_job_cancelled(services: Services, fault: Fault) -> Iterator[None]:
    """Cancel a pending job as a user does."""
    _cancel_one(services, fault, "PENDING")
    yield


def _cancel_one(services: Services, fault: Fault, state: str) -> None:
    job_id = _choose_job(services, fault, state)
    services.cancelled.add(job_id)
    services.slurm.run("scancel", job_id)


def _choose_job(services: Services, fault: Fault, state: str) -> str:
    """Return the id of a job of the study in a state."""
    jobs = services.slurm.jobs(STUDY, state)
    if not jobs:
        raise Postponed
    return jobs[int(fault.choice * len(jobs))]


def process_killed(services: Services, fault: Fault) -> Iterator[None]:
    """Kill the worker of a running job, as the kernel does if the memory is exhausted."""
    jobs = [each for each in services.slurm.job_processes() if each.info["name"].startswith("python")]
    if not jobs:
        raise Postponed
    with suppress(psutil.NoSuchProcess):
        jobs[int(fault.choice * len(jobs))].kill()
    yield


def time_limit_reached(services: Services, fault: Fault) -> Iterator[None]:
    """Move the time limit of a running job to the present."""
    job_id = _choose_job(services, fault, "RUNNING")
    services.slurm.run("scontrol", "update", f"jobid={job_id}", "endtime=now")
    yield


def node_killed(services: Services, fault: Fault) -> Iterator[None]:
    """Kill the slurmd of a node with its jobs' processes, as a power failure does."""
    services.slurm.kill_node_with_jobs(fault.node)
    yield
    services.slurm.start_node(fault.node)


def slurmd_killed(services: Services, fault: Fault) -> Iterator[None]:
    """Kill the slurmd of a node, whose jobs' processes continue."""
    services.slurm.kill_node(fault.node)
    yield
    services.slurm.start_node(fault.node)


def node_set_down(services: Services, fault: Fault) -> Iterator[None]:
    """Set a node down as an administrator does."""
    services.slurm.set_node(fault.node, "down")
    yield
    services.slurm.resume_node(fault.node)


def node_drained(services: Services, fault: Fault) -> Iterator[None]:
    """Drain a node as an administrator does."""
    services.slurm.set_node(fault.node, "drain")
    yield
    services.slurm.resume_node(fault.node)


def slurmctld_restarted(services: Services, fault: Fault) -> Iterator[None]:
    """Stop slurmctld and start it again."""
    services.slurm.stop_controller()
    yield
    services.slurm.start_controller()


def slurmctld_crashed(services: Services, fault: Fault) -> Iterator[None]:
    """Kill slurmctld, which may not have saved the newest jobs, and start it again."""
    services.crashed_at.append(time.time())
    services.slurm.kill_controller()
    yield
    services.slurm.start_controller()


def slurmctld_hung(services: Services, fault: Fault) -> Iterator[None]:
    """Let slurmctld accept connections without an answer."""
    services.slurm.signal("slurmctld", signal.SIGSTOP)
    yield
    services.slurm.signal("slurmctld", signal.SIGCONT)


def slurmdbd_restarted(services: Services, fault: Fault) -> Iterator[None]:
    """Stop slurmdbd and start it again."""
    services.slurm.stop_accounting()
    yield
    services.slurm.start_accounting()


def slurmdbd_hung(services: Services, fault: Fault) -> Iterator[None]:
    """Let slurmdbd accept connections without an answer."""
    services.slurm.signal("slurmdbd", signal.SIGSTOP)
    yield
    services.slurm.signal("slurmdbd", signal.SIGCONT)


def mariadb_restarted(services: Services, fault: Fault) -> Iterator[None]:
    """Stop the database of slurmdbd and start it again."""
    services.slurm.stop_accounting_database()
    yield
    services.slurm.start_accounting_database()


def postgresql_restarted(services: Services, fault: Fault) -> Iterator[None]:
    """Stop the study's database server as an administrator does, and start it again."""
    services.postgresql.stop("fast")
    yield
    services.postgresql.start()


def postgresql_crashed(services: Services, fault: Fault) -> Iterator[None]:
    """Stop the study's database server as a crash does, and start it again."""
    services.postgresql.stop("immediate")
    yield
    services.postgresql.start()


def connections_lost(services: Services, fault: Fault) -> Iterator[None]:
    """End all connections to the study's database."""
    services.postgresql.terminate_connections(services.database)
    yield


def disk_full(services: Services, fault: Fault) -> Iterator[None]:
    """Fill the file system of the study's folders."""
    assert services.disk is not None
    services.disk.fill()
    yield
    services.disk.empty()


def commands_slow(services: Services, fault: Fault) -> Iterator[None]:
    """Let squeue and sacct answer after some seconds."""
    services.commands.slow_down(1 + 4 * fault.choice)
    yield
    services.commands.speed_up()


class Kind(NamedTuple):
    """A kind of fault.

    Attributes:
        function: The fault.
        weight: How often it occurs in relation to the other kinds.
        max_duration_s: How long it lasts at most; 0 if it is over at once.
        occupies: What no other fault may occupy at the same time; a node is the fault's choice.
        needs: What no other fault may occupy when this one begins and ends.
    """

    function: Callable[[Services, Fault], Iterator[None]]
    weight: float
    max_duration_s: float
    occupies: str
    needs: tuple[str, ...] = ()


ACCOUNTING = ("slurmdbd", "mariadb")
"""What slurmctld needs to start."""

KINDS: Mapping[str, Kind] = {
    "launcher killed": Kind(launcher_killed, 3, 0, "launcher"),
    "launcher killed in start-up": Kind(launcher_killed_in_startup, 2, 3, "launcher"),
    "running job cancelled": Kind(running_job_cancelled, 1, 0, "", ("controller",)),
    "pending job cancelled": Kind(pending_job_cancelled, 1, 0, "", ("controller",)),
    "process of a job killed": Kind(process_killed, 1, 0, ""),
    "time limit reached": Kind(time_limit_reached, 1, 0, "", ("controller",)),
    "node killed with its jobs": Kind(node_killed, 1, 15, "node"),
    "slurmd killed without its jobs": Kind(slurmd_killed, 1, 20, "node"),
    "node set down": Kind(node_set_down, 1, 10, "node", ("controller",)),
    "node drained": Kind(node_drained, 1, 10, "node", ("controller",)),
    "slurmctld restarted": Kind(slurmctld_restarted, 1, 8, "controller", ACCOUNTING),
    "slurmctld crashed": Kind(slurmctld_crashed, 0.3, 8, "controller", ACCOUNTING),
    "slurmctld hung": Kind(slurmctld_hung, 1, 12, "controller"),
    "slurmdbd restarted": Kind(slurmdbd_restarted, 1, 10, "slurmdbd", ("mariadb",)),
    "slurmdbd hung": Kind(slurmdbd_hung, 1, 10, "slurmdbd"),
    "MariaDB restarted": Kind(mariadb_restarted, 1, 8, "mariadb", ("slurmdbd",)),
    "PostgreSQL restarted": Kind(postgresql_restarted, 1, 6, "postgresql"),
    "PostgreSQL crashed": Kind(postgresql_crashed, 1, 6, "postgresql"),
    "database connections lost": Kind(connections_lost, 2, 0, "", ("postgresql",)),
    "work disk full": Kind(disk_full, 1, 6, "disk"),
    "squeue and sacct slow": Kind(commands_slow, 1, 15, "commands"),
}
"""All kinds of faults by their names in the timeline."""


def timeline(seed: int, seconds: float) -> list[Fault]:
    """Return the faults of a study in the order of their times; each kind occurs at least once.

    Args:
        seed: The seed of the times, kinds, durations and choices.
        seconds: How long faults begin.
    """
    rng = random.Random(seed)
    num_faults = max(len(KINDS), round(seconds / MEAN_INTERVAL_S))
    weights = [kind.weight for kind in KINDS.values()]
    kinds = [*KINDS, *rng.choices(list(KINDS), weights, k=num_faults - len(KINDS))]
    rng.shuffle(kinds)
    times = sorted(rng.uniform(FIRST_FAULT_S, seconds) for _ in kinds)
    return [
        Fault(at_s, kind, rng.uniform(0, KINDS[kind].max_duration_s), rng.random())
        for at_s, kind in zip(times, kinds, strict=True)
    ]


class FaultPlayer:
    """Causes the faults of a timeline, one after another or several at a time.

    Args:
        faults: The timeline.
        services: What the faults act on.
        log: Receives a line for each beginning and end of a fault.

    Attributes:
        num_by_kind: How many faults have begun, by kind.
    """

    def __init__(self, faults: list[Fault], services: Services, log: Callable[[str], None]) -> None:
        self._waiting = faults
        self._services = services
        self._log = log
        self._active: list[tuple[float, Fault, Iterator[None]]] = []
        self.num_by_kind: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether all faults have ended."""
        return not (self._waiting or self._active)

    def is_active(self, *kinds: str) -> bool:
        """Return whether a fault of one of these kinds is active."""
        return any(fault.kind in kinds for _, fault, _ in self._active)

    def play(self, now_s: float) -> None:
        """End the faults that are over and begin those that are due, if what they need is available.

        Args:
            now_s: The time in seconds since the start of the study.
        """
        for entry in [entry for entry in self._active if entry[0] <= now_s]:
            _, fault, steps = entry
            if not self.are_occupied(KINDS[fault.kind].needs):
                next(steps, None)
                self._active.remove(entry)
                self._log(f"ended: {fault.kind}")
        for fault in [fault for fault in self._waiting if fault.at_s <= now_s]:
            self._begin(fault, now_s)

    def _begin(self, fault: Fault, now_s: float) -> None:
        kind = KINDS[fault.kind]
        if self.are_occupied([*kind.needs, self._occupied_by(fault)]):
            return
        steps = kind.function(self._services, fault)
        try:
            next(steps)
        except (Postponed, subprocess.SubprocessError):  # Slurm may not answer yet
            return
        self._waiting.remove(fault)
        self._active.append((now_s + fault.duration_s, fault, steps))
        self.num_by_kind[fault.kind] = self.num_by_kind.get(fault.kind, 0) + 1
        self._log(f"began: {fault.kind}, for {fault.duration_s:.1f} s")

    def drop_waiting(self) -> None:
        """Leave out the faults that have not begun."""
        for fault in self._waiting:
            self._log(f"left out, because it could not begin: {fault.kind}")
        self._waiting.clear()

    def are_occupied(self, resources: Sequence[str]) -> bool:
        """Return whether an active fault occupies one of these resources."""
        occupied = {self._occupied_by(fault) for _, fault, _ in self._active} - {""}
        return not occupied.isdisjoint(resources)

    @staticmethod
    def _occupied_by(fault: Fault) -> str:
        occupied = KINDS[fault.kind].occupies
        return fault.node if occupied == "node" else occupied
