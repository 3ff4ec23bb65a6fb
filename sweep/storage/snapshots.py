"""The snapshots of the code that the trials of a study run."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import CompoundSelect, Engine, delete, func, select, union, update
from sqlalchemy.orm import Session

from sweep.storage.code_version import CodeVersion, Snapshot
from sweep.storage.studies import has_table
from sweep.storage.tables import AttemptRow, SnapshotRow, StudyRow, TrialRow
from sweep.worker.attempt_folder import snapshot_folder


def current_snapshot_folder(engine: Engine, name: str, moved_to: Path | None = None) -> Path | None:
    """Return the folder of the snapshot that new trials of a study run.

    None if there is no such study, or if it was last launched by an earlier version. The tables may be those
    of an earlier version.

    Args:
        engine: The database.
        name: The study's name.
        moved_to: The workdir that the study's folder may have been moved to since the last launch; it counts
            if the recorded one does not contain the snapshot.
    """
    if not has_table(engine, SnapshotRow.__tablename__):
        return None
    query = select(StudyRow.workdir, StudyRow.snapshot).where(StudyRow.name == name)
    with Session(engine) as session:
        found = session.execute(query).one_or_none()
    if found is None or found.snapshot is None:
        return None
    folder = snapshot_folder(Path(found.workdir) / name, found.snapshot)
    if moved_to is not None and not folder.is_dir():
        moved = snapshot_folder(moved_to / name, found.snapshot)
        return moved if moved.is_dir() else folder
    return folder


def current_snapshot(engine: Engine, study_id: int) -> str | None:
    """Return the digest of the snapshot that new trials of a study run; None if it has none."""
    with Session(engine) as session:
        return session.scalar(select(StudyRow.snapshot).where(StudyRow.id == study_id))


def record_snapshot(
    engine: Engine, study_id: int, snapshot: Snapshot, files: Mapping[str, str], created_at: datetime
) -> None:
    """Record a snapshot, and that new trials of the study run it. The caller holds the study's lease.

    If files that were recorded with uncommitted changes have been committed since, the commit is replaced.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        snapshot: The snapshot.
        files: The kind and the SHA-256 of each file by its path.
        created_at: The current time.
    """
    with Session(engine) as session:
        row = session.get(SnapshotRow, (study_id, snapshot.digest))
        if row is None:
            row = SnapshotRow(
                study_id=study_id, digest=snapshot.digest, created_at=created_at, files=dict(files)
            )
            session.add(row)
        if not row.is_clean:
            row.git_commit, row.is_clean = snapshot.git_commit, snapshot.is_clean
        of_study = update(StudyRow).where(StudyRow.id == study_id)
        session.execute(of_study.values(snapshot=snapshot.digest))
        session.commit()


def find_snapshot(engine: Engine, study_id: int, digest: str) -> SnapshotRow | None:
    """Return the row of a snapshot with the list of its files; None if it is not recorded."""
    with Session(engine) as session:
        return session.get(SnapshotRow, (study_id, digest))


def used_snapshots(engine: Engine, study_id: int) -> set[str]:
    """Return the digests of the snapshots that attempts of a study have run or that its new trials run."""
    with Session(engine) as session:
        found = session.scalars(_used(study_id)).all()
    return {digest for digest in found if digest is not None}


def delete_unused_snapshots(engine: Engine, study_id: int) -> None:
    """Delete the rows of the snapshots that are not used. The caller holds the study's lease."""
    used = used_snapshots(engine, study_id)
    is_unused = (SnapshotRow.study_id == study_id) & SnapshotRow.digest.not_in(used)
    with engine.begin() as connection:
        connection.execute(delete(SnapshotRow).where(is_unused))


def _used(study_id: int) -> CompoundSelect[str | None]:
    of_attempts = select(AttemptRow.snapshot).join(TrialRow).where(TrialRow.study_id == study_id)
    return union(of_attempts, select(StudyRow.snapshot).where(StudyRow.id == study_id))


def code_versions(session: Session, study_id: int) -> list[CodeVersion]:
    """Return the snapshots that trials of a study run, the oldest first.

    All attempts of a trial run the same one.
    """
    query = (
        select(SnapshotRow.digest, SnapshotRow.git_commit, SnapshotRow.is_clean, func.count())
        .join(AttemptRow, AttemptRow.snapshot == SnapshotRow.digest)
        .join(TrialRow, (TrialRow.id == AttemptRow.trial_id) & (TrialRow.study_id == SnapshotRow.study_id))
        .where(SnapshotRow.study_id == study_id, AttemptRow.number == 1)
        .group_by(SnapshotRow.digest, SnapshotRow.git_commit, SnapshotRow.is_clean, SnapshotRow.created_at)
        .order_by(SnapshotRow.created_at)
    )
    return [
        CodeVersion(Snapshot(digest, commit, is_clean), count)
        for digest, commit, is_clean, count in session.execute(query)
    ]
