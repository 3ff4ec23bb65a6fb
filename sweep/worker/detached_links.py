"""Protection of the files that the links of a working directory lead to."""

# The hook is called for each file that the process opens.
# ruff: noqa: PTH

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any


def copy_before_writing(work: Path) -> None:
    """Replace a link in the working directory by a copy when this process opens it for writing.

    The file that the link leads to is therefore not changed. This holds for the files that Python opens, such
    as by `open`; a library that opens a file itself changes the original, if its permissions allow it.
    """
    inside = os.path.join(os.path.realpath(str(work)), "")

    def detach(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[2], int):
            return
        path, flags = arguments[0], arguments[2]
        if not flags & (os.O_WRONLY | os.O_RDWR) or not isinstance(path, (str, bytes, os.PathLike)):
            return
        folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))
        link = os.path.join(os.path.realpath(folder), name)
        if link.startswith(inside) and os.path.islink(link) and os.path.isfile(link):
            _detach(link, keep_content=not flags & os.O_TRUNC)

    sys.addaudithook(detach)


def _detach(link: str, keep_content: bool) -> None:
    """Replace a link to a file by a copy of the file, or only remove it if its content will be replaced."""
    original = os.path.realpath(link)
    os.unlink(link)
    if keep_content:
        shutil.copyfile(original, link)
        os.chmod(link, os.stat(original).st_mode | 0o600)
