"""Fixtures for the tests of Slurm jobs without Slurm."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.job import Job
from sweep.scheduler.slurm import queue
from sweep.scheduler.slurm.executor import SlurmExecutor
from sweep.worker.attempt_folder import AttemptFolder
from tests.sweep.scheduler.slurm.fake_commands import FakeCommands


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> FakeCommands:
    commands = FakeCommands()
    monkeypatch.setattr(queue.subprocess, "run", commands)
    return commands


@pytest.fixture
def executor() -> SlurmExecutor:
    return SlurmExecutor(SlurmProfile(executor="slurm", timeout_min=60))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "job").mkdir()
    return Job("toy-0-abc.0", tmp_path / "job", (AttemptFolder(tmp_path / "attempt"),), "7")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that puts a program with a name and shell commands on the PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def put(name: str, script: str) -> None:
        file = tmp_path / "bin" / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return put


@pytest.fixture
def sbatch(program: Callable[[str, str], None]) -> Callable[[str], None]:
    """Return a function that puts an sbatch with these shell commands on the PATH."""
    return partial(program, "sbatch")
