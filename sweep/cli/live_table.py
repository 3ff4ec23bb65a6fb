"""The table that a launch shows below its log messages on a terminal."""

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

MIN_INTERVAL_S = 1.0  # between two updates of the table
MAX_SHARE_OF_TIME = 0.02  # of the launcher's CPU time, for updates
NUM_LOG_LINES = 6  # that stay visible above the table


@contextmanager
def live_table(url: "URL", study_id: int) -> Iterator[Callable[[], None]]:
    """Show a table of the study's trials on a terminal, and provide a function that updates it.

    The function is to be called after each poll cycle of a launcher. Log messages appear above the table.
    Those about single epochs are omitted, because the table shows the epoch of each trial. If the output is
    not a terminal, there is no table and the function does nothing.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.live import Live

    from sweep.reporting.status.study_status import study_status
    from sweep.reporting.status.terminal import show_study
    from sweep.storage.database import connect

    console, engine = Console(), connect(url)
    epoch_logger = logging.getLogger("sweep.launcher.epochs")
    next_update = 0.0

    def update() -> None:
        nonlocal next_update
        if time.monotonic() < next_update:
            return
        started = time.process_time()
        width, height = console.size
        height -= NUM_LOG_LINES
        now = datetime.now(UTC)
        status = study_status(engine, study_id, now, num_shown=max(height, 0))
        live.update(show_study(status, now, width, height), refresh=True)
        # The first update is not counted, because it compiles the queries.
        took_s = time.process_time() - started if next_update else 0.0
        next_update = time.monotonic() + max(MIN_INTERVAL_S, took_s / MAX_SHARE_OF_TIME)

    epoch_logger.setLevel(logging.WARNING)
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            log_to_terminal()  # again, because the table has replaced sys.stderr to print above itself
            yield update
    finally:
        log_to_terminal()
        epoch_logger.setLevel(logging.NOTSET)
        engine.dispose()
