"""What the launcher proposes, submits and records."""

from pathlib import Path

import pytest

from sweep.cli.study_summary import summary
from sweep.errors import InputError, StudyFailedError
from sweep.scheduler.executor import Rejection, SubmissionError
from sweep.states import ACTIVE_STATES
from sweep.storage.database import connect
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow


def test_free_slots_are_filled_in_the_same_poll_cycle(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch()
    assert harness.step() == 2
    assert len(executor.jobs) == 2
    executor.begin("1")
    executor.end("1")
    assert harness.step() == 2  # a new trial takes the free slot, although trial 1 has not started
    assert len(executor.jobs) == 3
    assert harness.attempts() == [
        (0, 1, "complete", None), (1, 1, "pending", None), (2, 1, "pending", None),
    ]  # fmt: skip


def test_metrics_and_environment_of_a_trial_are_recorded(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
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
    engine = connect(URL)
    shown = summary(harness.launcher.study, harness.launcher.proposals, engine)
    engine.dispose()
    assert "best: trial 0, score = 0.75" in shown


def test_rejected_job_stops_the_study_and_is_submitted_by_the_next_launch(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1")
    executor.rejection = SubmissionError(
        "sbatch: error: invalid partition specified: gpuu", Rejection.PERMANENT
    )
    with pytest.raises(StudyFailedError, match="invalid partition specified: gpuu"):
        harness.step()
    executor.rejection = None
    harness.relaunch("trials=1").step()
    assert executor.attempt("1").read_spec().number == 0


def test_enqueued_points_are_tried_first_and_once(harness: LauncherHarness, executor: FakeExecutor) -> None:
    points = "enqueue=[{x: 0.125}, {x: 0.125}, {x: 0.5}]"
    settings = (points, "parallel=1", "trials=3", "repeats=train")
    harness.launch(*settings)
    for job_id in ("1", "2", "3"):
        harness.step()
        executor.end(job_id)
        harness.relaunch(*settings)
    assert harness.step() == 0
    assert harness.read().trials["param_x"].tolist() == [0.125, 0.125, 0.5]


def test_sampler_qmc_without_scipy_is_rejected(
    harness: LauncherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.definition.required_package.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"sampler qmc need SciPy.*\n.*pip install 'capsweep\[statistics\]'"):
        harness.launch("sampler={name: qmc, seed: 0}")


def test_sampler_that_cannot_be_created_is_rejected_before_anything_is_submitted(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    with pytest.raises(
        InputError, match=r"the sampler custom cannot be created: No module named 'nowhere'\n"
    ):
        harness.launch("sampler={name: custom, path: 'nowhere:Sampler'}")
    assert not executor.jobs


def test_relaunched_sampler_proposes_no_point_twice(harness: LauncherHarness, executor: FakeExecutor) -> None:
    for job_id in ("1", "2", "3", "4"):
        harness.relaunch("sampler={name: random, seed: 5}", "parallel=1")
        harness.step()
        executor.end(job_id)
    harness.step()
    assert harness.read().trials["param_x"].nunique() == 4


def test_each_trial_has_a_seed_of_its_own(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("sampler.seed=3", "sampler.name=random")
    harness.step()
    assert [executor.attempt(job_id).read_spec().seed for job_id in ("1", "2")] == [300_000, 300_001]


def test_keys_that_make_trials_comparable_cannot_change(harness: LauncherHarness) -> None:
    harness.launch().step()
    with pytest.raises(InputError) as error:
        harness.relaunch("space.x.low=-1", "fixed.epochs=9", "trials=9", "parallel=3")
    assert str(error.value).splitlines()[1:3] == [
        "  fixed.epochs: was None, is 9",
        "  space.x.low: was 0.0, is -1.0",
    ]


def test_second_launcher_of_a_study_is_rejected(harness: LauncherHarness, workplace: Path) -> None:
    harness.launch()
    second = LauncherHarness(workplace, harness.executor)
    with pytest.raises(
        InputError, match=r"study toy already has a launcher: process \d+ on .*, last heartbeat"
    ):
        second.launch()
    second.close()


def test_attempts_that_wait_together_are_submitted_as_one_array(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("parallel=5", "trials=7")
    assert harness.step() == 5
    assert executor.submissions == [["1", "2", "3"], ["4", "5"]]  # a submission has at most three jobs
    for job_id in ("2", "5"):
        executor.end(job_id)
    assert harness.step() == 5
    assert executor.submissions[2:] == [["6", "7"]]
    assert [executor.attempt(job_id).read_spec().number for job_id in ("1", "5", "6")] == [0, 4, 5]


def test_submission_that_fails_temporarily_is_repeated(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=2")
    executor.rejection = SubmissionError("Socket timed out on send/recv operation", Rejection.TEMPORARY)
    assert [harness.step() for _ in range(3)] == [2, 2, 2]
    assert harness.attempts() == [(0, 1, "submitting", None), (1, 1, "submitting", None)]
    executor.rejection = None
    harness.clock.sleep(60)
    assert [harness.step() for _ in range(2)] == [2, 2]
    assert executor.submissions == [["1"], ["2"]]  # one job is tried first


def test_time_at_which_no_job_was_found_is_not_the_end_of_a_later_job(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=1")
    executor.rejection = SubmissionError("Socket timed out on send/recv operation", Rejection.TEMPORARY)
    assert [harness.step() for _ in range(2)] == [1, 1]
    executor.rejection = None
    harness.clock.sleep(60)
    harness.step()
    (attempt,) = harness.launcher.records.open_attempts(ACTIVE_STATES)
    assert attempt.job_ended_at is None
