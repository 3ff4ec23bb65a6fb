"""Optuna's own tables in the same database, through Optuna."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from optuna._typing import JSONSerializable
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, ColumnElement, Connection, Row, Table, select

from sweep.storage.database import engine_options, real_url

STATES = {  # our words for Optuna's
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}

PARTS = {  # of a trial, by Optuna's names for them
    "params": models.TrialParamModel.__table__,
    "values": models.TrialValueModel.__table__,
    "user_attributes": models.TrialUserAttributeModel.__table__,
    "system_attributes": models.TrialSystemAttributeModel.__table__,
    "intermediate_values": models.TrialIntermediateValueModel.__table__,
}


class BulkReadingStorage(RDBStorage):
    """Optuna's storage, which reads all trials of a study at once by rows rather than by objects.

    Optuna makes an object of every epoch of every trial: half a minute for 10,000 trials of 50 epochs.
    """

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        if included_trial_ids or trial_id_greater_than > -1:
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        trials = models.TrialModel.__table__
        of_study = trials.c.study_id == study_id
        with self.engine.connect() as connection:
            rows = connection.execute(select(trials).where(of_study).order_by(trials.c.trial_id)).all()
            parts = {name: _by_trial(connection, table, of_study) for name, table in PARTS.items()}
        return [
            self._build_frozen_trial_from_trial_model(
                SimpleNamespace(  # type: ignore[arg-type]  # it is the attributes that count
                    **row._mapping, **{name: part.get(row.trial_id, ()) for name, part in parts.items()}
                )
            )
            for row in rows
            if states is None or row.state in states
        ]


def _by_trial(
    connection: Connection, part: Table, of_study: ColumnElement[bool]
) -> dict[int, list[Row[Any]]]:
    """The rows of one of the tables that a trial is made of, by the trial's id."""
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(select(part).join(models.TrialModel.__table__).where(of_study)):
        found.setdefault(row.trial_id, []).append(row)
    return found


class PolledStorage(_CachedStorage):
    """Optuna's storage, whose unfinished trials can be read once for many questions.

    Otherwise every question to a pruner reads all running trials anew: a poll that finds epochs of ten of a
    hundred trials would read a thousand.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._reads_once, self._has_read = False, False

    @contextmanager
    def reading_once(self) -> Iterator[None]:
        """Within this, trials are read once, and again only after a pruner has written something."""
        self._reads_once, self._has_read = True, False
        try:
            yield
        finally:
            self._reads_once = False

    def set_trial_system_attr(self, trial_id: int, key: str, value: JSONSerializable) -> None:
        super().set_trial_system_attr(trial_id, key, value)
        self._has_read = False

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        if not (self._reads_once and self._has_read):
            super()._read_trials_from_remote_storage(study_id)
            self._has_read = True

    def read_anew(self) -> "PolledStorage":
        """The same database, with nothing remembered: Optuna never looks again at a trial that had ended."""
        return PolledStorage(self._backend)


@contextmanager
def optuna_storage(url: URL) -> Iterator[PolledStorage]:
    """Optuna's view of the database, with connections of its own; its tables are made if they are missing."""
    storage = BulkReadingStorage(real_url(url), engine_kwargs=engine_options(url))
    try:
        yield PolledStorage(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()
