"""Launching studies with several objectives and constraints."""

import logging
from datetime import timedelta

import optuna
import pytest
from sqlalchemy.orm import Session

from sweep.launcher import proposals
from sweep.states import Cause, JobState, Outcome
from sweep.storage.database import connect
from sweep.storage.studies import get_study
from sweep.storage.tables import StudyRow
from sweep.worker.documents import Result
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness

TWO = (
    "metric=null",
    "direction=null",
    "objectives=[{metric: score, direction: maximize}, {metric: train_seconds, direction: minimize}]",
)
SMALL = "constraints=[{metric: size, at_most: 3}]"


def of_optuna() -> optuna.Study:
    return optuna.load_study(study_name="toy", storage="sqlite:///sweep.db")


def run_one(
    harness: LauncherHarness, executor: FakeExecutor, job_id: str, score: float, seconds: float
) -> None:
    """Run the next trial: it takes a number of seconds, by the clock of its node, and returns a score."""
    harness.step()
    start = harness.clock.now()
    executor.begin(job_id, at=start)
    executor.report(job_id, score)
    harness.clock.sleep(seconds)
    executor.end(job_id, score=score, at=start + timedelta(seconds=seconds))
    harness.step()


def test_values_and_the_front_are_those_of_optuna(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    harness.launch(*TWO, "parallel=1")
    for job_id, score, seconds in (("1", 0.5, 10.0), ("2", 0.9, 30.0), ("3", 0.4, 20.0), ("4", 0.5, 5.0)):
        run_one(harness, executor, job_id, score, seconds)
    study = of_optuna()
    assert [trial.values for trial in study.trials] == [[0.5, 10.0], [0.9, 30.0], [0.4, 20.0], [0.5, 5.0]]
    assert [trial.number for trial in study.best_trials] == [1, 3]
    assert not any(trial.intermediate_values for trial in study.trials)
    data = harness.read()
    assert data.best_trials["number"].tolist() == [1, 3]
    assert data.trials["final_train_seconds"].tolist() == [10.0, 30.0, 20.0, 5.0]
    assert "trial 1: complete, score = 0.9, train_seconds = 30 (on the Pareto front so far)" in caplog.text
    assert "trial 2: complete, score = 0.4, train_seconds = 20\n" in caplog.text


def test_measurements_cover_all_attempts(harness: LauncherHarness, executor: FakeExecutor) -> None:
    objectives = TWO[2].replace("score, direction: maximize", "gpu_seconds, direction: minimize")
    harness.launch(*TWO[:2], objectives, "parallel=1", "trials=1")
    harness.step()
    executor.begin("1", at=harness.clock.now())
    harness.step()
    harness.clock.sleep(39.0)
    executor.state["1"] = JobState.PREEMPTED
    executor.elapsed_s["1"] = 40.0
    harness.step()
    run_one(harness, executor, "2", score=0.5, seconds=20.0)
    (trial,) = of_optuna().trials
    assert trial.values == [pytest.approx(60.0, abs=2), pytest.approx(60.0, abs=2)]


def test_violations_are_stored_where_samplers_and_the_dashboard_read_them(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    harness.launch(SMALL.replace("3", "2.5"), "parallel=1", "trials=1")
    caplog.set_level(logging.INFO)
    run_one(harness, executor, "1", score=0.5, seconds=1.0)
    (trial,) = of_optuna().trials
    assert trial.system_attrs["constraints"] == [0.5]  # what the dashboard reads
    assert trial.constraints == {"0": 0.5}  # what the samplers read
    assert "complete, score = 0.5; violates size at most 2.5" in caplog.text
    assert harness.launcher.proposals.best() == []
    assert harness.read().best_trials.empty


def test_best_trial_satisfies_the_constraints(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("constraints=[{metric: score, at_most: 0.8}]", "parallel=1")
    for job_id, score in (("1", 0.5), ("2", 0.9), ("3", 0.7)):
        run_one(harness, executor, job_id, score, 1.0)
    assert [trial.number for trial in harness.launcher.proposals.best()] == [2]
    assert harness.read().best_trials["number"].tolist() == [2]
    study = of_optuna()
    attributes = study._storage.get_study_system_attrs(study._study_id)
    notes = [key for key in attributes if key.endswith("note_str:0")]
    assert len(notes) == 2  # of the trials that were the best when they ended


@pytest.mark.parametrize("after", ["record_violations", "tell"])
def test_crash_while_a_trial_ends_changes_nothing(
    harness: LauncherHarness, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    harness.launch(*TWO, SMALL, "parallel=1", "trials=1")
    harness.step()
    executor.begin("1", at=harness.clock.now())
    executor.end("1", score=0.5, at=harness.clock.now() + timedelta(seconds=1))
    harness.clock.sleep(5)
    owner, name = (proposals, after) if after == "record_violations" else (proposals.Proposals, after)
    original = getattr(owner, name)

    def and_die(*arguments: object) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, and_die)
        with pytest.raises(KeyboardInterrupt):
            harness.step()
    harness.relaunch(*TWO, SMALL, "parallel=1", "trials=1").step()
    (trial,) = of_optuna().trials
    assert (trial.values, trial.constraints) == ([0.5, 1.0], {"0": 0.0})
    assert harness.states() == ["complete"]


def test_result_without_the_measured_memory_fails(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("constraints=[{metric: peak_memory_gb, at_most: 1}]", "parallel=1", "trials=1")
    run_one(harness, executor, "1", score=0.5, seconds=1.0)  # as the worker of an earlier version ends
    assert harness.attempts() == [(0, 1, "failed", "error")]


def test_measured_memory_is_recorded(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("constraints=[{metric: peak_memory_gb, at_most: 1}]", "parallel=1", "trials=1")
    harness.step()
    executor.begin("1", at=harness.clock.now())
    folder = executor.attempt("1")
    token = folder.read_spec().token
    folder.write_result(Result(token, Outcome.COMPLETE, 200.0, {"score": 0.5}, peak_memory_gb=1.5))
    executor.state["1"] = JobState.COMPLETE
    harness.step()
    data = harness.read()
    assert data.trials["final_peak_memory_gb"].tolist() == [1.5]
    assert data.complete_trials.empty


def test_failed_trials_have_no_values(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch(*TWO, SMALL, "parallel=1", "trials=1")
    harness.step()
    executor.begin("1")
    executor.end("1", outcome=Outcome.FAILED, cause=Cause.ERROR)
    harness.step()
    (trial,) = of_optuna().trials
    assert (trial.state, trial.values, trial.constraints) == (optuna.trial.TrialState.FAIL, None, {})


def test_study_of_an_earlier_version_continues(harness: LauncherHarness, executor: FakeExecutor) -> None:
    harness.launch("parallel=1", "trials=1")
    run_one(harness, executor, "1", score=0.5, seconds=1.0)
    harness.close()
    engine = connect(URL)
    row = get_study(engine, "toy")
    earlier = {
        key: value for key, value in row.definition.items() if key not in {"objectives", "constraints"}
    }
    with Session(engine) as session:
        session.get_one(StudyRow, row.id).definition = earlier
        session.commit()
    engine.dispose()
    harness.launch("parallel=1", "trials=2")
    run_one(harness, executor, "2", score=0.7, seconds=1.0)
    assert harness.read().trials["value"].tolist() == [0.5, 0.7]
