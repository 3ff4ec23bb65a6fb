"""`sweep report`, `sweep dashboard`: looking at what came of a study."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import StorageOption, recorded_study, storage_url

if TYPE_CHECKING:
    from sqlalchemy import URL

REWRITE_SECONDS = 30


def report(
    study: Annotated[
        list[str], typer.Option("--study", help="A study, by name or file; repeatable.", metavar="NAME|PATH")
    ],
    output: Annotated[Path, typer.Option(help="Folder to write to.", metavar="DIR")] = Path("report"),
    formats: Annotated[
        str,
        typer.Option("--format", help="Which of html, csv, parquet, markdown, json, png.", metavar="LIST"),
    ] = "html,csv,parquet,markdown,json",
    watch: Annotated[
        bool, typer.Option("--watch", help="Write it again and again, until the study has come to rest.")
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Write a study's figures as one offline page and its numbers as tables; several, side by side too."""
    from sweep.reporting.report import write_comparison, write_report
    from sweep.storage.study_reader import study_data

    recorded = list(dict.fromkeys(recorded_study(reference, storage) for reference in study))

    def write(is_last: bool) -> "list[Path]":
        studies = [study_data(name, url) for name, url in recorded]
        compared = len(studies) > 1 and "html" in formats.split(",")
        written = [write_comparison(studies, output)] if compared else []
        for data in studies:
            reload_s = None if is_last else REWRITE_SECONDS
            written += write_report(data, output / data.name, formats.split(","), reload_s)
        return written

    is_last = not watch or _are_at_rest(recorded)
    for path in write(is_last):
        typer.echo(path)
    with suppress(KeyboardInterrupt):
        while not is_last:
            time.sleep(REWRITE_SECONDS)
            is_last = _are_at_rest(recorded)  # before the writing, which then has all there is
            write(is_last)


def _are_at_rest(recorded: "Sequence[tuple[str, URL]]") -> bool:
    """Whether no launcher is at work on any of these studies, and no trial is under way."""
    from sweep.reporting.status.study_status import study_status
    from sweep.storage.database import open_recorded
    from sweep.storage.studies import get_study

    for name, url in recorded:
        engine = open_recorded(url)
        try:
            status = study_status(engine, get_study(engine, name).id, datetime.now(UTC), num_shown=0)
        finally:
            engine.dispose()
        if status.num_active or status.launcher is not None:
            return False
    return True


def dashboard(
    storage: StorageOption = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8080,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let the page change and delete studies.")
    ] = False,
) -> None:
    """Open the Optuna dashboard on the storage, read-only by default."""
    from sweep.reporting.dashboard import make_server
    from sweep.storage.database import real_url

    with make_server(real_url(storage_url(storage, None)), host, port, writable) as server:
        mode = "writable" if writable else "read-only"
        typer.echo(f"Optuna dashboard, {mode}: http://{host}:{server.server_port}  (Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
