"""`sweep data`: the data sets that come with the capsule network."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import DataDirOption
from sweep.errors import InputError

app = typer.Typer(help="Get the data sets that come with the capsule network.", no_args_is_help=True)


@app.command("fetch")
def fetch(
    dataset: Annotated[str, typer.Argument(help="kmnist, digits, or the path of an .npz file.")],
    data_dir: DataDirOption = None,
) -> None:
    """Download a data set, checked and resumable; say its checksum."""
    _echo_checksum("capsmodel.data:fetch", dataset, data_dir)


@app.command("verify")
def verify(
    dataset: Annotated[str, typer.Argument(help="kmnist, digits, or the path of an .npz file.")],
    data_dir: DataDirOption = None,
) -> None:
    """Check a data set that is there against its checksums."""
    _echo_checksum("capsmodel.data:verify", dataset, data_dir)


def _echo_checksum(function: str, dataset: str, data_dir: Path | None) -> None:
    # by its dotted path, as a study names it: the orchestrator knows no model
    from sweep.worker.train_function import load_function

    try:
        typer.echo(f"{dataset}: sha256 {load_function(function)(dataset, data_dir)}")
    except (OSError, ValueError) as error:
        raise InputError(str(error)) from None
