"""The command `sweep open`."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, recorded_study
from sweep.cli.output import say


def open_(
    study: RecordedStudyOption,
    output: Annotated[Path, typer.Option(help="The folder to write to.", metavar="DIR")] = Path("report"),
    storage: StorageOption = None,
) -> None:
    """Write the page of a study's report, and open it in a browser.

    The path of the page is printed. On a machine without a browser, copy the file to your own.
    """
    from sweep.reporting.report import write_report
    from sweep.storage.study_reader import study_data

    name, url = recorded_study(study, storage)
    (page,) = write_report(study_data(name, url), output.expanduser() / name, ["html"])
    say(page)
    if not webbrowser.open(page.resolve().as_uri()):
        say("no browser is available here; copy the file to your own machine", err=True)
