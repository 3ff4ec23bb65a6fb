"""`sweep doctor` on the real Slurm, with correct and incorrect profiles."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.slurm_profile import SlurmProfile
from sweep.definition.study import load_study
from sweep.operations.doctor import LaunchConditions, diagnose
from sweep.scheduler.diagnosis import Diagnosis
from sweep.states import Verdict
from sweep.storage.database import parse_url
from tests.cluster.slurm import Slurm


def run_checks(workplace: Path, *overrides: str, **settings: Any) -> Mapping[str, Diagnosis]:
    """Run all checks for a profile with these settings, and for the toy study if there are overrides."""
    profile = SlurmProfile.model_validate(
        {"executor": "slurm", "timeout_min": 60, "settle_seconds": 2, **settings}
    )
    study = load_study("toy", overrides) if overrides else None
    url = parse_url("sqlite:///sweep.db")
    conditions = LaunchConditions(profile, url, workplace / "sweeps", workplace, study)
    return {check.what: check for check in diagnose(conditions)}


def num_jobs(slurm: Slurm) -> int:
    """Return the number of jobs that squeue lists."""
    return len(slurm.run("squeue", "--noheader", "--states=all").splitlines())


def test_correct_profile_passes_all_checks(slurm_workplace: Path) -> None:
    checks = run_checks(slurm_workplace, partition="main")
    assert {check.what: check.verdict for check in checks.values()} == dict.fromkeys(
        [
            "storage",
            "workdir",
            "Slurm",
            "accounting",
            "partition main",
            "sbatch",
            "node",
            "python",
            "packages",
        ],
        Verdict.OK,
    )
    assert "in partition main" in checks["sbatch"].found
    assert checks["node"].found.startswith(("n1 shares the workdir", "n2 shares the workdir"))
    assert list((slurm_workplace / "sweeps").iterdir()) == []  # the files of the job are deleted


def test_gpu_without_driver_fails(slurm_workplace: Path) -> None:
    """The GPUs of this cluster are fake: Slurm allocates one, but the framework cannot use it."""
    hook = "check_node=capsmodel.node_check:check_node"
    checks = run_checks(slurm_workplace, hook, gres="gpu:1", mem_gb=4)
    assert checks["GPU"].verdict is Verdict.OK
    assert "sees 1: " in checks["GPU"].found
    assert checks["check_node"].verdict is Verdict.FAILED
    assert "sees no GPU, but the job requests 1 GPU" in checks["check_node"].found


@pytest.mark.parametrize(
    ("settings", "name", "message"),
    [
        ({"partition": "gpuu"}, "sbatch", "invalid partition specified: gpuu"),
        ({"account": "nobody"}, "sbatch", "Invalid account or account/partition combination specified"),
        ({"gres": "gpu:3"}, "partition main", "3 GPUs, but a job needs 1"),
        ({"mem_gb": 999}, "partition main", "999 GB, but a job needs 1"),
        ({"cpus_per_task": 99}, "partition main", "99 CPUs, but a job needs 1"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_unsatisfiable_profile_fails_without_a_job(
    slurm_workplace: Path, slurm: Slurm, settings: dict[str, Any], name: str, message: str
) -> None:
    before = num_jobs(slurm)
    checks = run_checks(slurm_workplace, **settings)
    assert checks[name].verdict is Verdict.FAILED
    assert message in checks[name].found
    assert checks["node"].verdict is Verdict.WARNING
    assert num_jobs(slurm) <= before  # no job was submitted


def test_time_limit_above_the_partition_limit_fails(slurm_workplace: Path, slurm: Slurm) -> None:
    """sbatch accepts such a job, but Slurm never starts it."""
    slurm.run("scontrol", "update", "partitionname=low", "maxtime=30")
    try:
        checks = run_checks(slurm_workplace, partition="low")
    finally:
        slurm.run("scontrol", "update", "partitionname=low", "maxtime=unlimited")
    assert checks["sbatch"].verdict is Verdict.OK
    assert checks["partition low"].verdict is Verdict.FAILED
    assert "the profile requests 60 min, but the limit is 30" in checks["partition low"].found


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"python": "/usr/bin/false"}, "ended before its attempt started, without a result (failed)"),
        ({"setup": ["exit 3"]}, "ended before its attempt started, without a result (failed)"),
        ({"setup": ["echo no such module >&2", "exit 1"]}, "no such module"),
    ],
)
def test_node_on_which_no_attempt_starts_fails(
    slurm_workplace: Path, settings: dict[str, Any], message: str
) -> None:
    check = run_checks(slurm_workplace, **settings)["node"]
    assert check.verdict is Verdict.FAILED
    assert message in check.found


def test_unresponsive_controller_fails(slurm_workplace: Path, slurm: Slurm) -> None:
    slurm.stop_controller()
    try:
        check = run_checks(slurm_workplace)["Slurm"]
    finally:
        slurm.start_controller()
    assert check.verdict is Verdict.FAILED
    assert "does not answer" in check.found


def test_command_prints_checks_and_sets_exit_code(slurm_workplace: Path) -> None:
    command = [sys.executable, "-m", "sweep", "doctor", "--study", "toy", "--cluster"]
    good = slurm_workplace / "cluster.yaml"
    good.write_text("default: a\nprofiles:\n  a: {executor: slurm, timeout_min: 60}\n"
                    "  b: {executor: slurm, timeout_min: 60, partition: gpuu}\n")  # fmt: skip
    done = subprocess.run([*command, "a"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * 11
    assert "train: toy_model:train can be imported on n" in done.stdout
    bad = subprocess.run([*command, "b"], capture_output=True, text=True, timeout=120)
    assert bad.returncode == 2
    assert (
        "failed   sbatch: Slurm rejects a trial's job: error: invalid partition specified: gpuu" in bad.stdout
    )
