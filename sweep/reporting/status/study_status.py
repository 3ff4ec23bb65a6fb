"""A study's present state as plain data. What is read grows with what is shown, not with the study."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, Subquery, case, func, select
from sqlalchemy.orm import Session

from sweep.reporting.status.forecast import Cost, Forecast, Plan, Spent, forecast, typical
from sweep.states import ACTIVE_STATES, AttemptState
from sweep.storage import optuna_queries as optuna_sql
from sweep.storage.lease import Holder, holder
from sweep.storage.tables import AttemptRow, EpochRow, StudyRow, TrialRow

NUM_BEST = 5  # places for the best ended trials; the latest ones have the rest
NUM_TYPICAL = 50  # ended trials whose cost the forecast goes by


class TrialStatus(NamedTuple):
    """A trial, by its newest attempt."""

    number: int
    state: str  # submitting, pending, running, completed, pruned or failed
    cause: str | None  # of its failure
    attempt: int  # counted from 1
    job_id: str | None
    host: str | None
    gpu: str | None
    epoch: int | None  # the last one reported
    best: float | None  # the objective: of a completed trial its value, else its best epoch's
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES


class StudyStatus(NamedTuple):
    """A study: its trials, what is spent, and who is at work on it."""

    name: str
    metric: str
    direction: str
    created_at: datetime
    launcher: Holder | None  # at work
    launcher_seen_at: datetime | None  # its last sign of life, or the last launcher's
    stop: str | None  # how a person has asked the study to stop: finish or cancel
    num_by_state: dict[str, int]  # its trials by the state of their newest attempts
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
    """Every study of the database in the order of their first launches, without their trials."""
    with Session(engine) as session:
        studies = session.scalars(select(StudyRow).order_by(StudyRow.id)).all()
        return [_status(session, study, now, num_shown=0) for study in studies]


def study_status(engine: Engine, study_id: int, now: datetime, num_shown: int | None) -> StudyStatus:
    """One study with so many of its trials, for None with all of them."""
    with Session(engine) as session:
        return _status(session, session.get_one(StudyRow, study_id), now, num_shown)


def _status(session: Session, study: StudyRow, now: datetime, num_shown: int | None) -> StudyStatus:
    num_by_state = _num_by_state(session, study.id)
    active = _active(session, study.id)
    best = list(session.scalars(optuna_sql.best_numbers(study.name, _is_max(study), NUM_BEST)))
    shown = None if num_shown is None else _chosen(session, study.id, active, best, num_shown)
    plan = Plan(study.definition["trials"], study.definition["parallel"], **study.definition["budget"])
    spent = Spent(
        trials=sum(num_by_state.values()),
        hours=(now - study.created_at).total_seconds() / 3600,
        gpu_hours=_gpu_seconds(session, study.id, active, now) / 3600,
    )
    cost = typical(_costs(session, study.id))
    to_come = plan if study.stop is None else plan._replace(trials=spent.trials)
    ages_s = [(now - each.submitted_at).total_seconds() for each in active]
    return StudyStatus(
        name=study.name,
        metric=study.definition["metric"],
        direction=study.definition["direction"],
        created_at=study.created_at,
        launcher=holder(study, now),
        launcher_seen_at=study.launcher_seen_at,
        stop=study.stop,
        num_by_state=num_by_state,
        num_waiting=session.scalar(optuna_sql.num_waiting(study.name)) or 0,
        num_retries=_num_retries(session, study.id),
        plan=plan,
        spent=spent,
        forecast=forecast(to_come, spent, cost, ages_s) if cost is not None else None,
        best=next(iter(_trials(session, study, best[:1])), None),
        trials=_trials(session, study, shown),
    )


def _is_max(study: StudyRow) -> bool:
    return bool(study.definition["direction"] == "maximize")


# how the whole study stands


def _newest(study_id: int) -> Subquery:
    """The number of each trial's newest attempt."""
    return (
        select(AttemptRow.trial_id, func.max(AttemptRow.number).label("number"))
        .join(TrialRow)
        .where(TrialRow.study_id == study_id)
        .group_by(AttemptRow.trial_id)
        .subquery()
    )


def _of_newest(study_id: int, *columns: Any) -> Select[Any]:
    """These columns of each trial and its newest attempt."""
    newest = _newest(study_id)
    is_newest = (AttemptRow.trial_id == newest.c.trial_id) & (AttemptRow.number == newest.c.number)
    return select(*columns).select_from(AttemptRow).join(newest, is_newest).join(TrialRow)


def _num_by_state(session: Session, study_id: int) -> dict[str, int]:
    counts = _of_newest(study_id, AttemptRow.state, func.count()).group_by(AttemptRow.state)
    found: dict[str, int] = dict(session.execute(counts).all())
    return {state.value: found[state] for state in AttemptState if state in found}


