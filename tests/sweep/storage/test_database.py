import socket
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.redaction import shown_command
from sweep.storage.database import WAITS, connect, parse_url, secrets_of, shown_url, upgrade


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///a.db", "sqlite"),
        ("postgresql://me@host/db", "postgresql+psycopg"),
        ("postgresql+psycopg://me@host/db", "postgresql+psycopg"),
        ("mysql://me@host/db", "mysql+pymysql"),
    ],
)
def test_each_database_uses_the_tested_driver(given: str, driver: str) -> None:
    assert parse_url(given).drivername == driver


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sweep.db", "invalid storage URL: sweep.db\nexpected sqlite:///FILE"),
        ("", "invalid storage URL"),
        ("oracle://me@host/db", "'oracle' in storage URL oracle://me@host/db\nexpected sqlite:///FILE"),
        ("postgresql+psycopg2://me@host/db", "unsupported database 'postgresql+psycopg2'"),
        ("://me:secret@host", "(not shown because it may contain a password)"),
    ],
)
def test_invalid_url_is_rejected_without_its_password(given: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_url(given)
    assert message in str(error.value)
    assert "secret" not in str(error.value)


SECRET_URLS = [
    "postgresql://me:S3CRET@host/db",
    "postgresql://host/db?user=me&password=S3CRET",
    "postgresql+psycopg://me@host/db?sslmode=require&sslpassword=S3CRET",
    "postgresql://me:S3CRET@host/db?options=S3CRET",
    "mysql://me:S3CRET@host",
    "mysql+pymysql://host/db?user=me&passwd=S3CRET",
    "postgresql://me:S3CRET%40x%3Ay@host/db",
    "postgresql://me:S3CRET:x@host/db",
    "postgresql://me:S3CRET/x@host/db",
    "postgresql://me:S3CRET#x@host/db",
    "postgresql://me:x@S3CRET@host/db",
    "postgresql://me:x@S3CRET:y@host/db",
    "postgresql://me:x@y/S3CRET@host/db",
    "postgresql://me:x@y#S3CRET?z@host/db",
    "postgresql://me:S3CRET%zz@host/db",
    "postgresql://me:S3CRET",
    "postgresql://me:S3CRET@host:port/db",
    "postgresql://host/db?S3CRET",
    "postgresql://me:a b S3CRET@host/db",
    "postgresql:me:S3CRET@host/db",
    "postgresql//me:S3CRET@host/db",
    "host=db user=me password=S3CRET",
    "redis://:S3CRET@host",
    "://me:S3CRET@host",
]


@pytest.mark.parametrize("given", SECRET_URLS)
def test_no_form_of_an_address_shows_its_password(given: str) -> None:
    try:
        url = parse_url(given)
    except InputError as error:
        shown = str(error)
    else:
        shown = shown_url(url)
        assert any("S3CRET" in secret for secret in secrets_of(url))
    assert "S3CRET" not in shown
    for command in (["--storage", given], [f"--storage={given}"], ["--set", f"storage={given}"]):
        if "password" in given or "passwd" in given or (":S3" in given and "@" in given):
            assert "S3CRET" not in shown_command(command)


@pytest.mark.parametrize(
    "given",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:a.db?mode=memory&uri=true",
        "sqlite:///a.db?uri=true",
    ],
)
def test_database_that_does_not_last_is_rejected(given: str) -> None:
    with pytest.raises(InputError, match="names no file"):
        parse_url(given)


def test_home_folder_of_a_file_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_url("sqlite:///~/x.db").database == "/home/me/x.db"


def test_shown_url_masks_the_password() -> None:
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
def test_database_that_cannot_be_opened_is_an_input_error(
    url: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("text.db").write_text("not a database, " * 100)
    with pytest.raises(InputError) as error:
        connect(parse_url(url))
    assert message in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "wait"), [("postgresql", "connect_timeout"), ("mysql", "read_timeout")])
def test_server_that_does_not_respond_is_a_timeout(
    scheme: str, wait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < WAITS[scheme][wait] <= 60
    monkeypatch.setitem(WAITS, scheme, {wait: 2})
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = parse_url(f"{scheme}://me@127.0.0.1:{server.getsockname()[1]}/db")
        with pytest.raises(InputError, match=r"cannot be opened: .*time"):
            connect(url)


def test_connecting_creates_no_file(tmp_path: Path) -> None:
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


def test_commit_that_fails_leaves_no_lock_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WAITS, "sqlite", {"timeout": 0.1})
    file = tmp_path / "sweep.db"
    engine = connect(parse_url(f"sqlite:///{file}"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE numbers AS VALUES (1), (2)"))
    other = sqlite3.connect(file, timeout=0.1)
    rows = other.execute("SELECT * FROM numbers")
    rows.fetchone()  # a reader that has not finished prevents the commit
    with Session(engine) as session:
        session.execute(text("INSERT INTO numbers VALUES (3)"))
        with pytest.raises(OperationalError, match="locked"):
            session.commit()
    rows.close()
    other.execute("INSERT INTO numbers VALUES (4)")
    other.commit()
    engine.dispose()
