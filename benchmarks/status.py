"""Measure the time of `sweep status` for a study of 10,000 trials of 50 epochs, 100 of which are active.

    python -m benchmarks.status [NUM_TRIALS]

The benchmark fills an SQLite database and runs each command several times. The time of `sweep --help` shows
how long Python takes to start.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.large_study import METRICS, NUM_EPOCHS, fill
from sweep.storage.database import connect, parse_url

COMMANDS = ("--help", "status", "status --study large", "status --study large --json")
REPEATS = 5


def main(num_trials: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/sweep.db"
        fill(connect(parse_url(url)), num_trials)
        size_mb = Path(folder, "sweep.db").stat().st_size / 1e6
        print(f"{num_trials:,} trials of {NUM_EPOCHS} epochs of {len(METRICS)} metrics: {size_mb:,.0f} MB")
        for command in COMMANDS:
            times = [_time(command, url) for _ in range(REPEATS)]
            wall, cpu = (median(each) for each in zip(*times, strict=True))
            print(f"sweep {command:35} {wall:6.2f} s, {cpu:6.2f} s of CPU time")


def _time(command: str, url: str) -> tuple[float, float]:
    """Run a command, and return its elapsed time and its CPU time, in seconds."""
    begin, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "sweep", *command.split()],
        env={**os.environ, "SWEEP_STORAGE": url}, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, cpu_s


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
