import socket
from pathlib import Path

import pytest
from sqlalchemy import text

from sweep.errors import InputError
from sweep.storage.database import WAITS, connect, parse_url, shown_url, upgrade


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


@pytest.mark.parametrize(("scheme", "wait"), [("postgresql", "connect_timeout"), ("mysql", "read_timeout")])
def test_a_server_that_says_nothing_is_not_waited_for_long(
    scheme: str, wait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < WAITS[scheme][wait] <= 60
    monkeypatch.setitem(WAITS, scheme, {wait: 2})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = parse_url(f"{scheme}://me@127.0.0.1:{silent.getsockname()[1]}/db")
        with pytest.raises(InputError, match=r"cannot be opened: .*time"):
            connect(url)


def test_connecting_makes_nothing(tmp_path: Path) -> None:
    url = parse_url(f"sqlite:///{tmp_path}/sweep.db")
    connect(url).dispose()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="there is no database"):
        connect(url, must_exist=True)


def test_sqlite_waits_for_another_writer(tmp_path: Path) -> None:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    upgrade(engine)
    with engine.connect() as connection:
        timeout_ms = connection.execute(text("PRAGMA busy_timeout")).scalar_one()
    assert timeout_ms == 60_000
    engine.dispose()
