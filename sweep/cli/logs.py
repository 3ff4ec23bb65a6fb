"""`sweep logs`."""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, TrialOption, open_study

if TYPE_CHECKING:
    from sweep.storage.tables import AttemptRow


def logs(
    study: RecordedStudyOption,
    trial: TrialOption,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Print new output until the trial has ended, including that of further attempts."
        ),
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Print the output of a trial's newest attempt; if there is none, its state and the output of its job."""
    from sweep.operations.logs import follow_log, read_log
    from sweep.storage.attempts import newest_attempt
    from sweep.storage.lease import is_launched

    engine, row = open_study(study, storage)

    def observe() -> "tuple[AttemptRow, bool]":
        return newest_attempt(engine, row, trial), is_launched(engine, row.id)

    with suppress(KeyboardInterrupt):
        for text in follow_log(observe, time.sleep) if follow else read_log(observe()[0]):
            typer.echo(text, nl=False)
