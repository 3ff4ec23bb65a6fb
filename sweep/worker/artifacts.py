"""The files that a train function has written to its folder of artifacts, read without trust in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sweep.worker.regular_file import UnusableFileError, read_regular

MAX_ENTRIES = 10_000
"""How many files of a folder are looked at."""
MAX_STEM_LENGTH = 100


class Picture(NamedTuple):
    """A PNG file: its name, with unusual characters replaced, and its content."""

    name: str
    content: bytes


def read_pictures(folder: Path, max_bytes: int) -> Iterator[Picture]:
    """Yield the PNG files of a folder in the order of their names.

    Files that are not regular, lie outside the folder, are too large or cannot be read are omitted. There are
    none if the folder, or the attempt's folder that contains it, is a symbolic link.

    Args:
        folder: The folder of artifacts in an attempt's folder; it need not exist.
        max_bytes: The size up to which a file is read.
    """
    used: set[str] = set()
    for file in _files(folder, ".png"):
        try:
            content = read_regular(folder / file, max_bytes)
        except (OSError, UnusableFileError):
            continue
        name = _unique(_plain_stem(file), used)
        used.add(name)
        yield Picture(f"{name}.png", content)


def read_files(folder: Path, max_bytes: int, max_files: int) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of the first files of a folder, in the order of their names.

    The same files are omitted as by `read_pictures`, and those whose names cannot be printed. Files in
    subfolders are not read.

    Args:
        folder: The folder of artifacts in an attempt's folder; it need not exist.
        max_bytes: The size up to which a file is read.
        max_files: How many files are read.
    """
    names = [name for name in _files(folder, "") if name.isprintable()]
    for name in names[:max_files]:
        try:
            yield name, read_regular(folder / name, max_bytes)
        except (OSError, UnusableFileError):
            continue


def _files(folder: Path, ending: str) -> list[str]:
    names: list[str] = []
    try:
        if folder.parent.is_symlink() or folder.is_symlink():
            return []
        with os.scandir(str(folder)) as entries:
            for _, entry in zip(range(MAX_ENTRIES), entries):  # noqa: B905 - Python 3.8 has no strict=
                if entry.name.endswith(ending):
                    names.append(entry.name)
    except OSError:
        return []
    return sorted(names)


def _plain_stem(file: str) -> str:
    """Return a file's name without its ending and without characters that cannot be printed."""
    stem = file[: -len(".png")][:MAX_STEM_LENGTH]
    return "".join(character if character.isprintable() else "_" for character in stem).strip() or "_"


def _unique(name: str, used: set[str]) -> str:
    number, unique = 2, name
    while unique in used:
        unique, number = f"{name}-{number}", number + 1
    return unique
