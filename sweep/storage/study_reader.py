"""Reading a recorded study: Optuna's tables and ours, joined into DataFrames."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL, Engine, Executable, select
from sqlalchemy.orm import Session, selectinload

from sweep.definition.study import Study
from sweep.error_summary import error_summary
from sweep.goals import EVALUATION, Goals
from sweep.storage.database import DEFAULT_URL, open_recorded, parse_url
from sweep.storage.database_problem import database_problems
from sweep.storage.optuna_storage import STATES, all_trials, optuna_storage
from sweep.storage.repeated_trials import REPEATS
from sweep.storage.snapshots import code_versions
from sweep.storage.studies import find_study, get_study
from sweep.storage.study_data import StudyData
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import EnvironmentRow, EpochRow, FinalMetricRow, TrialRow

ATTEMPT_COLUMNS = (
    "token", "state", "cause", "job_id", "host", "gpu",
    "submitted_at", "started_at", "ended_at", "gpu_seconds", "notes", "exit_status",
    "snapshot",
)  # fmt: skip
METRIC_SUFFIX = "_metric"
"""The end of a metric's name if tables have a column of the name, which earlier versions accepted."""


def study_data(name: str, storage: str | URL = DEFAULT_URL) -> StudyData:
    """Return a recorded study as DataFrames, for example in a notebook: `study_data("kmnist").trials`.

    Args:
        name: The name of the study.
        storage: The URL of the database.

    Raises:
        InputError: If the database cannot be opened, or does not contain the study.
    """
    url = parse_url(storage) if isinstance(storage, str) else storage
    with database_problems():
        engine = open_recorded(url)
        try:
            return read_study(engine, url, name)
        finally:
            engine.dispose()


def read_study(engine: Engine, url: URL, name: str) -> StudyData:
    """Return everything that the database contains about a study.

    Args:
        engine: The database.
        url: The URL of the same database, which Optuna opens.
        name: The name of the study.

    Raises:
        InputError: If the database does not contain the study.
    """
    row = get_study(engine, name)
    study = recorded_definition(row)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with optuna_storage(url) as storage:
        frozen = all_trials(storage, name)
    of_study = TrialRow.study_id == row.id
    with Session(engine) as session:
        query = select(TrialRow).where(of_study).options(selectinload(TrialRow.attempts))
        trials = {trial.number: trial for trial in session.scalars(query)}
        finals = _wide(session, select(TrialRow.number, FinalMetricRow.metric, FinalMetricRow.value)
                       .join(FinalMetricRow).where(of_study), ["number"])  # fmt: skip
        epochs = _wide(session, select(TrialRow.number, EpochRow.epoch, EpochRow.metric, EpochRow.value)
                       .join(EpochRow).where(of_study), ["number", "epoch"])  # fmt: skip
        provenance = {**row.provenance, **_environment(session, trials.values())}
        code = code_versions(session, row.id)
    return StudyData(
        study=study,
        provenance=provenance,
        trials=_trials(frozen, trials, epochs, finals, study),
        epochs=epochs,
        attempts=_attempts(trials),
        baselines=row.baselines,
        evaluation=_evaluation(engine, url, name),
        code=code,
        stopped_early=row.stopped_early,
    )


def _evaluation(engine: Engine, url: URL, name: str) -> StudyData | None:
    evaluation = f"{name}{EVALUATION}"
    return None if find_study(engine, evaluation) is None else read_study(engine, url, evaluation)


def _wide(session: Session, query: Executable, index: list[str]) -> pd.DataFrame:
    """Return rows of (index..., metric, value) as one row per index with one column per metric."""
    long = pd.DataFrame(session.execute(query).all(), columns=[*index, "metric", "value"])
    if long.empty:
        return pd.DataFrame(columns=index, dtype="int64")
    long["metric"] = long["metric"].replace(_renamed(index, set(long["metric"])))
    wide = long.astype({"value": "float64"}).pivot(index=index, columns="metric", values="value")
    return wide.sort_index().reset_index().rename_axis(columns=None)


