"""Configurations that are proposed again."""

from collections import Counter

import pytest

from sweep.states import JobState, Outcome
from sweep.storage.study_data import StudyData
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow

FIRST_POINTS_EQUAL = "enqueue=[{x: 0.25}, {x: 0.25}]"
TPE = "sampler={name: tpe, startup_trials: 5}"
GRID = ["space.x={type: int, low: 1, high: 6}", "space.size={type: categorical, choices: [1, 2, 3, 4, 5]}",
        "enqueue=[]"]  # fmt: skip


def run(harness: LauncherHarness, executor: FakeExecutor, num_epochs: int = 1) -> StudyData:
    """Run the study to its end: each job reports a score that depends on its number."""
    while harness.step():
        for job_id, state in list(executor.state.items()):
            if state is JobState.PENDING:
                executor.begin(job_id)
                executor.report(job_id, *(float(job_id) + epoch for epoch in range(num_epochs)))
                executor.end(job_id, score=float(job_id))
    return harness.read()


def test_repeated_configuration_takes_over_the_result(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.launch("trials=3", "parallel=1", "enqueue=[{x: 0.25}, {x: 0.25}, {x: 0.25}]")
    data = run(harness, executor, num_epochs=2)
    assert len(executor.jobs) == 1
    assert data.trials["state"].tolist() == ["complete"] * 3
    assert data.trials["value"].tolist() == [1.0] * 3
    assert data.trials["final_size"].tolist() == [3.0] * 3
    assert data.trials["seed"].nunique() == 1
    assert data.epochs["score"].tolist() == [1.0, 2.0] * 3
    assert data.attempts["gpu_seconds"].tolist()[1:] == [0.0, 0.0]
    assert [notes.get("repeats_trial") for notes in data.attempts["notes"]] == [None, 0, 0]
    assert "trial 1: complete; it has the same hyperparameters as trial 0" in caplog.text


def test_repeated_configuration_waits_for_the_active_trial_that_has_it(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=2", "parallel=2", FIRST_POINTS_EQUAL)
    harness.step()
    harness.step()
    assert list(executor.jobs) == ["1"]
    executor.begin("1")
    executor.end("1", score=0.5)
    harness.step()
    assert harness.read().trials["value"].tolist() == [0.5, 0.5]


def test_repeated_configuration_is_trained_if_the_active_trial_fails(
    harness: LauncherHarness, executor: FakeExecutor
) -> None:
    harness.launch("trials=2", "parallel=2", FIRST_POINTS_EQUAL)
    harness.step()
    executor.begin("1")
    executor.end("1", JobState.FAILED, Outcome.FAILED)
    harness.step()
    assert len(executor.jobs) == 2


def test_pruned_configuration_is_pruned_again(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=2", "parallel=1", FIRST_POINTS_EQUAL)
    harness.step()
    executor.begin("1")
    executor.report("1", 0.5)
    executor.end("1", outcome=Outcome.PRUNED)
    run(harness, executor)
    data = harness.read()
    assert data.trials["state"].tolist() == ["pruned", "pruned"]
    assert data.epochs["score"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("moment", ["tell", "save"])
def test_repeat_survives_a_crash(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    harness.launch("trials=2", "parallel=1", FIRST_POINTS_EQUAL)
    harness.step()
    executor.begin("1")
    executor.end("1", score=0.5)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    target = harness.launcher.proposals if moment == "tell" else harness.launcher.records
    original = harness.launcher.repeats._take_over

    with monkeypatch.context() as patch:

        def take_over(*arguments: object) -> None:
            patch.setattr(target, moment, crash)
            original(*arguments)  # type: ignore[arg-type]

        patch.setattr(harness.launcher.repeats, "_take_over", take_over)
        with pytest.raises(KeyboardInterrupt):
            run(harness, executor)
    harness.relaunch("trials=2", "parallel=1", FIRST_POINTS_EQUAL)
    data = run(harness, executor)
    assert len(executor.jobs) == 1
    assert data.trials["value"].tolist() == [0.5, 0.5]
    assert data.attempts["state"].tolist() == ["complete", "complete"]


def test_repeats_are_trained_on_request(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=2", "parallel=1", FIRST_POINTS_EQUAL, "repeats=train")
    data = run(harness, executor)
    assert len(executor.jobs) == 2
    assert data.trials["seed"].nunique() == 2


def test_other_code_is_trained(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=1", FIRST_POINTS_EQUAL)
    run(harness, executor)
    (harness.workplace / "toy_model.py").write_text("# changed\n")
    harness.close()
    harness.launch("trials=2", FIRST_POINTS_EQUAL, update_code=True)
    run(harness, executor)
    assert len(executor.jobs) == 2


def test_thirty_points_are_trained_at_most_once(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=60", "parallel=4", *GRID, TPE)
    data = run(harness, executor)
    configurations = Counter(zip(data.trials["param_x"], data.trials["param_size"], strict=True))
    assert len(data.trials) == 60
    assert len(executor.jobs) == len(configurations) <= 30


def test_resampled_configurations_are_all_different(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("trials=30", "parallel=4", *GRID, TPE, "repeats=resample")
    data = run(harness, executor)
    assert len(set(zip(data.trials["param_x"], data.trials["param_size"], strict=True))) == 30
    assert len(executor.jobs) == 30
