"""Options that several commands share, and the values that follow from them."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.completion import profile_names, study_names
from sweep.cli.output import LineFormatter
from sweep.redaction import shown_command
from sweep.scheduler.trial_environment import STORAGE_VARIABLE

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from sweep.definition.study import Study
    from sweep.storage.tables import StudyRow

StudyOption = Annotated[
    str, typer.Option("--study", help="A name (studies/NAME.yaml) or the path of a study file.",
                      metavar="NAME|PATH", autocompletion=study_names),
]  # fmt: skip
RecordedStudyOption = Annotated[
    str, typer.Option("--study", help="The name or the file of a study that was launched before.",
                      metavar="NAME|PATH", autocompletion=study_names),
]  # fmt: skip
TrialOption = Annotated[int, typer.Option("--trial", min=0, help="The trial's number.", metavar="N")]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="The profile of cluster.yaml to use. Default: the file's `default`.",
        metavar="PROFILE",
        autocompletion=profile_names,
        show_default=False,
    ),
]
RecordedClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="The profile of cluster.yaml to use. Default: that of the last launch.",
        metavar="PROFILE",
        autocompletion=profile_names,
        show_default=False,
    ),
]


def _take_storage(option: str | None) -> str | None:
    """Return the option or SWEEP_STORAGE, which is removed so that trials do not inherit its password."""
    variable = os.environ.pop(STORAGE_VARIABLE, None)
    return option or variable


def _expand_user(option: Path | None) -> Path | None:
    """Return a path with `~` expanded, because a shell does not expand it after an equals sign."""
    return option and option.expanduser()


StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        callback=_take_storage,
        help="The database. Default: SWEEP_STORAGE, then the study file's `storage`, then sqlite:///sweep.db.",
        metavar="URL",
        show_default=False,
    ),
]
WorkdirOption = Annotated[
    Path | None,
    typer.Option(
        "--workdir",
        help="The folder in which trial folders are created. Default: the profile's `workdir`, "
        "then ./sweeps.",
        metavar="DIR",
        show_default=False,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        callback=_expand_user,
        help="The folder of the data set. Default: the study's `data_dir`.",
        metavar="DIR",
        show_default=False,
    ),
]


def storage_url(option: str | None, study: "Study | None") -> "URL":
    """Return the URL of the database: from the option or the environment, the study file, or the default."""
    from sweep.storage.database import DEFAULT_URL, parse_url

    from_file = study.storage if study is not None else None
    return parse_url(option or from_file or DEFAULT_URL)


def sets_storage(override: str) -> bool:
    """Return whether an override of the study file changes the URL of the database."""
    return override.partition("=")[0].strip() == "storage"


def recorded_study(reference: str, storage: str | None) -> "tuple[str, URL]":
    """Return the name and the database of a study that was launched.

    If the study's file still exists, it is read, because it may name the database.
    """
    if Path(reference).suffix in {".yaml", ".yml"} or Path("studies", f"{reference}.yaml").exists():
        from sweep.definition.study import load_study  # importing it takes 0.2 s

        study = load_study(reference)
        return study.name, storage_url(storage, study)
    return reference, storage_url(storage, None)


def open_study(reference: str, storage: str | None) -> "tuple[Engine, StudyRow]":
    """Return the database of a study that was launched, and the study's row."""
    from sweep.storage.database import open_recorded
    from sweep.storage.studies import get_study

    name, url = recorded_study(reference, storage)
    engine = open_recorded(url)
    return engine, get_study(engine, name)


def open_studies(reference: str | None, storage: str | None) -> "tuple[Engine, list[StudyRow]]":
    """Return the database and the row of a study that was launched, or those of all studies without one."""
    from sweep.storage.database import open_recorded
    from sweep.storage.studies import get_study, study_names

    if reference is not None:
        engine, row = open_study(reference, storage)
        return engine, [row]
    engine = open_recorded(storage_url(storage, None))
    return engine, [get_study(engine, name) for name in study_names(engine)]


def this_command() -> str:
    """Return the command line that started this process, to be run again; passwords are masked."""
    return shown_command(["sweep", *sys.argv[1:]])


def log_to_terminal() -> None:
    """Write the library's log messages to stderr, each on a line with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("sweep")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
