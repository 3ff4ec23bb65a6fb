"""The rules that end a study before all of its trials have been proposed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.definition.stop_when import StopWhen
from sweep.goals import Objective
from sweep.launcher.early_stop import estimated_regret, num_ended_since, reason_to_stop_early
from sweep.reporting.findings import findings
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

SCORE = Objective("score", "maximize")
START = datetime(2026, 1, 1)


def ended(order: Sequence[int], values: Sequence[float | None]) -> list[FrozenTrial]:
    """Return trials that ended in an order; None as a value is a pruned trial."""
    trials = []
    for number, (place, value) in enumerate(zip(order, values, strict=True)):
        trial = create_trial(state=TrialState.PRUNED if value is None else TrialState.COMPLETE, value=value)
        trial.number, trial.datetime_complete = number, START + timedelta(minutes=place)
        trials.append(trial)
    return trials


def best_of(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [max((trial for trial in trials if trial.value is not None), key=lambda trial: trial.values[0])]


def test_trials_are_counted_in_the_order_in_which_they_ended() -> None:
    trials = ended([3, 1, 2, 4], [0.9, 0.5, None, None])
    assert num_ended_since(trials, best_of(trials)) == 1
    failed = create_trial(state=TrialState.FAIL)
    failed.datetime_complete = START + timedelta(minutes=9)
    assert num_ended_since([*trials, failed], best_of(trials)) == 1


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (StopWhen(), None),
        (StopWhen(no_better_for=3), None),
        (StopWhen(no_better_for=2), "2 trials have ended without an improvement"),
        (StopWhen(reached=0.95), None),
        (StopWhen(reached=0.9), "score has reached 0.9 (0.9 in trial 0)"),
        (StopWhen(regret_below=1.0), None),  # fewer than 20 trials
    ],
)
def test_first_rule_that_holds_is_the_reason(rules: StopWhen, reason: str | None) -> None:
    trials = ended([1, 2, 3], [0.9, 0.5, None])
    assert reason_to_stop_early(rules, trials, best_of(trials), SCORE) == reason


def test_target_of_an_objective_to_minimize_is_an_upper_limit() -> None:
    trials = ended([1], [0.2])
    loss = Objective("loss", "minimize")
    assert reason_to_stop_early(StopWhen(reached=0.1), trials, trials, loss) is None
    assert reason_to_stop_early(StopWhen(reached=0.3), trials, trials, loss) is not None


def test_regret_is_small_once_the_optimum_is_known() -> None:
    pytest.importorskip("torch")

    def trials(num: int) -> list[FrozenTrial]:
        distributions = {"x": FloatDistribution(0, 1)}
        points = np.linspace(0, 1, num)
        return [
            create_trial(value=-float(x**2), params={"x": float(x)}, distributions=distributions)
            for x in points
        ]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    few, many = estimated_regret(trials(20), SCORE), estimated_regret(trials(60), SCORE)
    assert few is not None
    assert many is not None
    assert many < few < 1
    assert estimated_regret(trials(19), SCORE) is None


def test_study_ends_early_and_says_so_in_status_and_report(
    harness: LauncherHarness, executor: FakeExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.launch("trials=10", "parallel=1", "stop_when.no_better_for=2")
    harness.step()
    for job_id, score in (("1", 0.9), ("2", 0.5), ("3", 0.4)):
        executor.begin(job_id)
        executor.end(job_id, score=score)
        harness.step()
    reason = "2 trials have ended without an improvement, which saves 7 of 10 trials"
    assert harness.states() == ["complete"] * 3
    assert f"no more trials: {reason}" in caplog.text
    assert f"The study ended early: {reason}." in findings(harness.read())
    shown = harness.shown_status()
    assert f"early: {reason}" in shown
    assert "nothing is left to do" in shown
    # Another rule continues the study.
    harness.relaunch("trials=10", "parallel=1", "stop_when.no_better_for=9").step()
    assert harness.read().stopped_early is None
    assert harness.states() == ["complete"] * 3 + ["running"]
