"""The observations of one poll cycle: of the study as a whole, and of each open attempt."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sweep.scheduler.job import JobStatus
from sweep.states import AttemptState, Cause, Stop
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, Result, Start


@dataclass(frozen=True)
class Cycle:
    """The observations that a poll cycle makes once for all attempts.

    Attributes:
        now: The time in UTC.
        stop: The kind of stop that a user has requested; None if no stop is requested.
        budget_spent: Whether the study has reached a limit of its budget.
        settle_s: How many seconds after a job's end the files that it wrote may take to become visible.
    """

    now: datetime
    stop: Stop | None = None
    budget_spent: bool = False
    settle_s: float = 0.0


@dataclass(frozen=True)
class Files:
    """What an attempt's folder contains.

    Attributes:
        start: Where and when the attempt started; None if it has not started, or if that is recorded.
        result: How the attempt ended; None if it has not ended.
        epochs: The epochs reported since the last poll cycle.
        offset: The byte of `metrics.jsonl` to continue from.
    """

    start: Start | None = None
    result: Result | None = None
    epochs: tuple[EpochReport, ...] = ()
    offset: int = 0


@dataclass(frozen=True)
class Observation:
    """What is known about one open attempt.

    Attributes:
        state: The state that the database records.
        job: What the scheduler reports about the attempt's job; None if no job of its name exists.
        files: What the attempt's folder contains.
        started_at: When the attempt started; None if it has not started.
        stop_requested_at: When the launcher requested the attempt to stop; None if it did not.
        job_ended_at: When the job was first observed to have ended; None while it waits or runs.
        shares_job: Whether other attempts run in the same job.
        earlier_causes: Why the earlier attempts of the trial failed.
        should_prune: Whether the pruner would stop the trial now.
    """

    state: AttemptState
    job: JobStatus | None = None
    files: Files = Files()
    started_at: datetime | None = None
    stop_requested_at: datetime | None = None
    job_ended_at: datetime | None = None
    shares_job: bool = False
    earlier_causes: tuple[Cause, ...] = ()
    should_prune: bool = False


def read_files(attempt: AttemptRow, folder: AttemptFolder) -> Files:
    """Read the folder of an active attempt.

    The result is read before the epochs: a worker writes it last, so no epoch before it is missed.
    """
    result = folder.read_result(attempt.token)
    start = folder.read_start(attempt.token) if attempt.started_at is None else None
    epochs, offset = folder.read_epochs(attempt.metrics_offset)
    return Files(start, result, tuple(epochs), offset)


def without_epochs(files: Files, recorded: Collection[int]) -> Files:
    """Leave out the epochs that the trial has recorded: an attempt repeats those of the one it continues."""
    return replace(files, epochs=tuple(report for report in files.epochs if report.epoch not in recorded))


def observe(attempt: AttemptRow, job: JobStatus | None, files: Files, now: datetime) -> Observation:
    """Combine an attempt's row, what the scheduler reports and what its folder contains.

    Args:
        attempt: The attempt's row, with its trial and that trial's attempts; it is not changed.
        job: What the scheduler reports about the attempt's job.
        files: What the attempt's folder contains.
        now: The time in UTC.
    """
    job_is_alive = job is not None and not job.state.has_ended
    return Observation(
        state=attempt.state,
        job=job,
        files=files,
        started_at=attempt.started_at or started_at(files),
        stop_requested_at=attempt.stop_requested_at,
        job_ended_at=None if job_is_alive else attempt.job_ended_at or now,
        shares_job=attempt.job_size > 1,
        earlier_causes=tuple(other.cause for other in attempt.trial.attempts if other.cause is not None),
    )


def may_be_pruned(observation: Observation) -> bool:
    """Return whether to ask the pruner: the attempt has reported an epoch and nothing else ends it."""
    files = observation.files
    return bool(files.epochs) and files.result is None and observation.stop_requested_at is None


def after_recording(observation: Observation, should_prune: bool) -> Observation:
    """Return the observation without what a first decision has recorded, for a second decision."""
    return replace(observation, files=Files(), should_prune=should_prune)


def started_at(files: Files) -> datetime | None:
    """Return when the attempt started; None if its folder contains no new start."""
    return None if files.start is None else moment(files.start.started_at)


def moment(seconds: float) -> datetime:
    """Return the time in UTC that is a number of seconds after the start of 1970."""
    return datetime.fromtimestamp(seconds, UTC)
