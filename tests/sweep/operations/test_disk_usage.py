"""Sizes on disk and the removal of folders."""

import shutil
from pathlib import Path

import pytest

from sweep.errors import InputError
from sweep.operations.disk_usage import is_own_folder, remove, size_on_disk

SIZE = 100_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, a link to a third one, and a link to its folder."""
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    for file in (outside / "data", folder / "a", folder / "inner/b"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * SIZE)
    (folder / "inner/link").symlink_to(outside / "data")
    (folder / "folder link").symlink_to(outside)
    return folder


def test_size_does_not_include_targets_of_links(folder: Path, tmp_path: Path) -> None:
    assert 2 * SIZE <= size_on_disk(folder) < 3 * SIZE
    assert SIZE <= size_on_disk(folder / "a") < 2 * SIZE
    assert size_on_disk(folder / "folder link") < SIZE
    assert size_on_disk(tmp_path / "missing") == 0


def test_links_are_removed_without_their_targets(folder: Path, tmp_path: Path) -> None:
    remove(folder / "folder link")
    remove(folder)
    remove(folder)
    assert not folder.exists()
    assert (tmp_path / "outside/data").exists()


def test_folder_is_removed_although_another_process_removes_a_part_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rmtree, num_calls = shutil.rmtree, 0

    def lose_a_file(path: Path) -> None:
        nonlocal num_calls
        num_calls += 1
        if num_calls == 1:
            raise FileNotFoundError(2, "No such file or directory", str(path / "a"))
        rmtree(path)

    monkeypatch.setattr("shutil.rmtree", lose_a_file)
    remove(folder)
    assert (num_calls, folder.exists()) == (2, False)


def test_folder_that_cannot_be_removed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path / "a"))

    monkeypatch.setattr("shutil.rmtree", fail)
    with pytest.raises(InputError, match=r"removed completely: .*/folder/a: Permission denied\nend the"):
        remove(folder)


def test_link_to_a_folder_is_no_folder_of_the_user(folder: Path) -> None:
    assert is_own_folder(folder)
    assert not is_own_folder(folder / "folder link")
    assert not is_own_folder(folder / "a")
    assert not is_own_folder(folder / "missing")
