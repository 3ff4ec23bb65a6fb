"""The sources of a command's metrics: lines of its output, and files that grow.

A source turns text into findings. The metrics of an epoch may be spread over several findings, also of
different sources; `MetricCollector` merges them.

An epoch is complete when its source names a later epoch, or when the command ends. A row of a CSV file
without an empty cell, and a line of JSON, complete their epoch at once if they contain the objectives and
there is no column `step` or `batch`, which would mean that there are several of them in an epoch.
"""

from __future__ import annotations

import csv
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Pattern

from sweep.worker.epoch_numbering import EpochNumbering
from sweep.worker.metrics import MAX_METRICS, RESERVED_NAMES, problem_with_name

EPOCH = "epoch"
STEP_NAMES = frozenset({"step", "global_step", "batch", "iteration", "iter"})
"""Names of columns that are present if a file has several rows for an epoch."""
MAX_LINE_LENGTH = 20_000
"""The number of characters of a line that patterns are applied to."""
READ_BYTES = 4_000_000
"""How much of a file is read at once."""
CHECKED_BYTES = 64
"""How many bytes before the position in a file are compared, to detect that it was rewritten."""

_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[^\x1b]\x08")


class Finding(NamedTuple):
    """Metrics that a source contains.

    Attributes:
        epoch: Their epoch, counted from 1; None if the source does not name one.
        metrics: The metrics by name.
        is_complete: Whether these are all metrics of the epoch.
        is_final: Whether they are those of the result.
    """

    epoch: int | None
    metrics: Mapping[str, float]
    is_complete: bool = False
    is_final: bool = False


class MetricCollector:
    """Merges the findings of all sources into reports of epochs and the metrics of the result.

    Attributes:
        seen: The names of all metrics that were found.
    """

    def __init__(self, objectives: Iterable[str], last: Mapping[str, float]) -> None:
        """Create a collector.

        Args:
            objectives: The metrics of the study's objectives.
            last: The metrics that an earlier attempt has reported last.
        """
        self._objectives = set(objectives)
        self._last = dict(last)
        self._final: dict[str, float] = {}
        self._pending: dict[int, dict[str, float]] = {}
        self._complete: set[int] = set()

    @property
    def result(self) -> dict[str, float]:
        """The metrics of the result: for each metric its final value, or else the last one."""
        return {**self._last, **self._final}

    def add(self, finding: Finding) -> list[tuple[int, dict[str, float]]]:
        """Add a finding, and return the epochs that are complete by it, with their metrics.

        An epoch that lacks an objective is kept until the objective has been found, in another source, or
        until a later epoch is complete.
        """
        (self._final if finding.is_final else self._last).update(finding.metrics)
        if finding.epoch is None:
            return []
        merged = self._pending.setdefault(finding.epoch, {})
        merged.update(finding.metrics)
        if finding.is_complete:
            self._complete.add(finding.epoch)
        newest = max(self._complete, default=0)
        return self._take(
            epoch
            for epoch in sorted(self._pending)
            if epoch < newest or (epoch in self._complete and self._objectives <= self._pending[epoch].keys())
        )

    def finish(self) -> list[tuple[int, dict[str, float]]]:
        """Return the remaining epochs, because the command has ended."""
        return self._take(sorted(self._pending))

    def _take(self, epochs: Iterable[int]) -> list[tuple[int, dict[str, float]]]:
        taken = [(epoch, self._pending.pop(epoch)) for epoch in list(epochs)]
        return [(epoch, metrics) for epoch, metrics in taken if metrics]


class _Epoch:
    """The epoch that a source has named last, which is complete when the source names another one."""

    def __init__(self, source: str, numbering: EpochNumbering) -> None:
        self._source = source
        self._numbering = numbering
        self.number: int | None = None

    def change(self, value: Any) -> tuple[int | None, list[Finding]]:
        """Set the epoch.

        Returns:
            Its number, or None if the value is not one; and that the epoch before is complete, if it differs.
        """
        number = self._numbering.number(self._source, value)
        if number is None:
            return None, []
        is_other = self.number is not None and number != self.number
        ended = [Finding(self.number, {}, is_complete=True)] if is_other else []
        self.number = number
        return number, ended


