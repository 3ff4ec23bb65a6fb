"""The command `sweep report`."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.completion import study_names
from sweep.cli.options import StorageOption, recorded_study
from sweep.cli.output import say

if TYPE_CHECKING:
    from sqlalchemy import URL

REWRITE_SECONDS = 30


def report(
    study: Annotated[
        list[str],
        typer.Option(
            "--study",
            help="The name or the file of a study that was launched before. May be repeated.",
            metavar="NAME|PATH",
            autocompletion=study_names,
        ),
    ],
    output: Annotated[Path, typer.Option(help="The folder to write to.", metavar="DIR")] = Path("report"),
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Some of html, csv, parquet, markdown, json, latex, png, svg and pdf, separated by commas. "
            "By default the first five, parquet only if pyarrow is installed.",
            metavar="LIST",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help=f"Write the report every {REWRITE_SECONDS} s until no trial is active.",
        ),
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Write a study's figures and tables to files.

    The figures are on one page that needs no network. Several studies are also compared on a page of their
    own.
    """
    from sweep.reporting.report import usual_formats, write_comparison, write_report
    from sweep.storage.study_reader import study_data

    output = output.expanduser()
    chosen = usual_formats() if formats is None else formats.split(",")
    recorded = list(dict.fromkeys(recorded_study(reference, storage) for reference in study))

    def write(is_last: bool) -> "list[Path]":
        studies = [study_data(name, url) for name, url in recorded]
        compares = len(studies) > 1 and "html" in chosen
        written = [write_comparison(studies, output)] if compares else []
        for data in studies:
            reload_s = None if is_last else REWRITE_SECONDS
            written += write_report(data, output / data.name, chosen, reload_s)
        return written

    is_last = not watch or _are_idle(recorded)
    for path in write(is_last):
        say(path)
    with suppress(KeyboardInterrupt):
        while not is_last:
            time.sleep(REWRITE_SECONDS)
            is_last = _are_idle(recorded)  # checked first, so that the last report is complete
            write(is_last)


def _are_idle(recorded: "Sequence[tuple[str, URL]]") -> bool:
    """Return whether no trial of these studies is active and no launcher is running."""
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
