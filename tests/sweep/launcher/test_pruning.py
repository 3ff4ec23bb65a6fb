"""Trials that should be pruned."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from sweep.reporting.findings import findings
from sweep.scheduler.job import Job, JobStatus
from sweep.states import JobState, Outcome
from sweep.storage.database import connect
from sweep.storage.tables import AttemptRow
from sweep.worker.documents import EpochReport
from tests.sweep.launcher.harness import URL, FakeClock, FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def report_a_low_value(harness: LauncherHarness, executor: FakeExecutor, trials: int) -> None:
    """Let the first trial be complete, and the second one report a much lower value."""
    median = "pruner={name: median, startup_trials: 1, warmup_epochs: 0}"
    harness.launch("parallel=1", f"trials={trials}", median)
    harness.step()
    executor.begin("1")
    executor.report("1", 0.9, 0.9)
    executor.end("1", score=0.9)
    harness.step()
    executor.begin("2", at=harness.clock.now())
    executor.report("2", 0.1)
    harness.step()


def test_pruned_trial_is_requested_to_stop_through_its_folder(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    report_a_low_value(harness, executor, trials=3)
    assert executor.attempt("2").read_stop() is Outcome.PRUNED
    executor.end("2", outcome=Outcome.PRUNED)
    harness.step()
    assert harness.states() == ["complete", "pruned", "running"]
    assert len(executor.jobs) == 3


def test_pruner_judges_by_all_epochs_of_the_same_poll_cycle(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    """Let four trials report their first epoch between two poll cycles; only the best may continue."""
    halving = "pruner={name: successive_halving, min_epochs: 1, reduction_factor: 2}"
    harness.launch("parallel=4", "trials=4", halving)
    harness.step()
    for job_id, score in zip("1234", (0.9, 0.8, 0.7, 0.1), strict=True):
        executor.begin(job_id)
        executor.report(job_id, score)
    harness.step()
    asked_to_stop = [executor.attempt(job_id).read_stop() is Outcome.PRUNED for job_id in "1234"]
    assert asked_to_stop[0] is False
    assert asked_to_stop[3] is True


def test_trial_that_ignores_a_stop_request_is_cancelled_after_a_grace_period(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    report_a_low_value(harness, executor, trials=2)
    harness.step()
    assert not executor.cancelled  # it has time until the end of its next epoch
    harness.clock.sleep(600.0)
    harness.step()
    assert executor.cancelled == ["2"]
    executor.end("2", JobState.CANCELLED, outcome=None)
    assert harness.step() == 0
    assert harness.states() == ["complete", "pruned"]


def test_pruner_judges_each_epoch_that_a_poll_cycle_reads(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=1", "trials=1", "pruner={name: threshold, lower: 0.2}")
    harness.step()
    executor.begin("1")
    executor.report("1", 0.5, 0.1, 0.5)
    harness.step()
    assert executor.attempt("1").read_stop() is Outcome.PRUNED


def test_pruner_judges_by_another_metric_after_the_launcher_was_interrupted(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    """Let the objective of the second trial be better, and its loss worse, than that of the first trial."""
    loss = "pruner={name: median, startup_trials: 1, metric: loss, direction: minimize}"
    harness.launch("parallel=1", "trials=2", loss)
    harness.step()
    executor.begin("1")
    executor.attempt("1").append_epoch(EpochReport(1, 100.0, {"score": 0.1, "loss": 0.5}))
    executor.end("1", score=0.1)
    harness.step()
    harness.relaunch("parallel=1", "trials=2", loss)
    executor.begin("2", at=harness.clock.now())
    executor.attempt("2").append_epoch(EpochReport(1, 100.0, {"score": 0.9, "loss": 0.6}))
    harness.step()
    assert executor.attempt("2").read_stop() is Outcome.PRUNED


class SlowExecutor(FakeExecutor):
    """A fake executor that answers after 10 seconds of a clock."""

    clock: FakeClock

    def poll(self, jobs: Sequence[Job]) -> dict[str, JobStatus]:
        self.clock.sleep(10.0)
        return super().poll(jobs)


def test_stop_request_is_dated_after_the_scheduler_has_answered(workplace: Path) -> None:
    """The epochs that a slow poll cycle reads may be later than the start of the cycle."""
    executor = SlowExecutor()
    harness = LauncherHarness(workplace, executor)
    executor.clock = harness.clock
    report_a_low_value(harness, executor, trials=2)
    harness.close()
    engine = connect(URL)
    with Session(engine) as session:
        requests = [row.stop_requested_at for row in session.query(AttemptRow)]
    engine.dispose()
    assert requests == [None, harness.clock.now()]


@pytest.mark.parametrize(("metrics", "reported"), [({"val_acc": 0.5}, "only val_acc"), (None, "no epoch")])
def test_pruner_that_cannot_judge_any_trial_is_named_once(
    harness: LauncherHarness,
    executor: FakeExecutor,
    caplog: pytest.LogCaptureFixture,
    metrics: dict[str, float] | None,
    reported: str,
) -> None:
    harness.launch("parallel=1", "trials=3", "pruner={name: median}")
    harness.step()
    for job_id in "123":
        executor.begin(job_id)
        if metrics is not None:
            executor.attempt(job_id).append_epoch(EpochReport(1, 100.0, metrics))
        executor.end(job_id)
        harness.step()
    said = [message for message in caplog.messages if "no trial can be pruned" in message]
    assert said == [
        "study toy: no trial can be pruned, because the pruner judges the metric score, but trial 0 reported "
        f"{reported}; report the metric in each epoch, or remove the pruner"
    ]
    assert harness.shown_status().count("no trial can be pruned, because no trial reports score in an") == 1
    (finding,) = (sentence for sentence in findings(harness.read()) if "pruned" in sentence)
    assert finding == (
        "No trial could be pruned, because the pruner judges score, which no trial has reported in an epoch."
    )


def test_pruner_that_cannot_judge_any_trial_is_not_named_again_by_the_next_launcher(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    for job_id in "12":
        harness.relaunch("parallel=1", "trials=3", "pruner={name: median}")
        harness.step()
        executor.begin(job_id)
        executor.end(job_id)
        harness.step()
    assert caplog.text.count("no trial can be pruned") == 1


def test_nothing_is_said_about_a_pruner_that_judges_a_reported_metric(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    report_a_low_value(harness, executor, trials=3)
    assert "no trial can be pruned" not in caplog.text
    assert "no trial can be pruned" not in harness.shown_status()
    assert not any("pruned" in sentence for sentence in findings(harness.read()))
