"""The studies of a database: looking them up, and recording their launches."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, inspect, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.states import ACTIVE_STATES
from sweep.storage import optuna_queries
from sweep.storage.database import shown_url, sqlite_file
from sweep.storage.optuna_queries import STUDIES_TABLE
from sweep.storage.tables import AttemptRow, StudyRow, TrialRow
from sweep.worker.attempt_folder import attempt_folder, trial_folder


class RecordedFolder(NamedTuple):
    """The folder of an attempt that was submitted.

    Attributes:
        number: The trial's number.
        path: The path below the study's folder.
        is_active: Whether the attempt has not ended.
    """

    number: int
    path: Path
    is_active: bool


def find_study(engine: Engine, name: str) -> StudyRow | None:
    """Return the study of that name, or None if there is none."""
    with Session(engine) as session:
        return session.scalar(select(StudyRow).where(StudyRow.name == name))


def get_study(engine: Engine, name: str) -> StudyRow:
    """Return the study of that name.

    Raises:
        InputError: If the database has no such study.
    """
    row = find_study(engine, name)
    if row is None:
        present = ", ".join(study_names(engine)) or "none"
        raise InputError(f"{shown_url(engine.url)} has no study {name!r}; its studies are: {present}")
    return row


def study_names(engine: Engine) -> list[str]:
    """Return the names of all studies, the oldest first; an empty list if the tables do not exist yet."""
    if not has_table(engine, StudyRow.__tablename__):
        return []
    with Session(engine) as session:
        return list(session.scalars(select(StudyRow.name).order_by(StudyRow.id)))


def has_table(engine: Engine, name: str) -> bool:
    """Return whether a table exists; a missing SQLite file is not created."""
    file = sqlite_file(engine.url)
    return (file is None or file.exists()) and inspect(engine).has_table(name)


def study_workdirs(engine: Engine) -> dict[str, str]:
    """Return the folder that holds each study's trial folders, by the study's name."""
    if not study_names(engine):
        return {}
    with Session(engine) as session:
        return {row.name: row.workdir for row in session.execute(select(StudyRow.name, StudyRow.workdir))}


def optuna_study_names(engine: Engine) -> set[str]:
    """Return the names of all studies of Optuna in the database, including those of other programs."""
    if not has_table(engine, STUDIES_TABLE):
        return set()
    with engine.connect() as connection:
        return set(connection.scalars(optuna_queries.study_names()))


def find_own_study(engine: Engine, name: str) -> StudyRow | None:
    """Return the study of that name, whose Optuna study must belong to it; None if there is none.

    Our row is created first, so an Optuna study without a row belongs to another program. The Optuna study is
    missing if the first launch was killed before it was created.

    Raises:
        InputError: If the Optuna study belongs to another program, or was deleted.
    """
    exists = name in optuna_study_names(engine)  # read before the row, because it is created after the row
    row = find_study(engine, name)
    if row is None:
        if exists:
            raise _not_own(engine, name)
        return None
    num_recorded = select(func.count()).select_from(TrialRow).where(TrialRow.study_id == row.id)
    with engine.connect() as connection:
        directions = list(connection.scalars(optuna_queries.directions(name)))
        has_ended_trials = bool(connection.scalar(optuna_queries.num_ended(name)))
        # Read last, because a trial ends after it is recorded.
        has_trials = bool(connection.scalar(num_recorded))
    if exists and (directions != row.directions or (has_ended_trials and not has_trials)):
        raise _not_own(engine, name)
    if has_trials and name not in optuna_study_names(engine):
        raise InputError(
            f"the trials of study {name} were deleted from Optuna's tables in {shown_url(engine.url)}\n"
            "restore them from a backup, or give the new study another name: --set name=NAME"
        )
    return row


def _not_own(engine: Engine, name: str) -> InputError:
    return InputError(
        f"{shown_url(engine.url)} contains an Optuna study {name!r} of another program\n"
        "give the new study another name (--set name=NAME), use another storage (--storage URL), or rename "
        "or delete that study"
    )


def recorded_folders(engine: Engine, study_id: int) -> list[RecordedFolder]:
    """Return the folders of all attempts of a study that were submitted."""
    query = (
        select(TrialRow.number, AttemptRow.number, AttemptRow.token, AttemptRow.state)
        .join(AttemptRow)
        .where(TrialRow.study_id == study_id, AttemptRow.job_name.is_not(None))
    )
    with engine.connect() as connection:
        return [
            RecordedFolder(
                number,
                attempt_folder(trial_folder(Path(), "", number), attempt, token).path,
                state in ACTIVE_STATES,
            )
            for number, attempt, token, state in connection.execute(query)
        ]


def move_study(engine: Engine, study: StudyRow, workdir: Path) -> None:
    """Record that a study's folder is in another workdir. The caller holds the study's lease."""
    with Session(engine) as session:
        for trial in session.scalars(select(TrialRow).where(TrialRow.study_id == study.id)):
            trial.folder = str(trial_folder(workdir, study.name, trial.number))
        session.execute(update(StudyRow).where(StudyRow.id == study.id).values(workdir=str(workdir)))
        session.commit()
    study.workdir = str(workdir)


def create_study(
    engine: Engine,
    name: str,
    definition: Mapping[str, Any],
    provenance: Mapping[str, Any],
    workdir: str,
    created_at: datetime | None = None,
) -> StudyRow:
    """Record a new study at its first launch.

    Args:
        engine: The database.
        name: The name of the study and of its Optuna study; no other study may have it.
        definition: The validated study file as JSON values.
        provenance: The origin of the study: git commit, data checksum, command, and so on.
        workdir: The folder that holds the study's trial folders.
        created_at: When the study is first launched; None selects the current time.

    Returns:
        The new row, detached from its session; that of another launch that has just recorded the study.
    """
    row = StudyRow(
        name=name,
        definition=dict(definition),
        provenance=dict(provenance),
        workdir=workdir,
        created_at=created_at or datetime.now(UTC),
    )
    try:
        with Session(engine, expire_on_commit=False) as session:
            session.add(row)
            session.commit()
    except IntegrityError:
        if (existing := find_study(engine, name)) is None:
            raise
        return existing
    return row


def record_launch(
    engine: Engine,
    study_id: int,
    definition: Mapping[str, Any],
    cluster: str | None,
    *,
    withdraw_stop: bool,
    baselines: Mapping[str, Any] | None = None,
) -> None:
    """Record what a study is launched with. The caller holds the study's lease.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        definition: The validated study file as JSON values.
        cluster: The name of the profile.
        withdraw_stop: Whether a stop requested before this launch no longer applies.
        baselines: What the study's `baselines` function returned; None without such a function.
    """
    values: dict[str, Any] = {
        "definition": dict(definition),
        "cluster": cluster,
        "baselines": null() if baselines is None else dict(baselines),
        "stopped_early": None,  # the rules may have changed
    }
    if withdraw_stop:
        values["stop"] = None
    with engine.begin() as connection:
        connection.execute(update(StudyRow).where(StudyRow.id == study_id).values(**values))
