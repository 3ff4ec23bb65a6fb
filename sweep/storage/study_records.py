"""What the launcher writes about a study, and reads back to go on with it. Others write but wishes."""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, inspect, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from sweep.errors import InputError
from sweep.states import AttemptState
from sweep.storage.database import shown_url, sqlite_file
from sweep.storage.optuna_queries import reopened
from sweep.storage.tables import AttemptRow, EnvironmentRow, EpochRow, StudyRow, Table, TrialRow


class StudyRecords:
    """The rows of one study. Rows come out detached: change them, then `save` them all at once."""

    def __init__(self, engine: Engine, study_id: int) -> None:
        self._engine = engine
        self.study_id = study_id

    def open_attempts(self, active_states: Collection[AttemptState]) -> list[AttemptRow]:
        """The attempts in one of these states, and those whose jobs' cost is not known yet.

        Each comes with its trial and that trial's attempts.
        """
        is_open = or_(AttemptRow.state.in_(active_states), AttemptRow.is_cost_final.is_(False))
        query = (
            select(AttemptRow)
            .join(TrialRow)
            .where(TrialRow.study_id == self.study_id, is_open)
            .options(joinedload(AttemptRow.trial).selectinload(TrialRow.attempts))
            .order_by(TrialRow.number, AttemptRow.number)
        )
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def save(self, rows: Iterable[Table]) -> None:
        """Write new and changed rows in one transaction."""
        with Session(self._engine, expire_on_commit=False) as session:
            session.add_all(rows)
            session.commit()

    def stop_requested(self) -> str | None:
        """How a person has asked the study to stop, if one has."""
        with Session(self._engine) as session:
            return session.scalar(select(StudyRow.stop).where(StudyRow.id == self.study_id))

    def retries_requested(self, limit: int) -> list[TrialRow]:
        """The first of the failed trials that a person wants tried again, each with its attempts."""
        query = (
            select(TrialRow)
            .where(TrialRow.study_id == self.study_id, TrialRow.retry_requested)
            .options(selectinload(TrialRow.attempts).joinedload(AttemptRow.trial))
            .order_by(TrialRow.number)
            .limit(limit)
        )
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def reopen(self, trials: Sequence[TrialRow]) -> None:
        """Take failed trials up again, with the new attempts they have been given, and Optuna's with them."""
        with Session(self._engine, expire_on_commit=False) as session:
            for trial in trials:
                trial.retry_requested = False
                session.execute(reopened(trial.optuna_trial_id))
            session.add_all(trials)
            session.commit()

    def trial_numbers(self) -> set[int]:
        query = select(TrialRow.number).where(TrialRow.study_id == self.study_id)
        with Session(self._engine) as session:
            return set(session.scalars(query))

    def recorded_epochs(self, trial_id: int) -> set[int]:
        """The epochs of a trial that are in the database."""
        query = select(EpochRow.epoch).where(EpochRow.trial_id == trial_id).distinct()
        with Session(self._engine) as session:
            return set(session.scalars(query))

    def gpu_seconds(self) -> float:
        """GPU seconds of all attempts that have ended."""
        query = (
            select(func.sum(AttemptRow.gpu_seconds)).join(TrialRow).where(TrialRow.study_id == self.study_id)
        )
        with Session(self._engine) as session:
            return session.scalar(query) or 0.0

    def last_causes(self, limit: int) -> list[str | None]:
        """What the last trials to end failed of, the newest first; None for one that did not fail."""
        any_attempt = aliased(AttemptRow)
        newest = select(func.max(any_attempt.number)).where(any_attempt.trial_id == AttemptRow.trial_id)
        query = (
            select(AttemptRow.cause)
            .join(TrialRow)
            .where(
                TrialRow.study_id == self.study_id,
                AttemptRow.number == newest.scalar_subquery(),
                AttemptRow.ended_at.is_not(None),
            )
            .order_by(AttemptRow.ended_at.desc())
            .limit(limit)
        )
        with Session(self._engine) as session:
            return list(session.scalars(query))

    def environment(self, python: str, packages: Mapping[str, str]) -> str:
        """The digest of an environment, recorded if it is a new one."""
        content = {"python": python, "packages": dict(sorted(packages.items()))}
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        with Session(self._engine) as session:
            session.merge(EnvironmentRow(digest=digest, content=content))
            session.commit()
        return digest


def find_study(engine: Engine, name: str) -> StudyRow | None:
    with Session(engine) as session:
        return session.scalar(select(StudyRow).where(StudyRow.name == name))


def get_study(engine: Engine, name: str) -> StudyRow:
    """The study of that name.

    Raises
    ------
    InputError
        When there is none.
    """
    row = find_study(engine, name)
    if row is None:
        there = ", ".join(study_names(engine)) or "none yet"
        raise InputError(f"no study {name!r} in {shown_url(engine.url)}; there are: {there}")
    return row


def study_names(engine: Engine) -> list[str]:
    """The names of the studies there are; none in a database that has no tables yet."""
    file = sqlite_file(engine.url)
    if (file is not None and not file.exists()) or not inspect(engine).has_table(StudyRow.__tablename__):
        return []
    with Session(engine) as session:
        return list(session.scalars(select(StudyRow.name).order_by(StudyRow.id)))


def study_workdirs(engine: Engine) -> dict[str, str]:
    """Each study's name, and the folder that its launches have put its trials into."""
    if not study_names(engine):
        return {}
    with Session(engine) as session:
        return {row.name: row.workdir for row in session.execute(select(StudyRow.name, StudyRow.workdir))}


def create_study(
    engine: Engine, name: str, definition: Mapping[str, Any], provenance: Mapping[str, Any], workdir: str
) -> StudyRow:
    row = StudyRow(
        name=name,
        definition=dict(definition),
        provenance=dict(provenance),
        workdir=workdir,
        created_at=datetime.now(UTC),
    )
    with Session(engine, expire_on_commit=False) as session:
        session.add(row)
        session.commit()
    return row


def record_launch(
    engine: Engine, study_id: int, definition: Mapping[str, Any], cluster: str | None, *, goes_on: bool
) -> None:
    """Note what a study is launched with, now that its lease is held; one that goes on is to stop no more."""
    values = {"definition": dict(definition), "cluster": cluster, **({"stop": None} if goes_on else {})}
    with engine.begin() as connection:
        connection.execute(update(StudyRow).where(StudyRow.id == study_id).values(**values))


def metric_value(value: float) -> float | None:
    """A metric as the database holds it: not every database knows nan and infinity."""
    return value if math.isfinite(value) else None
