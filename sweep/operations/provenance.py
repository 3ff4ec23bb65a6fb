"""The origin of a study: its code, its data and the command that launched it."""

import platform
import sys
from pathlib import Path

from sweep import __version__
from sweep.operations.git import git
from sweep.redaction import hide_in_arguments


def provenance(code_dir: Path, data_sha256: str | None) -> dict[str, str | bool | None]:
    """Return the commit of the code, the checksum of the data, the command, and versions, by name.

    Args:
        code_dir: The folder that the train function is imported from.
        data_sha256: The checksum of the data; None if it has none.
    """
    commit = git(code_dir, "rev-parse", "HEAD")
    return {
        "command": _command(),
        "code_dir": str(code_dir),
        "git_commit": commit,
        "git_dirty": _is_dirty(code_dir) if commit else None,
        "data_sha256": data_sha256,
        "host": platform.node(),
        "python": platform.python_version(),
        "capsweep": __version__,
    }


def _command() -> str:
    """Return this process's command line without passwords, in its short form if it is one of `sweep`."""
    program = Path(sys.argv[0])
    is_sweep = program.name == "sweep" or program.parts[-2:] == ("sweep", "__main__.py")
    return " ".join(["sweep" if is_sweep else f"python {program}", *hide_in_arguments(sys.argv[1:])])


def _is_dirty(folder: Path) -> bool:
    """Return whether the folder contains code that is not committed; other untracked files do not count."""
    changed = git(folder, "status", "--porcelain", "--untracked-files=no")
    new_modules = git(folder, "ls-files", "--others", "--exclude-standard", "--", "*.py")
    return bool(changed or new_modules)
