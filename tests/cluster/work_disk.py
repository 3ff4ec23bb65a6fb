"""A small file system for the study's folders, which can become full."""

import os
import subprocess
from pathlib import Path

SIZE = "512m"


class WorkDisk:
    """A file system in memory, mounted on a folder. Only root may mount it.

    Args:
        folder: The folder; it is created.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> bool:
        """Mount the file system, and return whether that is permitted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs")

    def fill(self) -> None:
        """Leave no free block: reduce the size of the file system to what is used."""
        while not self._is_full():
            usage = os.statvfs(self.folder)
            used_bytes = max(1, usage.f_blocks - usage.f_bfree) * usage.f_frsize
            self._mount("-o", f"remount,size={used_bytes}")  # This fails if more is used by now.

    def empty(self) -> None:
        """Restore the size of the file system."""
        if not self._mount("-o", f"remount,size={SIZE}"):
            raise OSError(f"{self.folder} cannot be remounted")

    def unmount(self) -> None:
        """Unmount the file system, even if processes still use it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False, timeout=20)

    def _is_full(self) -> bool:
        return os.statvfs(self.folder).f_bfree == 0

    def _mount(self, *arguments: str) -> bool:
        done = subprocess.run(["mount", *arguments, str(self.folder)], capture_output=True, timeout=20)
        return done.returncode == 0
