"""Completion in the shell, the version, and opening a report."""

from pathlib import Path

import pytest

from sweep import __version__
from tests.sweep.cli.conftest import CommandResult, Sweep


def offered(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, line: str, number: int) -> list[str]:
    """Return what bash offers for the word of this number."""
    monkeypatch.setenv("_SWEEP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(number))
    return sweep().out.split()


@pytest.mark.parametrize("command", ["launch", "status", "best", "report", "clean", "evaluate", "open"])
def test_names_of_study_files_are_offered(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, workplace: Path, command: str
) -> None:
    (workplace / "studies" / "other.yaml").touch()
    assert offered(sweep, monkeypatch, f"sweep {command} --study t", 3) == ["toy"]


def test_names_of_profiles_are_offered(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch, workplace: Path
) -> None:
    line = "sweep launch --study toy --cluster "
    (workplace / "cluster.yaml").write_text("profiles:\n  small: {executor: inline}\n  big: {}\n")
    assert offered(sweep, monkeypatch, line, 5) == ["small", "big"]
    assert offered(sweep, monkeypatch, f"{line}b", 5) == ["big"]
    (workplace / "cluster.yaml").write_text("profiles: [\n")
    assert offered(sweep, monkeypatch, line, 5) == []
    (workplace / "cluster.yaml").unlink()
    assert offered(sweep, monkeypatch, line, 5) == ["local"]


def test_version_is_printed(sweep: Sweep) -> None:
    printed = sweep("--version")
    assert (printed.code, printed.out) == (0, f"sweep {__version__}\n")


@pytest.mark.slow
def test_report_is_written_and_opened(
    launched: CommandResult, sweep: Sweep, monkeypatch: pytest.MonkeyPatch, workplace: Path
) -> None:
    opened: list[str] = []

    def browser(url: str) -> bool:
        opened.append(url)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", browser)
    first, second = sweep("open", "--study", "toy"), sweep("open", "--study", "toy")
    page = Path(first.out.strip())
    assert (workplace / page).is_file()
    assert opened == [(workplace / page).resolve().as_uri()] * 2
    assert (first.err, "no browser is available here" in second.err) == ("", True)
