"""The command `sweep retry`."""

from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, open_study
from sweep.cli.output import say
from sweep.errors import InputError


def retry(
    study: RecordedStudyOption,
    trial: Annotated[
        int | None,
        typer.Option(min=0, help="The number of a failed trial.", metavar="N", show_default=False),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Retry all failed trials.")] = False,
    storage: StorageOption = None,
) -> None:
    """Retry failed trials.

    A retried trial keeps its number and its hyperparameters, and continues from its last checkpoint. The
    running launcher starts it as slots become free. If no launcher is running, the next launch starts it.
    """
    from sweep.operations.stop import running_launcher
    from sweep.storage.user_requests import request_retry

    if (trial is None) is not failed:
        raise InputError(
            "expected either --trial N, to retry one trial, or --failed, to retry all failed ones"
        )
    engine, row = open_study(study, storage)
    numbers = request_retry(engine, row, trial)
    if not numbers:
        say(f"study {row.name} has no failed trials")
        return
    say(f"to be retried: {', '.join(f'trial {number}' for number in numbers)}")
    if (running := running_launcher(row)) and row.stop is None:
        say(f"the running launcher ({running}) starts them as slots become free")
    else:
        say(f"the next launch starts them: sweep launch --study {study}")
