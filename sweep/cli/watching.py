"""`sweep status`, `sweep logs`: looking at a study while it goes on."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, open_study, storage_url
from sweep.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.reporting.status.study_status import StudyStatus
    from sweep.storage.tables import AttemptRow

WATCH_SECONDS = 2.0
PLAIN_WIDTH = 160  # of what is no terminal
FEWEST_TRIALS = 10  # that are shown on a screen however low


def status(
    study: Annotated[
        str | None,
        typer.Option(
            help="A study, by name or file; without it, all.", metavar="NAME|PATH", show_default=False
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until the study has come to rest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts, and with every trial.")] = False,
    storage: StorageOption = None,
) -> None:
    """Show how studies stand: their trials, what is spent, when they will end, and who is at work."""
    from rich.console import Console

    from sweep.reporting.status.json_document import studies_document
    from sweep.reporting.status.study_status import all_statuses, study_status
    from sweep.reporting.status.terminal import NUM_LINES_AROUND, show_studies, show_study
    from sweep.storage.database import open_recorded

    if watch and (as_json or study is None):
        raise InputError("--watch is for one study on a screen: with --study, and without --json")
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    num_shown = None if as_json else max(console.height - NUM_LINES_AROUND, FEWEST_TRIALS)
    if study is None:
        engine = open_recorded(storage_url(storage, None))
        statuses = all_statuses(engine, now := datetime.now(UTC))
    else:
        engine, row = open_study(study, storage)
        if watch:
            _watch(console, lambda: study_status(engine, row.id, datetime.now(UTC), num_shown))
            return
        statuses = [study_status(engine, row.id, now := datetime.now(UTC), num_shown)]
    if as_json:
        typer.echo(json.dumps(studies_document(statuses, now), indent=2))
    else:
        console.print(show_studies(statuses, now) if study is None else show_study(statuses[0], now))


def logs(
    study: RecordedStudyOption,
    trial: Annotated[int, typer.Option(min=0, help="Its number.")],
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the trial has ended.")] = False,
    storage: StorageOption = None,
) -> None:
    """Show what a trial's newest attempt has printed; if it printed nothing, what its job said."""
    from sweep.operations.logs import follow_log, read_log
    from sweep.storage.attempts import newest_attempt
    from sweep.storage.lease import is_launched

    engine, row = open_study(study, storage)

    def look() -> "tuple[AttemptRow, bool]":
        return newest_attempt(engine, row, trial), is_launched(engine, row.id)

    with suppress(KeyboardInterrupt):
        for text in follow_log(look, time.sleep) if follow else read_log(look()[0]):
            typer.echo(text, nl=False)


def _watch(console: "Console", look: Callable[[], "StudyStatus"]) -> None:
    """Show the study again and again, until nothing is active and no launcher is at work.

    On a terminal in place; else, as in a log file, a line whenever something has changed.
    """
    from rich.live import Live

    from sweep.reporting.status.terminal import plain_line, show_study

    shown = ""
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, screen=False) as live:
        while True:
            found = look()
            if console.is_terminal:
                live.update(show_study(found, datetime.now(UTC)), refresh=True)
            elif (line := plain_line(found)) != shown:
                shown = line
                typer.echo(f"{datetime.now():%H:%M:%S}  {line}")
            if found.num_active == 0 and found.launcher is None:
                return
            time.sleep(WATCH_SECONDS)
