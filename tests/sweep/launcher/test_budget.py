"""The cost of trials, and studies whose budget is spent."""

import pytest

from sweep.states import JobState
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def test_gpu_hours_of_ended_trials_count_towards_the_budget(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=50", "parallel=1", "budget.gpu_hours=0.01")
    harness.step()
    executor.begin("1")  # at second 100
    executor.end("1")  # at second 160, which makes a sixtieth of an hour
    assert harness.step() == 0
    assert harness.read().trials["gpu_seconds"].tolist() == [60.0]


def test_no_trial_is_proposed_after_the_hours_of_the_budget(harness: LauncherHarness) -> None:
    harness.launch("budget.hours=0.0000001")
    assert harness.step() == 0


def test_final_cost_is_the_count_of_the_scheduler(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.begin("1")  # at second 100
    executor.end("1", JobState.RUNNING)  # at second 160, and Slurm is cleaning up
    executor.elapsed_s["1"] = 61.0
    assert harness.step() == 1  # the job still occupies a slot
    assert harness.read().attempts["gpu_seconds"].tolist() == [60.0]
    executor.state["1"], executor.elapsed_s["1"] = JobState.COMPLETE, 67.0
    harness.relaunch("trials=1").step()
    assert harness.read().attempts["gpu_seconds"].tolist() == [67.0]
    executor.elapsed_s["1"] = 99.0  # a final cost does not change
    harness.step()
    assert harness.read().attempts["gpu_seconds"].tolist() == [67.0]


def test_running_jobs_count_towards_the_budget(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=50", "parallel=2", "budget.gpu_hours=0.01")  # 36 s
    harness.step()
    for job_id in ("1", "2"):
        executor.begin(job_id, at=harness.clock.now())
    harness.clock.sleep(20.0)
    executor.end("2", JobState.PREEMPTED, outcome=None)
    assert harness.step() == 1  # neither a new trial nor a retry
    assert harness.states() == ["running", "failed"]
