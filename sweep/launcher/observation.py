"""The observations of one poll cycle: of the study as a whole, and of each open attempt."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sweep.definition.objective_value import objective_value
from sweep.definition.study import Study
from sweep.goals import PEAK_MEMORY, Goals
from sweep.scheduler.job import JobStatus
from sweep.states import AttemptState, Cause, Outcome, Stop
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder, invalid_result, may_have_more
from sweep.worker.documents import EpochReport, Result, Start
from sweep.worker.metrics import check_required
from sweep.worker.regular_file import UnusableFileError


@dataclass(frozen=True)
class Cycle:
    """The observations that a poll cycle makes once for all attempts.

    Attributes:
        now: The time in UTC.
        stop: The kind of stop that a user has requested; None if no stop is requested.
        budget_spent: Whether the study has reached a limit of its budget.
        settle_s: How many seconds after a job's end the files that it wrote may take to become visible.
        exit_grace_s: How many seconds after an attempt's end its job is cancelled, if it has not ended.
    """

    now: datetime
    stop: Stop | None = None
    budget_spent: bool = False
    settle_s: float = 0.0
    exit_grace_s: float = 60.0


@dataclass(frozen=True)
class Files:
    """What an attempt's folder contains.

    Attributes:
        start: Where and when the attempt started; None if it has not started, or if that is recorded.
        result: How the attempt ended; None if it has not ended.
        epochs: The epochs reported since the last poll cycle.
        offset: The byte of `metrics.jsonl` to continue from.
        has_more: Whether there may be more epochs, which the next poll cycle reads.
        problem: Why a file cannot be read, for the log; None if there is no such file.
    """

    start: Start | None = None
    result: Result | None = None
    epochs: tuple[EpochReport, ...] = ()
    offset: int = 0
    has_more: bool = False
    problem: str | None = None


@dataclass(frozen=True)
class Observation:
    """What is known about one open attempt.

    Attributes:
        state: The state that the database records.
        job: What the scheduler reports about the attempt's job; None if no job of its name exists.
        files: What the attempt's folder contains.
        started_at: When the attempt started; None if it has not started.
        stop_requested_at: When the launcher requested the attempt to stop; None if it did not.
        ended_at: When the attempt ended; None if it has not ended.
        job_ended_at: When the job was first observed to have ended; None while it waits or runs.
        shares_job: Whether other attempts run in the same job.
        is_job_needed: Whether another attempt that has not ended shares the job.
        earlier_causes: Why the earlier attempts of the trial failed.
        should_prune: Whether the pruner would stop the trial now.
        job_output: What is known about the end of a job without a result: the end of its own output.
    """

    state: AttemptState
    job: JobStatus | None = None
    files: Files = Files()
    started_at: datetime | None = None
    stop_requested_at: datetime | None = None
    ended_at: datetime | None = None
    job_ended_at: datetime | None = None
    shares_job: bool = False
    is_job_needed: bool = False
    earlier_causes: tuple[Cause, ...] = ()
    should_prune: bool = False
    job_output: str | None = None


def read_files(attempt: AttemptRow, folder: AttemptFolder) -> Files:
    """Read the folder of an active attempt.

    The result is read before the epochs: a worker writes it last, so no epoch before it is missed.
    """
    result = folder.read_result(attempt.token)
    start = folder.read_start(attempt.token) if attempt.started_at is None else None
    before = attempt.metrics_offset
    try:
        epochs, offset = folder.read_epochs(before)
    except UnusableFileError as error:
        return Files(start, result, (), before, problem=f"{folder.metrics} is ignored, because {error}")
    return Files(start, result, tuple(epochs), offset, has_more=may_have_more(before, offset))


def with_checked_result(files: Files, goals: Goals) -> Files:
    """Replace a result without a value of an objective, which no worker writes, by a failure.

    The worker of an earlier version measures no memory.
    """
    result = files.result
    if result is None or result.outcome is not Outcome.COMPLETE:
        return files
    measured = {PEAK_MEMORY: result.peak_memory_gb}
    missing = [name for name in goals.measured if measured.get(name, 0.0) is None]
    try:
        check_required([*goals.returned, *missing], result.metrics)
    except ValueError as error:
        return replace(files, result=invalid_result(result.token, str(error)))
    return files


def with_objective(files: Files, study: Study, recorded: Mapping[int, float]) -> Files:
    """Replace the objective of a complete result by that of the epochs that determine it.

    Args:
        files: What the attempt's folder contains.
        study: The study, which says which epochs determine the objective.
        recorded: The values of the objective that are recorded already, by epoch.
    """
    result, objective = files.result, study.goals.objectives[0]
    metric = objective.metric
    if result is None or result.outcome is not Outcome.COMPLETE:
        return files
    new = {report.epoch: report.metrics[metric] for report in files.epochs if metric in report.metrics}
    try:
        value = objective_value(
            study.objective_of, objective.direction, result.metrics[metric], {**new, **recorded}
        )
    except ValueError as error:
        failed = replace(result, outcome=Outcome.FAILED, metrics={}, cause=Cause.ERROR, error=str(error))
        return replace(files, result=failed)
    return replace(files, result=replace(result, metrics={**result.metrics, metric: value}))


def without_epochs(files: Files, recorded: Collection[int]) -> Files:
    """Leave out epochs that are recorded or repeated, so that the first report of an epoch is recorded.

    An attempt repeats the epochs of the one that it continues, and several processes of an attempt may report
    the same epoch. A report without metrics is not recorded, so it does not count as the first one.
    """
    known, first_reports = set(recorded), []
    for report in files.epochs:
        if report.metrics and report.epoch not in known:
            known.add(report.epoch)
            first_reports.append(report)
    return replace(files, epochs=tuple(first_reports))


def observe(
    attempt: AttemptRow,
    job: JobStatus | None,
    files: Files,
    now: datetime,
    *,
    is_job_needed: bool = False,
) -> Observation:
    """Combine an attempt's row, what the scheduler reports and what its folder contains.

    Args:
        attempt: The attempt's row, with its trial and that trial's attempts; it is not changed.
        job: What the scheduler reports about the attempt's job.
        files: What the attempt's folder contains.
        now: The time in UTC.
        is_job_needed: Whether another attempt that has not ended shares the job.
    """
    job_is_alive = job is not None and not job.state.has_ended
    return Observation(
        state=attempt.state,
        job=job,
        files=files,
        started_at=attempt.started_at or started_at(files, now),
        stop_requested_at=attempt.stop_requested_at,
        ended_at=attempt.ended_at,
        job_ended_at=None if job_is_alive else attempt.job_ended_at or now,
        shares_job=attempt.job_size > 1,
        is_job_needed=is_job_needed,
        earlier_causes=tuple(other.cause for other in attempt.trial.attempts if other.cause is not None),
    )


def may_be_pruned(observation: Observation) -> bool:
    """Return whether to ask the pruner: the attempt has reported an epoch and nothing else ends it."""
    files = observation.files
    return bool(files.epochs) and files.result is None and observation.stop_requested_at is None


def after_recording(observation: Observation, should_prune: bool) -> Observation:
    """Return the observation without what a first decision has recorded, for a second decision."""
    return replace(observation, files=Files(), should_prune=should_prune)


def started_at(files: Files, now: datetime) -> datetime | None:
    """Return when the attempt started, by its node's clock; None if its folder contains no new start."""
    return None if files.start is None else min(moment(files.start.started_at), now)


def ended_at(result: Result | None, started_at: datetime | None, now: datetime) -> datetime:
    """Return when an attempt ended: not before it started, and not later than now."""
    if result is None:
        return now
    ended = min(moment(result.ended_at), now)
    return ended if started_at is None else max(ended, started_at)


def moment(seconds: float) -> datetime:
    """Return the time in UTC that is a number of seconds after the start of 1970."""
    return datetime.fromtimestamp(seconds, UTC)
