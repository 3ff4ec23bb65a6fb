"""Other versions of Python on this machine, for tests of environments that differ from the launcher's."""

import shutil
import subprocess
from pathlib import Path


def find_python(version: str) -> Path | None:
    """Return the interpreter of a version such as 3.8, from the PATH or from pyenv; None without one."""
    names = [found] if (found := shutil.which(f"python{version}")) else []
    names += map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))
    for name in names:
        asked = subprocess.run(
            [name, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True
        )
        if asked.returncode == 0:  # pyenv's own command fails if the version is not selected
            return Path(asked.stdout.strip())
    return None
