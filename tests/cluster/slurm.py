"""A real Slurm cluster on this machine: two nodes with two fake GPUs each, and accounting.

    python -m tests.cluster.slurm up DIR        start the cluster and print the environment that selects it
    python -m tests.cluster.slurm down DIR      stop the cluster

All files are in one folder. The cluster needs neither root, systemd nor cgroups. It was tested with Slurm
22.05 of Debian 12.
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

PACKAGES = "slurmctld slurmd slurm-client slurmdbd mariadb-server-core munge"  # Debian packages
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "slurmdbd", "mariadbd", "munged")
TEMPLATES = Path(__file__).parent / "templates"
NODES = ("n1", "n2")
IDLE = ["idle"] * len(NODES)


def is_installed() -> bool:
    """Return whether all programs of the cluster are installed."""
    return all(map(daemons.program, PROGRAMS))


class Slurm:
    """A cluster in one folder. Every call has a time limit.

    Args:
        folder: The folder of all files of the cluster.
        first_job_id: The id of the first job. The default depends on the time, so that successive clusters
            use different ids.

    Attributes:
        folder: The resolved folder.
        conf: The path of `slurm.conf`.
        environment: The environment variables of the servers and of Slurm's commands.
    """

    def __init__(self, folder: Path, first_job_id: int | None = None) -> None:
        self.folder = folder.resolve()
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

    # The whole cluster

    def start(self) -> None:
        """Start all servers and wait until the nodes are idle."""
        self._write_files()
        try:
            self._start("munged")
            self._start_database()
            self.start_accounting()
            self._start("slurmctld")
            for node in NODES:
                self._start(node)
            self._wait_until_idle()
            self._add_user()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cancel the jobs, terminate the servers, then the processes that a killed slurmd left behind."""
        if self._is_alive("slurmctld"):
            with suppress(subprocess.SubprocessError, TimeoutError):  # a test may have broken it
                self.cancel_all()
        for name in reversed(self._commands):
            if self._is_alive(name):
                daemons.terminate(self._pid(name))
            self._pid_file(name).unlink(missing_ok=True)
        for process in self.job_processes():
            daemons.terminate(process.pid, timeout_s=1)

    def restart_servers(self) -> None:
        """Restart the servers that a test has stopped."""
        if not self._is_alive("mariadbd"):
            self.start_accounting_database()
        if not self._is_alive("slurmdbd"):
            self.start_accounting()
        if not self._is_alive("slurmctld"):
            self.start_controller()
        for node in NODES:
            if not self._is_alive(node):
                self.start_node(node)

    def repair(self) -> None:
        """Restart whatever a test has stopped, cancel all jobs and wait until the nodes are idle."""
        self.restart_servers()
        self.cancel_all()
        if self._node_states() != IDLE:
            with suppress(subprocess.SubprocessError):  # a node that is already up cannot be resumed
                for node in NODES:
                    self.set_node(node, "resume")
        self._wait_until_idle()

    def run(self, *command: str, timeout_s: float = 20) -> str:
        """Run a Slurm command and return its output.

        Raises:
            subprocess.SubprocessError: The command failed or did not end within `timeout_s` seconds.
        """
        done = subprocess.run(
            command, env=self.environment, timeout=timeout_s, text=True, capture_output=True
        )
        if done.returncode != 0:
            raise subprocess.SubprocessError(f"{command} failed: {done.stderr.strip()}")
        return done.stdout

    def job_ids(self) -> list[str]:
        """Return the ids of the jobs that squeue still lists."""
        return self.run("squeue", "--noheader", "--states=all", "--format=%i").split()

    def jobs(self, study: str, *states: str) -> list[str]:
        """Return the ids of the jobs of a study that are in one of these states; ended jobs are no states."""
        lines = self.run(
            "squeue", "--noheader", "--array", f"--states={','.join(states)}", "--format=%i|%j"
        ).splitlines()
        jobs = (line.split("|", 1) for line in lines)
        return [job_id for job_id, name in jobs if name.startswith(f"{study}-")]

    def elapsed_s(self) -> dict[str, int]:
        """Return the seconds that each recent job has occupied its nodes according to Slurm's accounting."""
        return {job_id: elapsed for job_id, elapsed, _ in self._accounted_jobs()}

    def elapsed_s_of_ended(self) -> dict[str, int]:
        """Return the same for jobs whose end accounting has recorded; it counts the time of others on."""
        return {job_id: elapsed for job_id, elapsed, end in self._accounted_jobs() if end != "Unknown"}

    def cancel_all(self) -> None:
        """Cancel every job and wait until none is left, because a job's step would outlive its slurmd."""
        self.run("scancel", f"--user={getpass.getuser()}")
        self._wait("no job is left", lambda: not self.run("squeue", "--noheader"))

    def job_processes(self) -> list[psutil.Process]:
        """Return the processes of this cluster's jobs and the slurmstepd processes that supervise them."""
        found = []
        for process in psutil.process_iter(["name", "environ"]):
            environment = process.info["environ"] or {}
            belongs_to_job = "SLURM_JOB_ID" in environment or process.info["name"] == "slurmstepd"
            if belongs_to_job and environment.get("SLURM_CONF") == str(self.conf):
                found.append(process)
        return found

    # Faults

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a server such as `slurmctld`; SIGSTOP makes it hang until SIGCONT."""
        psutil.Process(self._pid(name)).send_signal(number)

    def kill_node(self, node: str) -> None:
        """Kill the slurmd of a node; the processes of the jobs continue."""
        self.signal(node, signal.SIGKILL)
        daemons.wait_until(f"{node} is dead", lambda: not self._is_alive(node))

    def kill_node_with_jobs(self, node: str) -> None:
        """Kill the slurmd of a node and the processes of its jobs."""
        self.kill_node(node)
        for process in self._processes_on(node):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self._start(node)

    def set_node(self, node: str, state: str) -> None:
        """Set the state of a node as an administrator: `down`, `drain` or `resume`."""
        self.run("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")

    def resume_node(self, node: str) -> None:
        """Make a node that is down or drained available again, and wait until it is."""

        def is_resumed() -> bool:
            with suppress(subprocess.SubprocessError):  # a node that is already up cannot be resumed
                self.set_node(node, "resume")
            return self.is_available(node)

        self._wait(f"{node} is available", is_resumed)

    def is_available(self, node: str) -> bool:
        """Return whether a node can run jobs; False also if Slurm does not answer."""
        with suppress(subprocess.SubprocessError):
            state = self.run("sinfo", "--noheader", f"--nodes={node}", "--partition=main", "--format=%t")
            return state.strip() in {"idle", "mix", "alloc", "comp"}
        return False

    def stop_controller(self) -> None:
        """Terminate slurmctld."""
        daemons.terminate(self._pid("slurmctld"))

    def kill_controller(self) -> None:
        """Kill slurmctld."""
        self.signal("slurmctld", signal.SIGKILL)
        daemons.wait_until("slurmctld is dead", lambda: not self._is_alive("slurmctld"))

    def start_controller(self) -> None:
        """Start slurmctld, again if it ends because slurmdbd is not ready, and wait until it answers."""

        def answers() -> bool:
            if not self._is_alive("slurmctld"):
                self._start("slurmctld")
            return self._answers("scontrol", "ping")

        self._wait("slurmctld answers", answers)

    def stop_accounting(self) -> None:
        """Terminate slurmdbd."""
        daemons.terminate(self._pid("slurmdbd"))

    def start_accounting(self) -> None:
        """Start slurmdbd and wait until it answers."""
        self._start("slurmdbd")
        self._wait("slurmdbd answers", lambda: self._answers("sacctmgr", "list", "cluster"))

    def stop_accounting_database(self) -> None:
        """Terminate the MariaDB of slurmdbd."""
        daemons.terminate(self._pid("mariadbd"))

    def start_accounting_database(self) -> None:
        """Start the MariaDB of slurmdbd and wait until it listens."""
        self._start("mariadbd")
        self._wait("mariadbd listens", (self.folder / "mariadb/mariadb.sock").exists)

    # Parts of the cluster

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
        """Write a file that only its owner may read, as the servers require."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_bytes(content)

    def _start_database(self) -> None:
        mariadb.create(self.folder / "mariadb")
        self.start_accounting_database()

    def _accounted_jobs(self) -> list[tuple[str, int, str]]:
        """Return the id, the elapsed seconds and the end of each recent job in Slurm's accounting."""
        columns = ("--noheader", "--parsable2", "--allocations", "--format=JobID,ElapsedRaw,End")
        rows = self.run("sacct", "--starttime=now-1days", *columns).splitlines()
        return [(job_id, int(elapsed), end) for job_id, elapsed, end in (row.split("|") for row in rows)]

    def _add_user(self) -> None:
        """Allow this user to submit jobs, unless an earlier start of the cluster did so."""
        if not self.run("sacctmgr", "--noheader", "list", "account", "lab"):
            self.run("sacctmgr", "--immediate", "add", "account", "lab")
            self.run("sacctmgr", "--immediate", "add", "user", getpass.getuser(), "account=lab")

    def _wait_until_idle(self) -> None:
        self._wait("the nodes are idle", lambda: self._node_states() == IDLE)

    def _start(self, name: str) -> None:
        log = self.folder / "log" / f"{name}.log"
        self._pid_file(name).write_text(str(daemons.start(self._commands[name], log, self.environment)))

    def _wait(self, description: str, condition: Callable[[], object]) -> None:
        try:
            daemons.wait_until(description, condition)
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
        """Return whether the process of the pid file exists and belongs to this cluster."""
        try:
            return self._is_ours(psutil.Process(self._pid(name)))
        except (FileNotFoundError, psutil.Error):
            return False

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.environ().get("SLURM_CONF") == str(self.conf)

    def _processes_on(self, node: str) -> list[psutil.Process]:
        """Return the processes of the jobs on a node, and the slurmstepd processes that supervise them."""
        found = []
        for process in self.job_processes():
            with suppress(psutil.Error):
                if process.environ().get("SLURMD_NODENAME") == node:
                    found += [process, *(each for each in process.parents() if each.name() == "slurmstepd")]
        return found


def main(action: str, folder: str) -> None:
    """Start or stop the cluster in a folder."""
    slurm = Slurm(Path(folder))
    if action == "down":
        slurm.stop()
        return
    slurm.start()
    print(f"export SLURM_CONF={slurm.conf}")
    print(f"export SWEEP_CLUSTER_FILE={slurm.folder}/cluster.yaml")


if __name__ == "__main__":
    main(*sys.argv[1:])
