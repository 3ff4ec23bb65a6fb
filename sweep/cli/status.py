"""The command `sweep status`."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import StorageOption, open_study, storage_url
from sweep.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from sweep.reporting.status.study_status import StudyStatus

WATCH_SECONDS = 2.0
PLAIN_WIDTH = 160  # columns of an output that is not a terminal
MIN_TRIALS = 10  # shown even on a terminal with few lines


def status(
    study: Annotated[
        str | None,
        typer.Option(
            help="The name or the file of a study that was launched before. Default: all studies.",
            metavar="NAME|PATH",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh until no trial is active and no launcher is running.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document with every trial, for scripts.")
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Show the status of one study or of all studies.

    The status consists of the trials, the used budget, the expected end, and whether a launcher is running.
    """
    from rich.console import Console

    from sweep.reporting.status.json_document import studies_document
    from sweep.reporting.status.study_status import all_statuses, study_status
    from sweep.reporting.status.terminal import NUM_LINES_AROUND, show_studies, show_study
    from sweep.storage.database import open_recorded

    if watch and (as_json or study is None):
        raise InputError("--watch shows one study: give --study, and leave --json out")
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    num_shown = None if as_json else max(console.height - NUM_LINES_AROUND, MIN_TRIALS)
    if study is None:
        engine = open_recorded(storage_url(storage, None))
        statuses = all_statuses(engine, now := datetime.now(UTC))
    else:
        engine, row = open_study(study, storage)

        def observations() -> "Iterator[StudyStatus]":
            while True:
                yield study_status(engine, row.id, datetime.now(UTC), num_shown)
                time.sleep(WATCH_SECONDS)

        if watch:
            with suppress(KeyboardInterrupt):
                _watch(console, observations())
            return
        statuses, now = [next(observations())], datetime.now(UTC)
    if as_json:
        typer.echo(json.dumps(studies_document(statuses, now), indent=2))
    else:
        console.print(show_studies(statuses, now) if study is None else show_study(statuses[0], now))


def _watch(console: "Console", observations: "Iterable[StudyStatus]") -> None:
    """Show each observation of a study until no trial is active and no launcher is running.

    A terminal shows the newest one in place. Other outputs, such as a log file, get a line whenever something
    has changed.
    """
    from rich.live import Live

    from sweep.reporting.status.terminal import plain_line, show_study

    last_line = ""
    with Live(console=console, auto_refresh=False, screen=False) as live:
        for observed in observations:
            if console.is_terminal:
                live.update(show_study(observed, datetime.now(UTC)), refresh=True)
            elif (line := plain_line(observed)) != last_line:
                last_line = line
                typer.echo(f"{datetime.now():%H:%M:%S}  {line}")
            if observed.num_active == 0 and observed.launcher is None:
                return
