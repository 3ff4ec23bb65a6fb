"""The command line as a whole: its options, its help and its start-up time."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

from sweep.cli import app
from tests.sweep.cli.conftest import Sweep

SLOW_LIBRARIES = {"tensorflow", "keras", "optuna", "pandas", "plotly"}


def commands() -> list[list[str]]:
    root = typer.main.get_command(app)
    found = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        children = getattr(command, "commands", {})
        found += [[name, child] for child in children] or [[name]]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_help(sweep: Sweep, command: list[str]) -> None:
    result = sweep(*command, "--help")
    assert result.code == 0
    assert len(result.out.splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("launch",), "Missing option '--study'"),
        (("lunch", "--study", "toy"), "No such command 'lunch'"),
        (("launch", "--study", "toy", "--fast"), "No such option: --fast"),
        (("launch", "--study", "toy", "--trials", "x"), "Invalid value for '--trials'"),
    ],
)
def test_wrong_command_line_is_rejected_with_one_message(
    check_rejected: Callable[[tuple[str, ...], str], None], arguments: tuple[str, ...], message: str
) -> None:
    check_rejected(arguments, message)


@pytest.mark.parametrize(
    "code", ["import sweep.cli", "import sys; sys.argv = ['sweep', '--help']; import sweep.__main__"]
)
def test_help_starts_without_slow_libraries(code: str) -> None:
    report = "import atexit, sys; atexit.register(lambda: print(sorted(sys.modules), file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", report + code], capture_output=True, text=True, check=True)
    loaded = {name.strip("'[] ").partition(".")[0] for name in done.stderr.split(",")}
    assert "typer" in loaded
    assert not loaded & SLOW_LIBRARIES
