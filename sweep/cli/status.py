"""The command `sweep status`."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.completion import study_names
from sweep.cli.options import StorageOption, open_study, recorded_study, storage_url
from sweep.cli.output import say
from sweep.errors import InputError
from sweep.states import AttemptState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from rich.console import Console

    from sweep.reporting.status.study_status import StudyStatus

WATCH_SECONDS = 2.0
PLAIN_WIDTH = 160  # columns of an output that is not a terminal
PLAIN_TRIALS = 10  # shown if the output is not a terminal


def status(
    study: Annotated[
        str | None,
        typer.Option(
            help="The name or the file of a study that was launched before. Default: all studies.",
            metavar="NAME|PATH",
            autocompletion=study_names,
            show_default=False,
        ),
    ] = None,
    params: Annotated[
        bool, typer.Option("--params", help="Show the hyperparameters that do not fit in further tables.")
    ] = False,
    state: Annotated[
        AttemptState | None, typer.Option(help="Show trials of this state only.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Show trials with this value of a hyperparameter, a metric or a field. May be repeated.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="Sort by a hyperparameter, a metric or a field: an objective from the best to the worst, "
            "others ascending.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order.")] = False,
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
    from sweep.reporting.status.selection import Selection
    from sweep.reporting.status.study_status import all_statuses, study_status
    from sweep.reporting.status.terminal import show_studies
    from sweep.storage.database import open_recorded

    if watch and (as_json or study is None):
        raise InputError("--watch shows one study: give --study, and leave --json out")
    if study is None and (params or state or where or sort is not None or reverse):
        raise InputError("--params, --state, --where, --sort and --reverse concern one study: give --study")
    selection = Selection(state, _conditions(where or []), sort, reverse)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    if study is None:
        engine = open_recorded(storage_url(storage, None))
        statuses = all_statuses(engine, now := datetime.now(UTC))
    else:
        if watch:
            _wait_until_recorded(study, storage)
        engine, row = open_study(study, storage)

        def observations() -> "Iterator[StudyStatus]":
            while True:
                num_shown = None if as_json else console.height if console.is_terminal else PLAIN_TRIALS
                yield study_status(engine, row.id, datetime.now(UTC), num_shown, selection)
                time.sleep(WATCH_SECONDS)

        if watch:
            with suppress(KeyboardInterrupt):
                _watch(console, observations(), shows_all_params=params)
            return
        statuses, now = [next(observations())], datetime.now(UTC)
    if as_json:
        typer.echo(json.dumps(studies_document(statuses, now), indent=2))
    elif study is None:
        console.print(show_studies(statuses, now))
    else:
        _print(console, statuses[0], shows_all_params=params)


def _conditions(where: "Sequence[str]") -> "dict[str, Any]":
    """Return the values of `--where` by name; a value is read as YAML, as in a study file."""
    from sweep.definition.yaml_text import NotYamlError, parse

    found: dict[str, Any] = {}
    for condition in where:
        name, separator, text = condition.rpartition("=")
        if not separator or not name:
            raise InputError(f"--where: expected NAME=VALUE, but found {condition!r}")
        try:
            found[name] = parse(text)
        except NotYamlError:
            found[name] = text
    return found


def _wait_until_recorded(reference: str, storage: str | None) -> None:
    """Wait until a study is recorded if its file exists, because its first launch may have just begun."""
    from sweep.storage.database import connect
    from sweep.storage.studies import study_names

    if not (Path(reference).is_file() or Path("studies", f"{reference}.yaml").is_file()):
        return
    name, url = recorded_study(reference, storage)
    engine, is_waiting = connect(url), False
    try:
        while name not in study_names(engine):
            if not is_waiting:
                say(f"waiting for the first launch of study {name}", err=True)
                is_waiting = True
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        engine.dispose()


def _print(console: "Console", observed: "StudyStatus", *, shows_all_params: bool) -> None:
    from sweep.reporting.status.terminal import show_study

    height = console.height if console.is_terminal else None
    shown = show_study(observed, datetime.now(UTC), console.width, height, shows_all_params=shows_all_params)
    console.print(shown)


def _watch(console: "Console", observations: "Iterable[StudyStatus]", *, shows_all_params: bool) -> None:
    """Show each observation of a study until no trial is active and no launcher is running.

    A terminal shows the newest one in place. Other outputs, such as a log file, get a line whenever something
    has changed. A study whose first launch has not started any trial yet is observed further.
    """
    from rich.live import Live

    from sweep.reporting.status.terminal import plain_line, show_study

    last_line = ""
    with Live(console=console, auto_refresh=False, screen=False) as live:
        for observed in observations:
            if console.is_terminal:
                shown = show_study(
                    observed, datetime.now(UTC), *console.size, shows_all_params=shows_all_params
                )
                live.update(shown, refresh=True)
            elif (line := plain_line(observed)) != last_line:
                last_line = line
                typer.echo(f"{datetime.now():%H:%M:%S}  {line}")
            is_starting = observed.launcher_seen_at is None and not observed.spent.trials
            if observed.num_active == 0 and observed.launcher is None and not is_starting:
                return
