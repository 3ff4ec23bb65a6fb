"""What several commands share: options, where their values come from, and how the library is heard."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from sweep.definition.study import Study
    from sweep.storage.tables import StudyRow

StudyOption = Annotated[
    str, typer.Option("--study", help="studies/NAME.yaml, or the path of a study file.", metavar="NAME|PATH")
]
RecordedStudyOption = Annotated[
    str, typer.Option("--study", help="A study that was launched, by name or file.", metavar="NAME|PATH")
]
ClusterOption = Annotated[
    str | None,
    typer.Option("--cluster", help="Profile of cluster.yaml.", metavar="PROFILE", show_default=False),
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        help="Database; else SWEEP_STORAGE, the study file's, or sqlite:///sweep.db.",
        metavar="URL",
        show_default=False,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the data set, used as it is.", metavar="DIR", show_default=False
    ),
]


def storage_url(option: str | None, study: "Study | None") -> "URL":
    """The database: the option's, the environment's, the study file's, or the default."""
    from sweep.storage.database import DEFAULT_URL, parse_url

    of_study = study.storage if study is not None else None
    return parse_url(option or os.environ.get("SWEEP_STORAGE") or of_study or DEFAULT_URL)


def cluster_file() -> Path | None:
    """The file SWEEP_CLUSTER_FILE names, else the working directory's cluster.yaml if there is one."""
    if named := os.environ.get("SWEEP_CLUSTER_FILE"):
        return Path(named)
    file = Path("cluster.yaml")
    return file if file.exists() else None


def recorded_study(reference: str, storage: str | None) -> "tuple[str, URL]":
    """Name and database of a study that was launched; its file, where it is still there, may say which."""
    from sweep.definition.study import load_study

    if Path(reference).suffix in {".yaml", ".yml"} or Path("studies", f"{reference}.yaml").exists():
        study = load_study(reference)
        return study.name, storage_url(storage, study)
    return reference, storage_url(storage, None)


def open_study(reference: str, storage: str | None) -> "tuple[Engine, StudyRow]":
    """The database of a study that was launched, and the study's row."""
    from sweep.storage.database import open_recorded
    from sweep.storage.studies import get_study

    name, url = recorded_study(reference, storage)
    engine = open_recorded(url)
    return engine, get_study(engine, name)


def log_to_terminal() -> None:
    """Show the launcher's own messages, a line each, with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("sweep")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
