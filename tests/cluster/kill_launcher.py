"""Kill the launcher of a study on a real Slurm cluster at random moments, and check the results.

    python -m tests.cluster.kill_launcher 200 [SEED]

starts a Slurm cluster, kills 200 launchers with SIGKILL, lets another one finish the study, checks that no
trial was lost and no epoch trained twice, and prints a summary.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.trial import TrialState

from tests.cluster import daemons
from tests.cluster.launch_process import LaunchProcess
from tests.cluster.slurm import Slurm
from tests.conftest import MODEL, STUDY
from tests.invariants import check_each_trial_ran_once

NUM_EPOCHS, EPOCH_S = 4, 0.1
OPTIONS = ["--parallel", "4", "--set", f"fixed.epochs={NUM_EPOCHS}", "--set", f"fixed.epoch_s={EPOCH_S}"]
STARTUP_FRACTION = 0.4
"""The probability that a launcher is killed within `MAX_STARTUP_S` seconds of its start.

The other launchers are killed within `MAX_POLLING_S` seconds of their first poll cycle.
"""

MAX_STARTUP_S, MAX_POLLING_S = 2.0, 3.0

STARTED = "trial folders:"
"""The text that a launcher prints before its first poll cycle."""

UNREACHABLE_NUM_TRIALS = "1000000"
"""A number of trials that no launcher completes, so that each one runs until it is killed."""


class Report(NamedTuple):
    """The results of a study whose launcher was killed repeatedly.

    Attributes:
        num_kills_in_startup: The number of kills before the launcher's first poll cycle.
        num_kills_while_polling: The number of later kills.
        num_trials: The number of trials of the study.
        num_by_state: The number of trials in each state.
        num_jobs: The number of Slurm jobs of the study, including those that never received their task.
        gpu_seconds: The recorded GPU seconds of all attempts.
        slurm_seconds: The duration of the attempts' jobs according to Slurm's accounting.
    """

    num_kills_in_startup: int
    num_kills_while_polling: int
    num_trials: int
    num_by_state: Mapping[str, int]
    num_jobs: int
    gpu_seconds: float
    slurm_seconds: float

    def __str__(self) -> str:
        states = ", ".join(f"{number} {state}" for state, number in self.num_by_state.items())
        return (
            f"kills: {self.num_kills_in_startup + self.num_kills_while_polling} "
            f"({self.num_kills_in_startup} before the launcher's first poll cycle, "
            f"{self.num_kills_while_polling} after it)\n"
            f"trials: {self.num_trials} ({states}); each epoch was trained and recorded exactly once\n"
            f"Slurm jobs: {self.num_jobs}; GPU seconds: {self.gpu_seconds:.0f} recorded, "
            f"{self.slurm_seconds:.0f} in Slurm's accounting"
        )


def kill_repeatedly(workplace: Path, slurm: Slurm, num_kills: int, seed: int) -> Report:
    """Kill a number of launchers, let another one finish the study, and check the results.

    Args:
        workplace: The working directory of the study, which must be the current directory.
        slurm: The cluster that runs the jobs.
        num_kills: The number of launchers to kill.
        seed: The seed of the random moments.
    """
    rng = random.Random(seed)
    launch = LaunchProcess(workplace, *OPTIONS)
    earlier = slurm.elapsed_s()
    num_kills_in_startup = 0
    for _ in range(num_kills):
        num_started = launch.log().count(STARTED)
        launch.start("--trials", UNREACHABLE_NUM_TRIALS)
        if rng.random() < STARTUP_FRACTION:
            delay_s = rng.uniform(0.0, MAX_STARTUP_S)
        else:
            delay_s = rng.uniform(0.0, MAX_POLLING_S)
            launch.wait_until(
                "the first poll cycle starts",
                lambda num_started=num_started: launch.log().count(STARTED) > num_started,
            )
        try:
            launch.process.wait(timeout=delay_s)
        except subprocess.TimeoutExpired:
            launch.kill()
        else:
            raise AssertionError(f"the launcher ended before it was killed:\n{launch.log()}")
        num_kills_in_startup += launch.log().count(STARTED) == num_started
    num_trials = max(1, _num_proposed())
    launch.start("--trials", str(num_trials))
    assert launch.process.wait(timeout=600) == 0, launch.log()
    data = check_each_trial_ran_once(workplace, num_trials, NUM_EPOCHS, EPOCH_S)
    ids = set(data.attempts["job_id"])
    # Slurm's accounting lags behind.
    daemons.wait_until("accounting lists every job", lambda: ids <= set(slurm.elapsed_s()))
    elapsed = {job_id: seconds for job_id, seconds in slurm.elapsed_s().items() if job_id not in earlier}
    gpu_seconds = data.attempts["gpu_seconds"].sum()
    slurm_seconds = sum(elapsed[job_id] for job_id in ids)
    assert gpu_seconds <= slurm_seconds + num_trials  # Slurm counts in whole seconds
    return Report(
        num_kills_in_startup=num_kills_in_startup,
        num_kills_while_polling=num_kills - num_kills_in_startup,
        num_trials=num_trials,
        num_by_state=data.trials["state"].value_counts().to_dict(),
        num_jobs=len(elapsed),
        gpu_seconds=gpu_seconds,
        slurm_seconds=slurm_seconds,
    )


def _num_proposed() -> int:
    """Return the number of trials that Optuna has proposed."""
    trials = optuna.load_study(study_name="toy", storage="sqlite:///sweep.db").trials
    return sum(trial.state is not TrialState.WAITING for trial in trials)


def main(num_kills: int, seed: int = 20261123) -> None:
    """Start a cluster, kill launchers on it and print the report."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-launcher-") as folder:
        slurm = Slurm(Path(folder, "slurm"))
        workplace = Path(folder, "workplace")
        (workplace / "studies").mkdir(parents=True)
        (workplace / "toy_model.py").write_text(MODEL)
        (workplace / "studies/toy.yaml").write_text(STUDY)
        slurm.start()
        try:
            os.environ["SLURM_CONF"] = str(slurm.conf)
            os.environ["SWEEP_CLUSTER_FILE"] = f"{slurm.folder}/cluster.yaml"
            os.chdir(workplace)
            print(kill_repeatedly(workplace, slurm, num_kills, seed))
        finally:
            slurm.stop()
    print(f"in {(time.monotonic() - begin) / 60:.1f} min, seed {seed}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
