"""The working directory of an attempt, in which relative paths find the project's files.

It consists of folders of its own, so that a new file of the trial is created in it, in whichever folder of
the project. A file of the snapshot is a link if it is a module or large, and otherwise a copy, which the trial
can change. What the snapshot lacks, such as data that git ignores, comes from the project in the same way.
"""

# With thousands of files, strings are several times faster than paths.
# ruff: noqa: PTH

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_COPY_BYTES = 64_000
"""The size up to which a file is copied instead of linked."""
LINKED_SUFFIXES = (".py", ".so", ".pyd")
"""The endings of files that are linked whatever their size, because a trial does not change them."""
MAX_PROJECT_ENTRIES = 1000
"""How many links lead to files that the snapshot lacks; beyond that number, their folders are linked."""
MAX_FOLDER_ENTRIES = 200
"""The number of entries beyond which a folder that the snapshot lacks is linked itself."""
OMITTED = {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
"""The names of files and folders that no trial reads."""
LINKED_FOLDERS = {"node_modules"}
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"


def create_working_dir(work: Path, code_dir: Path, project_dir: Path) -> None:
    """Create the working directory of an attempt.

    Args:
        work: The folder to create.
        code_dir: The snapshot of the code.
        project_dir: The project's folder.
    """
    _Mirror(work, project_dir).fill(str(work), str(code_dir), str(project_dir))


def remove_unchanged(work: Path, code_dir: Path, project_dir: Path) -> None:
    """Remove what the trial has not changed, so that the folder contains only the files that it has written.

    These are the links, the copies with the time and the size of the original, and empty folders of the
    snapshot and the project. A file that cannot be removed is left.
    """
    _remove_unchanged(str(work), [str(code_dir), str(project_dir)])
    with suppress(OSError):
        work.rmdir()


class _Mirror:
    """A working directory that is being created, and the number of links to the project that are left."""

    def __init__(self, work: Path, project_dir: Path) -> None:
        self._num_left = MAX_PROJECT_ENTRIES
        # The folder inside the project that contains this attempt must not be linked into it.
        self._own = {os.path.realpath(str(parent)) for parent in work.parents}
        self._own.discard(os.path.realpath(str(project_dir)))

    def fill(self, work: str, code: str, project: str) -> None:
        """Create a folder with the entries of the snapshot, and with those that only the project has."""
        os.mkdir(work)
        known = set(OMITTED)
        for entry in _entries(code):
            if entry.name in OMITTED:
                continue
            known.add(entry.name)
            target = f"{work}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), target)
            elif entry.is_dir():
                self.fill(target, entry.path, f"{project}/{entry.name}")
            else:
                _link_or_copy(entry, target)
        for entry in _entries(project):
            if entry.name not in known:
                self._add_from_project(entry, f"{work}/{entry.name}")

    def _add_from_project(self, entry: Any, target: str) -> None:
        self._num_left -= 1
        if entry.is_symlink() or not entry.is_dir():
            if entry.is_symlink() or entry.is_file():
                _link_or_copy(entry, target)
            return
        if os.path.realpath(entry.path) in self._own:
            return
        inner = self._entries_to_mirror(entry)
        if inner is None:
            os.symlink(entry.path, target)
            return
        os.mkdir(target)
        for each in inner:
            if each.name not in OMITTED:
                self._add_from_project(each, f"{target}/{each.name}")

    def _entries_to_mirror(self, folder: Any) -> list[Any] | None:
        """Return the entries of a folder of the project, or None if the folder is to be linked itself."""
        if folder.name in LINKED_FOLDERS:
            return None
        limit = min(MAX_FOLDER_ENTRIES, self._num_left)
        entries = []
        try:
            with os.scandir(folder.path) as found:
                for entry in found:
                    entries.append(entry)
                    if len(entries) > limit or entry.name == VIRTUAL_ENVIRONMENT:
                        return None
        except OSError:  # linked, so that the trial gets the same error
            return None
        return entries


def _entries(folder: str) -> list[Any]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:  # the project's folder has changed, or is not visible on this node
        return []


def _link_or_copy(entry: Any, target: str) -> None:
    """Link or copy a file; a copy keeps the time of the original, and its owner can write it."""
    if not entry.is_symlink() and not entry.name.endswith(LINKED_SUFFIXES):
        status = entry.stat()
        if status.st_size <= MAX_COPY_BYTES:
            with suppress(OSError):  # a file that cannot be read is linked
                shutil.copyfile(entry.path, target)
                os.chmod(target, status.st_mode | 0o600)
                os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
                return
            with suppress(FileNotFoundError):
                os.unlink(target)
    os.symlink(entry.path, target)


def _remove_unchanged(work: str, originals: list[str]) -> None:
    for entry in _entries(work):
        same = [f"{folder}/{entry.name}" for folder in originals]
        with suppress(OSError):
            if entry.is_symlink():
                if os.readlink(entry.path) in same or any(_is_same_link(entry.path, each) for each in same):
                    os.unlink(entry.path)
            elif entry.is_dir():
                existing = [folder for folder in same if os.path.isdir(folder)]
                if existing:
                    _remove_unchanged(entry.path, existing)
                    os.rmdir(entry.path)
            elif any(_is_same_file(entry, each) for each in same):
                os.unlink(entry.path)


def _is_same_link(link: str, other: str) -> bool:
    return os.path.islink(other) and os.readlink(other) == os.readlink(link)


def _is_same_file(entry: Any, original: str) -> bool:
    """Return whether a copy has the time and the size of its original."""
    try:
        before, now = os.stat(original), entry.stat()
    except OSError:
        return False
    return (before.st_mtime_ns, before.st_size) == (now.st_mtime_ns, now.st_size)
