"""A recorded study as DataFrames, for reports, figures and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep.storage.pareto import nondomination_ranks

if TYPE_CHECKING:
    from sweep.definition.study import Study
    from sweep.goals import Direction, Goals, Objective
    from sweep.storage.code_version import CodeVersion

TRIAL_STATES = ("complete", "pruned", "running", "waiting", "failed")
"""The states of a trial in the order in which reports list them."""


@dataclass(frozen=True, eq=False)
class StudyData:
    """Everything that the database has recorded about a study.

    The frames are not changed once the object exists: the ranking of the trials is computed once. An object
    is equal to itself only.

    Attributes:
        study: The study as it was last launched.
        provenance: Where the results come from: `git_commit`, `git_dirty`, `data_sha256`, `command`, and the
            `python` and `packages` of the newest attempt that has started.
        trials: One row per trial, with the columns `number` (int), `state` (one of `TRIAL_STATES`), `value`
            of the objective (NaN if there is none; no such column with several objectives), `param_NAME` for
            each searched hyperparameter, `final_METRIC` for each final metric including the objectives,
            `num_epochs`, `num_attempts`, `cause`, `error` (the last line of the traceback), `seed`, `host`,
            `gpu`, `job_id`, `started_at`, `ended_at` (UTC or NaT), `duration_s`, `gpu_seconds`, `folder`,
            `snapshot` (the digest of the snapshot of the code) and `repeats` (the number of the trial whose
            result the trial has taken over without being trained).
        epochs: One row per trial and epoch, with the columns `number`, `epoch` (from 1) and one column per
            metric, NaN where it was not reported.
        attempts: One row per attempt, with the columns `number`, `attempt`, `token`, `state` (an
            `AttemptState`), `cause`, `job_id`, `host`, `gpu`, `submitted_at`, `started_at`, `ended_at`,
            `gpu_seconds`, `notes` (a dict of what the train function noted) and `snapshot`.
        baselines: Published results, as the study's `baselines` function returned them; None without any.
        evaluation: The study that `sweep evaluate` recorded for this one; None if there is none.
        code: The snapshots of the code that trials ran, the oldest first; without trials of earlier versions.
        stopped_early: Why the study's rules have ended it early; None if they have not.
    """

    study: Study
    provenance: Mapping[str, Any]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    attempts: pd.DataFrame
    baselines: Mapping[str, Any] | None = None
    evaluation: StudyData | None = None
    code: Sequence[CodeVersion] = ()
    stopped_early: str | None = None

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.study.name

    @property
    def goals(self) -> Goals:
        """The objectives and constraints of the study."""
        return self.study.goals

    @property
    def metric(self) -> str:
        """The metric of the objective, of the first one if there are several."""
        return self.goals.objectives[0].metric

    @property
    def direction(self) -> Direction:
        """The direction of the objective, of the first one if there are several."""
        return self.goals.objectives[0].direction

    @cached_property
    def by_objective(self) -> Sequence[StudyData]:
        """For each objective, the study as if it were the only one; the study itself if there is only one."""
        if self.goals.is_single:
            return (self,)
        evaluations = (
            [None] * len(self.goals.objectives) if self.evaluation is None else self.evaluation.by_objective
        )
        return [
            replace(
                self,
                study=self.study.model_copy(
                    update={"metric": objective.metric, "direction": objective.direction, "objectives": ()}
                ),
                trials=self.trials.assign(value=self.trials[f"final_{objective.metric}"]),
                evaluation=evaluation,
            )
            for objective, evaluation in zip(self.goals.objectives, evaluations, strict=True)
        ]

    @cached_property
    def is_feasible(self) -> pd.Series[bool]:
        """Whether each trial satisfies the constraints, as far as it has the metrics that they limit."""
        is_feasible = pd.Series(data=True, index=self.trials.index)
        for constraint in self.goals.constraints:
            column = f"final_{constraint.metric}"
            values = self.trials[column] if column in self.trials else pd.Series(np.nan, self.trials.index)
            values = values.astype(float)
            is_feasible &= values <= constraint.limit if constraint.is_upper else values >= constraint.limit
        return is_feasible

    @cached_property
    def losses(self) -> pd.DataFrame:
        """The value of each objective in each trial as a loss, in the columns 0, 1, ...; NaN without one."""
        objectives = self.goals.objectives
        columns = ["value"] if self.goals.is_single else [f"final_{each.metric}" for each in objectives]
        losses = {
            index: self.trials[column].astype(float) * objective.sign
            for index, (column, objective) in enumerate(zip(columns, objectives, strict=True))
        }
        return pd.DataFrame(losses).where(np.isfinite)

    @cached_property
    def ranks(self) -> pd.Series[float]:
        """The rank of each complete trial that satisfies the constraints, from 0; NaN for other trials.

        A trial of rank 0 is not dominated by any other. One of rank 1 is dominated by trials of rank 0 only.
        """
        is_ranked = (self.trials["state"] == "complete") & self.is_feasible & self.losses.notna().all(axis=1)
        losses = self.losses[is_ranked]
        ranks = pd.Series(nondomination_ranks(losses.to_numpy(float)), losses.index, dtype=float)
        return ranks.reindex(self.trials.index)

    @cached_property
    def ranked_trials(self) -> pd.DataFrame:
        """All trials in the order of `TRIAL_STATES`, the best first within each state.

        With several objectives, the trials of the Pareto front come first, in the order of the first
        objective. Complete trials that violate a constraint come after the others.
        """
        order = pd.DataFrame(
            {
                "state": self.trials["state"].map(TRIAL_STATES.index),
                "rank": self.ranks,
                "loss": self.losses[0],
                "number": self.trials["number"],
            }
        )
        by = ["state", "rank", "loss", "number"]
        return self.trials.loc[order.sort_values(by, na_position="last").index]

    @cached_property
    def is_repeat(self) -> pd.Series[bool]:
        """Whether each trial has taken over the result of another one instead of being trained."""
        no_repeats = pd.Series(np.nan, self.trials.index)
        return self.trials.get("repeats", no_repeats).notna()

    @cached_property
    def complete_trials(self) -> pd.DataFrame:
        """The complete trials with finite values that satisfy the constraints, best first.

        Trials that have taken over the result of another one are omitted: they say nothing new.
        """
        trials = self.ranked_trials
        return trials[self.ranks.loc[trials.index].notna() & ~self.is_repeat.loc[trials.index]]

    @cached_property
    def best_trials(self) -> pd.DataFrame:
        """The best complete trial or, with several objectives, the Pareto front.

        It is empty if no complete trial satisfies the constraints.
        """
        if self.goals.is_single:
            return self.complete_trials.head(1)
        return self.complete_trials[self.ranks.loc[self.complete_trials.index] == 0]

    @cached_property
    def front_ends(self) -> Sequence[tuple[Objective, dict[Any, Any]]]:
        """Each objective with the trial of the Pareto front that is best in it."""
        front = self.best_trials
        if front.empty:
            return []
        places = [int(self.losses.loc[front.index, index].argmin()) for index in self.losses.columns]
        ends = front.iloc[places].to_dict("records")
        return list(zip(self.goals.objectives, ends, strict=True))
