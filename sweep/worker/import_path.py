"""The import path of a job that was started from a folder with copies of this package and of submitit."""

from __future__ import annotations

import sys
from pathlib import Path

START = "start_job.py"
"""The name of the script that starts a job, in that folder."""
OF_JOB = ("cloudpickle", "submitit", "typing_extensions")
"""The packages of that folder that the user's environment may contain in other versions."""

_FOLDER = Path(__file__).resolve().parents[2]


def hide_own_packages() -> None:
    """Let the train function import its own versions of the packages that the job needed to start.

    Nothing is done if this package was imported from an environment in which it is installed.
    """
    sys.path[:] = [entry for entry in sys.path if not entry or not is_own(Path(entry))]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in OF_JOB and file is not None and is_own(Path(file)):
            del sys.modules[name]


def is_own(path: Path) -> bool:
    """Return whether a path is in the folder that a job was started from."""
    return (_FOLDER / START).exists() and _FOLDER in [path.resolve(), *path.resolve().parents]
