"""A recorded study as DataFrames, for reports, figures and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sweep.definition.study import Study
    from sweep.storage.code_version import CodeVersion

TRIAL_STATES = ("complete", "pruned", "running", "waiting", "failed")
"""The states of a trial in the order in which reports list them."""


@dataclass(frozen=True)
class StudyData:
    """Everything that the database has recorded about a study.

    The frames are not changed once the object exists: the ranking of the trials is computed once.

    Attributes:
        study: The study as it was last launched.
        provenance: Where the results come from: `git_commit`, `git_dirty`, `data_sha256`, `command`, and the
            `python` and `packages` of the newest attempt that has started.
        trials: One row per trial, with the columns `number` (int), `state` (one of `TRIAL_STATES`), `value`
            (NaN if there is none), `param_NAME` for each searched hyperparameter, `final_METRIC` for each
            final metric including the objective, `num_epochs`, `num_attempts`, `cause`, `error` (the last
            line of the traceback), `seed`, `host`, `gpu`, `job_id`, `started_at`, `ended_at` (UTC or NaT),
            `duration_s`, `gpu_seconds`, `folder` and `snapshot` (the digest of the snapshot of the code).
        epochs: One row per trial and epoch, with the columns `number`, `epoch` (from 1) and one column per
            metric, NaN where it was not reported.
        attempts: One row per attempt, with the columns `number`, `attempt`, `token`, `state` (an
            `AttemptState`), `cause`, `job_id`, `host`, `gpu`, `submitted_at`, `started_at`, `ended_at`,
            `gpu_seconds`, `notes` (a dict of what the train function noted) and `snapshot`.
        baselines: Published results, as the study's `baselines` function returned them; None without any.
        evaluation: The study that `sweep evaluate` recorded for this one; None if there is none.
        code: The snapshots of the code that trials ran, the oldest first; without trials of earlier versions.
    """

    study: Study
    provenance: Mapping[str, Any]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    attempts: pd.DataFrame
    baselines: Mapping[str, Any] | None = None
    evaluation: StudyData | None = None
    code: Sequence[CodeVersion] = ()

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.study.name

    @property
    def metric(self) -> str:
        """The metric that is the objective."""
        return self.study.metric

    @property
    def direction(self) -> str:
        """The direction of the objective: "maximize" or "minimize"."""
        return self.study.direction

    @cached_property
    def ranked_trials(self) -> pd.DataFrame:
        """All trials in the order of `TRIAL_STATES`, the best first within each state."""
        loss = self.trials["value"].astype(float) * (-1 if self.direction == "maximize" else 1)
        order = pd.DataFrame(
            {
                "state": self.trials["state"].map(TRIAL_STATES.index),
                "loss": loss.where(np.isfinite(loss)),
                "number": self.trials["number"],
            }
        )
        return self.trials.loc[order.sort_values(["state", "loss", "number"], na_position="last").index]

    @cached_property
    def complete_trials(self) -> pd.DataFrame:
        """The complete trials with a finite value, best first."""
        trials = self.ranked_trials
        return trials[(trials["state"] == "complete") & np.isfinite(trials["value"].astype(float))]
