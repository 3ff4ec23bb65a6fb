"""From a trial's files to rows of the database: its start, its epochs, its result."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sweep.scheduler.job import JobStatus
from sweep.storage.study_records import StudyRecords, metric_value
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, Result

# Characters of a traceback that the database keeps, since MySQL's TEXT has 65,535 bytes; the log has all.
ERROR_LENGTH = 16_000


def ingest_start(attempt: AttemptRow, folder: AttemptFolder, records: StudyRecords) -> None:
    """Note where, when and in what environment the attempt began, once it has."""
    if attempt.started_at is None and (start := folder.read_start(attempt.token)) is not None:
        attempt.started_at = datetime.fromtimestamp(start.started_at, UTC)
        attempt.host, attempt.gpu = start.host, start.gpu
        attempt.environment = records.environment(start.python, start.packages)


def new_epochs(attempt: AttemptRow, folder: AttemptFolder, records: StudyRecords) -> list[EpochReport]:
    """The epochs reported since the last look, without those an earlier attempt reported before."""
    reports, offset = folder.read_epochs(attempt.metrics_offset)
    if not reports:
        return []
    attempt.metrics_offset = offset
    recorded = records.recorded_epochs(attempt.trial_id)
    return [report for report in reports if report.epoch not in recorded]


def epoch_rows(trial_id: int, reports: Iterable[EpochReport]) -> list[EpochRow]:
    return [
        EpochRow(
            trial_id=trial_id,
            epoch=report.epoch,
            metric=metric,
            value=metric_value(value),
            reported_at=datetime.fromtimestamp(report.reported_at, UTC),
        )
        for report in reports
        for metric, value in report.metrics.items()
    ]


def ingest_end(attempt: AttemptRow, result: Result | None) -> None:
    """Note when the attempt ended and what it cost; without a result it ended now, as far as is known."""
    attempt.ended_at = datetime.fromtimestamp(result.ended_at, UTC) if result else datetime.now(UTC)
    if attempt.started_at is not None:
        attempt.gpu_seconds = gpu_share(attempt, (attempt.ended_at - attempt.started_at).total_seconds())
    if result is not None:
        attempt.notes = dict(result.notes)
        attempt.error = result.error and storable(result.error[-ERROR_LENGTH:])


def storable(text: str) -> str:
    """Text as every database takes it: PostgreSQL no null, none of them half a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def ingest_cost(attempt: AttemptRow, job: JobStatus | None) -> None:
    """Once the job of an attempt has ended, take over what it cost by the cluster's own count.

    Attempts that shared a job share its whole time alike, so that the attempts' GPU seconds add up.
    """
    if job is None or job.state.has_ended:
        if job is not None and job.elapsed_s is not None:
            attempt.gpu_seconds = gpu_share(attempt, job.elapsed_s)
        attempt.is_cost_final = True


def gpu_share(attempt: AttemptRow, job_seconds: float) -> float:
    """GPU seconds of one attempt of a job that has occupied its node for so long."""
    return attempt.num_gpus * job_seconds / attempt.job_size


def final_metric_rows(trial_id: int, result: Result, objective: str) -> list[FinalMetricRow]:
    """What the train function returned, but for the objective, which is Optuna's to keep."""
    return [
        FinalMetricRow(trial_id=trial_id, metric=metric, value=metric_value(value))
        for metric, value in result.metrics.items()
        if metric != objective
    ]
