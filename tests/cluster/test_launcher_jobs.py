"""Launchers for login nodes without long processes: single poll cycles, and launchers that are Slurm jobs."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweep.scheduler.slurm.launcher_job import job_name
from tests.cluster import daemons
from tests.cluster.launch_process import DEADLINE_S, HOLD, LaunchProcess
from tests.cluster.slurm import Slurm
from tests.invariants import check_each_trial_ran_once

NUM_TRIALS, NUM_EPOCHS = 4, 4
TOY = ["--study", "toy", "--cluster", "slurm",
       "--set", f"fixed.epochs={NUM_EPOCHS}", "--set", "fixed.epoch_s=0.1"]  # fmt: skip


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `sweep` command."""
    command = [sys.executable, "-m", "sweep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)


def test_repeated_single_cycles_complete_the_study(slurm_workplace: Path) -> None:
    num_cycles, done = 0, None
    while done is None or "active" in done.stdout:
        done = sweep("launch", *TOY, "--once")
        assert done.returncode == 0, done.stderr
        num_cycles += 1
        assert num_cycles < 100
    assert num_cycles > 1
    assert "best: trial" in done.stdout
    check_each_trial_ran_once(slurm_workplace, NUM_TRIALS, NUM_EPOCHS)


def test_single_cycles_count_failures_of_earlier_cycles(slurm_workplace: Path) -> None:
    failing = [*TOY, "--trials", "9", "--parallel", "1", "--set", "fixed.fault=raise", "--once"]
    done = sweep("launch", *failing)
    while done.returncode == 0:
        done = sweep("launch", *failing)
    assert done.returncode == 1
    assert "3 consecutive trials failed with the cause error" in done.stderr
    assert sweep("launch", *failing).returncode == 1


def test_each_launcher_job_is_followed_by_the_next(slurm_workplace: Path, slurm: Slurm) -> None:
    """The first launcher job reaches its time limit, the second is killed, the third completes the study."""
    done = sweep("launch", *TOY, "--set", f"fixed.hold={HOLD}", "--as-job")
    assert done.returncode == 0, done.stderr
    assert f"scancel --name={job_name('toy')}" in done.stdout
    study = LaunchProcess(slurm_workplace)

    def launcher_ids(state: str) -> list[str]:
        query = ("squeue", "--noheader", f"--name={job_name('toy')}", f"--states={state}", "--format=%i")
        return slurm.run(*query).split()

    def wait_for_another(before: list[str]) -> list[str]:
        def is_another_polling() -> bool:
            running = launcher_ids("running")
            logs = [slurm_workplace / f"sweeps/toy/launcher/{job_id}.log" for job_id in running]
            return running != before and any(
                log.exists() and "trial folders:" in log.read_text() for log in logs
            )

        daemons.wait_until(f"another launcher than {before} polls", is_another_polling, DEADLINE_S)
        return launcher_ids("running")

    first = wait_for_another([])
    again = sweep("launch", *TOY, "--as-job")
    assert again.returncode == 2
    assert f"study toy already has a launcher, job {first[0]} (running)" in again.stderr
    # A launcher outside Slurm is rejected because the launcher job holds the lease.
    assert sweep("launch", *TOY, "--set", f"fixed.hold={HOLD}").returncode == 2

    slurm.run("scontrol", "update", f"jobid={first[0]}", "timelimit=1")
    second = wait_for_another(first)
    assert "detached" in (slurm_workplace / f"sweeps/toy/launcher/{first[0]}.log").read_text()

    slurm.run("scancel", "--full", "--signal=KILL", second[0])
    wait_for_another(second)
    study.release()
    daemons.wait_until("no launcher job is left", lambda: not launcher_ids("pending,running"), DEADLINE_S)
    check_each_trial_ran_once(slurm_workplace, NUM_TRIALS, NUM_EPOCHS)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("launcher: {partition: cpuu}", "invalid partition specified: cpuu"),
        ("launcher: {timeout: 3}", "profiles.slurm.launcher.timeout: no such key"),
    ],
)
def test_rejected_launcher_job_is_reported(slurm_workplace: Path, profile: str, message: str) -> None:
    cluster = slurm_workplace / "cluster.yaml"
    cluster.write_text(cluster.read_text().replace("partition: main", f"partition: main, {profile}"))
    done = sweep("launch", *TOY, "--as-job")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_launcher_job_requires_a_slurm_profile(workplace: Path) -> None:
    done = sweep("launch", "--study", "toy", "--as-job")
    assert done.returncode == 2
    assert "the profile runs trials on this machine" in done.stderr
