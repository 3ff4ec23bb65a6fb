"""The command `sweep logs`."""

import sys
from contextlib import suppress
from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, TrialOption, open_study


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
    """Print the output of a trial.

    The output is that of the trial's newest attempt. If there is none, the command prints the state of the
    attempt and the output of its job. Control sequences of terminals are removed; colours remain if the
    output is a terminal.
    """
    from sweep.operations.logs import follow_log, observe_trial, read_log
    from sweep.storage.attempts import newest_attempt
    from sweep.terminal_text import LogText

    engine, row = open_study(study, storage)
    shown = LogText(keeps_colors=sys.stdout.isatty())
    with suppress(KeyboardInterrupt):
        if follow:
            texts = follow_log(observe_trial(engine, row, trial))
        else:
            texts = read_log(newest_attempt(engine, row, trial))
        for text in texts:
            typer.echo(shown.next(text), nl=False)
    typer.echo(shown.end(), nl=False)
