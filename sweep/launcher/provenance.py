"""Where a study came from, for whoever wants to repeat it."""

import platform
import subprocess
import sys
from pathlib import Path

from sweep import __version__
from sweep.redaction import hide_passwords


def provenance(code_dir: Path, data_sha256: str | None) -> dict[str, str | bool | None]:
    """The commit of the code the trials import, the data's checksum, the command, the versions."""
    commit = _git(code_dir, "rev-parse", "HEAD")
    return {
        "command": hide_passwords(" ".join(["sweep", *sys.argv[1:]])),
        "code_dir": str(code_dir),
        "git_commit": commit,
        "git_dirty": _is_dirty(code_dir) if commit else None,
        "data_sha256": data_sha256,
        "host": platform.node(),
        "python": platform.python_version(),
        "capsweep": __version__,
    }


def _is_dirty(folder: Path) -> bool:
    """Whether code is there that the commit does not have; what studies write beside it is none."""
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    new_modules = _git(folder, "ls-files", "--others", "--exclude-standard", "--", "*.py")
    return bool(changed or new_modules)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None outside a repository and where there is no git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
