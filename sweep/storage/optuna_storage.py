"""Optuna's storage in the same database. Only `pareto.py` and the sampler qmc use Optuna's private API too.

Only the layout of Optuna's tables is also used by `optuna_queries.py`, which does not import Optuna.
`tests/sweep/storage/test_optuna_storage.py` checks everything that these two modules rely on.
"""

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import optuna
from optuna._typing import JSONSerializable
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, ColumnElement, Delete, Engine, Row, bindparam, delete, func, or_, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sweep.errors import InputError
from sweep.storage import optuna_queries
from sweep.storage.database import (
    engine_options,
    prepare_engine,
    real_url,
    shown_url,
    tables_locked,
    upgrade,
)
from sweep.storage.pareto import pareto_front

CREATION_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)
"""The pauses between attempts to create Optuna's tables, which several launches may do at the same time."""

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
"""The state of a trial as it is shown to users, by Optuna's state."""

WITH_RESULT = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states of trials that have ended and have not failed."""

ENQUEUED_VALUES = "fixed_params"
"""Optuna's system attribute with the values of an enqueued point."""

MAX_IDS = 500
"""How many trials are read by their ids; SQLite limits the parameters of a statement, to 999 before 3.32."""

TRIALS = models.TrialModel.__table__

PARTS = {
    "params": models.TrialParamModel.__table__,
    "values": models.TrialValueModel.__table__,
    "user_attributes": models.TrialUserAttributeModel.__table__,
    "system_attributes": models.TrialSystemAttributeModel.__table__,
    "intermediate_values": models.TrialIntermediateValueModel.__table__,
}
"""The tables that the parts of a trial are read from, by the attributes of `models.TrialModel`."""


def optuna_trial_id(trial: FrozenTrial | optuna.Trial) -> int:
    """Return Optuna's id of a trial, which is unique across studies."""
    return trial._trial_id


def optuna_study_id(study: optuna.Study) -> int:
    """Return Optuna's id of a study."""
    return study._study_id


def all_trials(storage: "PolledStorage", study: str) -> list[FrozenTrial]:
    """Return all trials of the study of that name; none if its Optuna study does not exist yet."""
    try:
        study_id = storage.get_study_id_from_name(study)
    except KeyError:
        return []
    return storage.get_all_trials(study_id, deepcopy=False)


