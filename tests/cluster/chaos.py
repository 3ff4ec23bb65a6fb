"""Run a study on a real Slurm and PostgreSQL while faults occur at random times, and check the results.

    python -m tests.cluster.chaos --minutes 30 [--seed N]

starts the services, restarts the launcher whenever it was killed, lets the study finish after the last fault,
checks the invariants and prints a summary. If an invariant is violated, it prints the evidence, keeps the
files and exits with 1.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.database import parse_url
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.study_data import StudyData
from tests.cluster import daemons
from tests.cluster.chaos_faults import STUDY, FaultPlayer, Services, timeline
from tests.cluster.launch_process import LaunchProcess
from tests.cluster.postgresql import PostgreSQL
from tests.cluster.slow_commands import SlowCommands
from tests.cluster.slurm import NODES, Slurm
from tests.cluster.work_disk import WorkDisk
from tests.invariants import find_cost_violations, find_violations

NUM_EPOCHS = 4
NUM_JOBS = 5
"""How many jobs the study may have at a time; the cluster has four GPUs, so that one of them is pending."""
UNREACHABLE_NUM_TRIALS = 1_000_000
"""A number of trials that no launcher completes, so that each one runs until it is killed."""
FINISH_S = 300
"""How long the study may take to finish after the last fault."""
CRASH_S = 15
"""How long before and after a crash of slurmctld its record of a job may be wrong."""
INSPECTION_S = 10
"""How often nodes are inspected that no fault affects."""
MAX_DELAY_S = 60
"""How long faults are waited for that cannot begin, for example because no job is running."""
RESTART_S = 0.5
"""The pause before a launcher that could not start is started again."""
DEFAULT_SEED = 20261125

DEFINITION = """\
name: toy
train: chaos_model:train
metric: score
direction: maximize
trials: {trials}
parallel: {parallel}
space:
  x: {{type: float, low: 0.0, high: 1.0}}
  epoch_s: {{type: float, low: 0.2, high: 1.0}}
fixed: {{ledger: {ledger}, epochs: {epochs}}}
sampler: {{name: random, seed: {seed}}}
pruner: {{name: median, warmup_epochs: 1}}
failures:
  retries: {{preempted: 1000, node_failure: 1000, timeout: 1000, out_of_memory: 1000, launch_failure: 1000,
            lost: 1000, error: 1000}}
  stop_after_same: 1000000
