"""The JSON documents that the launcher and a worker exchange through an attempt's folder.

Whatever a document contains, parsing it returns valid values or raises `InvalidDocumentError`: the train
function can write to its folder, and a disk may damage a file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sweep.states import Cause, Outcome
from sweep.worker.metrics import MAX_METRICS, problem_with_name

MAX_EPOCH = 2**31 - 1
"""The largest number of an epoch; the database's column is an integer of 32 bits."""
MAX_TIME = 4_102_444_800.0
"""The latest valid time, the start of the year 2100, in seconds since 1970."""
MAX_SHORT_TEXT = 255
"""The number of characters of a host or GPU name; the length of the database's columns."""
MAX_ERROR_LENGTH = 16_000
"""The number of characters of an error that are kept, because MySQL's TEXT has 65,535 bytes."""
MAX_EXIT_STATUS = 64
"""The number of characters of an exit status; the length of the database's column."""
MAX_NOTES, MAX_NOTE_LENGTH = 100, 10_000
MAX_PACKAGES = 5000

_LISTS_OF_SPEC = ("objectives", "constrained", "earlier_attempts")
_RENAMED_OUTCOMES = {"completed": "complete"}  # as versions up to 0.1.0 wrote it


class InvalidDocumentError(ValueError):
    """Raised if the content of a file is not the document that it should be; the message is a clause."""


class DamagedFileError(InvalidDocumentError):
    """Raised if a file contains no JSON at all, as a crash of a node or a full disk may leave it."""


@dataclass(frozen=True)
class CommandSpec:
    """The command of a trial. Its words, variables and file are format strings for `str.format`.

    Attributes:
        words: The words of the command.
        env: Its environment variables.
        stdout: Regular expressions that find metrics in lines of its output, by the names of the metrics.
        file: The file of metrics that it writes; None without one.
        stop_grace_s: How many seconds it may take to end after SIGTERM.
    """

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdout: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    stop_grace_s: float = 30.0


