"""A study as data: what the database hands to reports, figures and exports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class StudyData:
    """Everything a study has recorded, one DataFrame per kind of thing.

    trials: one row a trial. number (int), state ("complete" | "pruned" | "failed" | "running" | "waiting"),
    value (NaN when none), param_NAME for each searched parameter, final_METRIC for each final metric with
    the objective among them, num_epochs, num_attempts, cause, error (last line of the traceback), seed,
    host, gpu, job_id, started_at, ended_at (UTC or NaT), duration_s, gpu_seconds, folder.

    epochs: one row a trial and epoch. number, epoch (from 1), then a column a metric, NaN where not reported.

    attempts: one row an attempt. number, attempt, token, state ("submitting" | "pending" | "running" |
    "completed" | "pruned" | "failed"), cause, job_id, host, gpu, submitted_at, started_at, ended_at,
    gpu_seconds, notes (a dict of what the train function noted). The folder of an attempt is its trial's
    folder / attempt-ATTEMPT-TOKEN.
    """

    name: str
    metric: str
    direction: str  # "maximize" | "minimize"
    definition: Mapping[str, Any]  # the study file as launched
    provenance: Mapping[str, Any]  # git_commit, git_dirty, data_sha256, packages, python, command, ...
    trials: pd.DataFrame
    epochs: pd.DataFrame
    attempts: pd.DataFrame
    evaluation: "StudyData | None" = None  # what `sweep evaluate` recorded of it
