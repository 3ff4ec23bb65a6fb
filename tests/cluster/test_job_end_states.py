"""The job state that the executor reports for each way in which a job ends on the real Slurm."""

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


def do_nothing(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    """Let the job end without intervention."""


def cancel(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    """Cancel the job."""
    executor.cancel(job)


def cancel_running(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    """Cancel the job after it has started."""
    jobs.wait_for_start(job)
    executor.cancel(job)


def reach_time_limit(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    """Move the time limit of the running job to the present."""
    jobs.wait_for_start(job)
    slurm.run("scontrol", "update", f"jobid={job.id}", "endtime=now")


def preempt(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    """Submit a job of higher priority."""
    jobs.wait_for_start(job)
    jobs.submit(jobs.make_executor(partition="main", gres="gpu:1"), jobs.new_job(job.attempts[0].path.parent))


def set_node_down(slurm: Slurm, executor: SlurmExecutor, job: Job) -> None:
    """Set the node of the running job down."""
    jobs.wait_for_start(job)
    start = job.attempts[0].read_start(job.attempts[0].read_spec().token)
    assert start is not None
    slurm.set_node(start.host, "down")
    slurm.set_node(start.host, "resume")


ON_BOTH_NODES = {"partition": "low", "nodes": 2, "gres": "gpu:2"}
ENDS: list[tuple[str, str, dict[str, Any], Act, JobState]] = [
    ("finished", "finish", {}, do_nothing, JobState.COMPLETE),
    # The job of a train function that raised ends regularly; the error is in the result file.
    ("train function raised", "fail", {}, do_nothing, JobState.COMPLETE),
    ("process exited", "vanish", {}, do_nothing, JobState.COMPLETE),
    ("too much memory", "take_memory", {"mem_gb": 0.25}, do_nothing, JobState.OUT_OF_MEMORY),
    ("time limit", "sleep", {}, reach_time_limit, JobState.TIMEOUT),
    ("cancelled while running", "sleep", {}, cancel_running, JobState.CANCELLED),
    ("cancelled while pending", "sleep", {"additional": {"hold": True}}, cancel, JobState.CANCELLED),
    ("preempted", "sleep", ON_BOTH_NODES, preempt, JobState.PREEMPTED),
    ("node down", "sleep", {}, set_node_down, JobState.NODE_FAILURE),
]


@pytest.mark.parametrize(
    ("function", "settings", "act", "expected"),
    [end[1:] for end in ENDS],
    ids=[f"{end[0]}: {end[-1]}" for end in ENDS],
)
def test_job_state_after_end(
    slurm_workplace: Path, slurm: Slurm, function: str, settings: dict[str, Any], act: Act, expected: JobState
) -> None:
    executor = jobs.make_executor(**settings)
    job = jobs.submit(executor, jobs.new_job(slurm_workplace, function, seconds=120, mb=800))
    act(slurm, executor, job)
    assert jobs.wait_for_end(executor, job) == expected
