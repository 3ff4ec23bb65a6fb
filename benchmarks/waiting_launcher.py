"""Measure the CPU time, Slurm commands and transactions of a launcher that waits for 100 running jobs.

    python -m benchmarks.waiting_launcher [SECONDS]

Shell scripts on the PATH replace Slurm's commands, so the benchmark measures only the launcher and the
processes that it starts. One trial in ten reports an epoch between two poll cycles.
"""

import os
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import event

from benchmarks import fake_slurm
from sweep.definition.slurm_profile import SlurmProfile
from sweep.definition.study import Study
from sweep.launcher.attempts import folder_of
from sweep.launcher.launcher import Launcher
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.startup import open_launcher
from sweep.scheduler.factory import make_executor
from sweep.scheduler.slurm import queue
from sweep.states import ACTIVE_STATES
from sweep.storage.database import parse_url
from sweep.worker.documents import EpochReport, Start

NUM_JOBS = 100
STUDY = Study.model_validate(
    {
        "name": "waiting", "train": "none:train", "metric": "score", "direction": "maximize", "trials": 1000,
        "parallel": NUM_JOBS, "space": {"x": {"type": "float", "low": 0.0, "high": 1.0}},
        "pruner": {"name": "median"},
    }
)  # fmt: skip


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        fake_slurm.put_on_path(Path(folder, "bin"))
        profile = SlurmProfile(executor="slurm", timeout_min=60, gres="gpu:1")
        url = parse_url("sqlite:///sweep.db")
        Path("none.py").write_text("def train(params, trial): ...\n")
        request = LaunchRequest(STUDY, profile, url, Path(folder), Path(folder))
        with open_launcher(request, make_executor(profile)) as launcher:
            launcher.step()
            _begin(launcher)
            launcher.step()
            _measure(launcher, seconds)


def _begin(launcher: Launcher) -> None:
    """Claim the attempt of each job, as the worker of the job does."""
    for attempt in launcher.records.open_attempts(ACTIVE_STATES):
        start = Start(attempt.token, time.time(), "n1", 1, "0", "3.11", {"numpy": "2"})
        folder_of(attempt).claim(start)


def _measure(launcher: Launcher, seconds: float) -> None:
    folders = [folder_of(attempt) for attempt in launcher.records.open_attempts(ACTIVE_STATES)]
    engine = launcher.records._engine
    counts: Counter[str] = Counter()
    run_command = queue.run_command

    def counted_call(*command: str) -> str:
        counts[command[0]] += 1
        return run_command(*command)

    queue.run_command = counted_call
    event.listen(engine, "commit", lambda connection: counts.update(["transactions"]))
    event.listen(engine, "before_cursor_execute", lambda *_: counts.update(["statements"]))

    num_polls, until, cpu_s = 0, time.monotonic() + seconds, _cpu_seconds()
    while time.monotonic() < until:
        time.sleep(launcher.poll_seconds)
        before = _cpu_seconds()
        for folder in folders[num_polls % 10 :: 10]:
            folder.append_epoch(EpochReport(num_polls + 1, time.time(), {"score": 0.5, "loss": 0.5}))
        cpu_s += _cpu_seconds() - before  # subtracts the time of the reports, which workers would write
        assert launcher.step() == NUM_JOBS
        num_polls += 1
    share = (_cpu_seconds() - cpu_s) / seconds
    print(f"{NUM_JOBS} running jobs, a poll cycle every {launcher.poll_seconds:g} s, {num_polls} poll cycles")
    print(f"CPU: {100 * share:.2f} % of a core; {1000 * share * seconds / num_polls:.0f} ms per poll cycle")
    for name, count in sorted(counts.items()):
        print(f"{name} per poll cycle: {count / num_polls:g}")


def _cpu_seconds() -> float:
    """Return the user and system time of this process and of the processes that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
