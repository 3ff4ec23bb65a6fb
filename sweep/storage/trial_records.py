"""What is recorded about a single trial: its metrics, and the environment of an attempt."""

from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sweep.storage.tables import AttemptRow, EnvironmentRow, EpochRow, FinalMetricRow


def recorded_environment(engine: Engine, attempt: AttemptRow) -> dict[str, Any] | None:
    """Return the `python` and `packages` that an attempt ran with, or None if it has not started."""
    if attempt.environment is None:
        return None
    with Session(engine) as session:
        return dict(session.get_one(EnvironmentRow, attempt.environment).content)


def recorded_epochs(engine: Engine, trial_id: int) -> dict[int, dict[str, float | None]]:
    """Return the metrics of each epoch of a trial; None stands for a value that was not finite."""
    epochs: dict[int, dict[str, float | None]] = {}
    query = select(EpochRow).where(EpochRow.trial_id == trial_id).order_by(EpochRow.epoch)
    with Session(engine) as session:
        for row in session.scalars(query):
            epochs.setdefault(row.epoch, {})[row.metric] = row.value
    return epochs


def recorded_final_metrics(engine: Engine, trial_id: int) -> dict[str, float | None]:
    """Return the final metrics of a trial without the objectives, which are in Optuna's tables."""
    query = select(FinalMetricRow).where(FinalMetricRow.trial_id == trial_id)
    with Session(engine) as session:
        return {row.metric: row.value for row in session.scalars(query)}
