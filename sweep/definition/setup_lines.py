"""The shell commands that prepare a job: the setup lines of its profile, which end the job if they fail."""

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

IGNORE_WORKING_DIRECTORY = 'export PYTHONSAFEPATH="${PYTHONSAFEPATH:-sweep}"'
"""The shell command after which Python imports this package although the user has a file `sweep.py`.

The worker removes the variable for the train function.
"""
CHECK_TIMEOUT_S = 10
FAILURE = "the setup command failed with exit code"
"""The beginning of the line that a job prints after a setup command has failed."""
CHECK = f'sweep_check() {{ [ "$1" -eq 0 ] || {{ echo "{FAILURE} $1: $2" >&2; exit "$1"; }}; }}'
"""A shell function that ends the job if an exit code is not 0."""


def job_setup(lines: Sequence[str]) -> list[str]:
    """Return the shell commands that run before Python is started in a job.

    Args:
        lines: The profile's setup lines.
    """
    return [*checked_setup(lines), IGNORE_WORKING_DIRECTORY]


def checked_setup(lines: Sequence[str]) -> list[str]:
    """Return setup lines with a check of the exit code after each command.

    A shell continues after a command that fails, so that a trial would run in another environment than the
    one that was requested. `set -e` is not used, because the module systems of some clusters do not work with
    it. A command may extend over several lines, such as a loop; it is checked at its end.

    Args:
        lines: The lines as the user wrote them. A command that may fail ends with `|| true`.
    """
    checked: list[str] = [CHECK] if lines else []
    command: list[str] = []
    for line in lines:
        checked.append(line)
        command.append(line)
        if _is_complete("\n".join(command)):
            checked.append(f"sweep_check $? {shlex.quote(' '.join(command))}")
            command = []
    return checked


@cache  # a profile's lines are the same in each submission
def _is_complete(command: str) -> bool:
    """Return whether the shell could parse the command without further lines."""
    bash = shutil.which("bash")
    if bash is None:
        return not command.rstrip().endswith("\\")
    done = subprocess.run(
        [bash, "-n", "-c", command], capture_output=True, text=True, timeout=CHECK_TIMEOUT_S, check=False
    )
    is_continued = command.rstrip(" ").endswith("\\") or "here-document" in done.stderr
    return not is_continued and (done.returncode == 0 or "end of file" not in done.stderr)
