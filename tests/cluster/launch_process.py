"""`sweep launch` as a separate process, and the results that it records in the database."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sweep.storage.database import connect, parse_url
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import Start
from tests.cluster import daemons

DEADLINE_S = 120
"""The time limit of every wait, generous because the machine may be busy."""

HOLD = 3
"""The epoch before which a held trial of the toy study waits until the test releases it."""


class Attempt(NamedTuple):
    """The recorded state of an attempt."""

    state: str
    cause: str | None


class LaunchProcess:
    """A process of `sweep launch` for the toy study, which can be killed and restarted.

    Args:
        workplace: The working directory of the study.
        options: Further options of `sweep launch`, used by every start.
        storage: The URL of the study's database.
        environment: The environment variables of the launcher; by default, those of this process.
    """

    def __init__(
        self,
        workplace: Path,
        *options: str,
        storage: str = "sqlite:///sweep.db",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.workplace = workplace
        self._environment = environment
        self._url = parse_url(storage)
        self._command = [sys.executable, "-m", "sweep", "launch", "--study", "toy", "--storage", storage]
        self._command += options
        self._log = workplace / "launch.log"
        self.process: subprocess.Popen[bytes]

    def start(self, *options: str) -> None:
        """Start a launcher, with further options for this start only."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, *options],
                stdout=log,
                stderr=log,
                cwd=self.workplace,
                env=self._environment,
            )

    def kill(self) -> None:
        """Kill the launcher with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=DEADLINE_S)

    def wait(self) -> int:
        """Wait until the launcher ends and return its exit code."""
        return self.process.wait(timeout=DEADLINE_S)

    def log(self) -> str:
        """Return the output of all launchers so far."""
        return self._log.read_text() if self._log.exists() else ""

    def wait_until(self, description: str, condition: Callable[[], object]) -> None:
        """Wait until a condition holds; fail with the launcher's output if the launcher ends before."""

        def holds_or_launcher_ended() -> bool:
            return bool(condition()) or self.process.poll() is not None

        try:
            daemons.wait_until(description, holds_or_launcher_ended, DEADLINE_S)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log()}") from None
        assert condition(), f"the launcher ended before {description}\n{self.log()}"

    def wait_until_logged(self, text: str) -> None:
        """Wait until the launcher's output contains a text."""
        self.wait_until(f"the launcher logs {text!r}", lambda: text in self.log())

    def attempt_folders(self, trial: int = 0) -> list[AttemptFolder]:
        """Return the folders of a trial's attempts in their order."""
        trial_folder = self.workplace / f"sweeps/toy/{trial:05d}"
        return [AttemptFolder(path) for path in sorted(trial_folder.glob("attempt-*"))]

    def read_start(self, trial: int = 0, attempt: int = 1) -> Start:
        """Return the start record of an attempt that has started."""
        folder = self.attempt_folders(trial)[attempt - 1]
        start = folder.read_start(folder.read_spec().token)
        assert start is not None
        return start

    def wait_until_held(self, trial: int = 0, attempt: int = 1) -> AttemptFolder:
        """Wait until an attempt has saved the last epoch before `HOLD`, and return its folder."""

        def is_held() -> bool:
            folders = self.attempt_folders(trial)
            if len(folders) < attempt:
                return False
            checkpoint = folders[attempt - 1].checkpoints / "epoch"
            return checkpoint.exists() and checkpoint.read_text() == str(HOLD - 1)

        self.wait_until(
            f"trial {trial}, attempt {attempt}, waits for its release before epoch {HOLD}", is_held
        )
        return self.attempt_folders(trial)[attempt - 1]

    def release(self) -> None:
        """Let all held trials continue."""
        (self.workplace / "go").touch()

    # The recorded results

    def read_study(self) -> StudyData:
        """Read the study from the database as the reports do."""
        engine = connect(self._url)
        data = read_study(engine, self._url, "toy")
        engine.dispose()
        return data

    def job_id(self, trial: int = 0, attempt: int = 1) -> str:
        """Return the job id of an attempt."""
        table = self.read_study().attempts
        return str(table[(table["number"] == trial) & (table["attempt"] == attempt)]["job_id"].item())

    def attempts(self, trial: int = 0) -> list[Attempt]:
        """Return the states and causes of a trial's attempts."""
        table = self.read_study().attempts
        rows = table[table["number"] == trial]
        return [
            Attempt(state, None if pd.isna(cause) else cause)
            for state, cause in zip(rows["state"], rows["cause"], strict=True)
        ]

    def epochs(self, trial: int = 0) -> list[int]:
        """Return the recorded epochs of a trial."""
        table = self.read_study().epochs
        return list(table[table["number"] == trial]["epoch"])

    def trained_epochs(self, trial: int = 0) -> list[int]:
        """Return the epochs of a trial that processes started to train, in order, from the model's ledger."""
        lines = (line.split() for line in (self.workplace / "ledger.txt").read_text().splitlines())
        return [int(epoch) for seed, epoch, _ in lines if int(seed) == trial]


@contextmanager
def launched(workplace: Path, *options: str, storage: str = "sqlite:///sweep.db") -> Iterator[LaunchProcess]:
    """Start a launcher and kill it at the end of the context if it is still running."""
    launch = LaunchProcess(workplace, *options, storage=storage)
    launch.start()
    try:
        yield launch
    finally:
        if launch.process.poll() is None:
            launch.kill()
