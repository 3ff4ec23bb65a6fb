"""The summary of a study in a few numbers."""

from typing import Any, NamedTuple

import pandas as pd

from sweep.reporting.formatting import NONE, format_count, format_duration
from sweep.reporting.params import params_of_trial
from sweep.storage.study_data import TRIAL_STATES, StudyData


class Summary(NamedTuple):
    """The best trial, the trials by state, and the cost of the study.

    Attributes:
        best: The row of the best trial; None if no complete trial satisfies the constraints, or if there are
            several objectives.
        best_params: The searched hyperparameters that the best trial has.
        best_cost: The duration, node, GPU and GPU hours of the best trial.
        num_by_state: The number of trials in each state that occurs.
        started: When the first attempt started.
        ended: When the last attempt ended.
        elapsed: The time between the two.
        trial_time: The sum of the durations of all trials.
        gpu_hours: The GPU hours of all attempts.
    """

    best: dict[Any, Any] | None
    best_params: dict[str, Any]
    best_cost: str
    num_by_state: dict[str, int]
    started: str
    ended: str
    elapsed: str
    trial_time: str
    gpu_hours: str


def summarize(data: StudyData) -> Summary:
    """Return the summary of a study."""
    trials = data.trials
    best = next(iter(data.best_trials.to_dict("records")), None) if data.goals.is_single else None
    counts = trials["state"].value_counts()
    started = pd.to_datetime(trials["started_at"], utc=True).min()
    ended = pd.to_datetime(trials["ended_at"], utc=True).max()
    return Summary(
        best=best,
        best_params=params_of_trial(data, best) if best else {},
        best_cost=_cost_of(best) if best else NONE,
        num_by_state={state: int(counts[state]) for state in TRIAL_STATES if state in counts},
        started=_moment(started),
        ended=_moment(ended),
        elapsed=format_duration((ended - started).total_seconds()),
        trial_time=format_duration(float(trials["duration_s"].sum())),
        gpu_hours=f"{trials['gpu_seconds'].sum() / 3600:,.1f}",
    )


def _cost_of(trial: dict[Any, Any]) -> str:
    """Return the cost of a trial as far as it is known: "48 min on gpu03 (NVIDIA A100), 0.8 GPU hours"."""
    text = format_duration(float(trial["duration_s"]))
    if isinstance(trial["host"], str):
        text += f" on {trial['host']}"
    if isinstance(trial["gpu"], str):
        text += f" ({trial['gpu']})"
    hours = trial["gpu_seconds"] / 3600
    return text + (f", {hours:,.1f} GPU hours" if hours >= 0.05 else "")


def format_states(num_by_state: dict[str, int]) -> str:
    """Return the number of trials and their states: "40 trials: 31 complete, 6 pruned, 3 failed"."""
    states = ", ".join(f"{count:,} {state}" for state, count in num_by_state.items())
    return format_count(sum(num_by_state.values()), "trial") + (f": {states}" if states else "")


def _moment(moment: pd.Timestamp) -> str:
    return "" if pd.isna(moment) else f"{moment:%Y-%m-%d %H:%M}"
