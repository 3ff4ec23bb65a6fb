"""Snapshots of a project's code: digests, copies, links, the size limit, and differences."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from sweep.definition.code import Code
from sweep.errors import InputError
from sweep.operations import code_snapshot
from sweep.operations.code_snapshot import (
    Differences,
    ProjectCode,
    copy_code,
    differences_between,
    read_project,
    unfinished_copies,
)
from sweep.operations.project_files import Project
from sweep.worker.attempt_folder import snapshot_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "model.py").write_text("x = 1\n")
    (folder / "run.sh").write_text("echo\n")
    (folder / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir(mode=0o700)
    return folder


def read(folder: Path, **code: tuple[str, ...]) -> ProjectCode:
    return read_project(Project(folder, Code(**code), ()))


def digest(folder: Path) -> str:
    return read(folder).snapshot.digest


def commit(folder: Path) -> None:
    author = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    for arguments in (["init"], ["add", "."], [*author, "commit", "-m", "Begin"]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def test_digest_covers_path_content_and_executable_bit(project: Path) -> None:
    first = digest(project)
    assert digest(project) == first
    (project / "package" / "model.py").write_text("x = 2\n")
    second = digest(project)
    (project / "package" / "model.py").rename(project / "package" / "other.py")
    third = digest(project)
    (project / "run.sh").chmod(0o644)
    assert len({first, second, third, digest(project)}) == 4


def test_copy_is_private_read_only_and_can_be_deleted(project: Path, study: Path) -> None:
    code = copy_code(read(project), study)
    folder = snapshot_folder(study, code.snapshot.digest)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "package" / "model.py").stat().st_mode) & 0o222 == 0
    assert os.access(folder / "run.sh", os.X_OK)
    assert digest(folder) == code.snapshot.digest
    shutil.rmtree(folder)


def test_existing_copy_is_reused(project: Path, study: Path) -> None:
    folder = snapshot_folder(study, copy_code(read(project), study).snapshot.digest)
    before = folder.stat().st_ino
    copy_code(read(project), study)
    assert folder.stat().st_ino == before


def test_interrupted_copy_leaves_no_snapshot(
    project: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(code_snapshot, "_copy_file", interrupt)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if the launcher had been killed
        with pytest.raises(KeyboardInterrupt):
            copy_code(read(project), study)
    assert len(list(unfinished_copies(study))) == 1
    code = copy_code(read(project), study)
    assert digest(snapshot_folder(study, code.snapshot.digest)) == code.snapshot.digest


def test_file_that_changes_during_the_copy_is_read_again(project: Path, study: Path) -> None:
    code = read(project)
    (project / "package" / "model.py").write_text("x = 2\n")
    copied = copy_code(code, study, lambda: read(project))
    assert copied.snapshot.digest == digest(project)
    assert [each.name for each in (study / "code").iterdir()] == [copied.snapshot.digest]


def test_links_lead_into_the_snapshot_or_to_absolute_paths(
    project: Path, study: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    commit(project)  # without git, only files with the endings of source files are listed
    (project / "inside.py").symlink_to("package/model.py")
    (project / "absolute.py").symlink_to(project / "package" / "model.py")
    (project / "data").symlink_to("../outside")
    code = copy_code(read(project), study)
    folder = snapshot_folder(study, code.snapshot.digest)
    targets = {path.name: path.readlink() for path in folder.iterdir() if path.is_symlink()}
    model = Path("package/model.py")
    assert targets == {"inside.py": model, "absolute.py": model, "data": tmp_path / "outside"}


def test_commit_and_clean_tree_are_recorded(project: Path) -> None:
    assert read(project).snapshot[1:] == (None, None)
    commit(project)
    head = subprocess.run(["git", "-C", str(project), "rev-parse", "HEAD"], capture_output=True, text=True)
    assert read(project).snapshot[1:] == (head.stdout.strip(), True)
    assert str(read(project)).endswith(f" of 2 files, commit {head.stdout[:7]}")
    (project / "new.py").touch()
    assert read(project).snapshot[1:] == (head.stdout.strip(), False)
    assert str(read(project)).endswith(f" of 3 files, commit {head.stdout[:7]} with uncommitted changes")
    assert read(project, exclude=("new.py",)).snapshot.is_clean
    (project / "run.sh").unlink()
    assert not read(project, exclude=("new.py",)).snapshot.is_clean


def test_message_about_a_large_project_names_the_largest_files(project: Path) -> None:
    commit(project)
    (project / "data").mkdir()
    for name, size in (("images.bin", 90_000_000), ("labels.bin", 20_000_000)):
        with (project / "data" / name).open("wb") as file:
            file.truncate(size)
    with pytest.raises(InputError) as caught:
        read(project)
    assert str(caught.value).splitlines()[:3] == [
        f"the code in {project} has 110 MB, but a launch copies at most 100 MB; its largest files are:",
        "  90.0 MB  data/images.bin",
        "  20.0 MB  data/labels.bin",
    ]
    assert 'code: {exclude: ["data/"]}' in str(caught.value)
    read(project, exclude=("data/",))


@pytest.mark.parametrize(
    ("now", "differences", "text"),
    [
        ({"a": "1", "b": "1"}, Differences([], [], []), "nothing"),
        ({"a": "2", "c": "1"}, Differences(["a"], ["c"], ["b"]), "changed: a; added: c; removed: b"),
        (
            {"a": "1", "b": "1", **dict.fromkeys("cdefghi", "1")},
            Differences([], list("cdefghi"), []),
            "added: c, d, e, f, g and 2 more",
        ),
    ],
)
def test_differences_are_listed(now: dict[str, str], differences: Differences, text: str) -> None:
    found = differences_between({"a": "1", "b": "1"}, now)
    assert (found, str(found)) == (differences, text)
