"""The command line.

Each command is a few lines over the library, and only this package prints and exits. The library is imported
inside the commands, so that `sweep --help` starts fast and no command waits for a library it does not use.
"""

import io
import sys

import typer

from sweep.cli import (
    dashboard,
    data,
    doctor,
    evaluate,
    launch,
    logs,
    report,
    reproduce,
    retry,
    status,
    stop,
)
from sweep.cli.output import say
from sweep.errors import InputError, SweepError

app = typer.Typer(
    name="sweep",
    help="Search for hyperparameters with Optuna; each trial runs as a Slurm job or as a local process.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    launch.launch,
    status.status,
    logs.logs,
    stop.stop,
    retry.retry,
    evaluate.evaluate,
    report.report,
    dashboard.dashboard,
    doctor.doctor,
    reproduce.reproduce,
):
    app.command()(command)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line, and exit with the code that docs/commands.md documents.

    An error that this package raises on purpose becomes one message on stderr.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # its encoding may lack a character
    try:
        app()
    except SweepError as error:
        say(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
