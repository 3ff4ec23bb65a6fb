"""Opening the database: the address checked, the tables brought up to date."""

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
VERSION_TABLE = "sweep_alembic_version"  # Optuna's migrations own the usual name
HEAD = "0004"
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
EXTRAS = {"postgresql": "postgresql", "mysql": "mysql"}
# How long each driver waits: SQLite for another writer, the others for a server that has gone out of reach.
WAITS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"timeout": 60},
    "postgresql": {"connect_timeout": 10, "tcp_user_timeout": 60_000},
    "mysql": {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
}


def parse_url(storage: str) -> URL:
    """The storage address as a URL, with the driver this package is tested with.

    Raises
    ------
    InputError
        When it does not parse or names a database this package has no driver for.
    """
    expected = "sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE or mysql+pymysql://USER@HOST/DATABASE"
    try:
        url = make_url(storage)
    except ArgumentError:
        shown = storage if "@" not in storage else "(not shown: it may hold a password)"
        raise InputError(f"the storage URL does not parse: {shown}\nexpected {expected}") from None
    if url.drivername in DRIVERS:
        url = url.set(drivername=DRIVERS[url.drivername])
    if url.drivername not in {"sqlite", *DRIVERS.values()}:
        raise InputError(f"the storage URL {shown_url(url)} names {url.drivername!r}; expected {expected}")
    return url


def shown_url(url: URL) -> str:
    """The address as it may be printed: without its password."""
    return url.render_as_string(hide_password=True)


def real_url(url: URL) -> str:
    """The address with its password, for a library to connect to; never to be printed."""
    return url.render_as_string(hide_password=False)


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite database; None for any other."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
    return Path(str(url.database)) if is_file else None


def connect(url: URL, *, must_exist: bool = False) -> Engine:
    """An engine that has connected once; no table is made.

    Raises
    ------
    InputError
        When the database cannot be reached or opened, or `must_exist` and an SQLite file does not.
    """
    backend = url.get_backend_name()
    if (file := sqlite_file(url)) is not None:
        _check_sqlite_file(url, file, must_exist)
    try:
        engine = create_engine(url, **engine_options(url))
        if file is None or file.exists():  # connecting would make the file
            with engine.connect() as connection:
                inspect(connection).get_table_names()
    except (ModuleNotFoundError, NoSuchModuleError):
        extra = EXTRAS[backend]
        raise InputError(
            f"storage {shown_url(url)} needs a driver that is not installed\n"
            f"install it with: pip install 'capsweep[{extra}]'"
        ) from None
    except DBAPIError as error:
        raise InputError(f"storage {shown_url(url)} cannot be opened: {_reason(error)}") from None
    return engine


def open_recorded(url: URL) -> Engine:
    """An engine on a database that studies were launched into, its tables of the newest form.

    Raises
    ------
    InputError
        When it cannot be opened, or no study was ever launched into it.
    """
    engine = connect(url, must_exist=True)
    if not inspect(engine).has_table(VERSION_TABLE):
        engine.dispose()
        raise InputError(
            f"{shown_url(url)} holds no study\n"
            "launch one first, or name another storage with --storage URL or SWEEP_STORAGE"
        )
    upgrade(engine)
    return engine


def engine_options(url: URL) -> dict[str, Any]:
    """How an engine for this database is made: a lost connection is noticed, and made anew."""
    return {"connect_args": dict(WAITS[url.get_backend_name()]), "pool_pre_ping": True}


def upgrade(engine: Engine) -> None:
    """Bring our tables to the newest form; alembic, slow to import, only where there is something to do.

    Killed on the way, it has changed nothing, but for MySQL, which commits every change of a table at once.

    Raises
    ------
    InputError
        When a newer version of this package has been there.
    """
    with engine.connect() as connection:
        version = None
        if VERSION_TABLE in inspect(connection).get_table_names():
            version = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise InputError(
            f"{shown_url(engine.url)} was made by a newer capsweep (tables of version {version}, "
            f"this one knows {HEAD})\nupdate with: pip install --upgrade capsweep"
        )
    from alembic import command

    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver begins none for changes of tables
        command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _check_sqlite_file(url: URL, file: Path, must_exist: bool) -> None:
    if must_exist and not file.exists():
        raise InputError(
            f"there is no database {file.resolve()}\n"
            "launch a study first, or name the storage with --storage URL or SWEEP_STORAGE"
        )
    if not file.resolve().parent.is_dir():
        raise InputError(
            f"storage {shown_url(url)}: there is no folder {file.resolve().parent}; make it first"
        )


def _reason(error: DBAPIError) -> str:
    """The database's own first line, which holds no address."""
    return str(error.orig).strip().split("\n")[0]
