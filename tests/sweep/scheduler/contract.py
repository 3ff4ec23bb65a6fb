"""Tests that every executor must pass; a subclass runs them for one executor."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.scheduler.executor import Executor
from sweep.scheduler.job import Job, output_files
from sweep.states import JobState, Outcome
from sweep.worker.attempt_folder import AttemptFolder, attempt_folder
from sweep.worker.documents import Result, TrialSpec

TIMEOUT_S = 60.0


def new_job(workplace: Path, *params: Mapping[str, Any]) -> Job:
    """Return a job with one attempt of the model in `workplace` for each mapping of hyperparameters."""
    submission = f"toy-0-{secrets.token_hex(4)}"
    attempts = [_new_attempt(workplace, number, values) for number, values in enumerate(params or [{}])]
    return Job(f"{submission}.0", workplace / "sweeps" / "toy" / "jobs" / submission, tuple(attempts))


def _new_attempt(workplace: Path, number: int, params: Mapping[str, Any]) -> AttemptFolder:
    token = secrets.token_hex(4)
    attempt = attempt_folder(workplace / "sweeps" / "toy" / f"{number:05d}", 1, token)
    attempt.create(
        TrialSpec(
            study="toy", number=number, attempt=1, token=token, train="toy_model:train",
            objectives=("score",),
            params={"x": 0.5, "epochs": 2, "ledger": "ledger.txt", **params}, seed=number, dataset=None,
            data_dir=None, code_dir=str(workplace), threads=None,
        )
    )  # fmt: skip
    return attempt


def submit(executor: Executor, job: Job) -> Job:
    """Submit a job and return it with its id."""
    return replace(job, id=executor.submit([job])[0])


def state(executor: Executor, job: Job) -> JobState:
    return executor.poll([job])[job.name].state


def wait_for_end(executor: Executor, job: Job) -> JobState:
    """Poll until the job has ended, and return its state."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := state(executor, job)).has_ended:
        assert time.monotonic() < deadline, f"job {job.id} has not ended: {found}"
        time.sleep(0.1)
    return found


def results(job: Job) -> Sequence[Result | None]:
    return [attempt.read_result(attempt.read_spec().token) for attempt in job.attempts]


class ExecutorContract:
    """The tests of the protocol `Executor`. A subclass provides the fixture `executor`."""

    @pytest.fixture
    def executor(self) -> Executor:
        raise NotImplementedError

    def test_submitted_attempt_runs_to_its_result(self, executor: Executor, workplace: Path) -> None:
        job = submit(executor, new_job(workplace))
        wait_for_end(executor, job)
        (result,) = results(job)
        assert result is not None
        assert (result.outcome, result.metrics["score"]) == (Outcome.COMPLETE, 1.0)

    def test_poll_reports_each_job_by_name_with_its_id(self, executor: Executor, workplace: Path) -> None:
        jobs = [submit(executor, new_job(workplace, {"epochs": 1})) for _ in range(2)]
        statuses = executor.poll(jobs)
        assert {name: status.id for name, status in statuses.items()} == {job.name: job.id for job in jobs}
        assert JobState.UNKNOWN not in {status.state for status in statuses.values()}
        for job in jobs:
            wait_for_end(executor, job)

    def test_poll_omits_a_job_that_was_never_submitted(self, executor: Executor, workplace: Path) -> None:
        assert executor.poll([new_job(workplace)]) == {}

    def test_error_of_the_train_function_is_a_failed_result(
        self, executor: Executor, workplace: Path
    ) -> None:
        job = submit(executor, new_job(workplace, {"fault": "raise"}))
        wait_for_end(executor, job)
        (result,) = results(job)
        assert result is not None
        assert result.outcome is Outcome.FAILED
        assert "the model has diverged" in str(result.error)
        for output in [job.attempts[0].log, *output_files(job)]:
            assert not output.exists() or "success" not in output.read_text()

    def test_attempts_of_one_job_have_their_own_results(self, executor: Executor, workplace: Path) -> None:
        job = submit(executor, new_job(workplace, {"x": 0.25}, {"fault": "raise"}, {"x": 1.0}))
        wait_for_end(executor, job)
        found = [(result.outcome, result.metrics.get("score")) for result in results(job) if result]
        assert found == [(Outcome.COMPLETE, 0.5), (Outcome.FAILED, None), (Outcome.COMPLETE, 2.0)]

    def test_cancelling_a_job_that_has_ended_does_nothing(self, executor: Executor, workplace: Path) -> None:
        job = submit(executor, new_job(workplace))
        ended_as = wait_for_end(executor, job)
        executor.cancel(job)
        assert state(executor, job) is ended_as
        assert results(job)[0] is not None

    def test_cancelling_a_job_without_an_id_does_nothing(self, executor: Executor, workplace: Path) -> None:
        executor.cancel(new_job(workplace))

    def test_limits_are_positive(self, executor: Executor) -> None:
        assert executor.max_submission_size >= 1
        assert executor.settle_s >= 0
        threads = executor.threads_per_trial(parallel=1000)
        assert threads is None or threads >= 1

    def test_preview_is_a_script_or_none(self, executor: Executor, workplace: Path) -> None:
        script = executor.preview(new_job(workplace))
        assert script is None or script.startswith("#!")
