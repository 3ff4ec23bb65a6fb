"""The launcher killed by SIGKILL, at random and at critical moments, with real processes of this machine."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.invariants import check_each_trial_ran_once

pytestmark = pytest.mark.slow

NUM_TRIALS, NUM_EPOCHS = 6, 4
LAUNCH = ["--study", "toy", "--trials", str(NUM_TRIALS), "--set", f"fixed.epochs={NUM_EPOCHS}",
          "--set", "fixed.epoch_s=0.1"]  # fmt: skip

# Run the command line with one function replaced, which kills the process before or after its call.
KILL_SCRIPT = """
import functools, importlib, os, signal, sys
from sweep.cli import main

module, owner, name, moment, *sys.argv[1:] = sys.argv[1:]
target = getattr(importlib.import_module(module), owner)
original = getattr(target, name)

@functools.wraps(original)
def fatal(*arguments, **options):
    if moment == "after":
        original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(target, name, fatal)
main()
"""

MOMENTS = [
    ("sweep.launcher.proposals", "Proposals", "propose", "after"),
    ("sweep.launcher.new_attempts", "NewAttempts", "of_proposal", "after"),
    ("sweep.worker.attempt_folder", "AttemptFolder", "create", "after"),
    ("sweep.scheduler.factory", "LocalExecutor", "submit", "before"),
    ("submitit.local.local", "LocalExecutor", "_submit_command", "after"),  # the job has no task
    ("sweep.scheduler.factory", "LocalExecutor", "submit", "after"),  # its id is not saved
    ("sweep.launcher.launcher", "Launcher", "_apply", "after"),
    ("sweep.launcher.proposals", "Proposals", "report", "after"),
    ("sweep.launcher.proposals", "Proposals", "tell", "before"),
    ("sweep.launcher.proposals", "Proposals", "tell", "after"),  # our tables do not contain the end yet
]


def run_and_kill(moment: tuple[str, str, str, str], *arguments: str, timeout: float = 60) -> None:
    """Run the command line until the function that `moment` names kills it, within `timeout` seconds."""
    command = [sys.executable, "-c", KILL_SCRIPT, *moment, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == -signal.SIGKILL, done.stderr


def finish() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sweep", "launch", *LAUNCH], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "moment", MOMENTS, ids=[f"{when} {owner}.{name}" for _, owner, name, when in MOMENTS]
)
def test_study_ends_correctly_after_the_launcher_is_killed_at_a_critical_moment(
    workplace: Path, moment: tuple[str, str, str, str]
) -> None:
    run_and_kill(moment, "launch", *LAUNCH)
    finish()
    check_each_trial_ran_once(workplace, NUM_TRIALS, NUM_EPOCHS)


def test_study_ends_correctly_after_the_launcher_is_killed_at_random_moments(workplace: Path) -> None:
    chance = random.Random(20261123)
    kills = 0
    for _ in range(8):
        launcher = subprocess.Popen(
            [sys.executable, "-m", "sweep", "launch", *LAUNCH],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            launcher.wait(timeout=chance.uniform(1.0, 4.0))
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()
            kills += 1
    finish()
    print(f"{kills} kills")
    assert kills > 0
    check_each_trial_ran_once(workplace, NUM_TRIALS, NUM_EPOCHS)


def test_ctrl_c_detaches_the_launcher_from_its_trials(workplace: Path) -> None:
    """Send the signal to the whole process group, as a terminal does."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "sweep", "launch", *LAUNCH],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (workplace / "ledger.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(launcher.pid, signal.SIGINT)
    _, stderr = launcher.communicate(timeout=30)
    assert launcher.returncode == 130
    assert "sweep launch --study toy --trials 6 --set fixed.epochs=4 --set fixed.epoch_s=0.1" in stderr
    assert "Traceback" not in stderr
    finish()
    check_each_trial_ran_once(workplace, NUM_TRIALS, NUM_EPOCHS)
