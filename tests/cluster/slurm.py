"""A real Slurm on this machine, in a folder of its own: two nodes of two stand-in GPUs, and accounting.

    python -m tests.cluster.slurm up DIR        start it and say how to use it
    python -m tests.cluster.slurm down DIR      end it

Any user can run it, without systemd and cgroups. It is tried with Debian 12's Slurm 22.05.
"""

import getpass
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.cluster import daemons, mariadb

PACKAGES = "slurmctld slurmd slurm-client slurmdbd mariadb-server-core munge"  # of Debian
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "slurmdbd", "mariadbd", "munged")
TEMPLATES = Path(__file__).parent / "templates"
NODES = ("n1", "n2")
IDLE = ["idle"] * len(NODES)


def is_installed() -> bool:
    return all(map(daemons.program, PROGRAMS))


class Slurm:
    """The cluster in one folder. Every call returns within a time limit or raises."""

    def __init__(self, folder: Path, first_job_id: int | None = None) -> None:
        self.folder = folder.resolve()
        # by default one that no other cluster of these tests has used lately
        self._first_job_id = first_job_id or int(time.time()) % 50_000_000
        self.conf = self.folder / "slurm.conf"
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(self.conf),
            "MYSQL_UNIX_PORT": str(self.folder / "mariadb/mariadb.sock"),
        }
        self._commands = {
            "munged": [
                "munged", "--foreground", "--force", f"--socket={self.folder}/run/munge.sock",
                f"--key-file={self.folder}/munge.key", f"--pid-file={self.folder}/run/munged.own.pid",
                f"--seed-file={self.folder}/run/munge.seed", f"--log-file={self.folder}/log/munge.log",
            ],
            "mariadbd": [
                *mariadb.command(self.folder / "mariadb"), "--skip-networking",
                f"--init-file={self.folder}/accounting.sql",
            ],
            "slurmdbd": ["slurmdbd", "-D"],
            "slurmctld": ["slurmctld", "-D"],
            "n1": ["slurmd", "-D", "-N", "n1"],
            "n2": ["slurmd", "-D", "-N", "n2"],
        }  # fmt: skip

    # as a whole

    def start(self) -> None:
        """Start everything; on return the nodes are idle."""
        self._write_files()
        try:
            self._start("munged")
            self._start_database()
            self.start_accounting()
            self._start("slurmctld")
            for node in NODES:
                self._start(node)
            self._wait_until_idle()
            self._admit_user()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the jobs, then every server, then whatever a killed slurmd has left behind."""
        if self._is_alive("slurmctld"):
            with suppress(subprocess.SubprocessError, TimeoutError):  # a test may have left it in pieces
                self.cancel_all()
        for name in reversed(self._commands):
            if self._is_alive(name):
                daemons.end(self._pid(name))
            self._pid_file(name).unlink(missing_ok=True)
        for process in self._leftovers():
            daemons.end(process.pid, timeout_s=1)

    def mend(self) -> None:
        """Bring back whatever a test has taken down; on return there is no job and the nodes are idle."""
        if not self._is_alive("slurmdbd"):
            self.start_accounting()
        if not self._is_alive("slurmctld"):
            self.start_controller()
        for node in NODES:
            if not self._is_alive(node):
                self._start(node)
        self.cancel_all()
        if self._node_states() != IDLE:
            with suppress(subprocess.SubprocessError):  # it cannot resume a node that is up already
                for node in NODES:
                    self.set_node(node, "resume")
        self._wait_until_idle()

    def run(self, *command: str, timeout_s: float = 20) -> str:
        """What a Slurm command prints."""
        done = subprocess.run(
            command, env=self.environment, timeout=timeout_s, text=True, capture_output=True
        )
        if done.returncode != 0:
            raise subprocess.SubprocessError(f"{command} failed: {done.stderr.strip()}")
        return done.stdout

    def job_ids(self) -> list[str]:
        """The jobs that squeue still knows."""
        return self.run("squeue", "--noheader", "--states=all", "--format=%i").split()

    def elapsed_s(self) -> dict[str, int]:
        """How many seconds each job of today and yesterday has had its nodes, by accounting."""
        columns = ("--noheader", "--parsable2", "--allocations", "--format=JobID,ElapsedRaw")
        rows = self.run("sacct", "--starttime=now-1days", *columns).splitlines()
        return {job_id: int(elapsed) for job_id, elapsed in (row.split("|") for row in rows)}

    def cancel_all(self) -> None:
        """Cancel every job and wait until none is left: a job's step would outlive its slurmd."""
        self.run("scancel", f"--user={getpass.getuser()}")
        self._wait("no job is left", lambda: not self.run("squeue", "--noheader"))

    # faults

    def signal(self, name: str, number: signal.Signals) -> None:
        """Signal a server, such as `slurmctld`: SIGSTOP makes it hang until SIGCONT."""
        psutil.Process(self._pid(name)).send_signal(number)

    def kill_node(self, node: str) -> None:
        """Kill a node's slurmd, as when its machine hangs; the jobs' own processes stay."""
        self.signal(node, signal.SIGKILL)
        daemons.wait_until(f"{node} is dead", lambda: not self._is_alive(node))

    def start_node(self, node: str) -> None:
        self._start(node)

    def set_node(self, node: str, state: str) -> None:
        """Say as an administrator that a node is `down`, `drain` or to `resume`."""
        self.run("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")

    def stop_controller(self) -> None:
        daemons.end(self._pid("slurmctld"))

    def start_controller(self) -> None:
        self._start("slurmctld")
        self._wait("slurmctld answers", lambda: self._answers("scontrol", "ping"))

    def stop_accounting(self) -> None:
        daemons.end(self._pid("slurmdbd"))

    def start_accounting(self) -> None:
        self._start("slurmdbd")
        self._wait("slurmdbd answers", lambda: self._answers("sacctmgr", "list", "cluster"))

    # the parts

    def _write_files(self) -> None:
        for name in ("run", "log", "state", "spool", "gpus"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for gpu in ("0", "1"):
            (self.folder / "gpus" / gpu).unlink(missing_ok=True)
            (self.folder / "gpus" / gpu).symlink_to(os.devnull)
        controller, accounting, n1, n2 = daemons.free_ports(4)
        values = {
            "folder": self.folder,
            "host": platform.node().partition(".")[0],
            "user": getpass.getuser(),
            "controller_port": controller,
            "accounting_port": accounting,
            "n1_port": n1,
            "n2_port": n2,
            "first_job_id": self._first_job_id,
        }
        for template in TEMPLATES.iterdir():
            self._write(template.name, template.read_text().format_map(values).encode())
        self._write("munge.key", os.urandom(128))

    def _write(self, name: str, content: bytes) -> None:
        """Write a file that only its owner may read: the servers insist."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_bytes(content)

    def _start_database(self) -> None:
        mariadb.create(self.folder / "mariadb")
        self._start("mariadbd")
        self._wait("mariadbd listens", (self.folder / "mariadb/mariadb.sock").exists)

    def _admit_user(self) -> None:
        """Let this user submit jobs, unless the folder's cluster was up before."""
        if not self.run("sacctmgr", "--noheader", "list", "account", "lab"):
            self.run("sacctmgr", "--immediate", "add", "account", "lab")
            self.run("sacctmgr", "--immediate", "add", "user", getpass.getuser(), "account=lab")

    def _wait_until_idle(self) -> None:
        self._wait("the nodes are idle", lambda: self._node_states() == IDLE)

    def _start(self, name: str) -> None:
        log = self.folder / "log" / f"{name}.log"
        self._pid_file(name).write_text(str(daemons.start(self._commands[name], log, self.environment)))

    def _wait(self, what: str, condition: Callable[[], object]) -> None:
        try:
            daemons.wait_until(what, condition)
        except TimeoutError as error:
            logs = sorted((self.folder / "log").iterdir())
            ends = [f"{log.name}: " + "\n".join(log.read_text().splitlines()[-5:]) for log in logs]
            raise TimeoutError("\n".join([str(error), *ends])) from None

    def _answers(self, *command: str) -> bool:
        try:
            self.run(*command, timeout_s=5)
        except subprocess.SubprocessError:
            return False
        return True

    def _node_states(self) -> list[str]:
        if not self._answers("scontrol", "ping"):
            return []
        return self.run("sinfo", "--noheader", "--Node", "--partition=main", "--format=%t").split()

    def _pid_file(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.pid"

    def _pid(self, name: str) -> int:
        return int(self._pid_file(name).read_text())

    def _is_alive(self, name: str) -> bool:
        """Whether the process of the pid file is there and still ours."""
        try:
            return self._is_ours(psutil.Process(self._pid(name)))
        except (FileNotFoundError, psutil.Error):
            return False

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.environ().get("SLURM_CONF") == str(self.conf)

    def _leftovers(self) -> list[psutil.Process]:
        """Processes of this cluster's jobs."""
        found = []
        for process in psutil.process_iter(["name", "environ"]):
            environment = process.info["environ"] or {}
            of_a_job = "SLURM_JOB_ID" in environment or process.info["name"] == "slurmstepd"
            if of_a_job and environment.get("SLURM_CONF") == str(self.conf):
                found.append(process)
        return found


def main(action: str, folder: str) -> None:
    slurm = Slurm(Path(folder))
    if action == "down":
        slurm.stop()
        return
    slurm.start()
    print(f"export SLURM_CONF={slurm.conf}")
    print(f"export SWEEP_CLUSTER_FILE={slurm.folder}/cluster.yaml")


if __name__ == "__main__":
    main(*sys.argv[1:])
