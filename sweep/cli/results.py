"""`sweep report`, `sweep dashboard`: looking at what came of a study."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import StorageOption, recorded_study, storage_url


def report(
    study: Annotated[
        list[str], typer.Option("--study", help="A study, by name or file; repeatable.", metavar="NAME|PATH")
    ],
    output: Annotated[Path, typer.Option(help="Folder to write to.", metavar="DIR")] = Path("report"),
    formats: Annotated[
        str,
        typer.Option("--format", help="Which of html, csv, parquet, markdown, json, png.", metavar="LIST"),
    ] = "html,csv,parquet,markdown,json",
    storage: StorageOption = None,
) -> None:
    """Write a study's figures as one offline page and its numbers as tables; several, side by side too."""
    from sweep.reporting.report import write_comparison, write_report
    from sweep.storage.reading import study_data

    recorded = [recorded_study(reference, storage) for reference in study]
    studies = [study_data(name, url) for name, url in dict.fromkeys(recorded)]
    if len(studies) > 1 and "html" in formats.split(","):
        typer.echo(write_comparison(studies, output))
    for data in studies:
        for path in write_report(data, output / data.name, formats.split(",")):
            typer.echo(path)


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
