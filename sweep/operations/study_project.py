"""The project of a study, without what the studies of its database write into it."""

from pathlib import Path

from sqlalchemy import Engine

from sweep.definition.study import Study
from sweep.operations.project_files import Project
from sweep.storage.database import sqlite_file
from sweep.storage.studies import study_workdirs

SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The endings of the names of an SQLite database's files."""


def study_project(engine: Engine, study: Study, folder: Path, workdir: Path) -> Project:
    """Return the project whose code a study runs.

    Args:
        engine: The database.
        study: The study.
        folder: The project's folder.
        workdir: The folder that contains the studies' folders.
    """
    outputs = [Path(other) / name for name, other in study_workdirs(engine).items()]
    outputs.append(workdir / study.name)
    if folder.resolve() in workdir.resolve().parents:
        outputs.append(workdir)
    if (database := sqlite_file(engine.url)) is not None:
        outputs += [database.with_name(f"{database.name}{suffix}") for suffix in SQLITE_SUFFIXES]
    return Project(folder, study.code, outputs)
