"""Opening the database: parsing its URL, connecting to it, and upgrading the tables."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from sweep.errors import InputError
from sweep.redaction import MASK, SHOWN_QUERY_KEYS, hide_secrets
from sweep.storage.database_problem import reason
from sweep.storage.url_text import EXPECTED, check_url_text

if TYPE_CHECKING:
    from alembic.config import Config

DEFAULT_URL = "sqlite:///sweep.db"
VERSION_TABLE = "sweep_alembic_version"
"""The table with the revision of our tables; Optuna's migrations use Alembic's default name."""
HEAD = "0007"
"""The newest revision. It is repeated here because reading the migrations requires Alembic."""
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
EXTRAS = {"postgresql": "postgresql", "mysql": "mysql"}
CREDENTIAL_KEYS = {"user": "username", "password": "password", "passwd": "password"}
"""The parts of a URL that may also be given as query keys."""
LOCK_WAIT_S = 60
"""How long a launch waits for another one that creates or migrates the tables."""
LOCK_KEY = 7_350_021_409
"""The key of PostgreSQL's advisory lock on the tables, an arbitrary number."""
WAITS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"timeout": 60},
    "postgresql": {"connect_timeout": 10, "tcp_user_timeout": 60_000},
    "mysql": {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
}
"""Timeouts of each driver: SQLite waits for another writer, the others wait for the server."""


def parse_url(storage: str) -> URL:
    """Parse the address of a storage and select the driver that this package is tested with.

    A user and a password that are given as query keys become parts of the address, and `~` is expanded.

    Raises:
        InputError: If the address is not a URL, or names an unsupported database or none that lasts.
    """
    check_url_text(storage)
    try:
        url = make_url(storage)
    except (ArgumentError, ValueError):
        raise InputError(
            f"invalid storage URL (not shown because it may contain a password)\nexpected {EXPECTED}"
        ) from None
    if url.drivername in DRIVERS:
        url = url.set(drivername=DRIVERS[url.drivername])
    if url.drivername not in {"sqlite", *DRIVERS.values()}:
        raise InputError(
            f"unsupported database {url.drivername!r} in storage URL {shown_url(url)}\nexpected {EXPECTED}"
        )
    return _with_file(url) if url.drivername == "sqlite" else _with_credentials(url)


def _with_file(url: URL) -> URL:
    """Return an SQLite URL with `~` expanded, after checking that it names a file."""
    database = url.database or ""
    if database in {"", ":memory:"} or database.startswith("file:") or "uri" in url.query:
        raise InputError(
            f"storage URL {shown_url(url)} names no file, so everything would be lost at the end\n"
            "expected sqlite:///FILE, such as sqlite:///sweep.db"
        )
    if database.startswith("~"):
        try:
            return url.set(database=str(Path(database).expanduser()))
        except RuntimeError as error:
            raise InputError(f"storage URL {shown_url(url)}: {error}") from None
    return url


def _with_credentials(url: URL) -> URL:
    """Return the URL with a user and a password that are query keys as parts of the address."""
    for key, part in CREDENTIAL_KEYS.items():
        if key in url.query:
            value = url.query[key]
            last = value if isinstance(value, str) else value[-1]
            url = url.difference_update_query([key])
            url = url.set(username=last) if part == "username" else url.set(password=last)
    return url


def shown_url(url: URL) -> str:
    """Return the URL for output: its password and the values of all but a few query keys are masked."""
    query = {key: value if key in SHOWN_QUERY_KEYS else MASK for key, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def secrets_of(url: URL) -> set[str]:
    """Return the texts that may not be shown: the password and masked query values, also in escaped form."""
    values = [str(url.password or "")]
    for key, value in url.query.items():
        if key not in SHOWN_QUERY_KEYS:
            values += [value] if isinstance(value, str) else value
    return {text for value in values if value for text in (value, quote(value), quote_plus(value))}


def real_url(url: URL) -> str:
    """Return the URL with its password, for a library that connects to it. Do not print or log it."""
    return url.render_as_string(hide_password=False)


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database, or None for another database."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


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
        prepare_engine(engine, url)
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
        shown = hide_secrets(reason(error), secrets_of(url))
        raise InputError(f"storage {shown_url(url)} cannot be opened: {shown}") from None
    except (
        ArgumentError,
        TypeError,
        ValueError,
    ) as error:  # an unknown query key, for example
        shown = hide_secrets(str(error), secrets_of(url))
        raise InputError(f"storage {shown_url(url)} cannot be opened: {shown}") from None
    return engine


def prepare_engine(engine: Engine, url: URL) -> None:
    """Add what every engine on a storage needs.

    Each error that the database reports has the storage's URL, without its password, as a note. After a
    commit that fails, SQLite's transaction is rolled back, because it would keep the file locked: SQLAlchemy
    returns the connection to the pool without a rollback.

    Args:
        engine: The engine.
        url: The URL of the storage.
    """

    def add_note(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.add_note(f"storage {shown_url(url)}")

    def roll_back(connection: Any, _: object) -> None:
        if connection is not None and connection.in_transaction:
            connection.rollback()

    event.listen(engine, "handle_error", add_note)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "checkin", roll_back)


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

    with tables_locked(engine), engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # its driver starts no transaction for DDL
        command.upgrade(alembic_config(connection), "head")


@contextmanager
def tables_locked(engine: Engine) -> Iterator[None]:
    """Keep other launches from creating or migrating tables within this context.

    SQLite has no such lock: its own on the file excludes all other connections.

    Raises:
        InputError: If another launch holds the lock for too long.
    """
    with engine.connect() as connection:
        is_locked: bool | int | None = True
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        elif engine.dialect.name == "mysql":
            is_locked = connection.scalar(text(f"SELECT GET_LOCK('sweep_tables', {LOCK_WAIT_S})"))
        if not is_locked:
            raise InputError(
                f"{shown_url(engine.url)} is being prepared by another launch\nrun the command again later"
            )
        try:
            yield
        finally:
            if engine.dialect.name == "mysql":
                connection.scalar(text("SELECT RELEASE_LOCK('sweep_tables')"))


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
