"""The command line.

Each command is a few lines over the library, and only this package prints and exits. The library is imported
inside the commands, so that `sweep --help` starts fast and no command waits for a library it does not use.
"""

import errno
import io
import sys
from typing import Annotated

import typer

from sweep import __version__
from sweep.cli import (
    best,
    card,
    clean,
    dashboard,
    data,
    delete,
    doctor,
    evaluate,
    follow_up,
    import_study,
    init,
    launch,
    logs,
    open_report,
    report,
    reproduce,
    retry,
    status,
    stop,
)
from sweep.cli.output import say
from sweep.cli.process_list import hide_in_process_list
from sweep.errors import InputError, SweepError

UNUSABLE_FILE = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
}
"""The errors of files that a user can correct."""

UNPARSED = {"allow_interspersed_args": False}
"""Settings of a command that takes the words of another command line."""


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"sweep {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="sweep",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Search for hyperparameters with Optuna; each trial runs as a Slurm job or as a local process."""


for command in (
    init.init,
    launch.launch,
    status.status,
    best.best,
    logs.logs,
    stop.stop,
    retry.retry,
    evaluate.evaluate,
    report.report,
    card.card,
    dashboard.dashboard,
    doctor.doctor,
    reproduce.reproduce,
    clean.clean,
    delete.delete,
):
    app.command(context_settings=UNPARSED if command is init.init else None)(command)
app.command("follow-up")(follow_up.follow_up)
app.command("open")(open_report.open_)
app.command("import")(import_study.import_)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line, and exit with the code that docs/commands.md documents.

    An error that this package raises on purpose becomes one message on stderr, and so does a database or a
    file that cannot be used.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # its encoding may lack a character
    hide_in_process_list()
    try:
        app()
    except Exception as error:
        if (shown := _shown_error(error)) is None:
            raise
        say(f"error: {shown}", err=True)
        sys.exit(2 if isinstance(shown, InputError) else 1)


def _shown_error(error: Exception) -> SweepError | None:
    """Return the error as it is shown to a user; None for one that needs a traceback."""
    if isinstance(error, SweepError):
        return error
    if isinstance(error, OSError) and error.errno in UNUSABLE_FILE and error.filename is not None:
        return InputError(f"{error.filename} cannot be used: {error.strerror}")
    if "sqlalchemy" not in sys.modules:
        return None
    from sweep.storage.database_problem import database_problem

    return database_problem(error)