def _renamed(index: Iterable[str], metrics: Collection[str]) -> dict[str, str]:
    """Return other names for the metrics that have the name of an index column."""
    renamed = {}
    for name in set(index) & set(metrics):
        other = f"{name}{METRIC_SUFFIX}"
        while other in metrics:
            other += METRIC_SUFFIX
        renamed[name] = other
    return renamed


def _trials(
    frozen: Iterable[FrozenTrial],
    trials: Mapping[int, TrialRow],
    epochs: pd.DataFrame,
    finals: pd.DataFrame,
    study: Study,
) -> pd.DataFrame:
    num_epochs = epochs.groupby("number").size()
    rows = [
        {
            "number": trial.number,
            "state": STATES[trial.state],
            **_objective_columns(trial, study.goals),
            **{f"param_{name}": trial.params.get(name) for name in study.space},
            "num_epochs": int(num_epochs.get(trial.number, 0)),
            **_progress(trials.get(trial.number)),
        }
        for trial in frozen
    ]
    objectives = _objective_columns(None, study.goals)
    table = pd.DataFrame(rows, columns=None if rows else ["number", "state", *objectives, *_progress(None)])
    table = table.astype(dict.fromkeys(objectives, "float64"))
    for column in ("started_at", "ended_at"):
        table[column] = pd.to_datetime(table[column], utc=True)
    table["duration_s"] = (table["ended_at"] - table["started_at"]).dt.total_seconds()
    finals = finals.add_prefix("final_").rename(columns={"final_number": "number"})
    table = table.merge(finals, on="number", how="left")
    if study.goals.is_single:
        table[f"final_{study.goals.objectives[0].metric}"] = table["value"]
    return table


def _objective_columns(trial: FrozenTrial | None, goals: Goals) -> dict[str, float | None]:
    """Return the columns with the values of the objectives; None unless the trial is complete."""
    names = ["value"] if goals.is_single else [f"final_{each.metric}" for each in goals.objectives]
    if trial is None or trial.state is not TrialState.COMPLETE:
        return dict.fromkeys(names)
    return dict(zip(names, trial.values, strict=True))


def _progress(trial: TrialRow | None) -> dict[str, Any]:
    """Return the columns that come from our tables; without values for a trial that only Optuna knows yet."""
    attempts = trial.attempts if trial is not None else []
    last = attempts[-1] if attempts else None
    return {
        "num_attempts": len(attempts),
        "cause": last.cause if last else None,
        "error": error_summary(last.error) if last else None,
        "seed": trial.seed if trial else None,
        "host": last.host if last else None,
        "gpu": last.gpu if last else None,
        "job_id": last.job_id if last else None,
        "started_at": attempts[0].started_at if attempts else None,
        "ended_at": last.ended_at if last else None,
        "gpu_seconds": sum(attempt.gpu_seconds for attempt in attempts),
        "folder": trial.folder if trial else None,
        "snapshot": attempts[0].snapshot if attempts else None,
        "repeats": last.notes.get(REPEATS) if last else None,
    }


def _attempts(trials: Mapping[int, TrialRow]) -> pd.DataFrame:
    rows = [
        {"number": number, "attempt": attempt.number}
        | {column: getattr(attempt, column) for column in ATTEMPT_COLUMNS}
        | {"error": error_summary(attempt.error)}
        for number, trial in sorted(trials.items())
        for attempt in trial.attempts
    ]
    return pd.DataFrame(rows, columns=["number", "attempt", *ATTEMPT_COLUMNS, "error"])


def _environment(session: Session, trials: Iterable[TrialRow]) -> dict[str, Any]:
    """Return the Python version and the packages of the newest attempt that has started."""
    digests = [attempt.environment for trial in trials for attempt in trial.attempts if attempt.environment]
    if not digests:
        return {}
    environment = session.get_one(EnvironmentRow, digests[-1])
    return dict(environment.content)
