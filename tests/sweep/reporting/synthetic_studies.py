"""Invented studies for the reporting tests, as they are read from a database."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from sweep.definition.goal_entries import ConstraintEntry, ObjectiveEntry
from sweep.definition.space import Entry
from sweep.definition.study import Study
from sweep.storage.study_data import StudyData

SPACE = {
    "routing_iterations": {"type": "int", "low": 1, "high": 5},
    "batch_size": {"type": "categorical", "choices": [32, 64, 100, 128, 256]},
    "lr_decay": {"type": "float", "low": 0.85, "high": 1.0},
    "decoder_coefficient": {"type": "float", "low": 0.01, "high": 1.0, "log": True},
    "augmentation": {"type": "categorical", "choices": ["none", "shift", "cutout", "shift+cutout"]},
}
STUDY = Study(
    name="kmnist",
    train="capsmodel.train:train",
    dataset="kmnist",
    metric="val_accuracy",
    direction="maximize",
    trials=60,
    space=SPACE,
    fixed={"epochs": 50, "learning_rate": 0.001},
)
START = pd.Timestamp("2025-05-03 14:00", tz="UTC")
CONFUSION = [[8, 2, 0], [1, 9, 0], [0, 0, 0]]
BASELINES = {
    "metric": "accuracy",
    "note": "Invented results; * marks an older version of the data.",
    "configurations": [
        {
            "name": "shallow",
            "params": {"epochs": 10, "routing_iterations": 1},
            "train": 0.99,
            "test": 0.91,
        },
        {
            "name": "deep",
            "params": {"epochs": 100, "augmentation": "shift"},
            "train": 0.995,
            "test": 0.94,
        },
    ],
    "results": [
        {"name": "nearest neighbours", "test": 0.921, "note": ""},
        {"name": "large network", "test": 0.9782, "note": ""},
        {"name": "ensemble", "test": 0.989, "note": "*"},
    ],
}
CAUSES = ("out_of_memory", "error", "timeout")
METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def kmnist(num_trials: int = 30, num_epochs: int = 20, seed: int = 0) -> StudyData:
    """Return a study in which one in ten trials fails and one in five is pruned."""
    random = np.random.default_rng(seed)
    trials, epochs, attempts = [], [], []
    for number in range(num_trials):
        params = _sample(random)
        state = random.choice(["complete", "pruned", "failed"], p=[0.7, 0.2, 0.1])
        num_reported = {"complete": num_epochs, "pruned": max(num_epochs // 3, 1), "failed": number % 3}[
            state
        ]
        curve = _curves(params, num_reported, random)
        final = curve[-1] if state == "complete" else dict.fromkeys(METRICS, float("nan"))
        cause = CAUSES[number % len(CAUSES)] if state == "failed" else None
        epochs += [{"number": number, "epoch": epoch + 1, **metrics} for epoch, metrics in enumerate(curve)]
        trials.append(_trial(number, state, params, final, num_reported, cause))
        attempts.append(_attempt(trials[-1], attempt=1))
        if number % 9 == 4:
            attempts.insert(-1, _preempted(attempts[-1]))
            attempts[-1]["attempt"], trials[-1]["num_attempts"] = 2, 2
            trials[-1]["gpu_seconds"] += attempts[-2]["gpu_seconds"]
    return study(trials, epochs, attempts)


def several_objectives(
    *metrics: str, num_trials: int = 30, constraints: Sequence[Mapping[str, Any]] = ()
) -> StudyData:
    """Return the study with several objectives: validation accuracy, and the others, which are minimized.

    Args:
        metrics: The other objectives; by default, the training time.
        num_trials: The number of trials.
        constraints: The constraints, as in a study file.
    """
    data = kmnist(num_trials) if num_trials else empty()
    is_complete = data.trials["state"] == "complete"
    seconds = data.trials["param_routing_iterations"] * (100 + data.trials["number"] % 7)
    trials = data.trials.drop(columns="value").assign(final_train_seconds=seconds.where(is_complete))
    return with_goals(
        dataclasses.replace(data, trials=trials), *(metrics or ("train_seconds",)), constraints=constraints
    )


def with_goals(data: StudyData, *metrics: str, constraints: Sequence[Mapping[str, Any]] = ()) -> StudyData:
    """Return the study with these constraints, and with further objectives, which are minimized."""
    own = ObjectiveEntry(metric=data.metric, direction=data.direction)
    others = (ObjectiveEntry(metric=metric, direction="minimize") for metric in metrics)
    limits = tuple(ConstraintEntry(**constraint) for constraint in constraints)
    if not metrics:
        return with_definition(data, constraints=limits)
    return with_definition(data, metric=None, direction=None, objectives=(own, *others), constraints=limits)


def one_trial() -> StudyData:
    """Return a study with one trial of one epoch."""
    return kmnist(num_trials=1, num_epochs=1, seed=1)


def empty() -> StudyData:
    """Return a study without trials: the frames have columns, but no rows."""
    full = kmnist(1)
    return study(full.trials.iloc[:0], full.epochs.iloc[:0], full.attempts.iloc[:0])


def all_failed() -> StudyData:
    """Return a study of which every trial failed."""
    trials = [
        _trial(
            number,
            "failed",
            _sample(np.random.default_rng(number)),
            dict.fromkeys(METRICS, np.nan),
            0,
            "error",
        )
        for number in range(5)
    ]
    return study(trials, empty().epochs, [_attempt(trial, attempt=1) for trial in trials])


def of_values(
    values: list[float],
    columns: dict[str, list[Any]] | None = None,
    space: dict[str, Any] | None = None,
    direction: str = "maximize",
) -> StudyData:
    """Return a study of complete trials with these objective values and hyperparameters."""
    rows = [
        _trial(number, "complete", {}, {"val_accuracy": value}, 1, None)
        for number, value in enumerate(values)
    ]
    params = {f"param_{name}": column for name, column in (columns or {}).items()}
    return study(
        pd.DataFrame(rows).assign(**params), empty().epochs, [], direction=direction, space=space or {}
    )


def sequential(name: str, values: list[float], direction: str = "maximize", **fields: Any) -> StudyData:
    """Return a study whose trials take an hour each, one after another, on one GPU."""
    data = of_values(values, direction=direction)
    hours = [pd.Timedelta(hours=number) for number in range(len(values) + 1)]
    trials = data.trials.assign(
        started_at=[START + hour for hour in hours[:-1]],
        ended_at=[START + hour for hour in hours[1:]],
        gpu_seconds=3600.0,
    )
    return with_definition(dataclasses.replace(data, trials=trials), name=name, **fields)


def evaluation(values: list[tuple[int, float]]) -> StudyData:
    """Return an evaluation of batch sizes with these test accuracies and the same confusion matrix each."""
    numbers = list(range(len(values)))
    trials = pd.DataFrame(
        {
            "number": numbers,
            "state": "complete",
            "param_batch_size": [batch_size for batch_size, _ in values],
            "value": [value for _, value in values],
        }
    )
    notes = {"confusion": json.dumps(CONFUSION)}
    attempts = pd.DataFrame({"number": numbers, "state": "complete", "notes": [notes] * len(values)})
    return with_definition(
        StudyData(STUDY, {}, trials, epochs=pd.DataFrame(), attempts=attempts),
        name="kmnist-evaluation",
        metric="test_accuracy",
        space={"batch_size": {"type": "categorical", "choices": [32, 64]}},
    )


def hostile(text: str) -> StudyData:
    """Return a study in which every name, value and message that trials or users choose is `text`."""
    data = kmnist(num_trials=30, num_epochs=10)
    metrics = {name: f"{name}{text}" for name in METRICS}
    space = {
        f"{text}a": {"type": "categorical", "choices": [text, "b"]},
        f"{text}b": {"type": "float", "low": 0.8, "high": 1.0},
    }
    params = [column for column in data.trials if column.startswith("param_")]
    trials = data.trials.drop(columns=params).rename(
        columns={f"final_{name}": f"final_{other}" for name, other in metrics.items()}
    )
    number = trials["number"]
    trials = trials.assign(
        **{f"param_{text}a": [text if each % 3 else "b" for each in number]},
        **{f"param_{text}b": data.trials["param_lr_decay"]},
        error=text,
        host=text,
        gpu=text,
        job_id=text,
        folder=f"/nowhere/{text.replace(chr(0), '')}",
    )
    hosts = [f"{text}{each % 3}" for each in data.attempts["number"]]
    attempts = data.attempts.assign(host=hosts, gpu=text, job_id=text, notes=[{text: text}] * len(hosts))
    data = dataclasses.replace(
        data,
        trials=trials,
        epochs=data.epochs.rename(columns=metrics),
        attempts=attempts,
        provenance={text: text, "packages": {text: text}, "command": text, "git_commit": text},
        baselines=None,
    )
    return with_definition(
        data, name=text, dataset=text, metric=metrics["val_accuracy"], space=space, fixed={text: text}
    )


def with_definition(data: StudyData, **fields: Any) -> StudyData:
    """Return the study with other values for these fields of its definition.

    The entries of the space may be mappings as in a study file. Names are not checked, so that a study may
    have names that are hard to show.
    """
    if "space" in fields:
        fields["space"] = TypeAdapter(dict[str, Entry]).validate_python(fields["space"])
    return dataclasses.replace(data, study=data.study.model_copy(update=fields))


def with_baselines(data: StudyData) -> StudyData:
    """Return the study with invented published results."""
    return dataclasses.replace(data, baselines=BASELINES)


def study(trials: Any, epochs: Any, attempts: Any, **fields: Any) -> StudyData:
    """Return a study with these rows, and with other values for these fields of its definition."""
    data = StudyData(
        study=STUDY,
        provenance={
            "git_commit": "3f9a1c07d2c84a5b9e0f6d1c2b3a495867768594",
            "git_dirty": False,
            "data_sha256": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "python": "3.11.9",
            "packages": {"keras": "3.15.0", "tensorflow": "2.21.0", "optuna": "5.0.0"},
            "command": "sweep launch --study kmnist --storage postgresql+psycopg://me:hunter2@db/sweep",
        },
        trials=pd.DataFrame(trials),
        epochs=pd.DataFrame(epochs, columns=["number", "epoch", *METRICS]),
        attempts=pd.DataFrame(attempts, columns=list(_attempt(_trial(0, "failed", {}, {}, 0, None), 1))),
    )
    return with_definition(data, **fields)


def _sample(random: np.random.Generator) -> dict[str, Any]:
    return {
        "routing_iterations": int(random.integers(1, 6)),
        "batch_size": int(random.choice([32, 64, 100, 128, 256])),
        "lr_decay": float(random.uniform(0.85, 1.0)),
        "decoder_coefficient": float(10 ** random.uniform(-2, 0)),
        "augmentation": str(random.choice(["none", "shift", "cutout", "shift+cutout"])),
    }


def _curves(params: dict[str, Any], num_epochs: int, random: np.random.Generator) -> list[dict[str, float]]:
    """Return saturating curves; augmentation improves validation most, and then the decay of the rate."""
    augmented = {"none": 0.0, "shift": 0.012, "cutout": 0.008, "shift+cutout": 0.024}[params["augmentation"]]
    level = (
        0.952
        + augmented
        - 0.5 * (params["lr_decay"] - 0.94) ** 2
        - 0.002 * abs(params["routing_iterations"] - 3)
    )
    rate = 0.25 + 8 / params["batch_size"]
    curves = []
    for epoch in range(1, num_epochs + 1):
        gap = 0.55 * np.exp(-rate * epoch) + abs(random.normal(0, 0.002))
        val, train = level - gap, min(1 - augmented / 3 - 0.8 * gap, 0.9999)
        curves.append(
            {
                "train_loss": float(2 * (1 - train) + 0.01),
                "train_accuracy": float(train),
                "val_loss": float(2 * (1 - val) + 0.02),
                "val_accuracy": float(val),
            }
        )
    return curves


def _trial(
    number: int,
    state: str,
    params: dict[str, Any],
    final: dict[str, float],
    num_epochs: int,
    cause: str | None,
) -> dict[str, Any]:
    started = START + pd.Timedelta(minutes=9 * number)
    duration_s = 80.0 * num_epochs + 45
    return {
        "number": number,
        "state": state,
        "value": final.get("val_accuracy", float("nan")),
        **{f"param_{name}": value for name, value in params.items()},
        **{f"final_{metric}": value for metric, value in final.items()},
        "num_epochs": num_epochs,
        "num_attempts": 1,
        "cause": cause,
        "error": f"ValueError: diverged in trial {number}" if cause == "error" else None,
        "seed": number,
        "host": f"gpu{number % 8:02d}",
        "gpu": "NVIDIA A100",
        "job_id": str(4_100_000 + number),
        "started_at": started,
        "ended_at": started + pd.Timedelta(seconds=duration_s),
        "duration_s": duration_s,
        "gpu_seconds": duration_s,
        "folder": f"/scratch/me/sweeps/kmnist/{number:05d}",
    }


def _preempted(attempt: dict[str, Any]) -> dict[str, Any]:
    """Return the attempt before this one, which was preempted on another node."""
    ended = attempt["submitted_at"]
    started = ended - pd.Timedelta(minutes=25)
    return {
        **attempt,
        "state": "failed",
        "cause": "preempted",
        "token": "0c17d2e8",
        "host": f"gpu{(attempt['number'] + 3) % 8:02d}",
        "submitted_at": started - pd.Timedelta(minutes=4),
        "started_at": started,
        "ended_at": ended,
        "gpu_seconds": 1500.0,
    }


def _attempt(trial: dict[str, Any], attempt: int) -> dict[str, Any]:
    shared = ("number", "cause", "job_id", "host", "gpu", "started_at", "ended_at", "gpu_seconds")
    return {
        "attempt": attempt,
        "token": "9f3c21ab",
        "state": trial["state"],
        **{key: trial[key] for key in shared},
        "submitted_at": trial["started_at"] - pd.Timedelta(minutes=2),
    }
