"""The end of a worker on the real Slurm: what a train function leaves behind, and how its process ends."""

import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cluster import daemons
from tests.cluster.launch_process import Attempt, LaunchProcess, launched
from tests.cluster.slurm import Slurm

MODEL = """
import atexit, os, signal, subprocess, sys, threading, time

def end(kind):
    if kind == "thread":
        threading.Thread(target=time.sleep, args=(45,)).start()
    elif kind == "session":
        code = "import time; time.sleep(45)"
        subprocess.Popen([sys.executable, "-c", code, "leftover-of-a-trial"], start_new_session=True)
    elif kind == "exit handler":
        atexit.register(time.sleep, 45)
    elif kind == "stubborn":  # the worker itself is held, as by a file system that hangs
        os.kill(os.getppid(), signal.SIGSTOP)
    elif kind == "segfault":
        print("the last words", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "leave":
        os._exit(3)

def train(params, trial):
    trial.report(1, {"score": 0.5})
    end(params["kind"])
    return {"score": 0.5}
"""
USUAL = "executor: slurm, timeout_min: 60, poll_seconds: 0.5, settle_seconds: 1"


def options(workplace: Path, kind: str, trials: int, settings: str = "") -> list[str]:
    """Write the model and a profile, and return the options of `sweep launch`."""
    (workplace / "ending.py").write_text(MODEL)
    (workplace / "cluster.yaml").write_text(f"default: own\nprofiles: {{own: {{{USUAL}{settings}}}}}\n")
    sets = ["--set", "train=ending:train", "--set", f"fixed.kind={kind}"]
    return [*sets, "--trials", str(trials), "--parallel", "1"]


def wait_and_count_jobs(launch: LaunchProcess, slurm: Slurm) -> int:
    """Wait for the end of the launcher, and return the largest number of jobs that ran at the same time."""
    largest, deadline = 0, time.monotonic() + 120
    while launch.process.poll() is None:
        assert time.monotonic() < deadline, launch.log()
        running = slurm.run("squeue", "--noheader", "--states=RUNNING,COMPLETING", "--format=%i").split()
        largest = max(largest, len(running))
        time.sleep(0.1)
    return largest


@pytest.mark.parametrize("kind", ["thread", "session", "exit handler"])
def test_what_a_train_function_leaves_behind_ends_with_it(
    slurm_workplace: Path, slurm: Slurm, kind: str
) -> None:
    begin = time.monotonic()
    with launched(slurm_workplace, *options(slurm_workplace, kind, trials=3)) as launch:
        assert wait_and_count_jobs(launch, slurm) <= 1
        assert launch.wait() == 0, launch.log()
    assert [launch.attempts(trial) for trial in range(3)] == [[Attempt("complete", None)]] * 3
    assert time.monotonic() - begin < 45, "a job waited for what its train function had left behind"
    assert not [
        process
        for process in psutil.process_iter(["cmdline"])
        if "leftover-of-a-trial" in (process.info["cmdline"] or [])
    ]


def test_job_that_does_not_end_is_cancelled_after_the_grace_period(
    slurm_workplace: Path, slurm: Slurm
) -> None:
    arguments = options(slurm_workplace, "stubborn", 2, ", exit_grace_seconds: 3")
    with launched(slurm_workplace, *arguments) as launch:
        assert wait_and_count_jobs(launch, slurm) <= 1
        assert launch.wait() == 0, launch.log()
    assert [launch.attempts(trial) for trial in range(2)] == [[Attempt("complete", None)]] * 2
    assert launch.log().count("after the trial; cancelling it") == 2
    daemons.wait_until("no job is left", lambda: not slurm.job_ids())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("segfault", "the train function's process was ended by signal SIGSEGV (Segmentation fault)"),
        ("leave", "the train function ended its process with exit code 3, and returned no metrics"),
    ],
)
def test_end_of_the_process_is_an_error_with_its_reason(
    slurm_workplace: Path, kind: str, reason: str
) -> None:
    with launched(slurm_workplace, *options(slurm_workplace, kind, trials=1)) as launch:
        assert launch.wait() == 1
    assert launch.attempts() == [Attempt("failed", "error")]
    assert f"trial 0: failed (error): {reason}; more: sweep logs --study toy --trial 0" in launch.log()
    assert launch.read_study().trials["error"].tolist() == [reason]
    for command in ("logs --study toy --trial 0", "status --study toy"):
        shown = subprocess.run(
            [sys.executable, "-m", "sweep", *command.split()], capture_output=True, text=True, check=True
        )
        assert reason[:60] in re.sub(r"\s+", " ", shown.stdout)
    if kind == "segfault":
        assert "the last words" in launch.attempt_folders()[0].read_log(10_000)


def test_words_of_the_shell_are_the_reason_of_a_launch_failure(slurm_workplace: Path) -> None:
    settings = ', setup: ["nosuchcommand load cuda", "exit 1"]'
    with launched(slurm_workplace, *options(slurm_workplace, "none", 1, settings)) as launch:
        assert launch.wait() == 1
    assert {attempt.cause for attempt in launch.attempts()} == {"launch_failure"}
    assert "nosuchcommand: command not found" in launch.read_study().trials["error"][0]
    assert "nosuchcommand: command not found; more: sweep logs --study toy --trial 0" in launch.log()


def test_users_own_module_may_have_the_name_of_this_package(slurm_workplace: Path) -> None:
    arguments = options(slurm_workplace, "none", trials=1)
    (slurm_workplace / "ending.py").rename(slurm_workplace / "sweep.py")
    (slurm_workplace / "submitit.py").write_text("raise ImportError('the wrong module')\n")
    arguments[1] = "train=sweep:train"
    launch = LaunchProcess(slurm_workplace, *arguments)
    launch._command[1:3] = ["-P", "-m", "sweep"]  # as the command `sweep` does
    launch.start()
    assert launch.wait() == 0, launch.log()
    assert launch.attempts() == [Attempt("complete", None)]
