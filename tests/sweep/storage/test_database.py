from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from sweep.errors import InputError
from sweep.storage.database import HEAD, VERSION_TABLE, connect, parse_url, shown_url, upgrade
from sweep.storage.optuna_tables import optuna_storage
from sweep.storage.tables import Table


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///a.db", "sqlite"),
        ("postgresql://me@host/db", "postgresql+psycopg"),
        ("postgresql+psycopg://me@host/db", "postgresql+psycopg"),
        ("mysql://me@host/db", "mysql+pymysql"),
    ],
)
def test_each_database_has_the_driver_we_test(given: str, driver: str) -> None:
    assert parse_url(given).drivername == driver


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sweep.db", "does not parse: sweep.db\nexpected sqlite:///FILE"),
        ("", "does not parse"),
        ("oracle://me@host/db", "names 'oracle'; expected sqlite:///FILE"),
        ("postgresql+psycopg2://me@host/db", "names 'postgresql+psycopg2'"),
        ("://me:secret@host", "(not shown: it may hold a password)"),
    ],
)
def test_an_address_that_is_none(given: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_url(given)
    assert message in str(error.value)
    assert "secret" not in str(error.value)


def test_no_password_is_shown() -> None:
    assert shown_url(parse_url("postgresql://me:secret@host/db")) == "postgresql+psycopg://me:***@host/db"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///nowhere/sweep.db", "there is no folder"),
        ("sqlite:///folder", "cannot be opened: unable to open database file"),
        ("sqlite:///text.db", "cannot be opened: file is not a database"),
        ("postgresql://me:secret@127.0.0.1:1/db", "postgresql+psycopg://me:***@127.0.0.1:1/db"),
        ("mysql://me:secret@127.0.0.1:1/db", "mysql+pymysql://me:***@127.0.0.1:1/db"),
    ],
)
def test_a_database_that_does_not_open(
    url: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("text.db").write_text("no database at all, " * 100)
    with pytest.raises(InputError) as error:
        connect(parse_url(url))
    assert message in str(error.value)
    assert "secret" not in str(error.value)


def test_connecting_makes_nothing(tmp_path: Path) -> None:
    url = parse_url(f"sqlite:///{tmp_path}/sweep.db")
    connect(url).dispose()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="there is no database"):
        connect(url, must_exist=True)


def test_the_migrations_make_the_tables_of_today(tmp_path: Path) -> None:
    url = parse_url(f"sqlite:///{tmp_path}/sweep.db")
    engine = connect(url)
    upgrade(engine)
    optuna_storage(url)  # Optuna's tables, with its own version table, are left in peace
    options = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "include_name": lambda name, kind, parents: kind != "table" or name in Table.metadata.tables,
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, Table.metadata) == []
        assert {"alembic_version", VERSION_TABLE} <= set(inspect(connection).get_table_names())
    engine.dispose()


def test_upgrading_twice_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    upgrade(engine)
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("nothing to upgrade"))
    upgrade(engine)
    engine.dispose()


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(InputError, match=r"was made by a newer capsweep \(tables of version 9999"):
        upgrade(engine)
    engine.dispose()


def test_sqlite_waits_for_another_writer(tmp_path: Path) -> None:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    upgrade(engine)
    with engine.connect() as connection:
        timeout_ms = connection.execute(text("PRAGMA busy_timeout")).scalar_one()
    assert timeout_ms == 60_000
    engine.dispose()
