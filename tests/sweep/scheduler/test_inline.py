"""Tests of the executor that runs trials in the launcher's process."""

from pathlib import Path

import pytest

from sweep.scheduler.inline import InlineExecutor
from sweep.states import JobState
from tests.sweep.scheduler.contract import ExecutorContract, new_job, results, state, submit


class TestInlineExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self) -> InlineExecutor:
        return InlineExecutor()


def test_job_has_ended_when_it_is_submitted(workplace: Path) -> None:
    executor = InlineExecutor()
    job = submit(executor, new_job(workplace))
    assert results(job)[0] is not None
    assert state(executor, job) is JobState.GONE


def test_libraries_choose_the_number_of_threads() -> None:
    assert InlineExecutor().threads_per_trial(parallel=4) is None
