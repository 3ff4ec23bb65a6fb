"""The database does not answer, or the work folder does not: wait, say so, and go on."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
OUTAGES = (OperationalError, InterfaceError, StorageInternalError)  # ours twice, Optuna's

T = TypeVar("T")


def retry_on_outage(action: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Do `action`, again and again with longer pauses for as long as the database does not answer.

    Or the file system: a stale handle, a full disk and a server that is away pass, too.

    The action must be one that may be repeated after it was broken off anywhere.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            done = action()
        except (*OUTAGES, OSError) as error:
            logger.warning("%s; trying again in %.0f s", _what_fails(error), pause_s)
            sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            continue
        if pause_s > FIRST_PAUSE_S:
            logger.info("what failed works again")
        return done


def _what_fails(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"a file cannot be used ({error})"
    return f"the database does not answer ({_reason(error)})"


def _reason(error: BaseException) -> str:
    """The driver's own first line: what wraps it may show the statement and its values."""
    while not hasattr(error, "orig") and error.__cause__ is not None:
        error = error.__cause__
    return str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
