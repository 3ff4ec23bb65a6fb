"""The tests that every executor must pass, run on Slurm."""

from pathlib import Path

import pytest

from sweep.scheduler.slurm.executor import SlurmExecutor
from tests.cluster import slurm_jobs
from tests.sweep.scheduler.contract import ExecutorContract


class TestSlurmExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self, slurm_workplace: Path) -> SlurmExecutor:
        return slurm_jobs.make_executor()
