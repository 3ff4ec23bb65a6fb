"""The origin of a study: its commit, and whether that contains all of the code."""

import subprocess
from pathlib import Path

import pytest

from sweep.operations.provenance import provenance


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text("rate = 1")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=one"]):
        author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *author, *command], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content", "is_dirty"),
    [("sweep.db", "", False), ("model.py", "rate = 2", True), ("layers.py", "", True)],
)
def test_only_code_that_the_commit_lacks_is_dirty(
    repository: Path, name: str, content: str, is_dirty: bool
) -> None:
    clean = provenance(repository, None)
    assert clean["git_dirty"] is False
    assert len(str(clean["git_commit"])) == 40
    (repository / name).write_text(content)
    assert provenance(repository, None)["git_dirty"] is is_dirty


def test_folder_outside_a_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = provenance(tmp_path, "abc")
    assert (found["git_commit"], found["git_dirty"], found["data_sha256"]) == (None, None, "abc")


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["/venv/bin/sweep", "launch", "--study", "toy"], "sweep launch --study toy"),
        (["/site-packages/sweep/__main__.py", "launch"], "sweep launch"),
        (["search.py", "--fast"], "python search.py --fast"),
        (
            ["sweep", "launch", "--storage", "postgresql://me:secret@host/x"],
            "sweep launch --storage postgresql://me:***@host/x",
        ),
    ],
)
def test_command_is_recorded_without_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], command: str
) -> None:
    monkeypatch.setattr("sys.argv", argv)
    assert provenance(tmp_path, None)["command"] == command
