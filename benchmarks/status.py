"""How long `sweep status` takes for a study of 10,000 trials of 50 epochs, 100 of them active.

    python -m benchmarks.status [NUM_TRIALS]

fills an SQLite database, then starts each command a few times as a user would. `sweep --help` shows how
much of it is Python's own start.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from sqlalchemy import Engine, MetaData, insert

from sweep.storage.database import connect, parse_url, upgrade
from sweep.storage.optuna_tables import optuna_storage
from sweep.storage.records import create_study
from sweep.storage.tables import AttemptRow, EpochRow, TrialRow

NUM_EPOCHS, NUM_ACTIVE = 50, 100
METRICS = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")
COMMANDS = ("--help", "status", "status --study large", "status --study large --json")
REPEATS = 5

DEFINITION = {
    "metric": "val_accuracy", "direction": "maximize", "parallel": NUM_ACTIVE, "space": {},
    "budget": {"hours": None, "gpu_hours": 50_000.0},
}  # fmt: skip
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def fill(engine: Engine, num_trials: int) -> None:
    """A study `large` of twice as many trials as there are so far; Optuna's tables first."""
    upgrade(engine)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="large", storage=optuna_storage(engine.url), direction="maximize")
    create_study(engine, "large", {**DEFINITION, "trials": 2 * num_trials}, {}, "sweeps")
    of_optuna = MetaData()
    of_optuna.reflect(engine, only=["trials", "trial_values"])
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
    """One trial's rows by table. Every tenth was pruned, every twentieth had a second attempt."""
    trial, is_pruned = number + 1, number % 10 == 0
    begin = BEGIN + timedelta(minutes=number)
    end = None if is_active else begin + timedelta(hours=1)
    state = (
        ("running", "RUNNING")
        if is_active
        else ("pruned", "PRUNED")
        if is_pruned
        else ("completed", "COMPLETE")
    )
    value = 0.9 + number % 1000 / 10_000
    yield "trials", {"trial_id": trial, "number": number, "study_id": 1, "state": state[1]}
    if state[1] == "COMPLETE":
        yield "trial_values", {"trial_id": trial, "objective": 0, "value": value, "value_type": "FINITE"}
    yield TrialRow.__tablename__, {
        "id": trial, "study_id": 1, "number": number, "optuna_trial_id": trial, "seed": number, "folder": "",
    }  # fmt: skip
    num_attempts = 2 if number % 20 == 0 else 1
    for attempt in range(1, num_attempts + 1):
        is_last = attempt == num_attempts
        yield AttemptRow.__tablename__, {
            "trial_id": trial, "number": attempt, "token": "", "state": state[0] if is_last else "failed",
            "cause": None if is_last else "preempted", "job_name": f"large-{number}-{attempt}",
            "job_id": f"{number}_{attempt}", "host": "node01", "num_gpus": 1, "submitted_at": begin,
            "started_at": begin, "ended_at": end if is_last else begin,
            "gpu_seconds": 0.0 if end is None else 3600.0, "metrics_offset": 0, "notes": {},
        }  # fmt: skip
    for epoch in range(1, NUM_EPOCHS + 1):
        for metric in METRICS:
            yield EpochRow.__tablename__, {
                "trial_id": trial, "epoch": epoch, "metric": metric, "value": value * epoch / NUM_EPOCHS,
                "reported_at": begin + timedelta(minutes=epoch),
            }  # fmt: skip


def main(num_trials: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/sweep.db"
        fill(connect(parse_url(url)), num_trials)
        size_mb = Path(folder, "sweep.db").stat().st_size / 1e6
        print(f"{num_trials:,} trials of {NUM_EPOCHS} epochs of {len(METRICS)} metrics: {size_mb:,.0f} MB")
        for command in COMMANDS:
            times = [_time(command, url) for _ in range(REPEATS)]
            wall, cpu = (median(each) for each in zip(*times, strict=True))
            print(f"sweep {command:35} {wall:6.2f} s, {cpu:6.2f} s of a core")


def _time(command: str, url: str) -> tuple[float, float]:
    """Seconds on the clock and of a core."""
    begin, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "sweep", *command.split()],
        env={**os.environ, "SWEEP_STORAGE": url}, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, cpu_s


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
