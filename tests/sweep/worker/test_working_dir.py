"""The working directory of an attempt: what it contains, what is protected, and what is left of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweep.worker import working_dir
from sweep.worker.snapshot_imports import use_snapshot
from sweep.worker.working_dir import create_working_dir, remove_unchanged


class Folders:
    """A project with a snapshot, and the working directory of an attempt inside the project."""

    def __init__(self, folder: Path) -> None:
        self.project, self.code = folder / "project", folder / "code"
        self.work = self.project / "sweeps" / "toy" / "00000" / "attempt-1-t" / "work"
        self.work.parent.mkdir(parents=True)
        for root in (self.project, self.code):
            (root / "package").mkdir(parents=True)
            (root / "configs").mkdir()
            (root / "package" / "model.py").write_text("x = 1\n")
            (root / "configs" / "a.yaml").write_text("a: 1\n")
        (self.project / "data").mkdir()
        (self.project / "data" / "images.bin").write_bytes(b"i" * 100_000)

    def create(self) -> Path:
        create_working_dir(self.work, self.code, self.project)
        return self.work

    def remaining(self) -> list[str]:
        remove_unchanged(self.work, self.code, self.project)
        return sorted(str(path.relative_to(self.work)) for path in self.work.rglob("*") if not path.is_dir())


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_relative_paths_find_files_and_data(folders: Folders) -> None:
    work = folders.create()
    assert (work / "package" / "model.py").resolve() == (folders.code / "package" / "model.py").resolve()
    assert (work / "configs" / "a.yaml").read_text() == "a: 1\n"
    assert (work / "data" / "images.bin").stat().st_size == 100_000
    assert not (work / "sweeps").exists()


def test_files_of_the_snapshot_take_precedence_over_later_edits(folders: Folders) -> None:
    (folders.project / "configs" / "a.yaml").write_text("a: 2\n")
    assert (folders.create() / "configs" / "a.yaml").read_text() == "a: 1\n"


def test_new_files_are_created_in_the_working_directory(folders: Folders) -> None:
    work = folders.create()
    for path in ("out.txt", "configs/b.yaml", "data/cache.bin", "package/notes.txt"):
        (work / path).write_text("mine")
        assert not (folders.project / path).exists()
        assert not (folders.code / path).exists()


def test_small_file_can_be_changed_without_changing_the_original(folders: Folders) -> None:
    work = folders.create()
    (work / "configs" / "a.yaml").write_text("a: 3\n")
    assert (folders.code / "configs" / "a.yaml").read_text() == "a: 1\n"
    assert folders.remaining() == ["configs/a.yaml"]


def test_only_what_the_trial_has_written_remains(folders: Folders) -> None:
    work = folders.create()
    (work / "out.txt").write_text("mine")
    (work / "runs").mkdir()
    (work / "runs" / "log.txt").write_text("mine")
    assert folders.remaining() == ["out.txt", "runs/log.txt"]
    assert sorted(path.name for path in work.iterdir()) == ["out.txt", "runs"]


def test_unused_working_directory_is_removed(folders: Folders) -> None:
    folders.create()
    folders.remaining()
    assert not folders.work.exists()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_file_that_is_removed_meanwhile_is_left_out(
    folders: Folders, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = folders.project / "sweep.db-journal"  # SQLite removes it at the end of each transaction
    journal.write_text("journal")

    def remove_and(call: Callable[..., Any], path: Any, *rest: Any, **options: Any) -> Any:
        if str(path) == str(journal):
            journal.unlink(missing_ok=True)
        return call(path, *rest, **options)

    module, name = (os, "stat") if moment == "before" else (shutil, "copyfile")
    monkeypatch.setattr(module, name, partial(remove_and, getattr(module, name)))
    work = folders.create()
    assert not journal.exists()
    assert not os.path.lexists(work / "sweep.db-journal")
    assert (work / "configs" / "a.yaml").read_text() == "a: 1\n"


def test_link_out_of_the_project_leads_to_the_same_place(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("1")
    (folders.project / "linked").symlink_to("../elsewhere")
    assert (folders.create() / "linked" / "x").read_text() == "1"
    assert folders.remaining() == []


def test_large_folder_of_the_project_is_linked_as_a_whole(folders: Folders) -> None:
    (folders.project / "data" / "many").mkdir()
    for number in range(working_dir.MAX_FOLDER_ENTRIES + 1):
        (folders.project / "data" / "many" / str(number)).touch()
    work = folders.create()
    assert not (work / "data").is_symlink()
    assert (work / "data" / "many").is_symlink()


def test_number_of_entries_is_limited(folders: Folders) -> None:
    for package in range(30):
        (folders.code / f"package{package}").mkdir()
        for number in range(20):
            (folders.code / f"package{package}" / f"module{number}.py").touch()
    work = folders.create()
    num_links = sum(len(names) + len(files) for _, names, files in os.walk(work))
    assert num_links <= working_dir.MAX_ENTRIES + 40
    assert (work / "package29" / "module19.py").exists()
    assert (work / "configs").is_dir()
    assert not (work / "configs").is_symlink()
    assert folders.remaining() == []


def in_process(folders: Folders, code: str) -> None:
    """Run code in a process that protects the files to which the links of the working directory lead."""
    program = f"""
