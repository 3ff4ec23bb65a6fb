"""The table under a launch's log, for a person who watches it at a terminal."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sweep.cli.options import log_to_terminal

if TYPE_CHECKING:
    from sqlalchemy import URL

FEWEST_SECONDS = 1.0  # between two looks
SHARE_OF_TIME = 0.02  # that looking may take
NUM_LINES_OF_LOG = 6  # that stay in sight above the table
FEWEST_TRIALS = 5


@contextmanager
def live_table(url: "URL", study_id: int) -> Iterator[Callable[[], None]]:
    """What to call after each turn of a launcher: it brings the table up to date, on a terminal only.

    Log lines pass above the table; those of single epochs are left out, since the table shows how far each
    trial is.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.live import Live

    from sweep.reporting.status.study_status import study_status
    from sweep.reporting.status.terminal import NUM_LINES_AROUND, show_study
    from sweep.storage.database import connect

    console, engine = Console(), connect(url)
    epochs = logging.getLogger("sweep.launcher.reconciliation.epochs")
    next_look = 0.0

    def refresh() -> None:
        nonlocal next_look
        if time.monotonic() < next_look:
            return
        started = time.process_time()
        num_shown = max(console.height - NUM_LINES_AROUND - NUM_LINES_OF_LOG, FEWEST_TRIALS)
        now = datetime.now(UTC)
        live.update(show_study(study_status(engine, study_id, now, num_shown), now), refresh=True)
        took = time.process_time() - started if next_look else 0.0  # the first look compiles the queries
        next_look = time.monotonic() + max(FEWEST_SECONDS, took / SHARE_OF_TIME)

    epochs.setLevel(logging.WARNING)
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            log_to_terminal()  # again: the table has taken over stderr, so that lines and table keep apart
            yield refresh
    finally:
        log_to_terminal()
        epochs.setLevel(logging.NOTSET)
        engine.dispose()
