"""Recovery from interruptions of the launcher and from outages."""

import random
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import OperationalError

from sweep.errors import StudyFailedError
from sweep.launcher.outage import retry_on_outage
from sweep.launcher.proposals import Proposals
from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.scheduler.job import Job
from sweep.states import Cause, Outcome
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def test_crash_after_every_poll_cycle_changes_nothing(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch()
    for job_id in ("1", "2", "3", "4"):
        harness.step()
        harness.relaunch()
        executor.begin(job_id)
        harness.step()
        harness.relaunch()
        executor.report(job_id, 0.5)
        harness.step()
        harness.relaunch()
        executor.end(job_id)
    assert harness.step() == 0
    assert len(executor.jobs) == 4
    assert harness.states() == ["complete"] * 4
    assert harness.read().trials["num_attempts"].tolist() == [1] * 4


def test_job_whose_id_was_never_saved_is_found_by_its_name(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=1")
    submit = executor.submit

    def submit_and_die(jobs: Sequence[Job]) -> list[str]:
        submit(jobs)
        raise KeyboardInterrupt

    executor.submit = submit_and_die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        harness.step()
    executor.submit = submit  # type: ignore[method-assign]
    harness.relaunch("parallel=1").step()
    assert len(executor.jobs) == 1
    assert harness.attempts() == [(0, 1, "pending", None)]


def test_nothing_is_submitted_while_the_scheduler_does_not_answer(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=1")
    executor.rejection = SubmissionError("no", Rejection.PERMANENT)
    with pytest.raises(StudyFailedError):
        harness.step()
    executor.rejection, executor.answers = None, False
    harness.relaunch("parallel=1")
    assert harness.step() == 1
    assert not executor.jobs
    executor.answers = True
    harness.step()
    assert len(executor.jobs) == 1


def test_trial_that_was_proposed_but_not_recorded_is_run(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=1")
    optuna.load_study(
        study_name="toy", storage="sqlite:///sweep.db"
    ).ask()  # as if a launcher had been killed after Optuna's ask
    harness.relaunch("parallel=1", "trials=2")
    harness.step()
    spec = executor.attempt("1").read_spec()
    assert spec.number == 0
    assert 0 <= spec.params["x"] <= 1
    executor.end("1")
    harness.step()
    executor.end("2")
    assert harness.step() == 0
    assert harness.states() == ["complete", "complete"]


def die_after_telling_optuna(harness: LauncherHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a poll cycle that is killed right after it has recorded the end of a trial in Optuna."""
    tell = Proposals.tell

    def tell_and_die(*arguments: Any) -> None:
        tell(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Proposals, "tell", tell_and_die)
        with pytest.raises(KeyboardInterrupt):
            harness.step()


def test_end_that_optuna_has_recorded_but_our_tables_have_not_is_recorded_once(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.end("1", score=0.5)
    die_after_telling_optuna(harness, monkeypatch)
    assert harness.attempts() == [(0, 1, "pending", None)]
    harness.relaunch("trials=1")
    assert harness.step() == 0
    assert harness.attempts() == [(0, 1, "complete", None)]
    assert harness.read().trials["value"].tolist() == [0.5]


def test_failure_that_only_optuna_has_recorded_may_be_decided_otherwise(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.end("1", outcome=Outcome.FAILED, cause=Cause.ERROR)
    die_after_telling_optuna(harness, monkeypatch)
    harness.relaunch("trials=1", "failures.retries={error: 1}").step()
    executor.end("2", score=0.5)
    assert harness.step() == 0
    assert harness.states() == ["complete"]
    assert harness.read().trials["value"].tolist() == [0.5]


def test_no_trial_fails_while_the_scheduler_does_not_answer(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.begin("1")
    harness.step()
    executor.answers = False
    assert [harness.step() for _ in range(5)] == [1] * 5
    assert harness.attempts() == [(0, 1, "running", None)]


@pytest.mark.parametrize(
    "broken", ["lease.renew", "records.save", "records.open_attempts", "proposals.propose"]
)
def test_study_continues_after_outages_of_the_database(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Let one call to the database fail in two of five cases."""
    harness.launch("parallel=1", "trials=3")
    part_name, method_name = broken.split(".")
    part = getattr(harness.launcher, part_name)
    method, chance = getattr(part, method_name), random.Random(20261124)

    def flaky(*arguments: Any) -> Any:
        if chance.random() < 0.4:
            raise OperationalError("statement", {}, Exception("server closed the connection"))
        return method(*arguments)

    monkeypatch.setattr(part, method_name, flaky)

    def step() -> int:
        return retry_on_outage(harness.step, sleep=lambda _: None)

    for job_id in ("1", "2", "3"):
        while job_id not in executor.jobs:
            assert step() > 0
        executor.begin(job_id)
        executor.report(job_id, 0.5)
        executor.end(job_id)
    assert step() == 0
    assert harness.states() == ["complete"] * 3
    assert len(executor.jobs) == 3
    assert harness.read().epochs["number"].tolist() == [0, 1, 2]
