"""The import of a study that plain Optuna has created, to report on it or to continue it."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.operations.foreign_study import ForeignStudy, check_fits
from sweep.operations.provenance import provenance
from sweep.states import AttemptState
from sweep.storage.database import shown_url
from sweep.storage.optuna_storage import (
    STATES,
    PolledStorage,
    all_trials,
    create_tables,
    optuna_storage,
    optuna_trial_id,
)
from sweep.storage.studies import create_study, find_study, optuna_study_names
from sweep.storage.study_definition import definition_of
from sweep.storage.study_records import metric_value
from sweep.storage.tables import AttemptRow, EpochRow, StudyRow, TrialRow
from sweep.worker.attempt_folder import trial_folder

IMPORTED = "imported"
"""The key in a study's provenance, and in the notes of its attempts, that names where they come from."""


def import_study(engine: Engine, study: Study, foreign: ForeignStudy, workdir: Path, code_dir: Path) -> int:
    """Record a foreign study and its trials under the name of a study file, and return how many were added.

    An import that was interrupted is finished by the next one.

    Args:
        engine: The database that receives the study.
        study: The study file.
        foreign: The study to import.
        workdir: The folder in which the folders of further trials are created.
        code_dir: The project's folder.

    Raises:
        InputError: If the database has another study of that name, or if a trial does not fit the study file.
    """
    check_fits(study, foreign)
    create_tables(engine, engine.url)
    row = _study_row(engine, study, foreign, workdir, code_dir)
    with optuna_storage(engine.url) as storage:
        added = _add_to_optuna(study, foreign, storage)
        trials = all_trials(storage, study.name)
    _add_rows(engine, row, study, foreign, trials)
    return added


def _study_row(
    engine: Engine, study: Study, foreign: ForeignStudy, workdir: Path, code_dir: Path
) -> StudyRow:
    """Return the row of the study, which is created before its Optuna study."""
    row = find_study(engine, study.name)
    if row is None and study.name in optuna_study_names(engine):
        raise InputError(
            f"{shown_url(engine.url)} contains an Optuna study {study.name!r} of another program\n"
            f"import it under another name: --study NAME --optuna-study {study.name}"
        )
    if row is not None and row.provenance.get(IMPORTED) != foreign.origin:
        raise InputError(
            f"{shown_url(engine.url)} already contains a study {study.name}\n"
            "import under another name: --study NAME --optuna-study OLD_NAME"
        )
    if row is None:
        origin = {**provenance(code_dir, None), IMPORTED: foreign.origin}
        created_at = min(
            (_utc(trial.datetime_start) for trial in foreign.trials if trial.datetime_start), default=None
        )
        row = create_study(engine, study.name, definition_of(study), origin, str(workdir), created_at)
    return row


def _add_to_optuna(study: Study, foreign: ForeignStudy, storage: PolledStorage) -> int:
    """Add the trials that the Optuna study does not have yet."""
    copy = optuna.create_study(
        study_name=study.name, storage=storage, directions=list(foreign.directions), load_if_exists=True
    )
    present = copy.get_trials(deepcopy=False)
    if len(present) > len(foreign.trials) or any(IMPORTED not in trial.user_attrs for trial in present):
        raise InputError(
            f"study {study.name} has been imported and continued since\n"
            "to import it again, choose another name: --study NAME --optuna-study OLD_NAME"
        )
    missing = foreign.trials[len(present) :]
    for trial in missing:
        params = {name: value for name, value in trial.params.items() if name in study.space}
        copied = optuna.trial.create_trial(
            state=trial.state,
            values=trial.values if trial.state is TrialState.COMPLETE else None,
            params=params,
            distributions={name: study.space[name].distribution() for name in params},
            user_attrs={**trial.user_attrs, IMPORTED: trial.number},
            system_attrs={key: value for key, value in trial.system_attrs.items() if key == "constraints"},
            intermediate_values=trial.intermediate_values,
        )
        copied.datetime_start, copied.datetime_complete = trial.datetime_start, trial.datetime_complete
        copy.add_trial(copied)
    return len(missing)


def _add_rows(
    engine: Engine, row: StudyRow, study: Study, foreign: ForeignStudy, trials: Iterable[FrozenTrial]
) -> None:
    """Record the trials that our tables do not have yet, in one transaction."""
    with Session(engine) as session:
        recorded = set(session.scalars(select(TrialRow.number).where(TrialRow.study_id == row.id)))
        for trial in trials:
            if trial.number in recorded:
                continue
            recorded_trial = TrialRow(
                study_id=row.id,
                number=trial.number,
                optuna_trial_id=optuna_trial_id(trial),
                seed=0,
                folder=str(trial_folder(Path(row.workdir), study.name, trial.number)),
                attempts=[_attempt(trial, foreign.origin)],
            )
            session.add(recorded_trial)
            session.flush()
            session.add_all(_epochs(trial, recorded_trial.id, study))
        session.commit()


def _attempt(trial: FrozenTrial, origin: str) -> AttemptRow:
    """Return the attempt of an imported trial, of whose training only the times are known."""
    assert trial.datetime_complete is not None
    ended_at = _utc(trial.datetime_complete)
    started_at = ended_at if trial.datetime_start is None else _utc(trial.datetime_start)
    return AttemptRow(
        number=1,
        token=secrets.token_hex(4),
        state=AttemptState(STATES[trial.state]),
        job_size=1,
        num_gpus=0,
        submitted_at=started_at,
        started_at=started_at,
        ended_at=ended_at,
        gpu_seconds=0.0,
        is_cost_final=True,
        metrics_offset=0,
        notes={IMPORTED: origin},
    )


def _epochs(trial: FrozenTrial, trial_id: int, study: Study) -> Iterator[EpochRow]:
    """Yield the epochs of a trial, which are counted from 1 although Optuna's steps may begin with 0."""
    if not study.goals.is_single:
        return
    first = min(trial.intermediate_values, default=1)
    for step, value in trial.intermediate_values.items():
        yield EpochRow(
            trial_id=trial_id,
            epoch=step + max(1 - first, 0),
            metric=study.goals.objectives[0].metric,
            value=metric_value(value),
            reported_at=_utc(trial.datetime_complete or datetime.now(UTC)),
        )


def _utc(moment: datetime) -> datetime:
    """Return a time of Optuna, which is local and without a zone, in UTC."""
    return moment.astimezone(UTC)
