"""Launchers where no long process may run: one pass after the other, and a chain of Slurm jobs."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweep.scheduler.slurm.launcher_job import job_name
from tests.cluster import daemons
from tests.cluster.launching import DEADLINE_S, HOLD, Launch
from tests.cluster.slurm import Slurm
from tests.nothing_lost import check_nothing_lost_nothing_twice

NUM_TRIALS, NUM_EPOCHS = 4, 4
TOY = ["--study", "toy", "--cluster", "slurm",
       "--set", f"fixed.epochs={NUM_EPOCHS}", "--set", "fixed.epoch_s=0.1"]  # fmt: skip


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)


def test_one_pass_after_the_other(on_slurm: Path) -> None:
    num_passes, done = 0, None
    while done is None or "active" in done.stdout:
        done = sweep("launch", *TOY, "--once")
        assert done.returncode == 0, done.stderr
        num_passes += 1
        assert num_passes < 100
    assert num_passes > 1
    assert "best: trial" in done.stdout
    check_nothing_lost_nothing_twice(on_slurm, NUM_TRIALS, NUM_EPOCHS)


def test_passes_remember_what_failed(on_slurm: Path) -> None:
    failing = [*TOY, "--trials", "9", "--parallel", "1", "--set", "fixed.fault=raise", "--once"]
    done = sweep("launch", *failing)
    while done.returncode == 0:
        done = sweep("launch", *failing)
    assert done.returncode == 1
    assert "3 in a row failed alike (error)" in done.stderr
    assert sweep("launch", *failing).returncode == 1


def test_a_chain_of_launchers(on_slurm: Path, slurm: Slurm) -> None:
    """The first is out of time, the second is killed, the third ends the study and the chain."""
    done = sweep("launch", *TOY, "--set", f"fixed.hold={HOLD}", "--as-job")
    assert done.returncode == 0, done.stderr
    assert f"scancel --name={job_name('toy')}" in done.stdout
    study = Launch(on_slurm)

    def launchers(state: str) -> list[str]:
        query = ("squeue", "--noheader", f"--name={job_name('toy')}", f"--states={state}", "--format=%i")
        return slurm.run(*query).split()

    def wait_for_another(before: list[str]) -> list[str]:
        def is_there() -> bool:
            running = launchers("running")
            logs = [on_slurm / f"sweeps/toy/launcher/{job_id}.log" for job_id in running]
            return running != before and any(
                log.exists() and "trial folders:" in log.read_text() for log in logs
            )

        daemons.wait_until(f"another launcher than {before} is at work", is_there, DEADLINE_S)
        return launchers("running")

    first = wait_for_another([])
    again = sweep("launch", *TOY, "--as-job")
    assert again.returncode == 2
    assert f"study toy has a launcher already, job {first[0]} (running)" in again.stderr
    assert sweep("launch", *TOY, "--set", f"fixed.hold={HOLD}").returncode == 2  # by the lease

    slurm.run("scontrol", "update", f"jobid={first[0]}", "timelimit=1")
    second = wait_for_another(first)
    assert "detached" in (on_slurm / f"sweeps/toy/launcher/{first[0]}.log").read_text()

    slurm.run("scancel", "--full", "--signal=KILL", second[0])
    wait_for_another(second)
    study.let_go()
    daemons.wait_until("the chain is over", lambda: not launchers("pending,running"), DEADLINE_S)
    check_nothing_lost_nothing_twice(on_slurm, NUM_TRIALS, NUM_EPOCHS)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("launcher: {partition: cpuu}", "invalid partition specified: cpuu"),
        ("launcher: {timeout: 3}", "profiles.slurm.launcher.timeout: no such key"),
    ],
)
def test_a_launcher_that_slurm_refuses(on_slurm: Path, profile: str, words: str) -> None:
    cluster = on_slurm / "cluster.yaml"
    cluster.write_text(cluster.read_text().replace("partition: main", f"partition: main, {profile}"))
    done = sweep("launch", *TOY, "--as-job")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_launcher_job_needs_a_cluster(workplace: Path) -> None:
    done = sweep("launch", "--study", "toy", "--as-job")
    assert done.returncode == 2
    assert "the profile runs trials as local" in done.stderr
