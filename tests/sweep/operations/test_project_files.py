"""The list of the files that belong to a snapshot: with and without git, with patterns, without outputs."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweep.definition.code import Code
from sweep.operations.project_files import Project, matcher, project_files


def create(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def files(folder: Path, outputs: tuple[str, ...] = (), **code: tuple[str, ...]) -> list[str]:
    return project_files(Project(folder, Code(**code), [folder / output for output in outputs]))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    create(tmp_path, "model.py", "configs/a.yaml", "notes.txt")
    git(tmp_path, "add", ".")
    (tmp_path / ".gitignore").write_text("data/\n*.log\n_version.py\n")
    return tmp_path


def test_git_lists_tracked_and_new_files_without_ignored_ones(repository: Path) -> None:
    create(repository, "new.py", "data/big.bin", "run.log")
    assert files(repository) == [".gitignore", "configs/a.yaml", "model.py", "new.py", "notes.txt"]


def test_deleted_file_is_not_listed(repository: Path) -> None:
    (repository / "notes.txt").unlink()
    assert "notes.txt" not in files(repository)


def test_ignored_module_beside_modules_is_listed(repository: Path) -> None:
    create(repository, "_version.py", "data/_version.py")
    assert "_version.py" in files(repository)
    assert "data/_version.py" not in files(repository)


def test_only_the_project_folder_of_a_larger_repository_is_listed(repository: Path) -> None:
    create(repository, "sub/train.py", "sub/lib/helper.py", "other/x.py")
    assert files(repository / "sub") == ["lib/helper.py", "train.py"]


def test_folder_that_a_repository_ignores_is_a_project_without_git(repository: Path) -> None:
    create(repository, "data/project/model.py")
    assert files(repository / "data" / "project") == ["model.py"]


def test_files_of_a_repository_inside_the_project_are_listed(repository: Path) -> None:
    create(repository, "inner/lib.py")
    git(repository / "inner", "init")
    assert "inner/lib.py" in files(repository)


def test_outputs_and_environments_are_never_listed(repository: Path) -> None:
    create(
        repository, "sweeps/toy/0/spec.json", "report/toy.html", "sweep.db", "sweep.db-wal",
        "x/__pycache__/y.pyc", "venv/pyvenv.cfg", "venv/lib/site.py",
    )  # fmt: skip
    found = files(repository, outputs=("sweeps",))
    assert found == [".gitignore", "configs/a.yaml", "model.py", "notes.txt"]


def test_tracked_database_and_report_package_are_listed(repository: Path) -> None:
    create(repository, "data.db", "report/draw.py")
    git(repository, "add", ".")
    assert {"data.db", "report/draw.py"} <= set(files(repository))


def test_project_without_git_consists_of_small_source_files(tmp_path: Path) -> None:
    create(tmp_path, "model.py", "configs/a.yaml", "image.png", ".hidden/x.py", "env/pyvenv.cfg", "env/a.py")
    (tmp_path / "large.json").write_text("1" * 1_000_001)
    assert files(tmp_path) == ["configs/a.yaml", "model.py"]


def test_patterns_add_and_remove_files(repository: Path) -> None:
    create(repository, "data/small/labels.csv", "data/big.bin", "run.log")
    found = files(repository, include=("data/small/", "run.log"), exclude=("configs", "*.txt", ".gitignore"))
    assert found == ["data/small/labels.csv", "model.py", "run.log"]


def test_included_file_takes_precedence_over_exclude(repository: Path) -> None:
    assert files(repository, include=("model.py",), exclude=("*",)) == ["model.py"]


def test_file_that_another_process_removes_meanwhile_is_left_out(tmp_path: Path) -> None:
    create(tmp_path, "model.py", "sweep.db")
    removing = "import os, sys\nwhile True:\n    open(sys.argv[1], 'w').close()\n    os.unlink(sys.argv[1])"
    with subprocess.Popen([sys.executable, "-c", removing, tmp_path / "sweep.db-journal"]) as other:
        try:
            found = [files(tmp_path) for _ in range(500)]
        finally:
            other.kill()
    assert found == [["model.py"]] * len(found)


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("data", "data/x/y.csv", True),
        ("data/", "a/data/x.csv", True),
        ("a/data", "data/x.csv", False),
        ("./a/data", "a/data/x.csv", True),
        ("*.csv", "a/b/x.csv", True),
        ("a/*.csv", "a/b/x.csv", False),
        ("a/**/x.csv", "a/x.csv", True),
        ("a/**/x.csv", "a/b/c/x.csv", True),
        ("a/**", "a/b/c", True),
        ("x?.py", "x1.py", True),
        ("x?.py", "x12.py", False),
        ("x.py", "x_py", False),
    ],
)
def test_pattern_matches(pattern: str, path: str, is_match: bool) -> None:
    assert matcher([pattern])(path) is is_match
