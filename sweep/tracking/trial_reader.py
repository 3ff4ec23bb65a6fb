"""The trials of a study in the database, as trackers record them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, selectinload

from sweep.goals import Goals
from sweep.states import ACTIVE_STATES, AttemptState
from sweep.storage.attempts import IS_NEWEST
from sweep.storage.optuna_storage import PolledStorage, recorded_proposal
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow, TrialRow
from sweep.tracking.tracker import MetricValue, TrialRecord, TrialVersion
from sweep.worker.attempt_folder import attempt_folder


class TrialReader:
    """Reads the trials of a study, and only those that may have changed.

    Args:
        engine: The database.
        storage: Optuna's storage in the same database.
        study_id: The study's id in our tables.
        goals: The objectives and constraints of the study.
        fixed: The hyperparameters that all trials have in common.
    """

    def __init__(
        self, engine: Engine, storage: PolledStorage, study_id: int, goals: Goals, fixed: Mapping[str, Any]
    ) -> None:
        self._engine = engine
        self._storage = storage
        self._study_id = study_id
        self._goals = goals
        self._fixed = fixed
        self._last_ended_id = 0  # all attempts up to this id have ended and are not returned again

    def versions(self) -> list[TrialVersion]:
        """Return the version of each trial with an attempt that `forget_ended` has not excluded."""
        newest = (
            select(TrialRow.id, TrialRow.number, AttemptRow.number.label("attempt"), AttemptRow.state)
            .join(AttemptRow)
            .where(TrialRow.study_id == self._study_id, AttemptRow.id > self._last_ended_id, IS_NEWEST)
            .order_by(TrialRow.number)
        )
        is_active = AttemptRow.state.in_(ACTIVE_STATES)
        num_values = (
            select(EpochRow.trial_id, func.count())
            .join(TrialRow, TrialRow.id == EpochRow.trial_id)
            .join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
            .where(TrialRow.study_id == self._study_id, is_active)
            .group_by(EpochRow.trial_id)
        )
        with self._engine.connect() as connection:
            counts = {row[0]: row[1] for row in connection.execute(num_values)}
            return [
                TrialVersion(row.number, row.attempt, row.state, counts.get(row.id, 0))
                for row in connection.execute(newest)
            ]

    def first_active_id(self) -> int:
        """Return the smallest id of an attempt that has not ended, or one that no attempt has yet."""
        of_study = TrialRow.study_id == self._study_id
        query = select(func.min(AttemptRow.id)).join(TrialRow)
        newest = select(func.max(AttemptRow.id)).join(TrialRow).where(of_study)
        with self._engine.connect() as connection:
            active = connection.scalar(query.where(of_study, AttemptRow.state.in_(ACTIVE_STATES)))
            return active if active is not None else (connection.scalar(newest) or 0) + 1

    def forget_ended(self, before_id: int) -> None:
        """Do not return the trials again whose attempts all have ids below this one."""
        self._last_ended_id = before_id - 1

    def read(self, version: TrialVersion) -> TrialRecord:
        """Return everything about a trial in this version, with the metrics that have been added since."""
        with Session(self._engine) as session:
            trial = session.scalars(
                select(TrialRow)
                .where(TrialRow.study_id == self._study_id, TrialRow.number == version.number)
                .options(selectinload(TrialRow.attempts))
            ).one()
            attempt = trial.attempts[version.attempt - 1]
            epochs = session.execute(
                select(EpochRow.epoch, EpochRow.metric, EpochRow.value, EpochRow.reported_at)
                .where(EpochRow.trial_id == trial.id)
                .order_by(EpochRow.epoch, EpochRow.metric)
            ).all()
            finals = session.execute(
                select(FinalMetricRow.metric, FinalMetricRow.value)
                .where(FinalMetricRow.trial_id == trial.id)
                .order_by(FinalMetricRow.metric)
            ).all()
        proposal = recorded_proposal(self._storage, trial.optuna_trial_id)
        final_metrics: dict[str, float] = {}
        if version.state is AttemptState.COMPLETE:
            final_metrics = {name: math.nan if value is None else value for name, value in finals}
            names = [objective.metric for objective in self._goals.objectives]
            final_metrics |= zip(names, proposal.values or (), strict=False)
        facts = {
            "state": version.state.value,
            "cause": attempt.cause and attempt.cause.value,
            "attempts": str(version.attempt),
            "seed": str(trial.seed),
            "host": attempt.host,
            "gpu": attempt.gpu,
            "job": attempt.job_id,
        }
        return TrialRecord(
            version=version,
            params={name: _plain(value) for name, value in {**self._fixed, **proposal.params}.items()},
            facts={name: fact for name, fact in facts.items() if fact is not None},
            values=[MetricValue(*row[:2], math.nan if row[2] is None else row[2], row[3]) for row in epochs],
            final_metrics=final_metrics,
            started_at=trial.attempts[0].submitted_at,
            ended_at=attempt.ended_at,
            folder=attempt_folder(Path(trial.folder), attempt.number, attempt.token),
        )


def _plain(value: Any) -> Any:
    """Return a hyperparameter as a single value: a list or a mapping as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