@dataclass(frozen=True)
class TrialSpec:
    """The specification of an attempt (`spec.json`), which is the only input of its worker.

    Attributes:
        study: The study's name.
        number: The trial's number, counted from 0.
        attempt: The attempt's number, counted from 1.
        token: A random string that identifies the attempt.
        train: The train function as `package.module:function`; empty if a command trains.
        objectives: The names of the objectives among the metrics that the function returns.
        params: The hyperparameters.
        seed: The trial's seed, the same in each of its attempts.
        dataset: The study's `dataset`.
        data_dir: The study's `data_dir`.
        code_dir: The folder with the code that the attempt runs, which becomes the first entry of the import
            path.
        threads: The number of CPU threads for the train function; None keeps the defaults of its libraries.
        earlier_attempts: The folders of the earlier attempts of the trial, newest first.
        command: The command that trains; None if a function does.
        objective_space: The entries of the search space by name if `train` is an objective function of
            Optuna; None if it is a train function.
        project_dir: The project's folder if `code_dir` is a snapshot of it; None if `code_dir` is the
            project's folder.
        has_own_working_dir: Whether the attempt has a working directory of its own. Otherwise it is the
            project's folder.
        constrained: The names of further metrics that the function must return, because they are constrained.
    """

    study: str
    number: int
    attempt: int
    token: str
    train: str
    objectives: tuple[str, ...]
    params: Mapping[str, Any]
    seed: int
    dataset: str | None
    data_dir: str | None
    code_dir: str
    threads: int | None
    earlier_attempts: tuple[str, ...] = ()
    command: CommandSpec | None = None
    objective_space: Mapping[str, Mapping[str, Any]] | None = None
    project_dir: str | None = None
    has_own_working_dir: bool = False
    constrained: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """The metrics that the function must return."""
        return (*self.objectives, *self.constrained)

    @classmethod
    def from_json(cls, text: str | bytes) -> TrialSpec:
        """Parse the text of a `spec.json`, also that of an earlier version, which has a single `metric`.

        Raises:
            InvalidDocumentError: If it is not a specification.
        """
        values = _json_object(text)
        command = values.get("command")
        try:
            if command is not None:
                command = CommandSpec(**{**command, "words": tuple(command["words"])})
            if "metric" in values:
                values["objectives"] = (values.pop("metric"),)
            lists = {name: tuple(values.get(name, ())) for name in _LISTS_OF_SPEC}
            return cls(**{**values, **lists, "command": command})
        except (TypeError, KeyError) as error:
            raise InvalidDocumentError(str(error)) from error

    def to_json(self) -> str:
        """Return the text of the `spec.json`."""
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class Start:
    """Where and when an attempt started, and in which environment (`started.json`).

    Attributes:
        token: The attempt's token.
        started_at: Seconds since 1970 in UTC, by the node's clock.
        host: The node's name.
        pid: The worker's process id.
        gpu: The names of the GPUs that the process may use, None without any.
        python: The version of Python.
        packages: The versions of the installed packages, by name.
    """

    token: str
    started_at: float
    host: str
    pid: int
    gpu: str | None
    python: str
    packages: Mapping[str, str]

    @classmethod
    def from_json(cls, text: str | bytes) -> Start:
        """Parse the text of a `started.json`.

        Raises:
            InvalidDocumentError: If it does not describe a start.
        """
        values = _json_object(text)
        gpu = values.get("gpu")
        return cls(
            token=_text(values, "token"),
            started_at=_time(values, "started_at"),
            host=plain_text(_text(values, "host"), MAX_SHORT_TEXT),
            pid=_integer(values, "pid", MAX_EPOCH),
            gpu=None if gpu is None else plain_text(_text(values, "gpu"), MAX_SHORT_TEXT),
            python=plain_text(_text(values, "python"), MAX_SHORT_TEXT),
            packages=_texts(values, "packages", MAX_PACKAGES, MAX_SHORT_TEXT),
        )

    def to_json(self) -> str:
        """Return the text of the `started.json`."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Result:
    """How an attempt ended (`result.json`), the last file that a worker writes.

    Attributes:
        token: The attempt's token; a result with another token belongs to another attempt.
        outcome: How the attempt ended.
        ended_at: Seconds since 1970 in UTC, by the node's clock.
        metrics: What the train function returned; empty unless the outcome is `complete`.
        cause: Why the attempt failed.
        error: The traceback.
        notes: What the train function noted, such as a checksum of its data.
        exit_status: How the train function's process ended, as `exit code 3` or `signal SIGSEGV`, if it ended
            without a result of its own.
        peak_memory_gb: The largest memory on the host that a process of the attempt has used at a time; None
            if it was not measured.
    """

    token: str
    outcome: Outcome
    ended_at: float
    metrics: Mapping[str, float]
    cause: Cause | None = None
    error: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    exit_status: str | None = None
    peak_memory_gb: float | None = None

    @classmethod
    def from_json(cls, text: str | bytes) -> Result:
        """Parse the text of a `result.json`, also that of an earlier version.

        Raises:
            InvalidDocumentError: If it does not describe a result.
        """
        values = _json_object(text)
        outcome = values.get("outcome")
        cause, error, status = values.get("cause"), values.get("error"), values.get("exit_status")
        memory = values.get("peak_memory_gb")
        return cls(
            token=_text(values, "token"),
            outcome=_member(Outcome, "outcome", _RENAMED_OUTCOMES.get(str(outcome), outcome)),
            ended_at=_time(values, "ended_at"),
            metrics=_metrics(values),
            cause=None if cause is None else _member(Cause, "cause", cause),
            error=None if error is None else plain_text(_text(values, "error"), MAX_ERROR_LENGTH, end=True),
            notes=_texts(values, "notes", MAX_NOTES, MAX_NOTE_LENGTH) if "notes" in values else {},
            exit_status=None if status is None else plain_text(_text(values, "exit_status"), MAX_EXIT_STATUS),
            peak_memory_gb=None if memory is None else _number("peak_memory_gb", memory),
        )

    def to_json(self) -> str:
        """Return the text of the `result.json`, with the end of a long error only."""
        values = asdict(self)
        if self.error is not None:
            values["error"] = self.error[-MAX_ERROR_LENGTH:]
        return json.dumps(values, indent=2)


@dataclass(frozen=True)
class EpochReport:
    """One line of `metrics.jsonl`.

    Attributes:
        epoch: The epoch's number, counted from 1.
        reported_at: Seconds since 1970 in UTC, by the node's clock.
        metrics: The epoch's metrics by name.
    """

    epoch: int
    reported_at: float
    metrics: Mapping[str, float]

    @classmethod
    def from_json(cls, line: bytes) -> EpochReport:
        """Parse one line.

        Raises:
            InvalidDocumentError: If the line is not an epoch report.
        """
        values = _json_object(line)
        epoch = _integer(values, "epoch", MAX_EPOCH)
        if epoch < 1:
            raise InvalidDocumentError(f"epoch must be at least 1, but is {epoch}")
        return cls(epoch, _time(values, "reported_at"), _metrics(values))

    def to_json(self) -> str:
        """Return the line, without its line end."""
        return json.dumps(asdict(self))


def plain_text(text: str, max_length: int, *, end: bool = False) -> str:
    """Return text as every database stores it, shortened if necessary.

    Null characters and incomplete surrogate pairs are removed.

    Args:
        text: The text.
        max_length: The maximum number of characters.
        end: Whether to keep the end of a longer text, instead of its beginning.
    """
    shortened = text[-max_length:] if end else text[:max_length]
    return shortened.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _json_object(text: str | bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise DamagedFileError(f"it is not JSON ({type(error).__name__})") from error
    if not isinstance(values, dict):
        raise DamagedFileError(f"it is not a JSON object, but {_shown(values)}")
    return values


def _text(values: Mapping[str, Any], key: str) -> str:
    return str(_of_type(values, key, str, "text"))


def _integer(values: Mapping[str, Any], key: str, maximum: int) -> int:
    number = _of_type(values, key, int, "an integer")
    if isinstance(number, bool) or not -maximum <= number <= maximum:
        raise InvalidDocumentError(f"{key} must be an integer up to {maximum}, but is {_shown(number)}")
    return int(number)


def _time(values: Mapping[str, Any], key: str) -> float:
    seconds = _number(key, _of_type(values, key, (int, float), "a number"))
    if not 0 <= seconds <= MAX_TIME:  # nan compares as false
        raise InvalidDocumentError(f"{key} must be seconds since 1970 until 2100, but is {_shown(seconds)}")
    return seconds


def _metrics(values: Mapping[str, Any]) -> dict[str, float]:
    metrics = _of_type(values, "metrics", dict, "an object")
    if len(metrics) > MAX_METRICS:
        raise InvalidDocumentError(f"metrics must have at most {MAX_METRICS} entries, but has {len(metrics)}")
    for name in metrics:
        if message := problem_with_name(name):
            raise InvalidDocumentError(f"the name of a metric {message}")
    return {name: _number(f"metric {name!r}", value) for name, value in metrics.items()}


def _number(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise InvalidDocumentError(f"{name} must be a number, but is {_shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _texts(values: Mapping[str, Any], key: str, max_entries: int, max_length: int) -> dict[str, str]:
    """Return a mapping from text to text, without the entries beyond a number."""
    entries = _of_type(values, key, dict, "an object")
    kept = list(entries.items())[:max_entries]
    return {
        plain_text(name, MAX_SHORT_TEXT): plain_text(
            value if isinstance(value, str) else _shown(value), max_length
        )
        for name, value in kept
    }


def _member(kind: Any, key: str, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        raise InvalidDocumentError(
            f"{key} must be one of {', '.join(kind)}, but is {_shown(value)}"
        ) from error


def _of_type(values: Mapping[str, Any], key: str, types: Any, expected: str) -> Any:
    if key not in values:
        raise InvalidDocumentError(f"it has no {key}")
    value = values[key]
    if not isinstance(value, types):
        raise InvalidDocumentError(f"{key} must be {expected}, but is {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):  # a number with thousands of digits, or deep nesting
        return f"{type(value).__name__} that is too large"
    return text if len(text) <= 80 else f"{text[:80]}…"
