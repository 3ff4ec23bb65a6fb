"""The output of a trial, and what is known about a trial that failed or has no output."""

import codecs
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from sweep.launcher.attempts import folder_of, job_of
from sweep.launcher.job_output import is_ordinary, job_outputs
from sweep.states import ACTIVE_STATES
from sweep.storage.attempts import newest_attempt
from sweep.storage.lease import is_launched
from sweep.storage.repeated_trials import REPEATS
from sweep.storage.tables import AttemptRow, StudyRow
from sweep.worker.documents import MAX_ERROR_LENGTH
from sweep.worker.regular_file import UnusableFileError, open_regular

POLL_S = 1.0
CHUNK = 2**16  # bytes
MAX_END = 2 * MAX_ERROR_LENGTH  # characters


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
    """Yield the attempt's log in pieces; then, if it failed or printed nothing, what is known about it."""
    log = Tail(folder_of(attempt).log)
    yield from log.new_text()
    yield from _describe(attempt, log)


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
            yield from _describe(attempt, log)
            return


class Tail:
    """A text file that grows, or does not exist yet.

    Attributes:
        end: The end of what has been read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.end = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def ends_line(self) -> bool:
        """Whether what has been read ends with the end of a line."""
        return self.end.endswith("\n") or not self.end

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been read so far."""
        return self._offset == 0

    def new_text(self) -> Iterator[str]:
        """Yield what was written since the last call."""
        try:
            with open_regular(self._path) as file:
                file.seek(self._offset)
                while chunk := file.read(CHUNK):
                    self._offset += len(chunk)
                    text = self._decoder.decode(chunk)
                    self.end = (self.end + text)[-MAX_END:]
                    yield text
        except (FileNotFoundError, UnusableFileError):
            return


def _has_ended(attempt: AttemptRow, has_launcher: bool) -> bool:
    """Return whether the trial has ended: in the database, or with a result that no launcher records."""
    if attempt.state not in ACTIVE_STATES:
        return True
    return not has_launcher and folder_of(attempt).read_result(attempt.token) is not None


def _describe(attempt: AttemptRow, log: Tail) -> Iterator[str]:
    """Yield what is known about an attempt that failed or has printed nothing, and is not in its log."""
    if not log.is_empty and attempt.cause is None:
        return
    if (original := attempt.notes.get(REPEATS)) is not None:
        yield f"trial {attempt.trial.number} was not trained: it has the result of trial {original}\n"
        return
    unknown = list(_not_in_log(attempt, log.end))
    if not log.is_empty and not unknown:
        return
    if not log.ends_line:
        yield "\n"
    state = attempt.state if attempt.cause is None else f"{attempt.state} ({attempt.cause})"
    job = f"job {attempt.job_id}" if attempt.job_id else "its job has no id yet"
    printed = "has printed nothing" if log.is_empty else "has ended"
    status = f"; {attempt.exit_status}" if attempt.exit_status else ""
    yield f"trial {attempt.trial.number}, attempt {attempt.number}, {printed}: {state}; {job}{status}\n"
    yield from unknown


def _not_in_log(attempt: AttemptRow, log: str) -> Iterator[str]:
    """Yield the error of an attempt and the output of its job, apart from what its log ends with."""
    error = attempt.error.rstrip() if attempt.error else ""
    if error and error not in log:
        yield f"{error}\n"
    for name, text in job_outputs(job_of([attempt])) if attempt.job_name else []:
        if text not in error and not (log and is_ordinary(text)):
            yield f"--- {name} ---\n{text}\n"
