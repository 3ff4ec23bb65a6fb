"""The command `sweep init`."""

from typing import Annotated

import typer

from sweep.cli.output import say


def init(
    command: Annotated[list[str], typer.Argument(help="The command, such as: python main.py")],
    name: Annotated[str | None, typer.Option("--name", help="The study's name.", show_default=False)] = None,
) -> None:
    """Write a study file for a script with an argparse parser."""
    from sweep.operations.script_study import write_study

    file, review = write_study(command, name)
    say(f"wrote {file}; review in it:")
    for item in review:
        say(f"- {item}")
    say(f"then: sweep launch --study {file.stem}")