class StdoutScanner:
    """Finds metrics in the lines of a command's output by patterns.

    In each line, the last match of a pattern counts, and of this match the last group that matched. Metrics
    belong to the epoch that was named last, in the same line or before.
    """

    def __init__(self, patterns: Mapping[str, str], numbering: EpochNumbering) -> None:
        compiled = {name: re.compile(pattern) for name, pattern in patterns.items()}
        self._epoch_pattern = compiled.pop(EPOCH, None)
        self._patterns = compiled
        self._epoch = _Epoch("stdout", numbering)

    def scan(self, line: str) -> Iterator[Finding]:
        """Yield what a line contains."""
        text = _SEQUENCE.sub("", line[-MAX_LINE_LENGTH:])
        if self._epoch_pattern is not None and (epoch := _last_group(self._epoch_pattern, text)) is not None:
            yield from self._epoch.change(epoch)[1]
        found = {name: _last_group(pattern, text) for name, pattern in self._patterns.items()}
        metrics = plain_metrics(found)
        if metrics:
            yield Finding(self._epoch.number, metrics)


def _last_group(pattern: Pattern[str], text: str) -> str | None:
    last = None
    for match in pattern.finditer(text):
        last = match
    return None if last is None or last.lastindex is None else last.group(last.lastindex)


