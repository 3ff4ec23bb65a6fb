"""Measure the time to resume a study of 10,000 trials of 50 epochs, 100 of which are running.

    python -m benchmarks.relaunch [NUM_TRIALS]

The benchmark fills an SQLite database and launches the study again. The measured time includes the checks,
the reading of Optuna's trials, and the first poll cycle. Shell scripts replace Slurm's commands.
"""

import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks import fake_slurm, large_study
from sweep.definition.slurm_profile import SlurmProfile
from sweep.operations.launch_request import LaunchRequest
from sweep.operations.startup import open_launcher
from sweep.scheduler.factory import make_executor
from sweep.storage.database import connect, parse_url


def main(num_trials: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        fake_slurm.put_on_path(Path(folder, "bin"))
        Path("large_model.py").write_text("def train(params, trial): ...\n")
        url = parse_url("sqlite:///sweep.db")
        large_study.fill(connect(url), num_trials, folder)
        running = range(num_trials - large_study.NUM_ACTIVE, num_trials)
        names = [f"large-{number}-{2 if number % 20 == 0 else 1}" for number in running]
        rows = (f"{name.split('-')[1]}_{name[-1]}|RUNNING|12:34|None|{name}" for name in names)
        Path("jobs").write_text("\n".join(rows))

        profile = SlurmProfile(executor="slurm", timeout_min=60, gres="gpu:1")
        study = large_study.study(2 * num_trials)
        times = [time.perf_counter()]
        request = LaunchRequest(study, profile, url, Path(folder), Path(folder))
        with open_launcher(request, make_executor(profile)) as launcher:
            times.append(time.perf_counter())
            for _ in range(3):
                num_active = launcher.step()
                times.append(time.perf_counter())
        opened, *polls = [later - earlier for earlier, later in pairwise(times)]
        print(f"{num_trials:,} trials, {num_active} active: resumed after {opened + polls[0]:.2f} s")
        print(f"opened {opened:.2f} s, poll cycles {', '.join(f'{poll:.2f}' for poll in polls)} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
