"""The folder of an attempt on the shared file system.

    WORKDIR/STUDY/00012/                 one folder per trial
        attempt-1-9f3c21ab/              one folder per attempt, named by its token
            spec.json                    what to train; written by the launcher
            started.json                 where and when; written once, by the worker that claimed the attempt
            metrics.jsonl                one line per epoch; appended by the worker
            stop                         why to stop; written by the launcher
            result.json                  how the attempt ended; the last file that the worker writes
            log.txt                      what the trial printed
            checkpoints/  artifacts/     for the train function
    WORKDIR/STUDY/jobs/SUBMISSION/       one folder for jobs submitted together: the executor's files
    WORKDIR/STUDY/dashboard/             copies of files for Optuna's dashboard

Each attempt has a folder of its own, so an attempt that was given up but is still running (on a node that
Slurm has lost) cannot change anything of the next attempt.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweep.states import Outcome
from sweep.worker.atomic_file import write_atomically
from sweep.worker.documents import EpochReport, Result, Start, TrialSpec

logger = logging.getLogger(__name__)


class AttemptFolder:
    """The folder of an attempt: the names of its files, and the methods that write and read them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.json"
        self.started = path / "started.json"
        self.metrics = path / "metrics.jsonl"
        self.stop = path / "stop"
        self.result = path / "result.json"
        self.log = path / "log.txt"
        self.checkpoints = path / "checkpoints"
        self.artifacts = path / "artifacts"

    def create(self, spec: TrialSpec) -> None:
        """Create the folder with its `spec.json`, or complete one that a crash left unfinished."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        write_atomically(self.spec, spec.to_json())

    def read_spec(self) -> TrialSpec:
        """Return the specification of the attempt.

        Raises:
            OSError: If there is no `spec.json`.
        """
        return TrialSpec.from_json(self.spec.read_text(encoding="utf-8"))

    def claim(self, start: Start) -> bool:
        """Return whether this process is the first to start the attempt.

        A hard link is created in one step and fails if the name exists, also on network file systems.
        """
        own = self.path / f"started.{start.host}.{start.pid}"
        own.write_text(start.to_json(), encoding="utf-8")
        try:
            os.link(str(own), str(self.started))
        except FileExistsError:
            return False
        finally:
            own.unlink()
        return True

    def read_start(self, token: str) -> Start | None:
        """Return the start of the attempt with this token, or None if it has not started."""
        values = _read_json(self.started)
        if values is None or values.get("token") != token:
            return None
        return Start.from_values(values)

    def request_stop(self, reason: Outcome) -> None:
        """Request the worker to stop at its next report, as PRUNED or as SUPERSEDED.

        Without the folder there is no worker: a launcher was killed before it created the folder.
        """
        with suppress(FileNotFoundError):
            write_atomically(self.stop, reason.value)

    def read_stop(self) -> Outcome | None:
        """Return why the worker must stop, or None if it may continue."""
        try:
            return Outcome(self.stop.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def append_epoch(self, report: EpochReport) -> None:
        """Append one line to `metrics.jsonl`."""
        with self.metrics.open("a", encoding="utf-8") as lines:
            lines.write(report.to_json() + "\n")

    def read_epochs(self, offset: int = 0) -> tuple[list[EpochReport], int]:
        """Return the epochs reported since a byte offset, and the offset to continue from.

        A last line without a line end is still being written, or was cut off by a crash; it is left for
        the next call. A damaged line is logged and ignored.
        """
        try:
            if self.metrics.stat().st_size <= offset:
                return [], offset
            with self.metrics.open("rb") as lines:
                lines.seek(offset)
                data = lines.read()
        except FileNotFoundError:
            return [], offset
        complete = data[: data.rfind(b"\n") + 1]
        reports = [self._read_epoch(line) for line in complete.splitlines()]
        return [report for report in reports if report is not None], offset + len(complete)

    def _read_epoch(self, line: bytes) -> EpochReport | None:
        """Parse one line; None for a damaged one, which a full disk may leave."""
        try:
            return EpochReport.from_json(line)
        except (ValueError, TypeError) as error:
            logger.warning("%s: ignored a damaged line (%s): %.80r", self.metrics, error, line)
            return None

    def read_log(self, num_bytes: int) -> str:
        """Return the end of the log, from the start of a line; empty if the log cannot be read."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - num_bytes, 0))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return text if size <= num_bytes else text.partition("\n")[2]

    def write_result(self, result: Result) -> None:
        """Write `result.json`."""
        write_atomically(self.result, result.to_json())

    def read_result(self, token: str) -> Result | None:
        """Return the result of the attempt with this token, or None if there is none yet."""
        values = _read_json(self.result)
        if values is None or values.get("token") != token:
            return None
        return Result.from_values(values)


def trial_folder(workdir: Path, study: str, number: int) -> Path:
    """Return the folder of a trial, which contains the folders of its attempts."""
    return workdir / study / f"{number:05d}"


def attempt_folder(trial: Path, attempt: int, token: str) -> AttemptFolder:
    """Return the folder of an attempt.

    Its name contains the token, so studies of the same name in two databases do not share folders.
    """
    return AttemptFolder(trial / f"attempt-{attempt}-{token}")


def dashboard_folder(study: Path) -> Path:
    """Return the folder with the files for Optuna's dashboard, in the study's folder."""
    return study / "dashboard"


def submission_folder(trial: Path, submission: str) -> Path:
    """Return the folder with the executor's files of jobs submitted together, one of them the trial's."""
    return trial.parent / "jobs" / submission


def _read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object; None if the file is missing, empty or damaged, as a node's crash may leave it."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
