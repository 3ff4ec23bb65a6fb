"""Fixtures for the tests of the commands."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from sweep.cli import main


class CommandResult(NamedTuple):
    code: int
    out: str
    err: str


Sweep = Callable[..., CommandResult]

BAD_STUDIES = {
    "no_name": "train: toy_model:train\nmetric: score\ndirection: maximize\ntrials: 1\n",
    "tab": "name: x\n\ttrain: y\n",
    "list": "- name: x\n",
    "empty": "",
}


@pytest.fixture
def sweep(workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sweep:
    """Run commands in the workplace and in this process."""

    def run(*arguments: str) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["sweep", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return CommandResult(int(exit_info.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture
def check_rejected(workplace: Path, sweep: Sweep) -> Callable[[Sequence[str], str], None]:
    """Check that a command prints one message and changes nothing, in a workplace with broken files."""
    for name, text in BAD_STUDIES.items():
        (workplace / "studies" / f"{name}.yaml").write_text(text)
    (workplace / "broken_model.py").write_text("def train(:\n")
    (workplace / "leaving_model.py").write_text("import os; os._exit(5)\n")
    (workplace / "empty.db").touch()

    def check(arguments: Sequence[str], message: str) -> None:
        before = _contents(workplace)
        result = sweep(*arguments)
        assert message in result.err
        assert result.code == 2
        assert "Traceback" not in result.err
        assert "secret" not in result.err + result.out
        assert result.out == ""
        assert len(result.err.strip().splitlines()) <= 8
        assert _contents(workplace) == before
        assert not (workplace / "sweeps").exists()

    return check


@pytest.fixture
def launched(sweep: Sweep) -> CommandResult:
    """The result of a launch of the toy study, whose four trials are complete."""
    return sweep("launch", "--study", "toy", "--cluster", "inline")


def _contents(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path: path.read_bytes() for path in found}