import os
from pathlib import Path
from sweep.worker.detached_links import detach_before_writing
os.chdir({str(folders.work)!r})
detach_before_writing(Path.cwd(), [Path({str(folders.code)!r}), Path({str(folders.project)!r})])
{code}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("mode", "content"), [("wb", b"mine"), ("ab", b"i" * 100_000 + b"mine"), ("r+b", b"mine" + b"i" * 99_996)]
)
def test_linked_file_is_replaced_by_a_copy_before_it_is_written(
    folders: Folders, mode: str, content: bytes
) -> None:
    work = folders.create()
    assert (work / "data" / "images.bin").is_symlink()
    in_process(folders, f"open('data/images.bin', {mode!r}).write(b'mine')")
    assert (work / "data" / "images.bin").read_bytes() == content
    assert (folders.project / "data" / "images.bin").read_bytes() == b"i" * 100_000
    assert folders.remaining() == ["data/images.bin"]


@pytest.mark.parametrize(
    "code",
    [
        "open('package/new.txt', 'w').write('mine')",
        "os.mkdir('package/new')",
        "os.remove('package/model.py')",
        "os.rename('package/model.py', 'package/other.py')",
        "open('package/model.py', 'a').write('mine')",
    ],
)
def test_linked_folder_is_replaced_before_it_is_changed(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(working_dir, "MAX_ENTRIES", 0)
    work = folders.create()
    assert (work / "package").is_symlink()
    in_process(folders, code)
    assert not (work / "package").is_symlink()
    assert [path.name for path in (folders.code / "package").iterdir()] == ["model.py"]
    assert (folders.code / "package" / "model.py").read_text() == "x = 1\n"


def test_reading_does_not_replace_links(folders: Folders) -> None:
    work = folders.create()
    in_process(folders, "open('data/images.bin', 'rb').read(); open('package/model.py').read()")
    assert (work / "data" / "images.bin").is_symlink()
    assert (work / "package" / "model.py").is_symlink()


def test_import_path_leads_to_the_snapshot(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    for root in (folders.project, folders.code):
        (root / "src").mkdir()
    elsewhere = str(folders.project.parent / "site-packages")
    only_in_project = str(folders.project / "data")
    source = str(folders.project / "src")
    monkeypatch.setattr(sys, "path", [source, elsewhere, str(folders.project), only_in_project])
    monkeypatch.setenv("PYTHONPATH", f"{source}{os.pathsep}{elsewhere}")
    use_snapshot(str(folders.code), str(folders.project))
    assert sys.path == [str(folders.code / "src"), elsewhere, str(folders.code), only_in_project]
    assert os.environ["PYTHONPATH"] == f"{folders.code / 'src'}{os.pathsep}{elsewhere}"
