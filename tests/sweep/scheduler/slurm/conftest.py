"""Fixtures for the tests of Slurm jobs without Slurm."""

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
