"""Protection of the files and folders that the links of a working directory lead to.

Python reports what it is going to do with files to audit hooks. The hook of this module replaces a link
before a trial writes through it: a link to a file by a copy, and a link to a folder by a folder with links.
Libraries that open files without Python, and programs that a trial starts, are not covered.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_ENTRIES = 1000
"""The number of entries up to which a link to a folder is replaced."""
CHANGED_PATHS = {
    "os.mkdir": 1, "os.remove": 1, "os.rmdir": 1, "os.rename": 2, "os.truncate": 1, "shutil.rmtree": 1,
}  # fmt: skip
"""How many of the first arguments of an audit event are paths whose folders are going to be changed."""


def detach_before_writing(work: Path, originals: Sequence[Path]) -> None:
    """Install the hook in this process; its forked children inherit it.

    Args:
        work: The working directory.
        originals: The folders that its links lead to: the snapshot and the project.
    """
    hook = _Hook(str(work), [os.path.join(os.path.realpath(str(folder)), "") for folder in originals])
    sys.addaudithook(hook)


class _Hook:
    def __init__(self, work: str, originals: Sequence[str]) -> None:
        self._work = os.path.realpath(work)
        self._originals = tuple(originals)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._detach(path, flags)
        elif event in CHANGED_PATHS:
            for path in arguments[: CHANGED_PATHS[event]]:
                self._detach(path, os.O_EXCL)

    def _detach(self, path: Any, flags: int) -> None:
        """Replace the links on the way to a path, and the link to the file itself if it will be opened."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        absolute = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))
        if not absolute.startswith(self._work + os.sep):
            return
        with suppress(OSError):  # the trial gets the error of what it does itself
            *folders, name = absolute[len(self._work) + 1 :].split(os.sep)
            folder = self._work
            for part in folders:
                folder = os.path.join(folder, part)
                if self._is_link(folder):
                    _replace_folder(folder)
            link = os.path.join(folder, name)
            if not flags & os.O_EXCL and self._is_link(link) and os.path.isfile(link):
                _replace_file(link, is_emptied=bool(flags & os.O_TRUNC))

    def _is_link(self, path: str) -> bool:
        return os.path.islink(path) and os.path.realpath(path).startswith(self._originals)


def _replace_folder(link: str) -> None:
    """Replace a link to a folder by a folder with links to its entries, unless it has too many."""
    names = os.listdir(link)
    if len(names) > MAX_ENTRIES:
        return
    original = os.path.realpath(link)
    replacement = f"{link}.{os.getpid()}"
    os.mkdir(replacement)
    for name in names:
        if name != "__pycache__":
            os.symlink(os.path.join(original, name), os.path.join(replacement, name))
    os.unlink(link)
    os.rename(replacement, link)


def _replace_file(link: str, is_emptied: bool) -> None:
    if is_emptied:
        os.unlink(link)
        return
    replacement = f"{link}.{os.getpid()}"
    shutil.copyfile(link, replacement)
    os.chmod(replacement, os.stat(link).st_mode | 0o600)
    os.replace(replacement, link)
