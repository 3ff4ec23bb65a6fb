"""The commands `sweep data fetch` and `sweep data verify`."""

from typing import Annotated

import typer

from sweep.cli.options import DataDirOption
from sweep.cli.output import say

app = typer.Typer(help="Fetch or verify the data set of a study.", no_args_is_help=True)

DatasetArgument = Annotated[
    str, typer.Argument(help="The data set, as a study file names it.", show_default=False)
]
StudyOption = Annotated[
    str | None,
    typer.Option(
        "--study",
        help="The study whose function is called: a name (studies/NAME.yaml) or the path of a study file. "
        "Default: the first file in studies/ for this data set.",
        metavar="NAME|PATH",
        show_default=False,
    ),
]


@app.command("fetch")
def fetch(dataset: DatasetArgument, data_dir: DataDirOption = None, study: StudyOption = None) -> None:
    """Make a data set available on this machine, and print its checksum.

    The command calls the study's `prepare` function.
    """
    from sweep.operations.data import fetch_data

    say(f"{dataset}: sha256 {fetch_data(dataset, data_dir, study)}")


@app.command("verify")
def verify(dataset: DatasetArgument, data_dir: DataDirOption = None, study: StudyOption = None) -> None:
    """Verify a data set that is on this machine, and print its checksum.

    The command calls the study's `verify` function.
    """
    from sweep.operations.data import verify_data

    say(f"{dataset}: sha256 {verify_data(dataset, data_dir, study)}")
