"""Tests of launchers that run as Slurm jobs, with fake Slurm commands."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.slurm_profile import SlurmProfile
from sweep.errors import InputError
from sweep.scheduler.job import Job
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


def test_commands_of_a_launcher_in_a_job_do_not_receive_the_variables_of_the_job(
    executor: SlurmExecutor, job: Job, program: Callable[[str, str], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    output = {"sbatch": "Submitted batch job 8", "scontrol": "MaxArraySize = 16"}
    names = ("sbatch", "squeue", "sacct", "scontrol", "scancel")
    for name in names:
        program(name, f"env > '{tmp_path}/{name}.env'; echo '{output.get(name, '')}'")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    for name in (
        "SLURM_JOB_ID", "SLURM_MEM_PER_NODE", "SLURM_CPUS_PER_TASK", "SLURM_CLUSTERS", "SBATCH_ACCOUNT",
        "SQUEUE_FORMAT", "SCANCEL_STATE", "SACCT_FORMAT", "CUDA_VISIBLE_DEVICES",
    ):  # fmt: skip
        monkeypatch.setenv(name, "100")
    executor.submit([job])
    executor.poll([job])
    executor.cancel(job)
    for name in names:
        seen = (tmp_path / f"{name}.env").read_text().splitlines()
        assert [line for line in seen if line.endswith("=100")] == [], name
        assert "SLURM_CONF=/etc/slurm.conf" in seen


def test_script_runs_this_package_although_the_folder_contains_a_module_of_its_name(
    command: LauncherCommand, program: Callable[[str, str], None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (command.code_dir / "sweep.py").write_text("raise SystemExit('the user's module was run')\n")
    program("sbatch", f"echo \"$@\" > '{tmp_path}/sbatch.txt'; echo '42;cluster'")
    program("scancel", f"echo \"$@\" > '{tmp_path}/scancel.txt'")
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    script = tmp_path / "launcher.sh"
    script.write_text(script_text(slurm_profile(), replace(command, arguments=["--help"]), script))
    done = subprocess.run(
        ["bash", str(script)], capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Search for hyperparameters" in done.stdout
    assert "--dependency=afterany:41" in (tmp_path / "sbatch.txt").read_text()
    assert (tmp_path / "scancel.txt").read_text() == "42\n"  # the launcher ended by itself