"""

INVARIANTS = (
    "each trial has one outcome, the same in Optuna's tables and ours; each reported epoch is recorded once; "
    "no epoch was trained after the next attempt had started, and none again whose checkpoint was saved; "
    "only trials failed whose jobs were cancelled; the cost of each job is Slurm's; no job is left; "
    "no launcher ended in a traceback; the last one exited with 0"
)

STARTUP_FAULTS = ("PostgreSQL restarted", "PostgreSQL crashed", "database connections lost", "work disk full")
"""Faults during which a launcher may end with a message and exit code 2 when it starts."""


@dataclass(frozen=True)
class Report:
    """The results of a chaos test.

    Attributes:
        seed: The seed of the faults.
        minutes: The duration of the study.
        num_by_fault: The number of faults of each kind.
        num_launchers: The number of launchers.
        num_by_state: The number of trials in each state.
        num_by_end: The number of attempts by their cause of failure, or by their state if they did not fail.
        num_jobs: The number of Slurm jobs, including those that never received their task.
        num_compared: The number of jobs whose cost is compared with Slurm's accounting.
        num_different: The number of these jobs whose cost differs by more than a second.
        num_unlisted: The number of jobs with a cost of which Slurm's accounting has lost the record.
        num_uncertain: The number of jobs whose cost a crash of slurmctld has made uncertain.
        gpu_seconds: The recorded GPU seconds of the jobs that are compared.
        slurm_seconds: The duration of these jobs according to Slurm's accounting.
        violations: A description of each violation of an invariant.
        left_out: The kinds of faults that were not possible on this machine.
    """

    seed: int
    minutes: float
    num_by_fault: Mapping[str, int]
    num_launchers: int
    num_by_state: Mapping[str, int]
    num_by_end: Mapping[str, int]
    num_jobs: int
    num_compared: int
    num_different: int
    num_unlisted: int
    num_uncertain: int
    gpu_seconds: float
    slurm_seconds: float
    violations: Sequence[str]
    left_out: Sequence[str]

    def __str__(self) -> str:
        lines = [
            f"chaos for {self.minutes:.1f} min, seed {self.seed}",
            f"faults: {sum(self.num_by_fault.values())} ({_counts(self.num_by_fault)})",
            *(f"left out, because mounting is not permitted: {kind}" for kind in self.left_out),
            f"launchers: {self.num_launchers}",
            f"trials: {sum(self.num_by_state.values())} ({_counts(self.num_by_state)})",
            f"attempts: {sum(self.num_by_end.values())} ({_counts(self.num_by_end)})",
            f"Slurm jobs: {self.num_jobs}",
            f"GPU seconds of {self.num_compared} jobs: {self.gpu_seconds:.0f} recorded, "
            f"{self.slurm_seconds:.0f} in Slurm's accounting, {self.num_different} jobs with a difference of "
            f"more than 1 s (not compared: {self.num_unlisted} jobs that accounting has lost, "
            f"{self.num_uncertain} while slurmctld crashed)",
        ]
        if not self.violations:
            return "\n".join([*lines, f"these invariants hold: {INVARIANTS}"])
        return "\n".join([*lines, f"{len(self.violations)} violations:", *self.violations])


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


class Chaos:
    """One chaos test.

    Args:
        folder: The folder of all files except PostgreSQL's.
        seed: The seed of the faults. An odd seed runs two trials per job.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.workplace = folder / "workplace"
        self.slurm = Slurm(folder / "slurm")
        self.postgresql = PostgreSQL()
        self.violations: list[str] = []
        self.num_launchers = 0
        self._log_file = folder / "chaos.log"
        self._trials_per_job = 1 + seed % 2
        self._log_size = 0
        self._next_inspection_s = 0.0

    def run(self, minutes: float) -> Report:
        """Run the study for a number of minutes, let it finish, and check the results."""
        with self._services() as services:
            self._begin = time.monotonic()
            faults = timeline(self.seed, 60 * minutes)
            if services.disk is None:
                faults = [fault for fault in faults if fault.kind != "work disk full"]
            self._log("\n".join(["the planned faults:", *map(str, faults)]))
            player = FaultPlayer(faults, services, self._log)
            services.start_launcher()
            while not player.is_over:
                now_s = time.monotonic() - self._begin
                player.play(now_s)
                if now_s > 60 * minutes + MAX_DELAY_S:
                    player.drop_waiting()
                self._administer(player, now_s)
                self._supervise(player)
                time.sleep(0.05)
            self._log("the faults are over")
            self._finish(services)
            return self._check(services, player)

    # The services

    @contextmanager
    def _services(self) -> Iterator[Services]:
        """Start the services; at the end, stop them and keep the study's folders if they are evidence."""
        with ExitStack() as stack:
            (self.workplace / "studies").mkdir(parents=True)
            disk = WorkDisk(self.workplace / "sweeps")
            is_mounted = disk.mount()
            if is_mounted:
                stack.callback(disk.unmount)
            shutil.copy(Path(__file__).with_name("chaos_model.py"), self.workplace)
            commands = SlowCommands(self.folder / "commands")
            self.postgresql.create()
            stack.callback(self.postgresql.delete)
            self._url = self.postgresql.create_database("chaos")
            self.slurm.start()
            stack.callback(self.slurm.stop)
            launch = LaunchProcess(
                self.workplace,
                f"--cluster={'packed' if self._trials_per_job > 1 else 'slurm'}",
                storage=self._url,
                environment={
                    **os.environ,
                    "SLURM_CONF": str(self.slurm.conf),
                    "SWEEP_CLUSTER_FILE": str(self.slurm.folder / "cluster.yaml"),
                    "PATH": f"{commands.folder}:{os.environ['PATH']}",
                },
            )
            self._write_study(UNREACHABLE_NUM_TRIALS)
            self._launch = launch
            stack.callback(launch.kill)
            yield Services(
                slurm=self.slurm,
                postgresql=self.postgresql,
                database="chaos",
                launch=launch,
                commands=commands,
                disk=disk if is_mounted else None,
                start_launcher=self._start_launcher,
            )
            if self.violations and is_mounted:
                shutil.copytree(disk.folder, self.workplace / "sweeps-of-violation", symlinks=True)

    def _write_study(self, num_trials: int) -> None:
        definition = DEFINITION.format(
            trials=num_trials,
            parallel=NUM_JOBS * self._trials_per_job,
            ledger=self.workplace / "ledger.txt",
            epochs=NUM_EPOCHS,
            seed=self.seed % 1000,
        )
        (self.workplace / "studies/toy.yaml").write_text(definition)

    def _administer(self, player: FaultPlayer, now_s: float) -> None:
        """Resume nodes that Slurm itself has drained or set down, as an administrator does.

        It does so after a crash of slurmctld, when it assigns the id of a job again that a node still knows.
        """
        if now_s < self._next_inspection_s:
            return
        self._next_inspection_s = now_s + INSPECTION_S
        for node in NODES:
            is_affected = player.are_occupied(["controller", "slurmdbd", "mariadb", node])
            if not is_affected and not self.slurm.is_available(node):
                self._log(f"resuming {node}")
                with suppress(subprocess.SubprocessError):  # it may have become available meanwhile
                    self.slurm.set_node(node, "resume")

    # The launcher

    def _start_launcher(self) -> None:
        """Check how the previous launcher ended, and start another one."""
        self._check_end()
        self._log_size = len(self._launch.log())
        self._launch.start()
        self._faults_of_launcher: set[str] = set()
        self.num_launchers += 1

    def _supervise(self, player: FaultPlayer) -> None:
        """Start a launcher if there is none."""
        self._faults_of_launcher |= {kind for kind in STARTUP_FAULTS if player.is_active(kind)}
        code = self._launch.process.poll()
        if code is None or player.is_active("launcher killed in start-up"):
            return
        if code != -signal.SIGKILL:
            time.sleep(RESTART_S)
        self._start_launcher()

    def _check_end(self) -> None:
        """Check that the launcher was killed, or that a fault prevented its start."""
        if self.num_launchers == 0 or (code := self._launch.process.poll()) == -signal.SIGKILL:
            return
        self._log(f"a launcher ended with exit code {code}: {self._launcher_output()[-300:]!r}")
        if code != 2 or not self._faults_of_launcher:
            self._add_violation(f"a launcher ended with exit code {code}:\n{self._launcher_output()[-3000:]}")

    def _launcher_output(self) -> str:
        """Return the output of the newest launcher."""
        return self._launch.log()[self._log_size :]

    def _finish(self, services: Services) -> None:
        """Repair what faults may have left, and let a launcher finish the trials proposed so far."""
        self.slurm.restart_servers()
        for node in NODES:
            self.slurm.resume_node(node)
        services.launch.kill()
        self._write_study(max(1, self._num_proposed()))
        services.start_launcher()
        try:
            code = services.launch.process.wait(timeout=FINISH_S)
        except subprocess.TimeoutExpired:
            self._add_violation(
                f"the study did not finish within {FINISH_S} s after the last fault:\n"
                f"{self.slurm.run('squeue', '--array')}\n{self._launcher_output()[-3000:]}"
            )
        else:
            if code != 0:
                self._add_violation(
                    f"the last launcher ended with exit code {code}:\n{self._launcher_output()[-3000:]}"
                )

    def _num_proposed(self) -> int:
        return sum(trial.state is not TrialState.WAITING for trial in self._optuna_trials())

    def _optuna_trials(self) -> list[FrozenTrial]:
        with optuna_storage(parse_url(self._url)) as storage:
            return optuna.load_study(study_name=STUDY, storage=storage).trials

    # The invariants

    def _check(self, services: Services, player: FaultPlayer) -> Report:
        minutes = (time.monotonic() - self._begin) / 60
        if "Traceback" in (output := services.launch.log()):
            at = output.index("Traceback")
            self._add_violation(f"a launcher ended in a traceback:\n{output[max(0, at - 500) : at + 3000]}")
        data = services.launch.read_study()
        uncertain = _uncertain_jobs(data, services.crashed_at)
        cancelled = services.cancelled | uncertain  # slurmd cancels a job whose id it has seen before
        ledger = self.workplace / "ledger.txt"
        self._extend(find_violations(data, self._optuna_trials(), ledger, cancelled, NUM_EPOCHS))
        try:
            daemons.wait_until("no job of the study is in the queue", lambda: not self._queued(), 60)
        except TimeoutError:
            self._add_violation(f"jobs are left in the queue:\n{self.slurm.run('squeue', '--array')}")
        ids = set(data.attempts[data.attempts["gpu_seconds"] > 0]["job_id"].dropna())
        ids -= uncertain
        with suppress(TimeoutError):  # accounting lags behind, and may have lost records
            daemons.wait_until(
                "accounting lists every job", lambda: ids <= self.slurm.elapsed_s_of_ended().keys(), 20
            )
        elapsed = self.slurm.elapsed_s_of_ended()
        compared = ids & elapsed.keys()
        self._extend(find_cost_violations(data, {job_id: elapsed[job_id] for job_id in compared}))
        ends = data.attempts["cause"].fillna(data.attempts["state"]).astype(str)
        return Report(
            seed=self.seed,
            minutes=minutes,
            num_by_fault=player.num_by_kind,
            num_launchers=self.num_launchers,
            num_by_state=data.trials["state"].value_counts().to_dict(),
            num_by_end=ends.value_counts().to_dict(),
            num_jobs=len(self.slurm.elapsed_s()),
            num_compared=len(compared),
            num_different=_num_different(data, elapsed, compared),
            num_unlisted=len(ids - compared),
            num_uncertain=len(uncertain),
            gpu_seconds=data.attempts[data.attempts["job_id"].isin(compared)]["gpu_seconds"].sum(),
            slurm_seconds=sum(elapsed[job_id] for job_id in compared),
            violations=self.violations,
            left_out=[] if services.disk else ["work disk full"],
        )

    def _queued(self) -> list[str]:
        return self.slurm.jobs(STUDY, "PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED")

    def _extend(self, violations: Sequence[str]) -> None:
        for violation in violations:
            self._add_violation(violation)

    def _add_violation(self, violation: str) -> None:
        self.violations.append(violation)
        self._log(f"VIOLATION: {violation}")

    def _log(self, text: str) -> None:
        with self._log_file.open("a") as log:
            log.write(f"{time.monotonic() - self._begin:7.1f} s: {text}\n")


