"""Writing a file that other processes read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name, then rename it.

    A reader finds the previous content or the new content, never a part of it. The content is on the disk
    when this function returns. The temporary file is removed if writing fails.

    Args:
        path: The file to create or to replace; its folder must exist.
        content: Text, which is written as UTF-8, or bytes.

    Raises:
        OSError: If the file cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with suppress(FileNotFoundError):
            temporary.unlink()
        with temporary.open("xb") as file:  # follows no link of this name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
