"""Optuna's own tables in the same database, through Optuna."""

from collections.abc import Iterator
from contextlib import contextmanager

from optuna._typing import JSONSerializable
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import TrialState
from sqlalchemy import URL

from sweep.storage.database import engine_options, real_url

STATES = {  # our words for Optuna's
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


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
    storage = RDBStorage(real_url(url), engine_kwargs=engine_options(url))
    try:
        yield PolledStorage(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()