def _num_retries(session: Session, study_id: int) -> int:
    wanted = (TrialRow.study_id == study_id) & TrialRow.retry_requested
    return session.scalar(select(func.count()).select_from(TrialRow).where(wanted)) or 0


def _active(session: Session, study_id: int) -> Sequence[Any]:
    """What the study's active attempts occupy, in the order of their trials."""
    return session.execute(
        select(
            TrialRow.number,
            AttemptRow.submitted_at,
            AttemptRow.started_at,
            AttemptRow.num_gpus,
            AttemptRow.job_size,
        )
        .join(TrialRow)
        .where(TrialRow.study_id == study_id, AttemptRow.state.in_(ACTIVE_STATES))
        .order_by(TrialRow.number)
    ).all()


def _gpu_seconds(session: Session, study_id: int, active: Sequence[Any], now: datetime) -> float:
    ended = select(func.sum(AttemptRow.gpu_seconds)).join(TrialRow).where(TrialRow.study_id == study_id)
    running = (
        each.num_gpus / each.job_size * (now - each.started_at).total_seconds()
        for each in active
        if each.started_at is not None
    )
    seconds: float = (session.scalar(ended) or 0.0) + sum(running)
    return seconds


def _costs(session: Session, study_id: int) -> list[Cost]:
    """What each of the last trials to end took, over all its attempts."""
    has_ended = AttemptRow.state.in_((AttemptState.COMPLETE, AttemptState.PRUNED))
    latest = _of_newest(study_id, TrialRow.id).where(has_ended).order_by(AttemptRow.ended_at.desc())
    ids = session.scalars(latest.limit(NUM_TYPICAL)).all()
    attempts = select(AttemptRow).where(AttemptRow.trial_id.in_(ids), AttemptRow.ended_at.is_not(None))
    costs = dict.fromkeys(ids, Cost(0.0, 0.0))
    for each in session.scalars(attempts):
        slot_s, gpu_s = costs[each.trial_id]
        assert each.ended_at is not None
        took_s = (each.ended_at - each.submitted_at).total_seconds()
        costs[each.trial_id] = Cost(slot_s + took_s, gpu_s + each.gpu_seconds)
    return list(costs.values())


# which trials are shown, and what of them


def _chosen(
    session: Session, study_id: int, active: Sequence[Any], best: Sequence[int], num_shown: int
) -> list[int]:
    """The numbers of the trials to show: active ones, the best, then the latest to end."""
    latest = (
        _of_newest(study_id, TrialRow.number)
        .where(AttemptRow.ended_at.is_not(None))
        .order_by(AttemptRow.ended_at.desc())
        .limit(num_shown)
    )
    numbers = [each.number for each in active] + list(best) + list(session.scalars(latest))
    return list(dict.fromkeys(numbers))[:num_shown]


def _trials(session: Session, study: StudyRow, numbers: Sequence[int] | None) -> list[TrialStatus]:
    """These trials in this order, for None all of them."""
    if numbers is not None and not numbers:
        return []
    of_study = TrialRow.study_id == study.id
    are_chosen = of_study if numbers is None else of_study & TrialRow.number.in_(numbers)
    rows = _of_newest(study.id, TrialRow.id, TrialRow.number, TrialRow.optuna_trial_id, AttemptRow)
    found = session.execute(rows.where(are_chosen).order_by(TrialRow.number)).all()
    objective = case((EpochRow.metric == study.definition["metric"], EpochRow.value))
    best = func.max(objective) if _is_max(study) else func.min(objective)
    epochs = {
        trial_id: (epoch, value)
        for trial_id, epoch, value in session.execute(
            select(EpochRow.trial_id, func.max(EpochRow.epoch), best)
            .where(EpochRow.trial_id.in_(select(TrialRow.id).where(are_chosen)))
            .group_by(EpochRow.trial_id)
        )
    }
    optuna_ids = select(TrialRow.optuna_trial_id).where(are_chosen)
    values = dict(session.execute(optuna_sql.values(optuna_ids)).all())
    trials = {}
    for trial_id, number, optuna_id, attempt in found:
        epoch, best_epoch = epochs.get(trial_id, (None, None))
        value = values.get(optuna_id) if attempt.state == AttemptState.COMPLETE else None
        trials[number] = TrialStatus(
            number=number,
            state=attempt.state,
            cause=attempt.cause,
            attempt=attempt.number,
            job_id=attempt.job_id,
            host=attempt.host,
            gpu=attempt.gpu,
            epoch=epoch,
            best=best_epoch if value is None else value,
            submitted_at=attempt.submitted_at,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
        )
    return [trials[number] for number in (trials if numbers is None else numbers)]
