"""Optuna's own tables in the same database, through Optuna."""

from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.trial import TrialState
from sqlalchemy import URL

from sweep.storage.database import SQLITE_BUSY_TIMEOUT_S, real_url

STATES = {  # our words for Optuna's
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def optuna_storage(url: URL) -> BaseStorage:
    """Optuna's view of the database; its tables are made if they are missing."""
    is_sqlite = url.get_backend_name() == "sqlite"
    arguments = {"timeout": SQLITE_BUSY_TIMEOUT_S} if is_sqlite else {}
    options = {"connect_args": arguments, "pool_pre_ping": True}
    return get_storage(RDBStorage(real_url(url), engine_kwargs=options))
