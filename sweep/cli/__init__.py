"""The command line. Each command is a few lines over the library; nothing else prints or exits.

The library is imported inside the commands: `sweep --help` and shell completion start in a moment, and no
command waits for a library that it does not use.
"""

import sys

import typer

from sweep.cli import checking, data, evaluating, results, running, watching
from sweep.errors import InputError, SweepError

app = typer.Typer(
    name="sweep",
    help="Hyperparameter sweeps: an Optuna study whose trials are Slurm jobs, or processes of this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    running.launch,
    running.stop,
    running.retry,
    watching.status,
    watching.logs,
    evaluating.evaluate,
    results.report,
    results.dashboard,
    checking.doctor,
    checking.reproduce,
):
    app.command()(command)
app.add_typer(data.app, name="data")


def main() -> None:
    """Run the command line; a mistake is one message on stderr and exit code 2, a failed study is 1."""
    try:
        app()
    except SweepError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
