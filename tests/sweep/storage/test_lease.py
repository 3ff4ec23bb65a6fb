import os
import platform
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from sweep.storage.lease import (
    STALE_AFTER,
    Holder,
    Lease,
    LeaseHeldError,
    LeaseLostError,
    holder,
    is_launched,
)
from sweep.storage.tables import StudyRow
from tests.sweep.reporting.recorded_study import NOON, RecordedStudy

HERE = platform.node()


@pytest.mark.parametrize(
    ("launcher", "seen_at", "expected"),
    [
        (None, None, None),
        (None, NOON, None),  # the last launcher has ended
        ("login2 4711 abc", NOON, Holder("login2", 4711, NOON)),
        ("login2 4711 abc", NOON - STALE_AFTER, None),
        (f"{HERE} {os.getpid()} abc", NOON, Holder(HERE, os.getpid(), NOON)),
        (f"{HERE} 999999999 abc", NOON, None),
    ],
    ids=["never", "ended", "another machine", "stale", "this process", "a process that has ended"],
)
def test_holder_is_a_launcher_that_may_be_alive(
    launcher: str | None, seen_at: datetime | None, expected: Holder | None
) -> None:
    assert holder(StudyRow(launcher=launcher, launcher_seen_at=seen_at), NOON) == expected


def test_study_is_launched_while_its_lease_is_held(engine: Engine) -> None:
    study = RecordedStudy(engine)
    lease = Lease(engine, study.id)
    assert not is_launched(engine, study.id)
    lease.acquire()
    assert is_launched(engine, study.id)
    lease.release()
    assert not is_launched(engine, study.id)


def test_held_lease_names_its_holder_and_what_to_do(engine: Engine) -> None:
    study = RecordedStudy(engine)
    seen_at = datetime.now(UTC) - timedelta(seconds=3)
    study.change(launcher="login2 4711 abc", launcher_seen_at=seen_at)
    with pytest.raises(LeaseHeldError) as error:
        Lease(engine, study.id, now=lambda: seen_at + timedelta(seconds=3)).acquire()
    assert str(error.value) == (
        "study toy already has a launcher: process 4711 on login2, last heartbeat 3 s ago\n"
        "stop that launcher first; if it no longer exists, launch again 5 minutes after its last heartbeat"
    )


def test_released_lease_cannot_be_renewed(engine: Engine) -> None:
    lease = Lease(engine, RecordedStudy(engine).id)
    lease.acquire()
    lease.release()
    with pytest.raises(LeaseLostError, match="this launcher ends, and its jobs continue"):
        lease.renew()
