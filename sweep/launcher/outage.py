"""Waiting for a database or a file system that does not answer."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 60.0
OUTAGES = (OperationalError, InterfaceError, StorageInternalError)
"""What SQLAlchemy and Optuna raise if the database does not answer."""

T = TypeVar("T")


def retry_on_outage(action: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Run an action, and repeat it with increasing pauses while the database or the file system fails.

    Stale file handles, full disks and unreachable file servers are temporary too.

    Args:
        action: The action; it must be safe to repeat after it was interrupted anywhere.
        sleep: Waits for a number of seconds.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            result = action()
        except (*OUTAGES, OSError) as error:
            logger.warning("%s; trying again in %.0f s", _description(error), pause_s)
            sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
            continue
        if pause_s > FIRST_PAUSE_S:
            logger.info("the outage is over")
        return result


def _description(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"a file cannot be used ({error})"
    return f"the database does not answer ({_reason(error)})"


def _reason(error: BaseException) -> str:
    """Return the first line of the driver's error; the outer errors may contain the statement's values."""
    while not hasattr(error, "orig") and error.__cause__ is not None:
        error = error.__cause__
    return str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
