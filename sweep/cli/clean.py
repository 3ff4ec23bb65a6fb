"""The command `sweep clean`."""

from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.completion import study_names
from sweep.cli.options import StorageOption, open_studies, this_command
from sweep.cli.output import say

if TYPE_CHECKING:
    from sweep.operations.cleaning import Cleaning


def clean(
    study: Annotated[
        str | None,
        typer.Option(
            help="The study. Default: all studies.",
            metavar="NAME|PATH",
            autocompletion=study_names,
            show_default=False,
        ),
    ] = None,
    failed: Annotated[
        bool,
        typer.Option("--failed", help="Remove the checkpoints of failed trials too, which retries need."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the sizes, and remove nothing.")] = False,
    storage: StorageOption = None,
) -> None:
    """Free disk space: remove files of studies that are no longer needed.

    These are the checkpoints of ended trials, the files of pruned trials except for their records, and unused
    copies of the code and of the worker. Active trials are not touched.
    """
    from sweep.operations.cleaning import clean as clean_study

    engine, rows = open_studies(study, storage)
    try:
        cleanings = [clean_study(engine, row, failed=failed, dry_run=dry_run) for row in rows]
    except KeyboardInterrupt:
        say(f"interrupted; to remove the rest: {this_command()}", err=True)
        raise typer.Exit(130) from None
    for line in _table(cleanings, dry_run):
        say(line)
    for cleaning in cleanings:
        if cleaning.left_out is not None:
            say(f"study {cleaning.study}: {cleaning.left_out}")


def _table(cleanings: "list[Cleaning]", dry_run: bool) -> list[str]:
    """Return the lines of a table with the size of each kind of file for each study, and their total."""
    from sweep.operations.cleaning import Kind
    from sweep.reporting.formatting import format_size

    rows = [["to be removed" if dry_run else "removed", *Kind, "total"]]
    rows += [
        [each.study, *(format_size(each.num_bytes[kind]) for kind in Kind), format_size(each.total)]
        for each in cleanings
    ]
    if len(cleanings) != 1:
        sums = [sum(each.num_bytes[kind] for each in cleanings) for kind in Kind]
        rows.append(["total", *map(format_size, (*sums, sum(sums)))])
    widths = [max(map(len, map(str, column))) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [f"{name!s:<{widths[0]}}"]
            + [f"{cell!s:>{width}}" for cell, width in zip(cells, widths[1:], strict=True)]
        )
        for name, *cells in rows
    ]
