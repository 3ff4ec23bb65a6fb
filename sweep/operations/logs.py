"""What a trial has printed; where it printed nothing, what its job said, and what is known of it."""

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path

from sweep.launcher.attempts import folder_of, job_of
from sweep.scheduler.job import Job
from sweep.states import ACTIVE_STATES
from sweep.storage.tables import AttemptRow

FOLLOW_SECONDS = 1.0
CHUNK = 2**16  # bytes


def read_log(attempt: AttemptRow) -> Iterator[str]:
    """The attempt's log piece by piece; when there is none, all else that there is to say."""
    log = Tail(folder_of(attempt).log)
    yield from log.new_text()
    if log.is_empty:
        yield from _instead(attempt)


def follow_log(look: Callable[[], tuple[AttemptRow, bool]], sleep: Callable[[float], None]) -> Iterator[str]:
    """What a trial prints as it comes, over its attempts from the newest on, until the trial has ended.

    `look` gives the newest attempt and whether a launcher is at work.
    """
    attempt: AttemptRow | None = None
    while True:
        newest, is_launcher_at_work = look()
        if attempt is None or newest.number != attempt.number:
            if attempt is not None:
                yield f"--- attempt {newest.number} ---\n"
            log = Tail(folder_of(newest).log)
        attempt = newest
        has_ended = _has_ended(attempt, is_launcher_at_work)  # before the last look at the log
        yield from log.new_text()
        if has_ended:
            break
        sleep(FOLLOW_SECONDS)
    if log.is_empty:
        yield from _instead(attempt)


class Tail:
    """A file that grows, or does not exist yet, read from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def is_empty(self) -> bool:
        return self._offset == 0

    def new_text(self) -> Iterator[str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while chunk := file.read(CHUNK):
                self._offset += len(chunk)
                yield self._decoder.decode(chunk)


def _has_ended(attempt: AttemptRow, is_launcher_at_work: bool) -> bool:
    """Whether the database says so, or a result that no launcher is there to record."""
    if attempt.state not in ACTIVE_STATES:
        return True
    return not is_launcher_at_work and folder_of(attempt).read_result(attempt.token) is not None


def _instead(attempt: AttemptRow) -> Iterator[str]:
    """Of an attempt that printed nothing: how it stands, and what its job said."""
    how = attempt.state if attempt.cause is None else f"{attempt.state} ({attempt.cause})"
    job = f"job {attempt.job_id}" if attempt.job_id else "its job has no id yet"
    yield f"trial {attempt.trial.number}, attempt {attempt.number}, has printed nothing: {how}; {job}\n"
    if attempt.error:
        yield attempt.error.rstrip() + "\n"
    for file in job_output(job_of([attempt])) if attempt.job_name else []:
        if text := file.read_text(encoding="utf-8", errors="replace").rstrip():
            yield f"--- {file} ---\n{text}\n"


def job_output(job: Job) -> list[Path]:
    """The job's own stdout and stderr: before a trial begins, its scheduler and its shell write there."""
    if job.id is None:
        return []
    number = job.id.split(":")[1] if ":" in job.id else job.id  # a local job's id says more
    return sorted(job.folder.glob(f"{number}_*_log.*"))
