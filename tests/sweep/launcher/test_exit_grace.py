"""Jobs that do not end although their trials have."""

import pytest

from sweep.states import JobState
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness
from tests.sweep.launcher.test_shared_jobs import pack

pytestmark = pytest.mark.slow

GRACE_S = 60.0


def end_trial(harness: LauncherHarness, executor: FakeExecutor, job_id: str, place: int = 0) -> None:
    """Write the result of a trial now, while its job continues."""
    executor.begin(job_id, place, at=harness.clock.now())
    executor.end(job_id, JobState.RUNNING, place=place, at=harness.clock.now())


def test_job_that_has_not_ended_occupies_its_slot_and_is_cancelled_after_the_grace_period(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch("parallel=1", "trials=2")
    harness.step()
    end_trial(harness, executor, "1")
    harness.step()
    assert harness.states() == ["complete"]
    harness.clock.sleep(GRACE_S - 10)
    assert harness.step() == 1  # the launcher waits for the job, and submits no other one
    assert (list(executor.jobs), executor.cancelled) == (["1"], [])
    harness.clock.sleep(20)
    harness.step()
    harness.step()
    assert executor.cancelled == ["1", "1"]  # the cancellation may have had no effect
    assert [m.partition(" s ")[2] for m in caplog.messages if "has not ended" in m] == [
        "after the trial; cancelling it"
    ]
    executor.state["1"] = JobState.CANCELLED
    harness.step()
    assert list(executor.jobs) == ["1", "2"]


def test_job_that_cannot_be_cancelled_occupies_its_slot_for_a_limited_time(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    """A job may be in the state COMPLETING for days if its node has failed."""
    harness.launch("parallel=1", "trials=2")
    harness.step()
    end_trial(harness, executor, "1")
    harness.step()
    harness.clock.sleep(GRACE_S + 600)
    harness.step()
    assert list(executor.jobs) == ["1", "2"]


def test_job_that_others_need_is_not_cancelled(harness: LauncherHarness, executor: FakeExecutor) -> None:
    pack(2)
    harness.launch("parallel=2", "trials=2")
    harness.step()
    executor.begin("1", place=1, at=harness.clock.now())
    end_trial(harness, executor, "1", place=0)
    harness.step()
    harness.clock.sleep(GRACE_S + 100)
    harness.step()
    assert executor.cancelled == []
    executor.end("1", JobState.RUNNING, place=1, at=harness.clock.now())
    harness.step()
    harness.clock.sleep(GRACE_S + 1)
    harness.step()
    assert executor.cancelled[:1] == ["1"]


def test_job_of_which_nothing_is_known_occupies_no_slot(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=1", "trials=2")
    harness.step()
    end_trial(harness, executor, "1")
    executor.answers = False
    harness.step()
    harness.clock.sleep(GRACE_S + 100)
    harness.step()
    assert (list(executor.jobs), executor.cancelled) == (["1", "2"], [])


def test_job_that_only_accounting_lists_occupies_no_slot_after_its_trial(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=1", "trials=2")
    harness.step()
    executor.only_in_accounting.add("1")
    assert harness.step() == 1  # the trial has no result, so the job may run
    end_trial(harness, executor, "1")
    harness.step()
    assert list(executor.jobs) == ["1", "2"]
    end_trial(harness, executor, "2")
    executor.state["2"] = JobState.COMPLETE
    assert harness.step() == 0
