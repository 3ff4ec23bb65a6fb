"""The last value of each metric of trials."""

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from sweep.storage.tables import EpochRow, FinalMetricRow, TrialRow


def last_metrics(session: Session, trial_ids: Select[int]) -> dict[int, dict[str, float | None]]:
    """Return the last metrics of trials by the trial's id in our tables, and by their names.

    They are the metrics of the last epoch that a trial has reported, and what its train function has
    returned, which takes precedence. The objectives of complete trials are in Optuna's tables instead.

    Args:
        session: A session of the database.
        trial_ids: A query for the ids of the trials.
    """
    other = aliased(EpochRow)
    # The last epoch depends on the row of the trial only, so it is looked up once for each trial.
    last = select(func.max(other.epoch)).where(other.trial_id == TrialRow.id).scalar_subquery()
    of_epochs = (
        select(EpochRow.trial_id, EpochRow.metric, EpochRow.value)
        .select_from(TrialRow)
        .join(EpochRow, (EpochRow.trial_id == TrialRow.id) & (EpochRow.epoch == last))
        .where(TrialRow.id.in_(trial_ids))
    )
    returned = select(FinalMetricRow.trial_id, FinalMetricRow.metric, FinalMetricRow.value).where(
        FinalMetricRow.trial_id.in_(trial_ids)
    )
    found: dict[int, dict[str, float | None]] = {}
    for query in (of_epochs.order_by(EpochRow.metric), returned.order_by(FinalMetricRow.metric)):
        for trial_id, metric, value in session.execute(query):
            found.setdefault(trial_id, {})[metric] = value
    return found
