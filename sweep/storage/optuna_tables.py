"""Optuna's own tables in the same database, through Optuna."""

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.storages import BaseStorage, RDBStorage, get_storage
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


def read_anew(storage: BaseStorage) -> BaseStorage:
    """The same database, without what Optuna remembers: it never looks again at a trial that had ended."""
    assert isinstance(storage, _CachedStorage)
    return get_storage(storage._backend)


@contextmanager
def optuna_storage(url: URL) -> Iterator[BaseStorage]:
    """Optuna's view of the database, with connections of its own; its tables are made if they are missing."""
    storage = RDBStorage(real_url(url), engine_kwargs=engine_options(url))
    try:
        yield get_storage(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()
