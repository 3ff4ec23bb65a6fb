"""Questions to git about a folder."""

import os
import subprocess
from pathlib import Path

TIMEOUT_S = 60


def git(folder: Path, *arguments: str) -> str | None:
    """Return the output of a git command without the line end; None outside a repository or without git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout).rstrip("\n")
