import os
from pathlib import Path

import pytest

from sweep.worker.artifacts import read_pictures


def names(folder: Path, max_bytes: int = 100) -> list[str]:
    return [picture.name for picture in read_pictures(folder, max_bytes)]


def test_only_regular_files_of_the_folder_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(b"secret")
    (folder / "a.png").write_bytes(b"a picture")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "inner_link.png").symlink_to(folder / "a.png")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "large.png").write_bytes(bytes(101))
    (folder / "text.txt").write_text("no picture")
    assert [tuple(picture) for picture in read_pictures(folder, 100)] == [("a.png", b"a picture")]


def test_folder_may_be_missing_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "missing") == names(tmp_path / "link") == []


def test_folder_of_an_attempt_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    artifacts = tmp_path / "elsewhere" / "artifacts"
    artifacts.mkdir(parents=True)
    (artifacts / "a.png").write_bytes(b"secret")
    (tmp_path / "attempt").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "attempt" / "artifacts") == []
    assert names(artifacts) == ["a.png"]


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        (b"\x1b[31mred\n.png", "_[31mred_.png"),
        (b"not \xff UTF-8.png", "not _ UTF-8.png"),
        (b"a" * 250 + b".png", "a" * 100 + ".png"),
        (b".png", "_.png"),
        (b"<img>.png", "<img>.png"),
    ],
)
def test_name_contains_only_characters_that_can_be_printed(tmp_path: Path, file: bytes, shown: str) -> None:
    Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), file))).write_bytes(b"a picture")  # noqa: PTH118
    assert names(tmp_path) == [shown]


def test_names_that_become_equal_are_numbered(tmp_path: Path) -> None:
    for stem in ("a\n", "a\t", "a_"):
        (tmp_path / f"{stem}.png").write_bytes(b"a picture")
    assert names(tmp_path) == ["a_.png", "a_-2.png", "a_-3.png"]