def _uncertain_jobs(data: StudyData, crashed_at: Sequence[float]) -> set[str]:
    """Return the ids of the jobs that were active shortly before or after a crash of slurmctld.

    Slurm forgets the newest jobs and gives their ids to other jobs, and continues to count jobs that ended
    shortly before the crash.
    """
    attempts = data.attempts.dropna(subset=["job_id"])
    return {
        attempt.job_id
        for attempt in attempts.itertuples()
        for crash in crashed_at
        if attempt.submitted_at.timestamp() - CRASH_S < crash < attempt.ended_at.timestamp() + CRASH_S
    }


def _num_different(data: StudyData, elapsed: Mapping[str, int], compared: Collection[str]) -> int:
    """Return the number of jobs whose recorded cost differs from Slurm's by more than a second."""
    recorded = data.attempts.groupby("job_id")["gpu_seconds"].sum()
    return sum(abs(recorded[job_id] - elapsed[job_id]) > 1 for job_id in compared)


def main(minutes: float, seed: int) -> int:
    """Run a chaos test in a temporary folder, print its report, and return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"the timeline of faults: {folder}/chaos.log", flush=True)
    report = Chaos(folder, seed).run(minutes)
    print(report)
    if report.violations:
        print(f"the files are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run a study while faults occur, and check the results.")
    parser.add_argument("--minutes", type=float, default=30, help="how long faults begin")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the seed of the faults")
    arguments = parser.parse_args()
    for interruption in (signal.SIGINT, signal.SIGTERM):  # the services are stopped in both cases
        signal.signal(interruption, signal.default_int_handler)
    sys.exit(main(arguments.minutes, arguments.seed))
