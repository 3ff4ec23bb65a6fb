"""The launcher of a study on the real Slurm, killed by SIGKILL at random moments, and what became of it.

    python -m tests.cluster.kill_launcher 200 [SEED]

starts a Slurm of its own, kills so many launchers, lets the last one finish, checks that nothing was lost and
nothing trained twice, and prints the counts.
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
from tests.cluster.launching import Launch
from tests.cluster.slurm import Slurm
from tests.conftest import MODEL, STUDY
from tests.nothing_lost import check_nothing_lost_nothing_twice

NUM_EPOCHS, EPOCH_S = 4, 0.1
OPTIONS = ["--parallel", "4", "--set", f"fixed.epochs={NUM_EPOCHS}", "--set", f"fixed.epoch_s={EPOCH_S}"]
IN_STARTUP = 0.4  # of the kills
LONGEST_STARTUP_S, LONGEST_LOOP_S = 2.0, 3.0
BEGUN = "trial folders:"  # what a launcher says before its first turn
NEVER = "1000000"  # trials, so that no launcher ends by itself


class Report(NamedTuple):
    """What became of a study whose launcher was killed."""

    in_startup: int  # kills before the launcher's first turn
    in_loop: int
    num_trials: int
    outcomes: Mapping[str, int]
    num_jobs: int  # that Slurm has had of this study, those among them that were never handed their task
    gpu_seconds: float
    slurm_seconds: float  # of the same jobs, by Slurm's accounting

    def __str__(self) -> str:
        outcomes = ", ".join(f"{number} {state}" for state, number in self.outcomes.items())
        return (
            f"kills: {self.in_startup + self.in_loop} ({self.in_startup} before the launcher's first turn, "
            f"{self.in_loop} after)\n"
            f"trials: {self.num_trials}, outcomes: {outcomes}; each epoch of each trained and recorded once\n"
            f"jobs of Slurm's: {self.num_jobs}; GPU seconds: {self.gpu_seconds:.0f} by us, "
            f"{self.slurm_seconds:.0f} by Slurm"
        )


def kill_again_and_again(workplace: Path, slurm: Slurm, num_kills: int, seed: int) -> Report:
    """Kill so many launchers, let one finish what they began, and check all there is."""
    chance = random.Random(seed)
    launch = Launch(workplace, *OPTIONS)
    earlier = slurm.elapsed_s()
    in_startup = 0
    for _ in range(num_kills):
        begun = launch.log().count(BEGUN)
        launch.start("--trials", NEVER)
        if chance.random() < IN_STARTUP:
            life_s = chance.uniform(0.0, LONGEST_STARTUP_S)
        else:
            life_s = chance.uniform(0.0, LONGEST_LOOP_S)
            launch.wait_until("its first turn", lambda begun=begun: launch.log().count(BEGUN) > begun)
        try:
            launch.process.wait(timeout=life_s)
        except subprocess.TimeoutExpired:
            launch.kill()
        else:
            raise AssertionError(f"the launcher ended by itself:\n{launch.log()}")
        in_startup += launch.log().count(BEGUN) == begun
    num_trials = max(1, _num_proposed())
    launch.start("--trials", str(num_trials))
    assert launch.process.wait(timeout=600) == 0, launch.log()
    data = check_nothing_lost_nothing_twice(workplace, num_trials, NUM_EPOCHS, EPOCH_S)
    ids = set(data.attempts["job_id"])
    daemons.wait_until("accounting, which lags behind, has every job", lambda: ids <= set(slurm.elapsed_s()))
    elapsed = {job_id: seconds for job_id, seconds in slurm.elapsed_s().items() if job_id not in earlier}
    gpu_seconds = data.attempts["gpu_seconds"].sum()
    slurm_seconds = sum(elapsed[job_id] for job_id in ids)
    assert gpu_seconds <= slurm_seconds + num_trials  # Slurm counts in whole seconds
    return Report(
        in_startup=in_startup,
        in_loop=num_kills - in_startup,
        num_trials=num_trials,
        outcomes=data.trials["state"].value_counts().to_dict(),
        num_jobs=len(elapsed),
        gpu_seconds=gpu_seconds,
        slurm_seconds=slurm_seconds,
    )


def _num_proposed() -> int:
    trials = optuna.load_study(study_name="toy", storage="sqlite:///sweep.db").trials
    return sum(trial.state is not TrialState.WAITING for trial in trials)


def main(num_kills: int, seed: int = 20261123) -> None:
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
            print(kill_again_and_again(workplace, slurm, num_kills, seed))
        finally:
            slurm.stop()
    print(f"in {(time.monotonic() - begin) / 60:.1f} min, seed {seed}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
