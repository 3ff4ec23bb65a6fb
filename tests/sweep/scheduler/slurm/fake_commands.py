"""Slurm's commands, replaced by answers that a test sets."""

import subprocess
from typing import Any


class FakeCommands:
    """Replaces `subprocess.run` in the module that runs Slurm's commands.

    Attributes:
        answers: The standard output of each command; None if it fails, an exception if it cannot be run.
        errors: The standard error of commands that fail.
        outputs: The standard output of commands that fail.
        calls: The commands that were run, with their arguments.
    """

    def __init__(self) -> None:
        self.answers: dict[str, str | Exception | None] = dict.fromkeys(
            ("squeue", "sacct", "scancel", "sbatch"), ""
        ) | {"scontrol": None}
        self.errors = {"scontrol": "slurm_load_jobs error: Invalid job id specified"}
        self.outputs: dict[str, str] = {}
        self.calls: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["timeout"]
        self.calls.append(list(command))
        answer = self.answers[command[0]]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return subprocess.CompletedProcess(
                command, 1, self.outputs.get(command[0], ""), self.errors.get(command[0], "error")
            )
        return subprocess.CompletedProcess(command, 0, answer, "")

    def names(self) -> list[str]:
        """Return the names of the commands that were run."""
        return [call[0] for call in self.calls]
