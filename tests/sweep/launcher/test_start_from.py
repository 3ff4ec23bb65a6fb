"""Studies that start from the best trials of an earlier one."""

import optuna
import pytest

from sweep.errors import InputError
from sweep.states import JobState
from tests.sweep.launcher.harness import FakeExecutor, LauncherHarness

pytestmark = pytest.mark.slow

START = "start_from={study: old, top: 2}"


@pytest.fixture
def old_study(workplace: object) -> optuna.Study:
    """Return a study that plain Optuna has created in the same database, with a wider space."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="old", storage="sqlite:///sweep.db", direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_categorical("color", ["red", "blue"])
        return trial.suggest_float("x", 0.0, 2.0)

    for x in (0.5, 0.9, 0.9, 1.5, 0.1):
        study.enqueue_trial({"x": x, "color": "red"})
    study.optimize(objective, n_trials=5)
    return study


def proposed(harness: LauncherHarness) -> list[float]:
    return harness.read().trials["param_x"].tolist()


def test_best_trials_are_tried_first(
    harness: LauncherHarness, old_study: optuna.Study, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.launch(START, "trials=4", "parallel=3", "enqueue=[{x: 0.3}]").step()
    assert proposed(harness)[:3] == [0.3, 0.9, 0.5]
    assert "start from study old: 2 points, of trials 1, 0" in caplog.text
    assert "color: part of study old only; it is ignored" in caplog.text


def test_points_are_enqueued_once_even_if_the_earlier_study_continues(
    harness: LauncherHarness, old_study: optuna.Study
) -> None:
    harness.launch(START, "trials=2", "parallel=2").step()
    old_study.add_trial(
        optuna.trial.create_trial(
            params={"x": 0.99}, distributions={"x": optuna.distributions.FloatDistribution(0, 2)}, value=9.0
        )
    )
    harness.relaunch(START, "trials=3", "parallel=3").step()
    assert proposed(harness)[:2] == [0.9, 0.5]
    assert 0.99 not in proposed(harness)


def test_interrupted_launch_enqueues_the_remaining_points(
    harness: LauncherHarness, old_study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        original = optuna.Study.enqueue_trial

        def enqueue_and_crash(study: optuna.Study, *arguments: object, **options: object) -> None:
            original(study, *arguments, **options)  # type: ignore[arg-type]
            raise KeyboardInterrupt

        patch.setattr(optuna.Study, "enqueue_trial", enqueue_and_crash)
        with pytest.raises(KeyboardInterrupt):
            harness.launch(START, "trials=2", "parallel=2")
    harness.relaunch(START, "trials=2", "parallel=2").step()
    assert proposed(harness) == [0.9, 0.5]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("start_from={study: older}",), 'has no study "older"; did you mean "old"?'),
        (("start_from={study: old}", "space={y: {type: int, low: 0, high: 1}}"), "that study has: color, x"),
        (("start_from={study: old, storage: 'sqlite:///other.db'}",), "there is no database"),
    ],
)
def test_study_to_start_from_must_exist_and_fit(
    harness: LauncherHarness, old_study: optuna.Study, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=r"start_from|no database") as error:
        harness.launch(*overrides)
    assert message in str(error.value)


def test_values_outside_of_the_range_are_chosen_by_the_sampler(
    harness: LauncherHarness,
    executor: FakeExecutor,
    old_study: optuna.Study,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    space = "space.color={type: categorical, choices: [red, green]}"
    harness.launch("start_from={study: old, top: 1}", "trials=1", space).step()
    (x,), (color,) = proposed(harness), harness.read().trials["param_color"]
    assert color == "red"
    assert 0 <= x <= 1
    assert "x: the sampler chooses it in 1 of 1 points" in caplog.text
    assert executor.state["1"] is JobState.PENDING
