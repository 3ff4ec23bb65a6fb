"""The current status of a study as plain data.

The amount of data read depends on what is shown, not on the size of the study.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sweep.goals import EVALUATION, Goals
from sweep.reporting.headline import headline
from sweep.reporting.recorded_situation import recorded_situation
from sweep.reporting.status.forecast import Forecast, Plan, Spent, forecast, mean_cost
from sweep.reporting.status.selection import Selection, selected_trials
from sweep.states import ACTIVE_STATES, AttemptState, Stop
from sweep.storage.attempts import gpu_seconds_used
from sweep.storage.code_version import CodeVersion
from sweep.storage.failing_nodes import FailingNode, failing_nodes
from sweep.storage.lease import Holder, holder
from sweep.storage.snapshots import code_versions
from sweep.storage.status_queries import (
    TrialStatus,
    active_attempts,
    all_studies,
    best_trials,
    latest_trials,
    num_enqueued,
    num_retries_requested,
    num_trials_by_state,
    recent_costs,
    trial_statuses,
    unreported_pruner_metric,
)
from sweep.storage.tables import StudyRow

NUM_BEST = 5  # how many of the best trials are shown before the latest ones
EVERYTHING = Selection()
NUM_RECENT = 50  # how many trials that ended last determine the forecast


class StudyStatus(NamedTuple):
    """The status of a study.

    Attributes:
        name: The name of the study.
        goals: The objectives and constraints of the study.
        created_at: When the study was first launched.
        launcher: The running launcher; None if none is running.
        launcher_seen_at: The last heartbeat of the running launcher or of the last one.
        stop: The requested stop; None if none is requested.
        stopped_early: Why the study's rules have ended it early; None if they have not.
        num_by_state: The number of trials by the state of their newest attempts.
        num_enqueued: The number of points of the study file that are not trials yet.
        num_retries: The number of failed trials that will be retried on request.
        plan: The extent of the study.
        spent: What the study has used so far.
        forecast: The expected end; None if it is unknown or nothing is left to do.
        best: The best trial or, with several objectives, the Pareto front; empty if no complete trial
            satisfies the constraints.
        failing_nodes: The nodes that the study's jobs avoid, because jobs fail there before they start.
        unreported_metric: The metric that the pruner judges if trials are complete but have not reported it.
        code: The snapshots of the code that trials run, the oldest first.
        snapshot: The digest of the snapshot that new trials run; None if the study has none.
        trials: The trials to show: the active ones, the best, and the latest to end; or all by number; or
            those of the selection.
        params: The names of the searched hyperparameters in the order of the study file.
        selection: Which trials are shown.
        num_selected: The number of trials of the selection, including those that are not shown.
        headline: What the study has shown, as sentences; empty for several studies, and for an evaluation,
            which is part of another study's headline.
    """

    name: str
    goals: Goals
    created_at: datetime
    launcher: Holder | None
    launcher_seen_at: datetime | None
    stop: Stop | None
    stopped_early: str | None
    num_by_state: dict[AttemptState, int]
    num_enqueued: int
    num_retries: int
    plan: Plan
    spent: Spent
    forecast: Forecast | None
    best: Sequence[TrialStatus]
    failing_nodes: Sequence[FailingNode]
    unreported_metric: str | None
    code: Sequence[CodeVersion]
    snapshot: str | None
    trials: Sequence[TrialStatus]
    params: Sequence[str]
    selection: Selection
    num_selected: int
    headline: Sequence[str] = ()

    @property
    def num_active(self) -> int:
        """The number of trials that have not ended."""
        return sum(self.num_by_state.get(state, 0) for state in ACTIVE_STATES)


def all_statuses(engine: Engine, now: datetime) -> list[StudyStatus]:
    """Return the status of every study, without its trials, in the order of their first launches."""
    with Session(engine) as session:
        studies = all_studies(session)
        return [_status(engine, session, study, now, num_shown=0) for study in studies]


def study_status(
    engine: Engine,
    study_id: int,
    now: datetime,
    num_shown: int | None,
    selection: Selection = EVERYTHING,
) -> StudyStatus:
    """Return the status of one study with at most `num_shown` of its trials; None selects all trials.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        now: The current time.
        num_shown: The maximum number of trials.
        selection: Which trials are selected. With any but the usual selection, all trials are read.

    Raises:
        InputError: If the selection names something that trials do not have.
    """
    with Session(engine) as session:
        study = session.get_one(StudyRow, study_id)
        status = _status(engine, session, study, now, num_shown, selection)
        if study.name.endswith(EVALUATION):
            return status
        return status._replace(headline=headline(recorded_situation(engine, study)))


def _status(
    engine: Engine,
    session: Session,
    study: StudyRow,
    now: datetime,
    num_shown: int | None,
    selection: Selection = EVERYTHING,
) -> StudyStatus:
    num_by_state = num_trials_by_state(session, study.id)
    active = active_attempts(session, study.id)
    goals = study.goals
    best = best_trials(session, study, NUM_BEST if goals.is_single else None)
    plan = Plan(study.definition["trials"], study.definition["parallel"], **study.definition["budget"])
    num_trials = num_selected = sum(num_by_state.values())
    spent = Spent(
        trials=num_trials,
        hours=(now - study.created_at).total_seconds() / 3600,
        gpu_hours=gpu_seconds_used(engine, study.id, now) / 3600,
    )
    cost = mean_cost(recent_costs(session, study.id, NUM_RECENT))
    is_closed = study.stop is not None or study.stopped_early is not None
    remaining = plan._replace(trials=spent.trials) if is_closed else plan
    ages_s = [(now - attempt.submitted_at).total_seconds() for attempt in active]
    params = list(study.definition["space"])
    if selection.is_everything:
        shown = None
        if num_shown is not None:
            latest = latest_trials(session, study.id, num_shown)
            shown = list(dict.fromkeys([*(each.number for each in active), *best, *latest]))[:num_shown]
        trials = trial_statuses(session, study, shown)
    else:
        every = trial_statuses(session, study, None)
        trials = selected_trials(every, selection, goals, params)
        num_selected, trials = len(trials), trials[:num_shown]
    return StudyStatus(
        name=study.name,
        goals=goals,
        created_at=study.created_at,
        launcher=holder(study, now),
        launcher_seen_at=study.launcher_seen_at,
        stop=study.stop,
        stopped_early=study.stopped_early,
        num_by_state=num_by_state,
        num_enqueued=num_enqueued(session, study),
        num_retries=num_retries_requested(session, study.id),
        plan=plan,
        spent=spent,
        forecast=forecast(remaining, spent, cost, ages_s) if cost is not None else None,
        best=trial_statuses(session, study, best[:1] if goals.is_single else best),
        failing_nodes=failing_nodes(engine, study.id, now),
        unreported_metric=unreported_pruner_metric(session, study),
        code=code_versions(session, study.id),
        snapshot=study.snapshot,
        trials=trials,
        params=params,
        selection=selection,
        num_selected=num_selected,
    )
