"""Submissions to a cluster that limits the number of a user's jobs."""

import logging
from collections.abc import Sequence

import pytest

from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.scheduler.job import Job
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

MAX_JOBS = 3


class LimitedExecutor(FakeExecutor):
    """An executor with a limit on the number of jobs that have not ended."""

    max_submission_size = 100

    def __init__(self) -> None:
        super().__init__()
        self.num_other = 0  # jobs of other studies
        self.num_rejected = 0

    @property
    def num_jobs(self) -> int:
        """The number of jobs that have not ended."""
        return self.num_other + sum(not state.has_ended for state in self.state.values())

    def submit(self, jobs: Sequence[Job]) -> list[str]:
        if self.num_jobs + len(jobs) > MAX_JOBS:
            self.num_rejected += 1
            raise SubmissionError("QOSMaxSubmitJobPerUserLimit", Rejection.SUBMIT_LIMIT)
        return super().submit(jobs)


@pytest.fixture
def executor() -> LimitedExecutor:
    return LimitedExecutor()


def test_submissions_shrink_until_they_fit_and_ended_jobs_are_replaced(
    harness: LauncherHarness, executor: LimitedExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("trials=12", "parallel=6")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            harness.step()
        assert executor.num_jobs == MAX_JOBS
        for job_id in range(1, 13):
            executor.end(str(job_id))
            num_rejected = executor.num_rejected
            num_active = harness.step()
            assert executor.num_jobs == min(MAX_JOBS, 12 - job_id)  # the slot is used at once
            assert executor.num_rejected == num_rejected
    assert num_active == 0
    assert harness.states() == ["complete"] * 12
    assert sum("a submit limit of the cluster is reached" in message for message in caplog.messages) == 1
    submissions = {job.submission for job in executor.jobs.values()}
    assert {path.name for path in (harness.workplace / "sweeps/toy/jobs").iterdir()} <= submissions


def test_study_waits_for_jobs_of_other_studies_without_end(
    harness: LauncherHarness, executor: LimitedExecutor
) -> None:
    executor.num_other = MAX_JOBS
    harness.launch("trials=6", "parallel=6")
    for _ in range(100):
        harness.clock.sleep(300)
        assert harness.step() == 6
    assert executor.num_rejected < 210
    executor.num_other = 0
    harness.clock.sleep(300)
    for _ in range(4):
        harness.step()
    assert executor.num_jobs == MAX_JOBS