def best_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the best trial or, with several objectives, the Pareto front, by number.

    Trials that violate a constraint are omitted. Optuna's own properties copy all trials of the study.
    """
    if len(study.directions) > 1:
        return pareto_front(study.get_trials(deepcopy=False), study.directions)
    try:
        return [study.best_trial]
    except ValueError:
        return []


def record_violations(study: optuna.Study, number: int, violations: Sequence[float]) -> None:
    """Store by how much a trial violates each constraint, unless the trial has ended.

    The samplers and the dashboard read them from this attribute. The attributes that `Trial.set_constraint`
    writes since Optuna 5.0 are not shown by the dashboard.
    """
    storage = study._storage
    trial_id = storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    with suppress(UpdateFinishedTrialError):
        storage.set_trial_system_attr(trial_id, optuna_queries.CONSTRAINTS, list(violations))


def recorded_violations(trial: FrozenTrial) -> tuple[float, ...]:
    """Return by how much a trial violates each constraint."""
    return tuple(trial.system_attrs.get(optuna_queries.CONSTRAINTS, ()))


def recorded_proposal(storage: "PolledStorage", trial_id: int) -> FrozenTrial:
    """Return a trial by Optuna's id.

    Raises:
        InputError: If it was deleted from Optuna's tables.
    """
    try:
        return storage.get_trial(trial_id)
    except KeyError:
        raise InputError("the trial was deleted from Optuna's tables, with its hyperparameters") from None


def deletions_of_optuna(study_id: int) -> Iterator[Delete]:
    """Yield the statements that delete a study from Optuna's tables, in an order that foreign keys permit.

    Optuna's own function reads each row before it deletes it, and cannot be part of a larger transaction.

    Args:
        study_id: Optuna's id of the study.
    """
    trials = select(TRIALS.c.trial_id).where(TRIALS.c.study_id == study_id)
    for table in reversed(models.BaseModel.metadata.sorted_tables):
        if "study_id" in table.c:
            yield delete(table).where(table.c.study_id == study_id)
        elif "trial_id" in table.c:
            yield delete(table).where(table.c.trial_id.in_(trials))


class RowReadingStorage(RDBStorage):
    """An Optuna storage that reads trials as rows instead of mapped objects.

    Optuna creates an object for every epoch of every trial, which takes half a minute for 10,000 trials of
    50 epochs. As in Optuna, reading ends with a commit, at which a launcher notices that it has lost its
    lease.
    """

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial by Optuna's id.

        Raises:
            KeyError: If there is no such trial.
        """
        trials = self._read_trials(ONE_TRIAL, {"trial_id": trial_id})
        if not trials:
            raise KeyError(f"there is no trial with the id {trial_id}")
        return trials[0]

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Return the trials of a study with these ids or greater ones, or all of them."""
        values: dict[str, Any] = {"study_id": study_id}
        if trial_id_greater_than > -1 and len(included_trial_ids) <= MAX_IDS:
            values |= {"known_id": trial_id_greater_than, "ids": sorted(included_trial_ids)}
            trials = self._read_trials(NEW_TRIALS, values)
        else:
            trials = self._read_trials(ALL_TRIALS, values)
        return [trial for trial in trials if states is None or trial.state in states]

    def _read_trials(self, queries: "TrialQueries", values: dict[str, Any]) -> list[FrozenTrial]:
        with self.engine.begin() as connection:
            rows = connection.execute(queries.trials, values).all()
            parts = {
                name: _rows_by_trial(connection.execute(query, values)) if rows else {}
                for name, query in queries.parts.items()
            }
        return [
            self._build_frozen_trial_from_trial_model(
                SimpleNamespace(  # type: ignore[arg-type]  # has the attributes of a `models.TrialModel`
                    **row._mapping, **{name: part.get(row.trial_id, ()) for name, part in parts.items()}
                )
            )
            for row in rows
        ]


class TrialQueries:
    """The queries that read some trials: one of the trials themselves, and one of each of their parts.

    Args:
        is_needed: Which trials are read.
    """

    def __init__(self, is_needed: ColumnElement[bool]) -> None:
        self.trials = select(TRIALS).where(is_needed).order_by(TRIALS.c.trial_id)
        self.parts = {name: select(table).join(TRIALS).where(is_needed) for name, table in PARTS.items()}


IS_OF_STUDY = TRIALS.c.study_id == bindparam("study_id")
ONE_TRIAL = TrialQueries(TRIALS.c.trial_id == bindparam("trial_id"))
ALL_TRIALS = TrialQueries(IS_OF_STUDY)
NEW_TRIALS = TrialQueries(
    IS_OF_STUDY
    & or_(
        TRIALS.c.trial_id > bindparam("known_id"),
        TRIALS.c.trial_id.in_(bindparam("ids", expanding=True)),
    )
)
TRIALS_IN_STATE = (
    select(TRIALS.c.number, TRIALS.c.trial_id)
    .where(IS_OF_STUDY, TRIALS.c.state == bindparam("state"))
    .order_by(TRIALS.c.trial_id)
)
NUM_PROPOSED = select(func.count()).where(IS_OF_STUDY, TRIALS.c.state != TrialState.WAITING)


def _rows_by_trial(rows: Iterable[Row[Any]]) -> dict[int, list[Row[Any]]]:
    """Return the rows of one of the tables in `PARTS` by Optuna's id of the trial."""
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.trial_id, []).append(row)
    return found


def _deletion_of_params(trial_id: int) -> Delete:
    params = PARTS["params"]
    return delete(params).where(params.c.trial_id == trial_id)


