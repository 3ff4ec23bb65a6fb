"""What the real Slurm says of each way in which a job can end: the table behind our states."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.scheduler.job import Job
from sweep.scheduler.slurm.executor import SlurmExecutor
from sweep.states import JobState
from tests.cluster import slurm_jobs as jobs
from tests.cluster.slurm import Slurm

Act = Callable[[Slurm, SlurmExecutor, Job], None]


def nothing(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    pass


def cancel_it(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    executor.cancel(job)


def cancel_it_when_it_runs(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    jobs.wait_for_start(job)
    executor.cancel(job)


def let_its_time_be_up(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    jobs.wait_for_start(job)
    slurm.run("scontrol", "update", f"jobid={job.id}", "endtime=now")


def preempt_it(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    jobs.wait_for_start(job)
    jobs.submit(jobs.make_executor(partition="main", gres="gpu:1"), jobs.new_job(job.attempts[0].path.parent))


def take_its_node_down(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    jobs.wait_for_start(job)
    start = job.attempts[0].read_start(job.attempts[0].read_spec().token)
    assert start is not None
    slurm.set_node(start.host, "down")
    slurm.set_node(start.host, "resume")


ON_BOTH_NODES = {"partition": "low", "nodes": 2, "gres": "gpu:2"}
ENDS: list[tuple[str, str, dict[str, Any], Act, JobState]] = [
    ("it finishes", "finish", {}, nothing, JobState.COMPLETE),
    ("its train function raises", "fail", {}, nothing, JobState.COMPLETE),  # its result tells
    ("its process vanishes", "vanish", {}, nothing, JobState.FAILED),
    ("it takes too much memory", "take_memory", {"mem_gb": 0.25}, nothing, JobState.OUT_OF_MEMORY),
    ("its time is up", "sleep", {}, let_its_time_be_up, JobState.TIMEOUT),
    ("a person cancels it", "sleep", {}, cancel_it_when_it_runs, JobState.CANCELLED),
    ("cancelled while it waits", "sleep", {"additional": {"hold": True}}, cancel_it, JobState.CANCELLED),
    ("it is preempted", "sleep", ON_BOTH_NODES, preempt_it, JobState.PREEMPTED),
    ("its node goes down", "sleep", {}, take_its_node_down, JobState.NODE_FAILURE),
]


@pytest.mark.parametrize(
    ("function", "settings", "act", "expected"),
    [end[1:] for end in ENDS],
    ids=[f"{end[0]}: {end[-1]}" for end in ENDS],
)
def test_how_a_job_ends(
    on_slurm: Path, slurm: Slurm, function: str, settings: dict[str, Any], act: Act, expected: JobState
) -> None:
    executor = jobs.make_executor(**settings)
    job = jobs.submit(executor, jobs.new_job(on_slurm, function, seconds=120, mb=800))
    act(slurm, executor, job)
    assert jobs.wait_for_end(executor, job) == expected
