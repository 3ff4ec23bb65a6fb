"""A trial as it exists on the shared file system: what to train, and the folder it is trained in.

    WORKDIR/STUDY/00012/                 one folder a trial
        attempt-1-9f3c21ab/              one folder an attempt, named by its token
            spec.json                    what to train; written by the launcher
            started.json                 where and when; written once by the worker that claimed the attempt
            metrics.jsonl                one line an epoch; appended by the worker
            stop                         why to stop; written by the launcher
            result.json                  how it ended; written by the worker, last of all
            log.txt                      what the trial printed
            checkpoints/  artifacts/     the train function's own
    WORKDIR/STUDY/jobs/SUBMISSION/       one folder for the jobs submitted together: the executor's files

Every attempt has a folder of its own, so an attempt that was given up but trains on (a node lost to
Slurm, not to its job) can change nothing of the next one.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How an attempt ended, in the worker's own words."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"
    SUPERSEDED = "superseded"  # given up by the launcher, which has started another attempt


class Cause(StrEnum):
    """Why an attempt failed."""

    PREEMPTED = "preempted"
    NODE_FAILURE = "node_failure"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    LAUNCH_FAILURE = "launch_failure"  # the job ended before the trial began
    LOST = "lost"  # the job ended without a result, and nothing says why
    ERROR = "error"  # the train function raised


@dataclass(frozen=True)
class TrialSpec:
    """What a worker needs to know; the launcher writes it, the worker reads nothing else."""

    study: str
    number: int
    attempt: int
    token: str
    train: str  # "package.module:function"
    metric: str
    params: Mapping[str, Any]
    seed: int
    dataset: str | None
    data_dir: str | None
    code_dir: str  # the launcher's working directory: the worker's too, and first on its import path
    threads: int | None  # CPU threads for the train function; None leaves its defaults
    earlier_attempts: tuple[str, ...] = ()  # their folders, newest first, to resume from

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        values["earlier_attempts"] = tuple(values["earlier_attempts"])
        return cls(**values)


@dataclass(frozen=True)
class Start:
    """Where and when an attempt began, and in what environment."""

    token: str
    started_at: float  # seconds since 1970, UTC, by the node's clock
    host: str
    pid: int
    gpu: str | None
    python: str
    packages: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """How an attempt ended. One without the attempt's own token is somebody else's and is never read."""

    token: str
    outcome: Outcome
    ended_at: float
    metrics: Mapping[str, float]
    cause: Cause | None = None
    error: str | None = None  # a traceback
    notes: Mapping[str, str] = field(
        default_factory=dict
    )  # what the train function wants remembered, e.g. a checksum


@dataclass(frozen=True)
class EpochReport:
    """One line of metrics.jsonl."""

    epoch: int
    reported_at: float
    metrics: Mapping[str, float]


class AttemptFolder:
    """Every file name of an attempt, and how each is written and read."""

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
        """Make the folder with its spec; a folder that a crash left half made is completed."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        write_and_rename(self.spec, json.dumps(asdict(spec), indent=2))

    def read_spec(self) -> TrialSpec:
        return TrialSpec.from_json(self.spec.read_text(encoding="utf-8"))

    def claim(self, start: Start) -> bool:
        """Whether this process is the first to start the attempt.

        A hard link is made in one step and fails where the name exists, on network file systems too.
        """
        own = self.path / f"started.{start.host}.{start.pid}"
        own.write_text(json.dumps(asdict(start)), encoding="utf-8")
        try:
            os.link(own, self.started)
        except FileExistsError:
            return False
        finally:
            own.unlink()
        return True

    def read_start(self, token: str) -> Start | None:
        """The attempt's start, or None while it has not begun."""
        values = _read_json(self.started)
        return Start(**values) if values is not None and values.get("token") == token else None

    def request_stop(self, reason: Outcome) -> None:
        """Ask the worker to end at its next report, as PRUNED or as SUPERSEDED."""
        write_and_rename(self.stop, reason.value)

    def read_stop(self) -> Outcome | None:
        try:
            return Outcome(self.stop.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def append_epoch(self, report: EpochReport) -> None:
        with self.metrics.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(report)) + "\n")

    def read_epochs(self, offset: int = 0) -> tuple[list[EpochReport], int]:
        """The epochs reported since byte `offset`, and the offset to go on from.

        A last line without its line end is still being written, or was torn by a crash: it is left.
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
        reports = [report for line in complete.splitlines() if (report := self._read_epoch(line))]
        return reports, offset + len(complete)

    def _read_epoch(self, line: bytes) -> EpochReport | None:
        """One line; None for a damaged one, as a full disk leaves it: no study ends for a lost epoch."""
        try:
            return EpochReport(**json.loads(line))
        except (ValueError, TypeError) as error:
            logger.warning("%s: a line is damaged and passed over (%s): %.80r", self.metrics, error, line)
            return None

    def read_log(self, num_bytes: int) -> str:
        """The end of what the trial printed, from a line's start; empty where it cannot be read."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - num_bytes, 0))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return text if size <= num_bytes else text.partition("\n")[2]

    def write_result(self, result: Result) -> None:
        write_and_rename(self.result, json.dumps(asdict(result), indent=2))

    def read_result(self, token: str) -> Result | None:
        """The attempt's result, or None while there is none that carries its token."""
        values = _read_json(self.result)
        if values is None or values.get("token") != token:
            return None
        cause = values["cause"] and Cause(values["cause"])
        return Result(**{**values, "outcome": Outcome(values["outcome"]), "cause": cause})


def trial_folder(workdir: Path, study: str, number: int) -> Path:
    """The folder of a trial, which holds its attempts' folders."""
    return workdir / study / f"{number:05d}"


def attempt_folder(trial: Path, attempt: int, token: str) -> AttemptFolder:
    """The folder of one attempt; the token in its name keeps two databases' studies of one name apart."""
    return AttemptFolder(trial / f"attempt-{attempt}-{token}")


def exhibit_folder(study: Path) -> Path:
    """Where files for Optuna's dashboard are kept: in a study's folder, beside those of its trials."""
    return study / "dashboard"


def submission_folder(trial: Path, submission: str) -> Path:
    """Where the executor keeps its own files of jobs submitted together, of which one is this trial's."""
    return trial.parent / "jobs" / submission


def write_and_rename(path: Path, text: str) -> None:
    """Write a file that another process reads: it sees the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read_json(path: Path) -> dict[str, Any] | None:
    """What a file holds; None where there is none, or a node's crash has left it empty or damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
