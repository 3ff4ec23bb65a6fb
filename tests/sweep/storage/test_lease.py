import platform
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.storage.database import connect, parse_url, upgrade
from sweep.storage.lease import STALE_AFTER, Lease, LeaseLostError
from sweep.storage.records import create_study
from sweep.storage.tables import StudyRow

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(parse_url(f"sqlite:///{tmp_path}/sweep.db"))
    upgrade(engine)
    create_study(engine, "toy", {}, {}, ".")
    yield engine
    engine.dispose()


def hold(engine: Engine, holder: str, seen_at: datetime) -> None:
    with Session(engine) as session:
        row = session.get_one(StudyRow, 1)
        row.launcher, row.launcher_seen_at = holder, seen_at
        session.commit()


def test_taken_kept_given_back(engine: Engine) -> None:
    first, second = Lease(engine, 1), Lease(engine, 1)
    first.acquire()
    first.renew()
    with pytest.raises(InputError, match="is being launched already"):
        second.acquire()
    first.release()
    second.acquire()


def test_a_launcher_of_another_host_is_believed_until_it_has_been_silent(engine: Engine) -> None:
    hold(engine, "login2 4711 abc", NOON - timedelta(seconds=70))
    lease = Lease(engine, 1, now=lambda: NOON)
    with pytest.raises(InputError, match="process 4711 on login2, last sign of life 70 s ago"):
        lease.acquire()
    hold(engine, "login2 4711 abc", NOON - STALE_AFTER)
    lease.acquire()


def test_a_dead_launcher_of_this_host_is_replaced_at_once(engine: Engine) -> None:
    hold(engine, f"{platform.node()} 999999999 abc", NOON)
    Lease(engine, 1, now=lambda: NOON).acquire()


def test_the_one_taken_over_stops(engine: Engine) -> None:
    lease = Lease(engine, 1)
    lease.acquire()
    hold(engine, "login2 4711 abc", NOON)
    with pytest.raises(LeaseLostError, match="taken this study over"):
        lease.renew()
    lease.release()  # must not take it from the other one
    with Session(engine) as session:
        assert session.get_one(StudyRow, 1).launcher == "login2 4711 abc"
