"""Reading files that other programs may have replaced by anything."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# A link is not followed, and opening a pipe does not wait for a writer.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_ERRORS_OF_ONE_FILE = {
    errno.EACCES,
    errno.EEXIST,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.EMLINK,  # what BSD systems report for a link
    errno.ENAMETOOLONG,
    errno.ENODEV,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.ENXIO,
    errno.EOPNOTSUPP,
    errno.EPERM,
}


class UnusableFileError(Exception):
    """Raised if there is something of a file's name that is not a readable regular file of its folder."""


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Neither the file nor its folder may be a symbolic link, which could lead out of the trial's folder.

    Raises:
        FileNotFoundError: If the file does not exist.
        UnusableFileError: If it is not a regular file or must not be read.
        OSError: If the file system fails; another attempt may succeed.
    """
    try:
        folder = os.open(str(path.parent), _FOLDER_FLAGS)
        try:
            descriptor = os.open(path.name, _FILE_FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        if is_outage(error) or _is_access_lost(error, path):
            raise
        raise UnusableFileError(f"it cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnusableFileError("it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        FileNotFoundError: If the file does not exist.
        UnusableFileError: If it is not a regular file, must not be read or is too large.
        OSError: If the file system fails.
    """
    with open_regular(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UnusableFileError(f"it is larger than {max_bytes:,} bytes")
    return data


def read_end(path: Path, max_bytes: int) -> tuple[bytes, bool]:
    """Return the end of a regular file, and whether it is the whole file.

    Raises:
        FileNotFoundError: If the file does not exist.
        UnusableFileError: If it is not a regular file or must not be read.
        OSError: If the file system fails.
    """
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - max_bytes, 0))
        return file.read(max_bytes), size <= max_bytes


def _is_access_lost(error: OSError, path: Path) -> bool:
    """Return whether the whole study is inaccessible, for example because a Kerberos ticket has expired."""
    if error.errno not in {errno.EACCES, errno.EPERM}:
        return False
    folders = path.absolute().parents  # of the attempt, of the trial, of the study
    return not os.access(str(folders[min(2, len(folders) - 1)]), os.R_OK | os.X_OK)


def is_outage(error: OSError) -> bool:
    """Return whether an error concerns the file system as a whole, and not the kind or mode of one file."""
    return error.errno not in _ERRORS_OF_ONE_FILE
