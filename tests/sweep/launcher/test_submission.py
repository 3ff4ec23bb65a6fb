"""What the launcher proposes, submits and records."""

from pathlib import Path

import pytest

from sweep.errors import InputError, StudyFailedError
from sweep.launcher.summary import summary
from sweep.scheduler.executor import SubmissionError, TemporarySubmissionError
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness


def test_fills_free_slots_at_once(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch()
    assert harness.step() == 2
    assert len(executor.jobs) == 2
    executor.begin("1")
    executor.end("1")
    assert harness.step() == 2  # the free slot has a new trial, though trial 1 has not even begun
    assert len(executor.jobs) == 3
    assert harness.attempts() == [
        (0, 1, "complete", None), (1, 1, "pending", None), (2, 1, "pending", None),
    ]  # fmt: skip


def test_records_what_a_trial_did(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1")
    harness.step()
    executor.begin("1")
    executor.report("1", 0.25, float("nan"))
    executor.end("1", score=0.75)
    assert harness.step() == 0
    data = harness.read()
    trial = data.trials.iloc[0]
    assert (trial["state"], trial["value"], trial["final_score"], trial["final_size"]) == (
        "complete",
        0.75,
        0.75,
        3,
    )
    assert (trial["host"], trial["num_epochs"], trial["duration_s"]) == ("node1", 2, 60.0)
    assert data.epochs["score"].isna().tolist() == [False, True]
    assert data.provenance["python"] == "3.11"
    assert "best: trial 0, score = 0.75" in summary(harness.launcher.study, harness.launcher.proposals)


def test_a_refused_job_stops_the_study_and_is_not_lost(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1")
    executor.rejection = SubmissionError("sbatch: error: invalid partition specified: gpuu")
    with pytest.raises(StudyFailedError, match="invalid partition specified: gpuu"):
        harness.step()
    executor.rejection = None
    harness.relaunch("trials=1").step()
    assert executor.attempt("1").read_spec().number == 0


def test_enqueued_points_come_first_and_once(harness: LauncherHarness, executor: FakeExecutor) -> None:
    points = "enqueue=[{x: 0.125}, {x: 0.125}, {x: 0.5}]"
    harness.launch(points, "parallel=1", "trials=3")
    for job_id in ("1", "2", "3"):
        harness.step()
        executor.end(job_id)
        harness.relaunch(points, "parallel=1", "trials=3")
    assert harness.step() == 0
    assert harness.read().trials["param_x"].tolist() == [0.125, 0.125, 0.5]


def test_a_relaunched_sampler_proposes_nothing_twice(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    for job_id in ("1", "2", "3", "4"):
        harness.relaunch("sampler={name: random, seed: 5}", "parallel=1")
        harness.step()
        executor.end(job_id)
    harness.step()
    assert harness.read().trials["param_x"].nunique() == 4


def test_seeds_differ_between_trials(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("sampler.seed=3", "sampler.name=random")
    harness.step()
    assert [executor.attempt(job_id).read_spec().seed for job_id in ("1", "2")] == [300_000, 300_001]


def test_what_makes_trials_comparable_may_not_change(harness: LauncherHarness) -> None:
    harness.launch().step()
    with pytest.raises(InputError) as error:
        harness.relaunch("space.x.low=-1", "fixed.epochs=9", "trials=9", "parallel=3")
    assert str(error.value).splitlines()[1:3] == [
        "  fixed.epochs: was None, is 9",
        "  space.x.low: was 0.0, is -1.0",
    ]


def test_two_launchers_of_one_study(harness: LauncherHarness, workplace: Path) -> None:
    harness.launch()
    second = LauncherHarness(workplace, harness.executor)
    with pytest.raises(
        InputError, match=r"study toy already has a launcher: process \d+ on .*, last heartbeat"
    ):
        second.launch()
    second.close()


def test_slots_that_open_together_go_out_as_one_array(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=5", "trials=7")
    assert harness.step() == 5
    assert executor.submissions == [["1", "2", "3"], ["4", "5"]]  # the largest submission takes three
    for job_id in ("2", "5"):
        executor.end(job_id)
    assert harness.step() == 5
    assert executor.submissions[2:] == [["6", "7"]]
    assert [executor.attempt(job_id).read_spec().number for job_id in ("1", "5", "6")] == [0, 4, 5]


def test_what_cannot_be_submitted_just_now_waits(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=2")
    executor.rejection = TemporarySubmissionError("sbatch: error: Socket timed out on send/recv operation")
    assert [harness.step() for _ in range(3)] == [2, 2, 2]
    assert harness.attempts() == [(0, 1, "submitting", None), (1, 1, "submitting", None)]
    executor.rejection = None
    harness.step()
    assert executor.submissions == [["1", "2"]]
