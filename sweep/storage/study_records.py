"""The rows of one study that its launcher reads and writes."""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Engine, bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from sweep.states import ACTIVE_STATES, AttemptState, Cause, Stop
from sweep.storage.attempts import IS_NEWEST, gpu_seconds_of_ended
from sweep.storage.failing_nodes import FailingNode, failing_nodes
from sweep.storage.optuna_queries import reopen
from sweep.storage.repeated_trials import Original, copied_results, originals
from sweep.storage.tables import AttemptRow, EnvironmentRow, EpochRow, StudyRow, Table, TrialRow


class StudyRecords:
    """The rows of one study.

    Returned rows are detached from their session: the launcher changes them and then saves them together.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
    """

    def __init__(self, engine: Engine, study_id: int) -> None:
        self._engine = engine
        self.study_id = study_id
        is_open = or_(
            AttemptRow.state.in_(bindparam("states", expanding=True)), AttemptRow.is_cost_final.is_(False)
        )
        self._open_attempts = (
            select(AttemptRow)
            .join(TrialRow)
            .where(TrialRow.study_id == study_id, is_open)
            .options(joinedload(AttemptRow.trial).selectinload(TrialRow.attempts))
            .order_by(TrialRow.number, AttemptRow.number)
        )

    def open_attempts(self, active_states: Collection[AttemptState]) -> list[AttemptRow]:
        """Return the attempts in these states and those whose cost is not final, ordered by trial.

        Each attempt has its trial loaded, and the trial its attempts.
        """
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(self._open_attempts, {"states": list(active_states)}))

    def save(self, rows: Iterable[Table]) -> None:
        """Write new and changed rows in one transaction."""
        with Session(self._engine, expire_on_commit=False) as session:
            session.add_all(rows)
            session.commit()

    def stop_requested(self) -> Stop | None:
        """Return the kind of stop that a user has requested, or None if no stop is requested."""
        with self._engine.connect() as connection:
            return connection.scalar(select(StudyRow.stop).where(StudyRow.id == self.study_id))

    def record_early_stop(self, reason: str) -> None:
        """Record why the study's rules have ended it before all trials were proposed."""
        with self._engine.begin() as connection:
            connection.execute(
                update(StudyRow).where(StudyRow.id == self.study_id).values(stopped_early=reason)
            )

    def retries_requested(self, limit: int) -> list[TrialRow]:
        """Return the first trials for which a user has requested a retry, with their attempts loaded."""
        query = (
            select(TrialRow)
            .where(TrialRow.study_id == self.study_id, TrialRow.retry_requested)
            .options(selectinload(TrialRow.attempts).joinedload(AttemptRow.trial))
            .order_by(TrialRow.number)
            .limit(limit)
        )
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def reopen(self, trials: Sequence[TrialRow]) -> None:
        """Save failed trials with their new attempts, and clear the requests to retry them.

        Optuna's trials are set to running in the same transaction.
        """
        with Session(self._engine, expire_on_commit=False) as session:
            for trial in trials:
                trial.retry_requested = False
                session.execute(reopen(trial.optuna_trial_id))
            session.add_all(trials)
            session.commit()

    def reopen_in_optuna(self, optuna_trial_ids: Iterable[int]) -> None:
        """Set failed trials to running in Optuna's tables."""
        with self._engine.begin() as connection:
            for trial_id in optuna_trial_ids:
                connection.execute(reopen(trial_id))

    def trial_numbers(self) -> set[int]:
        """Return the numbers of all recorded trials."""
        query = select(TrialRow.number).where(TrialRow.study_id == self.study_id)
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def recorded_epochs(self, trial_id: int) -> set[int]:
        """Return the recorded epochs of a trial."""
        query = select(EpochRow.epoch).where(EpochRow.trial_id == trial_id).distinct()
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def epoch_values(self, trial_id: int, metric: str) -> dict[int, float]:
        """Return the recorded values of a trial's metric by epoch. Values that were not finite are NaN."""
        query = select(EpochRow.epoch, EpochRow.value).where(
            EpochRow.trial_id == trial_id, EpochRow.metric == metric
        )
        with self._engine.connect() as connection:
            return {epoch: math.nan if value is None else value for epoch, value in connection.execute(query)}

    def reported_metrics(self, trial_id: int) -> list[str]:
        """Return the names of the metrics that a trial has reported, sorted."""
        query = select(EpochRow.metric).where(EpochRow.trial_id == trial_id).distinct()
        with self._engine.connect() as connection:
            return sorted(connection.scalars(query))

    def values_by_epoch(self, metric: str) -> dict[int, dict[int, float]]:
        """Return the recorded values of a metric by Optuna's id of the trial and by epoch.

        Values that were not finite are NaN.
        """
        query = (
            select(TrialRow.optuna_trial_id, EpochRow.epoch, EpochRow.value)
            .join(TrialRow, EpochRow.trial_id == TrialRow.id)
            .where(TrialRow.study_id == self.study_id, EpochRow.metric == metric)
        )
        found: dict[int, dict[int, float]] = {}
        with self._engine.connect() as connection:
            for trial_id, epoch, value in connection.execute(query):
                found.setdefault(trial_id, {})[epoch] = math.nan if value is None else value
        return found

    def gpu_seconds_of_ended(self) -> float:
        """Return the recorded GPU seconds of all attempts that have ended."""
        return gpu_seconds_of_ended(self._engine, self.study_id)

    def num_attempts(self) -> int:
        """Return how many attempts all trials have had."""
        query = select(func.count()).select_from(AttemptRow).join(TrialRow)
        with self._engine.connect() as connection:
            return connection.scalar(query.where(TrialRow.study_id == self.study_id)) or 0

    def progressed_at(self) -> datetime | None:
        """Return when a trial last started, ended, or reported an epoch; None without any trial.

        The epochs of ended trials are not read, because the trials have ended later.
        """
        of_study = select(TrialRow.id).where(TrialRow.study_id == self.study_id)
        active = (
            select(AttemptRow.trial_id)
            .join(TrialRow)
            .where(TrialRow.study_id == self.study_id, AttemptRow.state.in_(ACTIVE_STATES))
        )
        columns = [AttemptRow.submitted_at, AttemptRow.started_at, AttemptRow.ended_at]
        queries = [select(func.max(column)).where(AttemptRow.trial_id.in_(of_study)) for column in columns]
        queries.append(select(func.max(EpochRow.reported_at)).where(EpochRow.trial_id.in_(active)))
        with self._engine.connect() as connection:
            times = [connection.scalar(query) for query in queries]
        return max((time for time in times if time is not None), default=None)

    def failing_nodes(self, now: datetime) -> list[FailingNode]:
        """Return the nodes on which jobs of the study repeatedly fail before they start."""
        return failing_nodes(self._engine, self.study_id, now)

    def originals(self, numbers: Collection[int], snapshot: str | None) -> dict[int, Original]:
        """Return those of the trials whose last attempt runs a snapshot of the code, by their numbers."""
        return originals(self._engine, self.study_id, numbers, snapshot)

    def copied_results(self, trial_id: int, to_trial_id: int) -> list[Table]:
        """Return copies of the epochs and of the final metrics of a trial, as new rows of another one."""
        return copied_results(self._engine, trial_id, to_trial_id)

    def last_causes(self, limit: int) -> list[Cause | None]:
        """Return why the trials that ended last failed, the last one first; None for a trial with a value."""
        query = (
            select(AttemptRow.cause)
            .join(TrialRow)
            .where(TrialRow.study_id == self.study_id, AttemptRow.ended_at.is_not(None), IS_NEWEST)
            .order_by(AttemptRow.ended_at.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def environment(self, python: str, packages: Mapping[str, str]) -> str:
        """Record a Python environment unless it is recorded already, and return its digest.

        Args:
            python: The version of Python.
            packages: The version of each package by its name.
        """
        content = {"python": python, "packages": dict(sorted(packages.items()))}
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        with Session(self._engine) as session, suppress(IntegrityError):  # another launcher was faster
            session.merge(EnvironmentRow(digest=digest, content=content))
            session.commit()
        return digest


def metric_value(value: float) -> float | None:
    """Return a metric as it is stored: None unless it is finite, as MySQL stores neither NaN nor infinity."""
    return value if math.isfinite(value) else None
