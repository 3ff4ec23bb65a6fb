"""Trials in the launcher's own process, one after the other: for debugging and for tests."""

from collections.abc import Sequence

from sweep.scheduler.executor import Executor
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState
from sweep.worker.run import run_attempt


class InlineExecutor(Executor):
    """Runs each trial in this process while it is submitted."""

    settle_s = 0.0
    max_submission_size = 1

    def threads_per_trial(self, parallel: int) -> None:
        return None

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        for job in jobs:
            for attempt in job.attempts:
                run_attempt(attempt)
        return [job.name for job in jobs]

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        return {job.name: JobStatus(JobState.GONE, job.id) for job in jobs if job.id}

    def cancel(self, job: Job) -> None:
        pass
