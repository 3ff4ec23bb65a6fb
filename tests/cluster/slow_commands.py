"""Versions of squeue and sacct that can be slowed down, in a folder for the start of the PATH."""

import shlex
import shutil
from pathlib import Path

COMMANDS = ("squeue", "sacct")
SCRIPT = """\
#!/bin/sh
[ -e {delay} ] && sleep "$(cat {delay})"
exec {command} "$@"
"""


class SlowCommands:
    """Scripts that call Slurm's commands, after a delay if one is set.

    Args:
        folder: The folder of the scripts; it is created.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._delay = folder / "delay"
        folder.mkdir(parents=True)
        for name in COMMANDS:
            command = shutil.which(name)
            assert command is not None
            script = folder / name
            script.write_text(SCRIPT.format(delay=shlex.quote(str(self._delay)), command=command))
            script.chmod(0o755)

    def slow_down(self, delay_s: float) -> None:
        """Delay each call by a number of seconds."""
        self._delay.write_text(f"{delay_s:.1f}")

    def speed_up(self) -> None:
        """Remove the delay."""
        self._delay.unlink(missing_ok=True)
