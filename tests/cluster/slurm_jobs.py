"""Jobs that tests submit to the real Slurm without a launcher."""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.job import Job
from sweep.scheduler.slurm.executor import SlurmExecutor
from sweep.states import JobState
from sweep.worker.attempt_folder import attempt_folder
from sweep.worker.documents import TrialSpec
from tests.cluster import daemons

REPOSITORY = Path(__file__).parents[2]


def make_executor(**settings: Any) -> SlurmExecutor:
    """Return an executor for a profile with the given settings."""
    return SlurmExecutor(SlurmProfile.model_validate({"executor": "slurm", "timeout_min": 60, **settings}))


def new_job(workdir: Path, function: str = "finish", **params: Any) -> Job:
    """Return a job for one function of `train_functions.py`; it is not submitted yet."""
    token = secrets.token_hex(4)
    attempt = attempt_folder(workdir, 1, token)
    submission = f"toy-0-{token}"
    job = Job(f"{submission}.0", workdir / "jobs" / submission, (attempt,))
    attempt.create(
        TrialSpec(
            study="toy", number=0, attempt=1, token=token, train=f"tests.cluster.train_functions:{function}",
            objectives=("score",), params=params, seed=0, dataset=None, data_dir=None,
            code_dir=str(REPOSITORY), threads=None,
        )
    )  # fmt: skip
    return job


def new_array(workdir: Path, size: int, function: str = "finish", **params: Any) -> list[Job]:
    """Return several jobs of one submission."""
    jobs = [new_job(workdir, function, **params) for _ in range(size)]
    first = jobs[0]
    return [
        replace(job, name=f"{first.submission}.{index}", folder=first.folder)
        for index, job in enumerate(jobs)
    ]


def submit(executor: SlurmExecutor, job: Job) -> Job:
    """Submit a job and return it with its id."""
    return replace(job, id=executor.submit([job])[0])


def state(executor: SlurmExecutor, job: Job) -> JobState:
    """Return the state of a job."""
    return executor.poll([job])[job.name].state


def wait_for_start(job: Job) -> None:
    """Wait until the first attempt of a job has started."""
    daemons.wait_until(f"{job.name} has started", job.attempts[0].started.exists)


def wait_for_end(executor: SlurmExecutor, job: Job, timeout_s: float = 60) -> JobState:
    """Wait until a job has ended and return its state."""
    daemons.wait_until(f"{job.name} has ended", lambda: state(executor, job).has_ended, timeout_s)
    return state(executor, job)
