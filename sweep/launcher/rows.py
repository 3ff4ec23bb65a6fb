"""Database rows and column values from the documents that workers write."""

from collections.abc import Iterable, Mapping

from sweep.goals import Goals
from sweep.launcher.observation import moment
from sweep.storage.study_records import metric_value
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow
from sweep.worker.documents import EpochReport, plain_text


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


def final_metric_rows(trial_id: int, metrics: Mapping[str, float], goals: Goals) -> list[FinalMetricRow]:
    """Return one row for each final metric, except the objectives, whose values are in Optuna's tables.

    Args:
        trial_id: The trial's id in our tables.
        metrics: The final metrics of the trial.
        goals: The objectives and constraints of the study.
    """
    objectives = {objective.metric for objective in goals.objectives}
    return [
        FinalMetricRow(trial_id=trial_id, metric=metric, value=metric_value(value))
        for metric, value in metrics.items()
        if metric not in objectives
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
