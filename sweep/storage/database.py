"""Opening the database: parsing its URL, connecting to it, and upgrading the tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from sweep.errors import InputError

if TYPE_CHECKING:
    from alembic.config import Config

DEFAULT_URL = "sqlite:///sweep.db"
VERSION_TABLE = "sweep_alembic_version"
"""The table with the revision of our tables; Optuna's migrations use Alembic's default name."""
HEAD = "0005"
"""The newest revision. It is repeated here because reading the migrations requires Alembic."""
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
EXTRAS = {"postgresql": "postgresql", "mysql": "mysql"}
WAITS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"timeout": 60},
    "postgresql": {"connect_timeout": 10, "tcp_user_timeout": 60_000},
    "mysql": {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
}
"""Timeouts of each driver: SQLite waits for another writer, the others wait for the server."""


def parse_url(storage: str) -> URL:
    """Parse the address of a storage and select the driver that this package is tested with.

    Raises:
        InputError: If the address is not a URL or names an unsupported database.
    """
    expected = "sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE or mysql+pymysql://USER@HOST/DATABASE"
    try:
        url = make_url(storage)
    except ArgumentError:
        shown = storage if "@" not in storage else "(not shown because it may contain a password)"
        raise InputError(f"invalid storage URL: {shown}\nexpected {expected}") from None
    if url.drivername in DRIVERS:
        url = url.set(drivername=DRIVERS[url.drivername])
    if url.drivername not in {"sqlite", *DRIVERS.values()}:
        raise InputError(
            f"unsupported database {url.drivername!r} in storage URL {shown_url(url)}\nexpected {expected}"
        )
    return url


def shown_url(url: URL) -> str:
    """Return the URL with its password masked, for output."""
    return url.render_as_string(hide_password=True)


def real_url(url: URL) -> str:
    """Return the URL with its password, for a library that connects to it. Do not print or log it."""
    return url.render_as_string(hide_password=False)


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database, or None for another database."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
    return Path(str(url.database)) if is_file else None


def connect(url: URL, *, must_exist: bool = False) -> Engine:
    """Return an engine after a first connection. No file or table is created.

    Args:
        url: The address of the database.
        must_exist: Whether a missing SQLite file is an error.

    Raises:
        InputError: If the database cannot be reached or opened, or its driver is not installed.
    """
    backend = url.get_backend_name()
    if (file := sqlite_file(url)) is not None:
        _check_sqlite_file(url, file, must_exist)
    try:
        engine = create_engine(url, **engine_options(url))
        if file is None or file.exists():  # connecting would create the file
            with engine.connect() as connection:
                inspect(connection).get_table_names()
    except (ModuleNotFoundError, NoSuchModuleError):
        extra = EXTRAS[backend]
        raise InputError(
            f"the driver for storage {shown_url(url)} is not installed\n"
            f"install it with: pip install 'capsweep[{extra}]'"
        ) from None
    except DBAPIError as error:
        raise InputError(f"storage {shown_url(url)} cannot be opened: {_reason(error)}") from None
    return engine


def open_recorded(url: URL) -> Engine:
    """Return an engine on a database that contains studies, after upgrading its tables.

    Raises:
        InputError: If the database cannot be opened, or no study was ever launched with it.
    """
    engine = connect(url, must_exist=True)
    if not inspect(engine).has_table(VERSION_TABLE):
        engine.dispose()
        raise InputError(
            f"{shown_url(url)} contains no study\n"
            "launch a study first, or name another storage with --storage URL or SWEEP_STORAGE"
        )
    upgrade(engine)
    return engine


def engine_options(url: URL) -> dict[str, Any]:
    """Return arguments for `create_engine`: timeouts, and a check that replaces lost connections."""
    return {"connect_args": dict(WAITS[url.get_backend_name()]), "pool_pre_ping": True}


def upgrade(engine: Engine) -> None:
    """Create our tables or migrate them to the newest revision.

    An interrupted upgrade changes nothing, except on MySQL, which commits every change to a table separately.

    Raises:
        InputError: If the tables were created by a newer version of this package.
    """
    with engine.connect() as connection:
        version = None
        if VERSION_TABLE in inspect(connection).get_table_names():
            version = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise InputError(
            f"{shown_url(engine.url)} was created by a newer version of capsweep (its tables have revision "
            f"{version}, this version supports {HEAD})\nupdate with: pip install --upgrade capsweep"
        )
    from alembic import command  # slow to import, and rarely needed

    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver starts no transaction for DDL
        command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> "Config":
    """Return Alembic's configuration for running our migrations on a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _check_sqlite_file(url: URL, file: Path, must_exist: bool) -> None:
    if must_exist and not file.exists():
        raise InputError(
            f"there is no database {file.resolve()}\n"
            "launch a study first, or name another storage with --storage URL or SWEEP_STORAGE"
        )
    if not file.resolve().parent.is_dir():
        raise InputError(
            f"storage {shown_url(url)}: there is no folder {file.resolve().parent}\ncreate it first"
        )


def _reason(error: DBAPIError) -> str:
    """Return the first line of the database's own message, which does not contain the URL."""
    return str(error.orig).strip().split("\n")[0]
