"""Tests of launchers that run as Slurm jobs, with fake Slurm commands."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.slurm_profile import SlurmProfile
from sweep.errors import InputError
from sweep.scheduler.launcher_job import LauncherCommand, SubmittedLauncher
from sweep.scheduler.slurm.executor import SlurmExecutor
from sweep.scheduler.slurm.launcher_job import script_text
from tests.sweep.scheduler.slurm.fake_commands import FakeCommands


def slurm_profile(**settings: Any) -> SlurmProfile:
    return SlurmProfile.model_validate({"executor": "slurm", "timeout_min": 60, **settings})


@pytest.fixture
def command(tmp_path: Path) -> LauncherCommand:
    return LauncherCommand("toy", tmp_path / "it's a folder", tmp_path, ["launch", "--study=toy", "--wait"])


def test_launcher_is_submitted_with_its_script(
    executor: SlurmExecutor, commands: FakeCommands, command: LauncherCommand
) -> None:
    commands.answers["sbatch"] = "41;cluster\n"
    folder = command.workdir / "toy" / "launcher"
    assert executor.submit_launcher(command) == SubmittedLauncher("41", folder, "scancel --name=sweep-toy")
    assert commands.calls[-1] == ["sbatch", "--parsable", str(folder / "launcher.sh")]
    assert (folder / "launcher.sh").read_text().startswith("#!/bin/bash\n")


@pytest.mark.parametrize(
    ("queued", "job"),
    [
        ("7|PENDING|0:00|None|n1|sweep-toy\n", "job 7 (pending)"),
        ("7|PENDING|0:00|None|n1|sweep-toy\n8|RUNNING|1:00|None|n1|sweep-toy\n", "job 8 (running)"),
    ],
)
def test_second_launcher_of_a_study_is_rejected(
    executor: SlurmExecutor, commands: FakeCommands, command: LauncherCommand, queued: str, job: str
) -> None:
    commands.answers["squeue"] = queued
    with pytest.raises(InputError) as error:
        executor.submit_launcher(command)
    assert str(error.value) == (
        f"study toy already has a launcher, {job}\n"
        "to cancel it and its successor, but not the trials: scancel --name=sweep-toy"
    )
    assert "sbatch" not in commands.names()


def test_launchers_that_have_ended_and_launchers_of_other_studies_are_ignored(
    executor: SlurmExecutor, commands: FakeCommands, command: LauncherCommand
) -> None:
    commands.answers["squeue"] = (
        "7|CANCELLED|1:00|None|n1|sweep-toy\n8|RUNNING|1:00|None|n1|sweep-toy-evaluation\n"
    )
    commands.answers["sbatch"] = "9\n"
    assert executor.submit_launcher(command).job_id == "9"


def test_rejection_by_slurm_is_reported(
    executor: SlurmExecutor, commands: FakeCommands, command: LauncherCommand
) -> None:
    commands.answers["sbatch"], commands.errors["sbatch"] = None, "invalid partition specified: gpuu"
    with pytest.raises(InputError, match=r"Slurm rejected the launcher's job: .*invalid partition"):
        executor.submit_launcher(command)


def test_script_requests_the_launchers_resources_and_submits_a_successor(command: LauncherCommand) -> None:
    profile = slurm_profile(
        partition="gpu", account="lab", gres="gpu:1", mem_gb=64, setup=["module load cuda"],
        launcher={"partition": "cpu", "timeout_min": 90},
    )  # fmt: skip
    script = command.workdir / "launcher.sh"
    lines = script_text(profile, command, script).splitlines()
    assert {
        "#SBATCH --job-name=sweep-toy",
        "#SBATCH --partition=cpu",
        "#SBATCH --account=lab",
        "#SBATCH --time=90",
        "#SBATCH --mem=2048M",
        "#SBATCH --signal=B:TERM@60",
        "#SBATCH --no-requeue",
        "module load cuda",
        f"{shlex.quote(sys.executable)} -m sweep launch --study=toy --wait &",
    } <= set(lines)
    assert not any("gres" in line or "qos" in line for line in lines)
    (successor,) = (line for line in lines if line.startswith("successor="))
    assert f'--dependency="afterany:$SLURM_JOB_ID" {shlex.quote(str(script))}' in successor


def test_launchers_job_inherits_the_password_that_trials_lack(
    executor: SlurmExecutor, command: LauncherCommand, sbatch: Callable[[str], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sbatch(f"env > '{tmp_path}/seen'; echo 41")
    monkeypatch.setattr("sweep.scheduler.slurm.launcher_job.queued_jobs", list)
    for name in ("SWEEP_STORAGE", "PGPASSWORD", "SBATCH_JOB_NAME"):
        monkeypatch.setenv(name, "100")
    executor.submit_launcher(command)
    seen = (tmp_path / "seen").read_text().splitlines()
    assert {"SWEEP_STORAGE=100", "PGPASSWORD=100"} <= set(seen)
    assert "SBATCH_JOB_NAME=100" not in seen
