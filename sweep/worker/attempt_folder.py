"""The folder of an attempt on the shared file system.

    WORKDIR/STUDY/00012/                 one folder per trial
        attempt-1-9f3c21ab/              one folder per attempt, named by its token
            spec.json                    what to train; written by the launcher
            started.json                 where and when; written once, by the worker that claimed the attempt
            metrics.jsonl                one line per epoch; appended by the worker
            stop                         why to stop; written by the launcher
            result.json                  how the attempt ended; the last file that the worker writes
            log.txt                      what the trial printed
            params.json                  the hyperparameters, if a command trains; written by the worker
            reported.jsonl               what a command reports by itself
            counts_from_zero.json        which sources of metrics count epochs from 0; written by the worker
            checkpoints/  artifacts/     for the train function
            work/                        the attempt's working directory
    WORKDIR/STUDY/jobs/SUBMISSION/       one folder for jobs submitted together: the executor's files
    WORKDIR/STUDY/code/DIGEST/           the files of a snapshot of the code; read only
    WORKDIR/STUDY/worker/DIGEST/         the worker and the packages that it needs
    WORKDIR/STUDY/launcher/              the script and the logs of a launcher that runs as a job
    WORKDIR/STUDY/dashboard/             copies of files for Optuna's dashboard

Each attempt has a folder of its own, so an attempt that was given up but is still running (on a node that
Slurm has lost) cannot change anything of the next attempt.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from sweep.states import Cause, Outcome
from sweep.worker.atomic_file import write_atomically
from sweep.worker.documents import (
    MAX_TIME,
    DamagedFileError,
    EpochReport,
    InvalidDocumentError,
    Result,
    Start,
    TrialSpec,
)
from sweep.worker.regular_file import UnusableFileError, open_regular, read_end, read_regular

logger = logging.getLogger(__name__)

MAX_DOCUMENT_BYTES = 4_000_000
MAX_STOP_BYTES = 100
MAX_READ_BYTES = 4_000_000
"""How much of `metrics.jsonl` is read at once."""
MAX_LINE_BYTES = 1_000_000
MAX_METRICS_BYTES = 64_000_000
"""How much of `metrics.jsonl` is read at all."""
_LINE_END = re.compile("[\r\n]")


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
        self.params = path / "params.json"
        self.reported = path / "reported.jsonl"
        self.counts_from_zero = path / "counts_from_zero.json"
        self.checkpoints = path / "checkpoints"
        self.partial_checkpoints = path / "checkpoints.partial"
        self.artifacts = path / "artifacts"
        self.work = path / "work"

    @property
    def record(self) -> set[Path]:
        """The files that record how the attempt was trained and ended; others hold data of its trial."""
        return {
            self.spec, self.started, self.metrics, self.stop, self.result, self.log,
            self.params, self.reported, self.counts_from_zero,
        }  # fmt: skip

    def create(self, spec: TrialSpec) -> None:
        """Create the folder with its `spec.json`, or complete one that a crash left unfinished."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        write_atomically(self.spec, spec.to_json())

    def read_spec(self) -> TrialSpec:
        """Return the specification of the attempt.

        Raises:
            OSError: If there is no `spec.json`.
            InvalidDocumentError: If its content is not a specification.
        """
        return TrialSpec.from_json(self.spec.read_bytes())

    def claim(self, start: Start) -> bool:
        """Return whether this process is the first to start the attempt.

        A hard link is created in one step and fails if the name exists, also on network file systems. If the
        file system has no hard links, an empty file is created exclusively, and then replaced.
        """
        own = self.path / f"started.{start.host}.{start.pid}"
        own.write_text(start.to_json(), encoding="utf-8")
        try:
            os.link(str(own), str(self.started))
        except FileExistsError:
            # A server may have created the link although its first reply was lost.
            return own.samefile(self.started)
        except OSError:
            return self._claim_without_link(own)
        finally:
            with suppress(FileNotFoundError):
                own.unlink()
        return True

    def _claim_without_link(self, own: Path) -> bool:
        try:
            os.close(os.open(str(self.started), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        own.replace(self.started)
        return True

    def read_start(self, token: str) -> Start | None:
        """Return the start of the attempt with this token, or None if it has not started."""
        try:
            start = Start.from_json(read_regular(self.started, MAX_DOCUMENT_BYTES))
        except (FileNotFoundError, UnusableFileError, InvalidDocumentError):
            return None
        return start if start.token == token else None

    def request_stop(self, reason: Outcome) -> None:
        """Request the worker to stop at its next report, as PRUNED or as SUPERSEDED.

        Without the folder there is no worker: a launcher was killed before it created the folder. An attempt
        that is superseded stays so, even if a launcher that has been replaced writes its own request late.
        """
        if self.read_stop() is Outcome.SUPERSEDED:
            return
        with suppress(FileNotFoundError):
            write_atomically(self.stop, reason.value)

    def read_stop(self) -> Outcome | None:
        """Return why the worker must stop, or None if it may continue."""
        try:
            return Outcome(read_regular(self.stop, MAX_STOP_BYTES).decode())
        except (FileNotFoundError, UnusableFileError, ValueError):
            return None

    def append_epoch(self, report: EpochReport) -> None:
        """Append one line to `metrics.jsonl`."""
        with self.metrics.open("a", encoding="utf-8") as lines:
            lines.write(report.to_json() + "\n")

    def read_epochs(self, offset: int = 0) -> tuple[list[EpochReport], int]:
        """Return epochs reported since a byte offset, and the offset to continue from.

        At most `MAX_READ_BYTES` are read at once; the offset tells whether there may be more. A last line
        without a line end is still being written, or was cut off by a crash; it is left for the next call.
        Damaged lines are logged and ignored.

        Raises:
            UnusableFileError: If `metrics.jsonl` is not a regular file or cannot be read.
        """
        if offset >= MAX_METRICS_BYTES:
            return [], offset
        try:
            with open_regular(self.metrics) as lines:
                lines.seek(offset)
                data = lines.read(MAX_READ_BYTES)
        except FileNotFoundError:
            return [], offset
        size = data.rfind(b"\n") + 1
        if len(data) - size > MAX_LINE_BYTES:  # no worker writes such a line
            size = len(data)
        reports, problems = [], []
        for line in data[:size].splitlines():
            try:
                reports.append(EpochReport.from_json(line))
            except InvalidDocumentError as error:
                problems.append(f"{error}: {line[:80]!r}")
        if problems:
            logger.warning(
                "%s: ignored %d damaged lines; the first: %s", self.metrics, len(problems), problems[0]
            )
        return reports, offset + size

    def read_all_epochs(self) -> list[EpochReport]:
        """Return all reported epochs.

        Raises:
            UnusableFileError: If `metrics.jsonl` is not a regular file or cannot be read.
        """
        reports: list[EpochReport] = []
        start = 0
        while True:
            more, end = self.read_epochs(start)
            reports += more
            if not may_have_more(start, end):
                return reports
            start = end

    def read_log(self, num_bytes: int) -> str:
        """Return the end of the log, from the start of a line; empty if the log cannot be read.

        Of a line that a progress bar has overwritten with carriage returns, only the last state is returned.
        """
        try:
            data, is_whole = read_end(self.log, num_bytes)
        except (OSError, UnusableFileError):
            return ""
        return last_states(whole_lines(data, is_whole))

    def write_result(self, result: Result) -> None:
        """Write `result.json`."""
        write_atomically(self.result, result.to_json())

    def read_result(self, token: str) -> Result | None:
        """Return the result of the attempt with this token, or None if there is none yet.

        If there is something else in its place, which no worker writes, the result is a failure with the
        reason. A file without any JSON counts as missing, because the crash of a node may leave one.
        """
        try:
            result = Result.from_json(read_regular(self.result, MAX_DOCUMENT_BYTES))
        except (FileNotFoundError, DamagedFileError):
            return None
        except (UnusableFileError, InvalidDocumentError) as error:
            return invalid_result(token, str(error))
        return result if result.token == token else None

    def result_damage(self) -> str | None:
        """Return why the content of `result.json` counts as missing; None if it does not."""
        try:
            Result.from_json(read_regular(self.result, MAX_DOCUMENT_BYTES))
        except DamagedFileError as error:
            return f"{self.result.name} is not valid: {error}"
        except (OSError, UnusableFileError, InvalidDocumentError):
            return None
        return None


def may_have_more(start: int, end: int) -> bool:
    """Return whether there may be more to read after one call of `read_epochs` from one offset to another."""
    return end - start >= MAX_READ_BYTES - MAX_LINE_BYTES and end < MAX_METRICS_BYTES


def invalid_result(token: str, problem: str) -> Result:
    """Return the result of an attempt whose `result.json` is not valid; the time of its end is not known."""
    error = f"result.json is not valid: {problem}"
    return Result(token, Outcome.FAILED, MAX_TIME, {}, cause=Cause.ERROR, error=error)


def whole_lines(data: bytes, is_whole: bool) -> str:
    """Return the end of a log as text, without the first line if its beginning may be missing.

    Args:
        data: The end of the log.
        is_whole: Whether it is the whole log.
    """
    text = data.decode("utf-8", errors="replace")
    if not is_whole and (start := _LINE_END.search(text)):
        text = text[start.end() :]
    return text


def last_states(text: str) -> str:
    """Return text with the last state of each line that was overwritten with carriage returns."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(
        next((part for part in reversed(line.split("\r")) if part.strip()), "") for line in lines
    )


def trial_folder(workdir: Path, study: str, number: int) -> Path:
    """Return the folder of a trial, which contains the folders of its attempts."""
    return workdir / study / f"{number:05d}"


def problem_with_folder(trial: Path) -> str | None:
    """Return why a trial's folder cannot hold a new attempt, which a train function may have caused."""
    try:
        mode = trial.lstat().st_mode
    except OSError:  # there is no folder yet, or the file system fails, as creating the folder will show
        return None
    if stat.S_ISDIR(mode) and os.access(str(trial), os.W_OK | os.X_OK):
        return None
    return f"{trial} is not a folder that can be written"


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
    return jobs_folder(trial.parent) / submission


def snapshot_folder(study: Path, digest: str) -> Path:
    """Return the folder with the files of a snapshot of the code, in the study's folder."""
    return snapshots_folder(study) / digest


def snapshots_folder(study: Path) -> Path:
    """Return the folder that contains the folders of snapshots, in the study's folder."""
    return study / "code"


def worker_packages_folder(study: Path) -> Path:
    """Return the folder with the copies of the worker, in the study's folder."""
    return study / "worker"


def jobs_folder(study: Path) -> Path:
    """Return the folder that contains the folders of submissions, in the study's folder."""
    return study / "jobs"