class FollowedFile:
    """A file that is read while it grows.

    Only whole lines are read. A file that was written anew is read from its beginning. What a file contained
    before the command was started, at a place that other trials may use as well, is ignored.
    """

    def __init__(self, path: Path, *, is_own: bool) -> None:
        """Create a reader.

        Args:
            path: The file, which need not exist yet.
            is_own: Whether the file belongs to the trial alone.
        """
        self._path = path
        self._offset = 0
        self._first_line = b""
        self._checked = b""
        self._seen: tuple[int, ...] | None = None
        self._foreign: tuple[int, bytes] | None = None
        if not is_own:
            self._remember_foreign_content()

    def _remember_foreign_content(self) -> None:
        with self._open() as file:
            if file is not None:
                status = os.fstat(file.fileno())
                self._seen = _identity(status)
                self._foreign = (status.st_size, file.read(min(status.st_size, READ_BYTES)))

    @contextmanager
    def _open(self) -> Iterator[BinaryIO | None]:
        """Open the file; there is none if it is missing, is not a regular file or cannot be opened."""
        try:
            descriptor = os.open(str(self._path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            yield None
            return
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def read(self, *, is_ended: bool = False) -> tuple[list[str], bool]:
        """Return the lines since the last call, and whether they are the first ones of the file.

        Args:
            is_ended: Whether the file will not grow any more, so that its last line needs no line end.
        """
        with self._open() as file:
            try:
                return ([], False) if file is None else self._read(file, is_ended)
            except OSError:
                return [], False

    def _read(self, file: BinaryIO, is_ended: bool) -> tuple[list[str], bool]:
        status = os.fstat(file.fileno())
        if _identity(status) == self._seen and not is_ended:
            return [], False
        if self._foreign is not None:
            if _identity(status) == self._seen:
                return [], False
            size, content = self._foreign
            self._foreign = None
            if status.st_size >= size and file.read(len(content)) == content:  # lines were appended
                self._advance(file, size)
        if not self._continues(file, status.st_size):
            self._offset, self._first_line, self._checked = 0, b"", b""
        is_start = self._offset == 0
        file.seek(self._offset)
        data = file.read(READ_BYTES)
        is_rest = len(data) < READ_BYTES
        size = len(data) if is_rest and is_ended else data.rfind(b"\n") + 1
        if size == 0 and not is_rest:  # no metrics are in such a line
            size = len(data)
        if is_rest:
            self._seen = _identity(status)
        if size:
            self._advance(file, size)
        lines = data[:size].decode("utf-8-sig" if is_start else "utf-8", errors="replace").splitlines()
        return lines, is_start and bool(lines)

    def _advance(self, file: BinaryIO, size: int) -> None:
        """Move the position, and keep what shows later that the file is still the same."""
        if self._offset == 0:
            file.seek(0)
            self._first_line = file.readline(READ_BYTES)
        self._offset += size
        start = max(0, self._offset - CHECKED_BYTES)
        file.seek(start)
        self._checked = file.read(self._offset - start)

    def _continues(self, file: BinaryIO, size: int) -> bool:
        if self._offset == 0:
            return True
        if size < self._offset:
            return False
        file.seek(0)
        if file.read(len(self._first_line)) != self._first_line:
            return False
        file.seek(self._offset - len(self._checked))
        return bool(file.read(len(self._checked)) == self._checked)

    @property
    def first_line(self) -> str:
        """The first line of the file, if it has been read."""
        return self._first_line.decode("utf-8-sig", errors="replace").strip("\r\n")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns)


class FileScanner:
    """Finds metrics in a CSV file with a header or in a file of JSON lines."""

    def __init__(
        self,
        name: str,
        file: FollowedFile,
        objectives: Iterable[str],
        numbering: EpochNumbering,
        *,
        reports: bool = False,
    ) -> None:
        """Create a scanner.

        Args:
            name: The name of the source.
            file: The file.
            objectives: The metrics of the study's objectives.
            numbering: The numbers of epochs.
            reports: Whether each line is a report: complete if it names its epoch, and final otherwise.
        """
        self._file = file
        self._objectives = set(objectives)
        self._epoch = _Epoch(name, numbering)
        self._reports = reports
        self._header: list[str] | None = None

    def scan(self, *, is_ended: bool = False) -> Iterator[Finding]:
        """Yield what the file contains since the last call."""
        while True:
            lines, is_start = self._file.read(is_ended=is_ended)
            if is_start:
                self._header = None
            if not lines:
                return
            for line in lines:
                yield from self._scan_line(line)

    def _scan_line(self, line: str) -> Iterator[Finding]:
        if not line.strip():
            return
        if line.lstrip().startswith("{"):
            yield from self._scan_row(_json_row(line))
            return
        if self._reports:
            return
        first = self._file.first_line
        if self._header is None:
            self._header = [cell.strip() for cell in _cells(first, first)]
        if line == first:
            return
        cells = _cells(line, first)
        if len(cells) == len(self._header):
            yield from self._scan_row(dict(zip(self._header, cells)))  # noqa: B905 - Python 3.8 has no strict=

    def _scan_row(self, row: Mapping[str, Any]) -> Iterator[Finding]:
        metrics = plain_metrics({name: value for name, value in row.items() if name not in STEP_NAMES})
        if row.get(EPOCH) in (None, ""):
            if metrics:
                yield Finding(None if self._reports else self._epoch.number, metrics, is_final=self._reports)
            return
        epoch, ended = self._epoch.change(row[EPOCH])
        if epoch is None:
            return
        yield from ended
        has_all = all(value is not None and value != "" for value in row.values())
        is_only_row = has_all and self._objectives <= metrics.keys() and not STEP_NAMES.intersection(row)
        yield Finding(epoch, metrics, is_complete=self._reports or is_only_row)


def _cells(line: str, header: str) -> list[str]:
    """Return the cells of a line, separated by commas, or by what the header contains instead."""
    separator = next((each for each in ",;\t" if each in header), ",")
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a cell that is too long
        return []


def _json_row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def plain_metrics(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that are numbers as floats, by the names that metrics can have."""
    metrics: dict[str, float] = {}
    for name, value in values.items():
        number = _number(value)
        is_name = problem_with_name(name) is None and name not in RESERVED_NAMES
        if number is not None and is_name and len(metrics) < MAX_METRICS:
            metrics[name] = number
    return metrics


def _number(value: Any) -> float | None:
    """Return a number, or the number that a text contains apart from punctuation after it; else None."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, str):
        value = value.strip().rstrip(",;:)]}")
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
