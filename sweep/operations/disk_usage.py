"""The space that files and folders use on disk, and their removal. Links are never followed."""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from sweep.errors import InputError

BLOCK_BYTES = 512
"""The unit of `st_blocks`."""
NUM_TRIES = 5
"""How often a folder is removed if another process removes files in it meanwhile, as an ending trial does."""


def size_on_disk(path: Path) -> int:
    """Return the bytes that a file or a folder with its content uses; 0 if it does not exist.

    What cannot be read or is removed meanwhile is omitted.
    """
    try:
        status = path.lstat()
    except OSError:
        return 0
    size = status.st_blocks * BLOCK_BYTES
    if stat.S_ISDIR(status.st_mode):
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                with suppress(OSError):
                    size += Path(folder, name).lstat().st_blocks * BLOCK_BYTES
    return size


def is_own_folder(path: Path) -> bool:
    """Return whether a path is a folder, not a link to one, that belongs to the user."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with its content. Nothing happens if it does not exist.

    Raises:
        InputError: If it cannot be removed completely.
    """
    try:
        for _ in range(NUM_TRIES - 1):
            with suppress(FileNotFoundError):
                return _remove(path)
        _remove(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be removed completely: {error.filename}: {error.strerror}\n"
            "end the processes that use it, or correct its permissions; then run the command again"
        ) from None


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)
