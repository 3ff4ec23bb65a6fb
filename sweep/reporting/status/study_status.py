"""A study's present state as plain data. What is read grows with what is shown, not with the study."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sweep.reporting.status.forecast import Forecast, Plan, Spent, forecast, typical
from sweep.states import ACTIVE_STATES, AttemptState, Stop
from sweep.storage.attempts import gpu_seconds_used
from sweep.storage.lease import Holder, holder
from sweep.storage.status_queries import (
    TrialStatus,
    active_attempts,
    best_trials,
    latest_trials,
    num_enqueued,
    num_retries_requested,
    num_trials_by_state,
    recent_costs,
    trial_statuses,
)
from sweep.storage.tables import StudyRow

NUM_BEST = 5  # places for the best ended trials; the latest ones have the rest
NUM_TYPICAL = 50  # ended trials whose cost the forecast goes by


class StudyStatus(NamedTuple):
    """A study: its trials, what is spent, and who is at work on it."""

    name: str
    metric: str
    direction: str
    created_at: datetime
    launcher: Holder | None  # at work
    launcher_seen_at: datetime | None  # its last sign of life, or the last launcher's
    stop: Stop | None  # how a person has asked the study to stop: finish or cancel
    num_by_state: dict[AttemptState, int]  # its trials by the state of their newest attempts
    num_waiting: int  # points of the study file that are no trials yet
    num_retries: int  # failed trials that a person wants tried again
    plan: Plan
    spent: Spent
    forecast: Forecast | None
    best: TrialStatus | None
    trials: Sequence[TrialStatus]  # the active ones, the best, the latest to end; or all, by number

    @property
    def num_active(self) -> int:
        return sum(self.num_by_state.get(state, 0) for state in ACTIVE_STATES)


def all_statuses(engine: Engine, now: datetime) -> list[StudyStatus]:
    """Return the status of every study, without its trials, in the order of their first launches."""
    with Session(engine) as session:
        studies = session.scalars(select(StudyRow).order_by(StudyRow.id)).all()
        return [_status(engine, session, study, now, num_shown=0) for study in studies]


def study_status(engine: Engine, study_id: int, now: datetime, num_shown: int | None) -> StudyStatus:
    """Return the status of one study with at most `num_shown` of its trials; None selects all trials."""
    with Session(engine) as session:
        return _status(engine, session, session.get_one(StudyRow, study_id), now, num_shown)


def _status(
    engine: Engine, session: Session, study: StudyRow, now: datetime, num_shown: int | None
) -> StudyStatus:
    num_by_state = num_trials_by_state(session, study.id)
    active = active_attempts(session, study.id)
    best = best_trials(session, study, NUM_BEST)
    plan = Plan(study.definition["trials"], study.definition["parallel"], **study.definition["budget"])
    spent = Spent(
        trials=sum(num_by_state.values()),
        hours=(now - study.created_at).total_seconds() / 3600,
        gpu_hours=gpu_seconds_used(engine, study.id, now) / 3600,
    )
    cost = typical(recent_costs(session, study.id, NUM_TYPICAL))
    remaining = plan if study.stop is None else plan._replace(trials=spent.trials)
    ages_s = [(now - attempt.submitted_at).total_seconds() for attempt in active]
    shown = None
    if num_shown is not None:
        latest = latest_trials(session, study.id, num_shown)
        shown = list(dict.fromkeys([*(attempt.number for attempt in active), *best, *latest]))[:num_shown]
    return StudyStatus(
        name=study.name,
        metric=study.metric,
        direction=study.direction,
        created_at=study.created_at,
        launcher=holder(study, now),
        launcher_seen_at=study.launcher_seen_at,
        stop=study.stop,
        num_by_state=num_by_state,
        num_waiting=num_enqueued(session, study),
        num_retries=num_retries_requested(session, study.id),
        plan=plan,
        spent=spent,
        forecast=forecast(remaining, spent, cost, ages_s) if cost is not None else None,
        best=next(iter(trial_statuses(session, study, best[:1])), None),
        trials=trial_statuses(session, study, shown),
    )
