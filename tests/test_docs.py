"""The documentation says what the code does: its code runs, its commands parse, its links resolve."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sweep.cli import app
from sweep.definition.study import load_study

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def commands() -> list[str]:
    """Every `sweep` command of every page, alone on its line or in a chain."""
    lines = [line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()]
    chained = [part.partition(" #")[0].strip() for line in lines for part in line.split("&&")]
    return sorted({command for command in chained if command.startswith("sweep ")})


@pytest.mark.parametrize("command", commands())
def test_every_command_parses(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    node, words = typer.main.get_command(app), shlex.split(command)[1:]
    while hasattr(node, "commands"):
        node = node.commands[words.pop(0)]
    parsed = node.make_context(command, words)
    monkeypatch.chdir(ROOT)
    for reference in [parsed.params["study"]] if isinstance(parsed.params.get("study"), str) else []:
        if not reference.startswith("my_"):
            load_study(reference, parsed.params.get("overrides") or ())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_resolves(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_pictures_are_small_and_each_is_shown() -> None:
    pictures = set(ROOT.glob("docs/**/*.png"))
    assert {picture.name for picture in pictures if picture.stat().st_size > 200_000} == set()
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    assert pictures == shown


def test_the_first_two_commands_of_the_readme_are_chains_on_one_line() -> None:
    first, second, *_ = blocks(ROOT / "README.md", "bash")
    assert first.count("\n") == second.count("\n") == 1
    assert "sweep launch --study quickstart" in first
    assert second.rstrip().endswith("pytest")


@pytest.mark.parametrize(("index", "module"), [(0, "my_model"), (1, "my_sgd")])
def test_a_model_of_ones_own(tmp_path: Path, index: int, module: str) -> None:
    """The page's code and study, as a reader would save them, through the page's commands."""
    page = ROOT / "docs" / "own_model.md"
    study = blocks(page, "yaml")[index]
    name = study.split()[1]
    (tmp_path / f"{module}.py").write_text(blocks(page, "python")[index])
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{name}.yaml").write_text(study)
    for command in (["launch", "--study", name], ["report", "--study", name]):
        done = subprocess.run(
            [sys.executable, "-m", "sweep", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "report" / name / "report.html").exists()


def test_the_page_for_a_model_of_ones_own_shows_the_commands_that_are_tested() -> None:
    assert blocks(ROOT / "docs" / "own_model.md", "bash") == [
        "sweep launch --study my_svm\nsweep report --study my_svm\n"
    ]


@pytest.mark.parametrize("file", sorted(ROOT.glob("studies/*.yaml")), ids=lambda file: file.stem)
def test_every_study_loads(file: Path) -> None:
    assert load_study(str(file)).name == file.stem
