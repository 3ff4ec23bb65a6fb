"""The table of trials on terminals of different sizes."""

import io
from datetime import timedelta

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from rich.console import Console
from sqlalchemy import Engine

from sweep.reporting.status.selection import Selection
from sweep.reporting.status.study_status import StudyStatus, study_status
from sweep.reporting.status.terminal import show_study
from sweep.states import AttemptState
from tests.sweep.reporting.recorded_study import (
    COMPLETE,
    FAILED,
    RUNNING,
    RecordedStudy,
    minutes,
    status_of,
)

SIZES = [(80, 24), (120, 30), (200, 50)]
DECAYS = [0.999, 0.9999, 0.99995, 0.99999]


def screen(status: StudyStatus, width: int, height: int | None = None, *, all_params: bool = False) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(show_study(status, minutes(30), width, height, shows_all_params=all_params))
    return capture.get()


def recorded(engine: Engine, num_params: int, num_trials: int) -> RecordedStudy:
    """Return a study with this many hyperparameters, of which every fourth trial has failed."""
    names = ["beta", "batch_size", "optimizer", *(f"layer_{index}_units" for index in range(num_params))]
    names = names[:num_params]
    study = RecordedStudy(
        engine, metric="val_accuracy", trials=100, space={name: {} for name in names},
        budget={"hours": 72.0, "gpu_hours": 40.0},
    )  # fmt: skip
    study.change(launcher="login9 4711 abc", launcher_seen_at=minutes(30) - timedelta(seconds=4))
    choices = {
        "beta": CategoricalDistribution(DECAYS),
        "batch_size": IntDistribution(1, 512),
        "optimizer": CategoricalDistribution(["sgd", "adam"]),
    }
    for number in range(num_trials):
        values = {"beta": DECAYS[number % 4], "batch_size": 32 * (number % 3 + 1), "optimizer": "sgd"}
        params = {
            name: (values[name], choices[name])
            if name in values
            else (number / 7, FloatDistribution(0.0, 100.0))
            for name in names
        }
        job = {"job_id": f"login9:{number + 1000}:1795626926", "host": "node0017"}
        attempt = RUNNING if number >= num_trials - 2 else FAILED if number % 4 == 3 else COMPLETE
        failure = {"ended_at": minutes(25), "error": f"ValueError: loss is NaN in step {number}"}
        study.add(
            {**attempt, **job, **(failure if attempt is FAILED else {})},
            value=0.9 + number / 1000 if attempt is COMPLETE else None,
            params=params,
        )
    return study


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("num_params", [3, 25])
def test_screen_fits_on_the_terminal(engine: Engine, width: int, height: int, num_params: int) -> None:
    status = status_of(recorded(engine, num_params, num_trials=height + 4), num_shown=height)
    lines = screen(status, width, height).splitlines()
    assert len(lines) < height
    assert max(len(line.rstrip()) for line in lines) <= width
    header = next(line for line in lines if line.startswith("trial  "))
    assert "val_accuracy" in header
    assert not any(line.rstrip().endswith("…") for line in lines)
    assert any("ValueError: loss is NaN in step" in line for line in lines)


def header_of(engine: Engine, num_params: int, width: int) -> list[str]:
    status = status_of(recorded(engine, num_params, num_trials=9), num_shown=9)
    return next(line for line in screen(status, width).splitlines() if line.startswith("trial  ")).split()


def test_jobs_and_nodes_are_dropped_before_hyperparameters(engine: Engine) -> None:
    params = ["beta", "batch_size", "optimizer"]
    assert header_of(engine, 3, 200) == [
        "trial", "state", "attempt", "job", "node", "epoch", "val_accuracy", *params, "time",
    ]  # fmt: skip


def test_narrow_terminal_shows_hyperparameters_instead_of_jobs(engine: Engine) -> None:
    header = header_of(engine, 3, 90)
    assert header == ["trial", "state", "epoch", "val_accuracy", "beta", "batch_size", "optimizer", "time"]


def test_hyperparameters_are_shown_as_far_as_they_fit(engine: Engine) -> None:
    status = status_of(recorded(engine, 25, num_trials=9), num_shown=9)
    shown = screen(status, 120)
    assert "more hyperparameters not shown; use --params" in shown
    assert "layer_21_units" not in shown
    complete = screen(status, 120, all_params=True)
    assert all(f"layer_{index}_units" in complete for index in range(22))
    assert max(len(line.rstrip()) for line in complete.splitlines()) <= 120
    assert "more hyperparameters" not in complete


def test_choices_are_told_apart_by_value(engine: Engine) -> None:
    shown = screen(status_of(recorded(engine, 1, num_trials=9)), 200)
    assert {"0.999", "0.9999", "0.99995", "0.99999"} <= set(shown.split())


def test_local_job_is_shown_by_its_process(engine: Engine) -> None:
    shown = screen(status_of(recorded(engine, 1, num_trials=9)), 200)
    assert "1004" in shown.split()
    assert "1795626926" not in shown


def test_long_names_that_are_alike_are_told_apart(engine: Engine) -> None:
    names = [f"encoder_layer_{number}_attention_dropout" for number in (1, 2)]
    study = RecordedStudy(engine, space={name: {} for name in names})
    params = {name: (0.5, FloatDistribution(0.0, 1.0)) for name in names}
    study.add(COMPLETE, value=1.0, params=params)
    assert all(name in screen(status_of(study), 200) for name in names)


def test_every_error_of_selected_failed_trials_is_shown(engine: Engine) -> None:
    study = recorded(engine, 3, num_trials=40)
    status = study_status(study.engine, study.id, minutes(30), 50, Selection(state=AttemptState.FAILED))
    lines = screen(status, 120, 50).splitlines()
    assert sum("ValueError" in line for line in lines) == len(status.trials) == 9
    assert "9 trials selected" in lines[-1]


def test_names_and_choices_are_shown_literally(engine: Engine) -> None:
    name, choice = "[bold]\x1b[2J", "\u202e[red]\n"
    study = RecordedStudy(engine, space={name: {}})
    study.add(COMPLETE, value=1.0, params={name: (choice, CategoricalDistribution([choice]))})
    shown = screen(status_of(study), 200)
    assert r"[bold]\x1b[2J" in shown
    assert r"\u202e[red]\n" in shown
    assert not set(shown) & {"\x1b", "\u202e"}
