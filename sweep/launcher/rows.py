"""Database rows and column values from the documents that workers write."""

from collections.abc import Iterable

from sweep.launcher.observation import moment
from sweep.storage.study_records import metric_value
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow
from sweep.worker.documents import EpochReport, Result, plain_text


def epoch_rows(trial_id: int, reports: Iterable[EpochReport]) -> list[EpochRow]:
    """Return one row for each metric of each reported epoch."""
    return [
        EpochRow(
            trial_id=trial_id,
            epoch=report.epoch,
            metric=metric,
            value=metric_value(value),
            reported_at=moment(report.reported_at),
        )
        for report in reports
        for metric, value in report.metrics.items()
    ]


def final_metric_rows(trial_id: int, result: Result, objective: str) -> list[FinalMetricRow]:
    """Return one row for each metric that the train function returned, except the objective.

    Optuna's tables contain the value of the objective.

    Args:
        trial_id: The trial's id in our tables.
        result: The result of the trial's last attempt.
        objective: The name of the objective.
    """
    return [
        FinalMetricRow(trial_id=trial_id, metric=metric, value=metric_value(value))
        for metric, value in result.metrics.items()
        if metric != objective
    ]


def gpu_share(attempt: AttemptRow, job_seconds: float) -> float:
    """Return the GPU seconds of an attempt whose job has occupied its node for a number of seconds.

    Attempts that share a job share its time equally, so that the GPU seconds of all attempts add up to those
    of the job.
    """
    return attempt.num_gpus * job_seconds / attempt.job_size


def storable(text: str) -> str:
    """Return text without what a database rejects: null characters and incomplete surrogate pairs."""
    return plain_text(text, len(text))
