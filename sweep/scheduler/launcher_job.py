"""A launcher that runs as a job of the scheduler that it submits trials to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class LauncherCommand:
    """A launcher to run as a job.

    Attributes:
        study: The name of the study.
        workdir: The folder of the trial folders, in which the launcher's script and logs are stored too.
        code_dir: The folder in which the launcher is started.
        arguments: The arguments of the `sweep` command.
    """

    study: str
    workdir: Path
    code_dir: Path
    arguments: Sequence[str]


class SubmittedLauncher(NamedTuple):
    """A launcher that was submitted as a job.

    Attributes:
        job_id: The id of the job.
        logs: The folder of the launcher's logs.
        cancel_command: The shell command that ends the launcher and its successors but not the trials.
    """

    job_id: str
    logs: Path
    cancel_command: str
