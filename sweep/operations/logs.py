"""The output of a trial, and what is known about a trial without output."""

import codecs
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from sweep.launcher.attempts import folder_of, job_of
from sweep.scheduler.job import output_files
from sweep.states import ACTIVE_STATES
from sweep.storage.attempts import newest_attempt
from sweep.storage.lease import is_launched
from sweep.storage.tables import AttemptRow, StudyRow

POLL_S = 1.0
CHUNK = 2**16  # bytes


class LogObservation(NamedTuple):
    """What the database contains about a trial at one moment.

    Attributes:
        attempt: The trial's newest attempt.
        has_launcher: Whether a launcher of the study is running.
    """

    attempt: AttemptRow
    has_launcher: bool


def observe_trial(engine: Engine, study: StudyRow, number: int) -> Iterator[LogObservation]:
    """Yield what the database contains about a trial, once per second.

    Args:
        engine: The database.
        study: The trial's study.
        number: The trial's number.

    Raises:
        InputError: If the study has no trial of that number.
    """
    while True:
        yield LogObservation(newest_attempt(engine, study, number), is_launched(engine, study.id))
        time.sleep(POLL_S)


def read_log(attempt: AttemptRow) -> Iterator[str]:
    """Yield the attempt's log in pieces; if it is empty, what is known about the attempt instead."""
    log = Tail(folder_of(attempt).log)
    yield from log.new_text()
    if log.is_empty:
        yield from _describe(attempt)


def follow_log(observations: Iterable[LogObservation]) -> Iterator[str]:
    """Yield new output of a trial at each observation until the trial has ended, also of further attempts."""
    attempt: AttemptRow | None = None
    for newest, has_launcher in observations:
        if attempt is None or newest.number != attempt.number:
            if attempt is not None:
                yield f"--- attempt {newest.number} ---\n"
            log = Tail(folder_of(newest).log)
        attempt = newest
        has_ended = _has_ended(attempt, has_launcher)  # checked before the log is read for the last time
        yield from log.new_text()
        if has_ended:
            if log.is_empty:
                yield from _describe(attempt)
            return


class Tail:
    """A text file that grows, or does not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been read so far."""
        return self._offset == 0

    def new_text(self) -> Iterator[str]:
        """Yield what was written since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while chunk := file.read(CHUNK):
                self._offset += len(chunk)
                yield self._decoder.decode(chunk)


def _has_ended(attempt: AttemptRow, has_launcher: bool) -> bool:
    """Return whether the trial has ended: in the database, or with a result that no launcher records."""
    if attempt.state not in ACTIVE_STATES:
        return True
    return not has_launcher and folder_of(attempt).read_result(attempt.token) is not None


def _describe(attempt: AttemptRow) -> Iterator[str]:
    """Yield the state of an attempt without output, its error, and the output of its job."""
    state = attempt.state if attempt.cause is None else f"{attempt.state} ({attempt.cause})"
    job = f"job {attempt.job_id}" if attempt.job_id else "its job has no id yet"
    yield f"trial {attempt.trial.number}, attempt {attempt.number}, has printed nothing: {state}; {job}\n"
    if attempt.error:
        yield attempt.error.rstrip() + "\n"
    for file in output_files(job_of([attempt])) if attempt.job_name else []:
        if text := file.read_text(encoding="utf-8", errors="replace").rstrip():
            yield f"--- {file} ---\n{text}\n"