class PolledStorage(_CachedStorage):
    """An Optuna storage that can keep the unfinished trials that it has read for several calls.

    Otherwise every call to a pruner reads all running trials again: a poll cycle in which 10 of 100 trials
    have reported an epoch would read 1,000 trials.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._reads_once, self._has_read = False, False

    @property
    def backend(self) -> RDBStorage:
        """The storage without a cache."""
        return self._backend

    @property
    def engine(self) -> Engine:
        """The connections to the database."""
        return self._backend.engine

    @contextmanager
    def reading_once(self) -> Iterator[None]:
        """Read the trials once within this context, and again only after a pruner has stored an attribute."""
        self._reads_once, self._has_read = True, False
        try:
            yield
        finally:
            self._reads_once = False

    def set_trial_system_attr(self, trial_id: int, key: str, value: JSONSerializable) -> None:
        """Store an attribute of a trial, such as a pruner's intermediate result."""
        super().set_trial_system_attr(trial_id, key, value)
        self._has_read = False

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        if not (self._reads_once and self._has_read):
            super()._read_trials_from_remote_storage(study_id)
            self._has_read = True

    def ids_by_number(self, study_id: int, state: TrialState) -> dict[int, int]:
        """Return the ids of the trials in a state by their numbers, without reading the trials."""
        with self.engine.begin() as connection:
            rows = connection.execute(TRIALS_IN_STATE, {"study_id": study_id, "state": state})
            return {row.number: row.trial_id for row in rows}

    def discard_proposals(self, trial_ids: Sequence[int]) -> None:
        """Delete the hyperparameters of trials, and the attributes that the sampler has stored with them.

        The values of an enqueued point remain.
        """
        attributes = PARTS["system_attributes"]
        with self.engine.begin() as connection:
            for trial_id in trial_ids:
                connection.execute(_deletion_of_params(trial_id))
                connection.execute(
                    delete(attributes).where(
                        attributes.c.trial_id == trial_id, attributes.c.key != ENQUEUED_VALUES
                    )
                )

    def num_proposed(self, study_id: int) -> int:
        """Return the number of trials, without enqueued points that have not been proposed."""
        with self.engine.begin() as connection:
            return connection.scalar(NUM_PROPOSED, {"study_id": study_id}) or 0

    def best_numbers(self, study_id: int, limit: int | None = None) -> list[int]:
        """Return the numbers of the best complete trials, the best first.

        Trials with an infinite value are omitted. The order is that of `optuna_queries.best_numbers`.
        """
        name = self.get_study_name_from_id(study_id)
        maximize = self.get_study_directions(study_id)[0] is StudyDirection.MAXIMIZE
        with self._backend.engine.connect() as connection:
            return list(connection.scalars(optuna_queries.best_numbers(name, maximize, limit)))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best trial, as `best_numbers` defines it.

        Raises:
            ValueError: If no complete trial has a finite value.
        """
        numbers = self.best_numbers(study_id, limit=1)
        if not numbers:
            raise ValueError("No trials are completed yet.")
        return self.get_trial(self.get_trial_id_from_study_id_trial_number(study_id, numbers[0]))

    def replace_params(
        self, trial_id: int, distributions: Mapping[str, BaseDistribution], params: Mapping[str, Any]
    ) -> None:
        """Replace all hyperparameters of a trial that has not ended.

        Args:
            trial_id: Optuna's id of the trial.
            distributions: The distribution of each hyperparameter.
            params: Their values.
        """
        with self.engine.begin() as connection:
            connection.execute(_deletion_of_params(trial_id))
        for name, distribution in distributions.items():
            self.set_trial_param(trial_id, name, distribution.to_internal_repr(params[name]), distribution)

    def without_cache(self) -> "PolledStorage":
        """Return a storage on the same database without cached trials.

        Optuna never reads a trial again that it has seen ended, so a retried trial needs a new cache.
        """
        return PolledStorage(self._backend)


def create_tables(engine: Engine, url: URL) -> None:
    """Create or migrate all tables: first Optuna's, then ours.

    A database that has our tables therefore has Optuna's. Several launches may call this at the same time.

    Args:
        engine: The database.
        url: Its URL.

    Raises:
        InputError: If a newer version of this package or another version of Optuna has created the tables.
    """
    with tables_locked(engine):
        _create_optuna_tables(url)
    upgrade(engine)


def _create_optuna_tables(url: URL) -> None:
    for pause_s in (*CREATION_PAUSES_S, None):
        try:
            with optuna_storage(url):
                return
        except (SQLAlchemyError, StorageInternalError) as error:
            if pause_s is None or not _was_created_meanwhile(error):
                raise
        time.sleep(pause_s)


def _was_created_meanwhile(error: Exception) -> bool:
    """Return whether another launch has created the same table or row, which happens on SQLite only."""
    return isinstance(error, IntegrityError) or "already exists" in str(error)


@contextmanager
def optuna_storage(url: URL) -> Iterator[PolledStorage]:
    """Open Optuna's storage with its own connections. Missing tables of Optuna are created.

    Raises:
        InputError: If another version of Optuna has created the tables.
    """
    try:
        storage = RowReadingStorage(real_url(url), engine_kwargs=engine_options(url))
    except RuntimeError as error:
        raise InputError(
            f"storage {shown_url(url)}: {error}\n"
            "use another storage with --storage URL, or another version of Optuna"
        ) from None
    prepare_engine(storage.engine, url)
    try:
        yield PolledStorage(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()
