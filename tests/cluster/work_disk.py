"""A small file system for the study's folders, which can become full."""

import os
import subprocess
from pathlib import Path

from tests.cluster import daemons

SIZE = "512m"


class WorkDisk:
    """A file system in memory, mounted on a folder, which must contain a file before it is filled.

    Args:
        folder: The folder; it is created.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> bool:
        """Mount the file system, and return whether that is permitted; usually only root may do so."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs")

    def fill(self) -> None:
        """Leave no free block: reduce the size of the file system to what its files use."""

        def reduce() -> bool:  # This fails if the files use more by now.
            usage = os.statvfs(self.folder)
            return self._mount("-o", f"remount,size={(usage.f_blocks - usage.f_bfree) * usage.f_frsize}")

        daemons.wait_until(f"{self.folder} is full", reduce)

    def empty(self) -> None:
        """Restore the size of the file system."""
        if not self._mount("-o", f"remount,size={SIZE}"):
            raise OSError(f"{self.folder} cannot be remounted")

    def unmount(self) -> None:
        """Unmount the file system, even if processes still use it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False, timeout=20)

    def _mount(self, *arguments: str) -> bool:
        done = subprocess.run(["mount", *arguments, str(self.folder)], capture_output=True, timeout=20)
        return done.returncode == 0
