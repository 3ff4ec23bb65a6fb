"""A whole study: `sweep launch` as a process of its own, and what the database says came of it."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
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

DEADLINE_S = 120  # for whatever is waited for: the machine may be busy
HOLD = 3  # the epoch before which a toy trial waits until `let_go`


class Attempt(NamedTuple):
    """What the database says of an attempt."""

    state: str
    cause: str | None


class Launch:
    """`sweep launch` of a user's toy study, which can be killed and started again."""

    def __init__(self, workplace: Path, *options: str, storage: str = "sqlite:///sweep.db") -> None:
        self.workplace = workplace
        self._url = parse_url(storage)
        self._command = [sys.executable, "-m", "sweep", "launch", "--study", "toy", "--storage", storage]
        self._command += options
        self._log = workplace / "launch.log"
        self.process: subprocess.Popen[bytes]

    def start(self, *options: str) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([*self._command, *options], stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=DEADLINE_S)

    def finish(self) -> int:
        """Wait for its end; its exit code."""
        return self.process.wait(timeout=DEADLINE_S)

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def wait_until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait while the launcher lives; what it said is part of the error."""

        def is_so_or_over() -> bool:
            return bool(condition()) or self.process.poll() is not None

        try:
            daemons.wait_until(what, is_so_or_over, DEADLINE_S)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log()}") from None
        assert condition(), f"the launcher ended before: {what}\n{self.log()}"

    def wait_until_said(self, words: str) -> None:
        self.wait_until(f"it says {words!r}", lambda: words in self.log())

    def attempt_folders(self, trial: int = 0) -> list[AttemptFolder]:
        trial_folder = self.workplace / f"sweeps/toy/{trial:05d}"
        return [AttemptFolder(path) for path in sorted(trial_folder.glob("attempt-*"))]

    def start_of(self, trial: int = 0, attempt: int = 1) -> Start:
        """Where an attempt that has begun did so."""
        folder = self.attempt_folders(trial)[attempt - 1]
        start = folder.read_start(folder.read_spec().token)
        assert start is not None
        return start

    def wait_until_held(self, trial: int = 0, attempt: int = 1) -> AttemptFolder:
        """Wait until an attempt has reported all the epochs before HOLD, and saved them; its folder."""

        def is_held() -> bool:
            folders = self.attempt_folders(trial)
            if len(folders) < attempt:
                return False
            checkpoint = folders[attempt - 1].checkpoints / "epoch"
            return checkpoint.exists() and checkpoint.read_text() == str(HOLD - 1)

        self.wait_until(f"trial {trial}, attempt {attempt}, waits before epoch {HOLD}", is_held)
        return self.attempt_folders(trial)[attempt - 1]

    def let_go(self) -> None:
        (self.workplace / "go").touch()

    # what the database says

    def read(self) -> StudyData:
        engine = connect(self._url)
        data = read_study(engine, self._url, "toy")
        engine.dispose()
        return data

    def job_id(self, trial: int = 0, attempt: int = 1) -> str:
        table = self.read().attempts
        return str(table[(table["number"] == trial) & (table["attempt"] == attempt)]["job_id"].item())

    def attempts(self, trial: int = 0) -> list[Attempt]:
        table = self.read().attempts
        rows = table[table["number"] == trial]
        return [
            Attempt(state, None if pd.isna(cause) else cause)
            for state, cause in zip(rows["state"], rows["cause"], strict=True)
        ]

    def epochs(self, trial: int = 0) -> list[int]:
        table = self.read().epochs
        return list(table[table["number"] == trial]["epoch"])

    def trained(self, trial: int = 0) -> list[int]:
        """The epochs that processes have begun to train, in their order, by the model's own ledger."""
        lines = (line.split() for line in (self.workplace / "ledger.txt").read_text().splitlines())
        return [int(epoch) for seed, epoch, _ in lines if int(seed) == trial]


@contextmanager
def launched(workplace: Path, *options: str, storage: str = "sqlite:///sweep.db") -> Iterator[Launch]:
    """A launch that has begun, and has ended afterwards whatever becomes of the test."""
    launch = Launch(workplace, *options, storage=storage)
    launch.start()
    try:
        yield launch
    finally:
        if launch.process.poll() is None:
            launch.kill()
