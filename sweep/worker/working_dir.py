"""The working directory of an attempt, in which relative paths find the project's files.

It consists of folders of its own, so that a new file of the trial is created in it, in whichever folder of
the project. A file of the snapshot is a link if it is a module or large, and otherwise a copy, which the
trial can change. What the snapshot lacks, such as data that git ignores, comes from the project likewise.

The number of links is limited, because creating one may take a millisecond on a network file system. Beyond
it, folders are linked as a whole; `detached_links` keeps the trial from writing into most of them.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

MAX_COPY_BYTES = 64_000
"""The size up to which a file is copied instead of linked."""
LINKED_SUFFIXES = (".py", ".so", ".pyd", ".db", ".sqlite", ".sqlite3")
"""The endings of files that are linked whatever their size."""
MAX_ENTRIES = 200
"""How many files and folders a working directory has, in addition to those at its top level."""
MAX_FOLDER_ENTRIES = 100
"""The number of entries beyond which a folder that the snapshot lacks is linked as a whole."""
OMITTED = {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
"""The names of files and folders that no trial reads."""
LINKED_FOLDERS = {"node_modules"}
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"


class _Folder(NamedTuple):
    """A folder of the project, as far as it is read.

    Attributes:
        path: The folder in the snapshot or, if the snapshot lacks it, in the project.
        files: Its entries that are not folders, and its folders that are always linked.
        folders: Its other folders by name.
        is_mixed: Whether the snapshot contains the folder, but not all of its entries in the project.
    """

    path: str
    files: list[Any]
    folders: dict[str, _Folder]
    is_mixed: bool

    @property
    def num_entries(self) -> int:
        """The number of its entries."""
        return len(self.files) + len(self.folders)

    @property
    def has_modules(self) -> bool:
        """Whether it is a package of modules, in which a trial hardly writes."""
        return any(entry.name.endswith(".py") for entry in self.files)


def create_working_dir(work: Path, code_dir: Path, project_dir: Path) -> None:
    """Create the working directory of an attempt.

    Args:
        work: The folder to create.
        code_dir: The snapshot of the code.
        project_dir: The project's folder.
    """
    # The folder inside the project that contains this attempt must not be linked into it.
    own = {os.path.realpath(str(parent)) for parent in work.parents}
    own.discard(os.path.realpath(str(project_dir)))
    os.mkdir(work)
    level = [(str(work), _read(str(code_dir), str(project_dir), own))]
    num_left = MAX_ENTRIES
    while level:  # one level of the tree after the other, so that deep folders are linked as a whole
        below = []
        for target, folder in level:
            for entry in folder.files:
                is_of_project = not entry.path.startswith(f"{code_dir}/")
                _link_or_copy(entry, f"{target}/{entry.name}", is_of_project)
            below += [(f"{target}/{name}", inner) for name, inner in folder.folders.items()]
        level = []
        for target, folder in sorted(below, key=lambda pair: (pair[1].has_modules, pair[1].num_entries)):
            if folder.is_mixed or folder.num_entries < num_left:
                num_left -= folder.num_entries + 1
                os.mkdir(target)
                level.append((target, folder))
            else:
                os.symlink(folder.path, target)


def _read(code: str, project: str, own: set[str]) -> _Folder:
    """Read a folder of the snapshot, and what only the project has in it."""
    files, folders, known = [], {}, set(OMITTED)
    for entry in _entries(code):
        if entry.name in OMITTED:
            continue
        known.add(entry.name)
        if entry.is_dir(follow_symlinks=False):
            folders[entry.name] = _read(entry.path, f"{project}/{entry.name}", own)
        else:
            files.append(entry)
    is_mixed = any(folder.is_mixed for folder in folders.values())
    for entry in _entries(project):
        if entry.name in known or os.path.realpath(entry.path) in own:
            continue
        is_mixed = True
        folder = _read_project(entry, own)
        if folder is None:
            files.append(entry)
        else:
            folders[entry.name] = folder
    return _Folder(code, files, folders, is_mixed)


def _read_project(entry: Any, own: set[str]) -> _Folder | None:
    """Read a folder that the snapshot lacks; None if the entry is a file or is to be linked as a whole."""
    if not entry.is_dir(follow_symlinks=False) or entry.name in LINKED_FOLDERS:
        return None
    found = []
    try:
        with os.scandir(entry.path) as inner:
            for each in inner:
                found.append(each)
                if len(found) > MAX_FOLDER_ENTRIES or each.name == VIRTUAL_ENVIRONMENT:
                    return None
    except OSError:  # linked, so that the trial gets the same error
        return None
    files, folders = [], {}
    for each in found:
        if each.name in OMITTED or os.path.realpath(each.path) in own:
            continue
        folder = _read_project(each, own)
        if folder is None:
            files.append(each)
        else:
            folders[each.name] = folder
    return _Folder(entry.path, files, folders, is_mixed=False)


def remove_unchanged(work: Path, code_dir: Path, project_dir: Path) -> None:
    """Remove what the trial has not changed, so that the folder contains only the files that it has written.

    These are the links, the copies with the time and the size of the original, and empty folders of the
    snapshot and the project. A file that cannot be removed is left.
    """
    _remove_unchanged(str(work), [str(code_dir), str(project_dir)])
    with suppress(OSError):
        work.rmdir()


def _entries(folder: str) -> list[Any]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:  # the project's folder has changed, or is not visible on this node
        return []


def _link_or_copy(entry: Any, target: str, is_of_project: bool) -> None:
    """Link or copy a file; a copy keeps the time of the original, and its owner can write it.

    A file that another process has removed since it was listed, such as a journal of SQLite, is left out.
    """
    if entry.is_symlink() and not is_of_project:
        os.symlink(os.readlink(entry.path), target)  # a relative target is in the snapshot, too
        return
    if entry.is_file(follow_symlinks=False) and not entry.name.endswith(LINKED_SUFFIXES):
        try:
            status = os.stat(entry.path)
            if status.st_size <= MAX_COPY_BYTES:
                shutil.copyfile(entry.path, target)
                os.chmod(target, status.st_mode | 0o600)
                os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
                return
        except FileNotFoundError:
            return
        except OSError:  # a file that cannot be read is linked
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
