"""Tests of the executor that runs trials as processes of this machine."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sweep.definition.local_profile import LocalProfile
from sweep.scheduler.job import Job, JobStatus
from sweep.scheduler.local import LocalExecutor
from sweep.states import JobState
from tests.sweep.scheduler.contract import ExecutorContract, new_job, results, state, submit, wait_for_end

pytestmark = pytest.mark.slow


def new_executor() -> LocalExecutor:
    return LocalExecutor(LocalProfile(executor="local"))


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self) -> LocalExecutor:
        return new_executor()


@pytest.fixture
def held_job(workplace: Path) -> Iterator[Job]:
    """A running job whose train function waits until it is cancelled."""
    executor = new_executor()
    job = submit(executor, new_job(workplace, {"hold": 1}))
    deadline = time.monotonic() + 60
    while not job.attempts[0].started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield job
    executor.cancel(job)
    executor.poll([job])  # reaps the process


def test_job_is_known_to_another_launcher(held_job: Job) -> None:
    assert new_executor().poll([held_job]) == {held_job.name: JobStatus(JobState.RUNNING, held_job.id)}


def test_job_whose_id_was_not_recorded_is_found_by_its_folder(held_job: Job) -> None:
    found = new_executor().poll([replace(held_job, id=None)])
    assert found == {held_job.name: JobStatus(JobState.RUNNING, held_job.id)}


def test_cancel_kills_all_processes_of_the_job(held_job: Job) -> None:
    pid = int(str(held_job.id).split(":")[1])
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    assert len(processes) >= 2
    executor = new_executor()
    executor.cancel(held_job)
    assert wait_for_end(executor, held_job) is JobState.GONE
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert results(held_job) == [None]


def test_state_of_a_job_on_another_machine_is_unknown(workplace: Path) -> None:
    job = replace(new_job(workplace), id=f"not-{platform.node()}:{os.getpid()}:0")
    assert state(new_executor(), job) is JobState.UNKNOWN


def test_process_that_reuses_the_id_of_a_job_is_not_the_job(workplace: Path) -> None:
    job = replace(new_job(workplace), id=f"{platform.node()}:{os.getpid()}:0")
    executor = new_executor()
    assert state(executor, job) is JobState.GONE
    executor.cancel(job)  # must not kill this process


@pytest.mark.parametrize(("num_cpus", "parallel", "threads"), [(8, 3, 2), (8, 8, 1), (2, 5, 1), (None, 1, 1)])
def test_parallel_trials_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, num_cpus: int | None, parallel: int, threads: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: num_cpus)
    assert new_executor().threads_per_trial(parallel) == threads
