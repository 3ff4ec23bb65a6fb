"""A real SQLite database whose commits are external actions of the launcher, and which is sometimes down."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from sweep.storage.database import WAITS, connect, parse_url, upgrade
from sweep.storage.optuna_storage import optuna_storage
from tests.simulation.world import World

FILE = "sweep.db"
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""A folder of a file system in memory, where commits are fast; None for the default of temporary files."""
DOWN = "the database is down"
COMMIT_FAILS = "a commit fails"
COMMIT_SEEMS_TO_FAIL = "a commit succeeds, but seems to fail"


def create_template(folder: Path) -> Path:
    """Create a database with all tables and no rows, because the migrations take longer than a schedule."""
    file = folder / "template.db"
    url = parse_url(f"sqlite:///{file}")
    engine = connect(url)
    upgrade(engine)
    engine.dispose()
    with optuna_storage(url):
        pass
    return file


class Database:
    """The part of a database driver that the simulation replaces.

    An outage concerns a launcher only: users' requests and the invariants are not part of the simulation.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._table = ""
        self._down_until_s = 0.0

    def note_connection(self, connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")
        if self._world.launcher is not None:
            self._world.launcher.connections.append(connection)

    def execute(self, cursor: sqlite3.Cursor, statement: str, parameters: Any) -> None:
        world = self._world
        words = statement.split(maxsplit=3)
        if words[0] in {"INSERT", "DELETE"}:
            self._table = words[2]
        elif words[0] == "UPDATE":
            self._table = words[1]
        if world.launcher is not None:
            if world.launcher.is_dead:
                world.launcher.before("a statement")
            self._fail_during_outage()
        cursor.execute(statement, parameters)

    def commit(self, connection: Any) -> None:
        launcher = self._world.launcher
        if launcher is None or not connection.in_transaction:
            connection.commit()
            return
        name = "commit" if self._table.startswith("sweep_") else "commit of Optuna"
        launcher.before(name)
        fails = self._world.happens(self._world.faults.commit)
        if fails and self._world.random.random() < 0.5:
            self._fail(COMMIT_FAILS)
        connection.commit()
        if fails:
            self._fail(COMMIT_SEEMS_TO_FAIL)
        launcher.after(name)

    def _fail_during_outage(self) -> None:
        now = self._world.clock.seconds()
        if self._world.happens(self._world.faults.outage):
            self._down_until_s = now + self._world.random.uniform(1, 200)
            self._world.note(DOWN, "fault: the database is down for a while")
        if now < self._down_until_s:
            raise sqlite3.OperationalError(DOWN)

    def _fail(self, text: str) -> None:
        self._world.note(text, f"fault: {text}")
        raise sqlite3.OperationalError(text)


def is_simulated(error: Exception) -> bool:
    """Return whether the message of an error repeats one of the simulated database."""
    return any(text in str(error) for text in (DOWN, COMMIT_FAILS, COMMIT_SEEMS_TO_FAIL))


class SharingDialect(SQLiteDialect_pysqlite):
    """SQLite's dialect, all instances of which share the compiled statements and the processors of types.

    SQLAlchemy would otherwise compile each statement again for each simulated launcher, which takes a third
    of a schedule's time.
    """

    supports_statement_cache = True
    _type_memos: ClassVar[Any] = WeakKeyDictionary()
    _compiled: ClassVar[Any] = LRUCache(1000)

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine._compiled_cache = cls._compiled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharingDialect)

    def __hash__(self) -> int:
        return hash(SharingDialect)


@contextmanager
def simulated_database(world: World) -> Iterator[None]:
    """Let all engines of this process use the database of the simulation."""
    database = Database(world)
    with (
        mock.patch.object(DefaultDialect, "do_execute", lambda _, *values: database.execute(*values[:3])),
        mock.patch.object(DefaultDialect, "do_commit", lambda _, connection: database.commit(connection)),
        mock.patch.dict(WAITS, {"sqlite": {"timeout": 0.5}}),
        mock.patch.dict(registry.impls, {"sqlite": lambda: SharingDialect}),
    ):
        event.listen(Engine, "connect", database.note_connection)
        try:
            yield
        finally:
            event.remove(Engine, "connect", database.note_connection)
