"""The command `sweep delete`."""

import sys
from typing import Annotated

import typer

from sweep.cli.options import RecordedStudyOption, StorageOption, open_study, this_command
from sweep.cli.output import say
from sweep.errors import InputError


def delete(
    study: RecordedStudyOption,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking for confirmation.")] = False,
    storage: StorageOption = None,
) -> None:
    """Delete a study: its folder, and its trials in the database.

    The study must not have a running launcher or active trials. If the command is interrupted, running it
    again finishes the deletion.
    """
    from sweep.operations.deletion import delete as delete_study
    from sweep.operations.deletion import plan_deletion
    from sweep.reporting.formatting import format_count, format_size
    from sweep.storage.database import shown_url

    engine, row = open_study(study, storage)
    plan = plan_deletion(engine, row)
    if not yes and not sys.stdin.isatty():
        raise InputError(
            f"study {row.name} is not deleted without a confirmation, and there is no terminal to ask on\n"
            f"to delete it without being asked: sweep delete --study {study} --yes"
        )
    size = "does not exist here" if plan.num_bytes is None else format_size(plan.num_bytes)
    say(
        f"study {row.name} in {shown_url(engine.url)}: {format_count(plan.num_trials, 'trial')}, "
        f"{plan.gpu_hours:.1f} GPU hours\nfolder {plan.folder}: {size}"
    )
    for name in plan.related:
        say(f"not deleted with it: sweep delete --study {name}")
    try:
        if not yes and not typer.confirm("delete the study with all its results?"):
            say("nothing was deleted", err=True)
            raise typer.Exit(130)
        is_complete = delete_study(engine, row)
    except (KeyboardInterrupt, typer.Abort):
        say(f"interrupted; to finish a deletion that has begun: {this_command()}", err=True)
        raise typer.Exit(130) from None
    say(f"deleted study {row.name}")
    if not is_complete:
        say(f"the Optuna study {row.name} has other trials than the study, so it was not deleted")
