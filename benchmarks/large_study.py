"""Record a large study in a database as a launcher would record it, without any training."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import FloatDistribution, distribution_to_json
from sqlalchemy import Engine, MetaData, insert

from sweep.definition.study import Study
from sweep.storage.database import upgrade
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.studies import create_study
from sweep.storage.study_definition import definition_of
from sweep.storage.tables import AttemptRow, EpochRow, TrialRow

NUM_EPOCHS, NUM_ACTIVE = 50, 100
METRICS = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")

SPACE = {name: {"type": "float", "low": 0.0, "high": 1.0} for name in ("a", "b", "c", "d", "e")}
DISTRIBUTION = distribution_to_json(FloatDistribution(0.0, 1.0))
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def study(num_trials: int) -> Study:
    """Create the definition of a study of `num_trials` trials."""
    return Study.model_validate(
        {
            "name": "large", "train": "large_model:train", "metric": "val_accuracy", "direction": "maximize",
            "trials": num_trials, "parallel": NUM_ACTIVE, "space": SPACE, "budget": {"gpu_hours": 50_000.0},
            "pruner": {"name": "median"},
        }
    )  # fmt: skip


def fill(engine: Engine, num_trials: int, workdir: str = "sweeps") -> None:
    """Record the first half of the trials of a study.

    Args:
        engine: The database, which must be empty.
        num_trials: The number of trials to record. The last NUM_ACTIVE of them are active.
        workdir: The recorded folder of the study. The trials' folders are not created.
    """
    upgrade(engine)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with optuna_storage(engine.url) as storage:
        optuna.create_study(study_name="large", storage=storage, direction="maximize")
    create_study(engine, "large", definition_of(study(2 * num_trials)), {}, workdir)
    of_optuna = MetaData()
    of_optuna.reflect(engine, only=["trials", "trial_values", "trial_params", "trial_intermediate_values"])
    tables = {
        **of_optuna.tables,
        **{row.__tablename__: row.__table__ for row in (TrialRow, AttemptRow, EpochRow)},
    }
    with engine.begin() as connection:
        for first in range(0, num_trials, 1000):
            rows: dict[str, list[dict[str, Any]]] = {}
            for number in range(first, min(first + 1000, num_trials)):
                for name, row in _rows(number, is_active=number >= num_trials - NUM_ACTIVE):
                    rows.setdefault(name, []).append(row)
            for name, of_table in rows.items():
                connection.execute(insert(tables[name]), of_table)


def _rows(number: int, is_active: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Generate the rows of one trial, each with the name of its table.

    Every tenth trial is pruned, and every twentieth trial has a second attempt.
    """
    trial, is_pruned = number + 1, number % 10 == 0
    begin = BEGIN + timedelta(minutes=number)
    end = None if is_active else begin + timedelta(hours=1)
    state = (
        ("running", "RUNNING")
        if is_active
        else ("pruned", "PRUNED")
        if is_pruned
        else ("complete", "COMPLETE")
    )
    value = 0.9 + number % 1000 / 10_000
    yield "trials", {"trial_id": trial, "number": number, "study_id": 1, "state": state[1]}
    if state[1] == "COMPLETE":
        yield "trial_values", {"trial_id": trial, "objective": 0, "value": value, "value_type": "FINITE"}
    for name in SPACE:
        yield "trial_params", {
            "trial_id": trial, "param_name": name, "param_value": number * 0.618 % 1,
            "distribution_json": DISTRIBUTION,
        }  # fmt: skip
    for epoch in range(1, NUM_EPOCHS + 1):
        yield "trial_intermediate_values", {
            "trial_id": trial, "step": epoch, "intermediate_value": value * epoch / NUM_EPOCHS,
            "intermediate_value_type": "FINITE",
        }  # fmt: skip
    yield TrialRow.__tablename__, {
        "id": trial, "study_id": 1, "number": number, "optuna_trial_id": trial, "seed": number,
        "folder": f"sweeps/large/{number:05d}",
    }  # fmt: skip
    num_attempts = 2 if number % 20 == 0 else 1
    for attempt in range(1, num_attempts + 1):
        is_last = attempt == num_attempts
        yield AttemptRow.__tablename__, {
            "trial_id": trial, "number": attempt, "token": "", "state": state[0] if is_last else "failed",
            "cause": None if is_last else "preempted", "job_name": f"large-{number}-{attempt}.0",
            "job_size": 1, "is_cost_final": not is_active, "job_id": f"{number}_{attempt}", "host": "node01",
            "num_gpus": 1, "submitted_at": begin,
            "started_at": begin, "ended_at": end if is_last else begin,
            "gpu_seconds": 0.0 if end is None else 3600.0, "metrics_offset": 0, "notes": {},
        }  # fmt: skip
    for epoch in range(1, NUM_EPOCHS + 1):
        for metric in METRICS:
            yield EpochRow.__tablename__, {
                "trial_id": trial, "epoch": epoch, "metric": metric, "value": value * epoch / NUM_EPOCHS,
                "reported_at": begin + timedelta(minutes=epoch),
            }  # fmt: skip
