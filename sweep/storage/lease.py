"""The lease on a study, which ensures that it has one launcher at a time.

The lease is a row of the database, so that it holds across login nodes.
"""

import os
import platform
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psutil
from sqlalchemy import Connection, Engine, bindparam, event, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sweep.errors import InputError, SweepError
from sweep.storage.tables import StudyRow

STALE_AFTER = timedelta(minutes=5)
"""How long after its last heartbeat a launcher on another host is considered dead."""
LOST = "another launcher has taken over the study: this launcher ends, and its jobs continue"


class LeaseHeldError(InputError):
    """Raised if another launcher holds the lease and may be alive."""


class LeaseLostError(SweepError):
    """Raised if another launcher has taken over the study, because this one sent no heartbeats."""


class Holder(NamedTuple):
    """A launcher that holds the lease on a study.

    Attributes:
        host: The host that it runs on.
        pid: Its process id there.
        seen_at: Its last heartbeat.
    """

    host: str
    pid: int
    seen_at: datetime

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def holder(study: StudyRow, now: datetime) -> Holder | None:
    """Return the launcher that holds the lease on a study, or None if there is none or it is dead.

    On this host, a launcher is dead if its process does not exist. On another host, it is considered dead
    `STALE_AFTER` its last heartbeat.
    """
    if study.launcher is None or study.launcher_seen_at is None:
        return None
    host, pid, _ = study.launcher.split()
    is_dead = host == platform.node() and not psutil.pid_exists(int(pid))
    is_stale = now - study.launcher_seen_at >= STALE_AFTER
    return None if is_dead or is_stale else Holder(host, int(pid), study.launcher_seen_at)


def is_launched(engine: Engine, study_id: int) -> bool:
    """Return whether a launcher is running for a study."""
    with Session(engine) as session:
        return holder(session.get_one(StudyRow, study_id), datetime.now(UTC)) is not None


class Lease:
    """The exclusive right to launch one study, taken with `acquire`, kept with `renew`, ended with `release`.

    Args:
        engine: The database.
        study_id: The study's id in our tables.
        now: A function that returns the current time.
    """

    def __init__(
        self, engine: Engine, study_id: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._engine = engine
        self._study_id = study_id
        self._now = now
        self._holder = f"{platform.node()} {os.getpid()} {secrets.token_hex(4)}"
        self._query = select(StudyRow.launcher).where(StudyRow.id == study_id)  # for every commit
        is_expected = StudyRow.launcher.is_not_distinct_from(bindparam("expected"))
        self._change = (
            update(StudyRow)
            .where(StudyRow.id == study_id, is_expected)
            .values(launcher=bindparam("new"), launcher_seen_at=bindparam("now"))
        )

    def acquire(self) -> None:
        """Take the lease if it is free or held by a launcher that is dead.

        Raises:
            LeaseHeldError: If another launcher holds the lease and may be alive.
            InputError: If the study has been deleted.
        """
        with Session(self._engine) as session:
            study = session.get(StudyRow, self._study_id)
            if study is None:
                raise InputError("the study has just been deleted\nlaunch it again to start a new one")
            name, found, other = study.name, study.launcher, holder(study, self._now())
        if other is not None:
            age_s = (self._now() - other.seen_at).total_seconds()
            raise LeaseHeldError(
                f"study {name} already has a launcher: {other}, last heartbeat {age_s:.0f} s ago\n"
                "stop that launcher first; if it no longer exists, launch again "
                f"{STALE_AFTER.seconds // 60} minutes after its last heartbeat"
            )
        if not self._replace(found, self._holder):
            raise LeaseHeldError(
                f"another launcher has just taken study {name}\nsee which with: sweep status --study {name}"
            )

    def renew(self) -> None:
        """Record a heartbeat.

        Raises:
            LeaseLostError: If another launcher has taken over the study.
        """
        if not self._replace(self._holder, self._holder):
            raise LeaseLostError(LOST)

    def lock(self, connection: Connection) -> None:
        """Record a heartbeat in a transaction, before whose end no other launcher can take over the study.

        Raises:
            LeaseLostError: If another launcher has taken over the study.
        """
        if not self._replaced(connection, self._holder, self._holder):
            raise LeaseLostError(LOST)

    @contextmanager
    def guard(self, *engines: Engine) -> Iterator[None]:
        """Let no transaction commit on these engines while another launcher holds the lease.

        A launcher that was suspended for a while continues in the middle of a poll cycle, and what it read
        before no longer holds. The context ends before `release`.

        Args:
            engines: All connections of the launcher to the database of the study.

        Raises:
            LeaseLostError: If another launcher has taken over the study.
        """
        with ExitStack() as stack:
            for engine in engines:
                event.listen(engine, "commit", self._check)
                stack.callback(event.remove, engine, "commit", self._check)
            try:
                yield
            except IntegrityError:  # perhaps because the other launcher has written the same rows
                self.renew()
                raise

    def _check(self, connection: Connection) -> None:
        """Read in the transaction to be committed who holds the lease."""
        if connection.scalar(self._query) != self._holder:
            connection.invalidate()  # the changes are discarded with the connection
            raise LeaseLostError(LOST)

    def release(self) -> None:
        """End the lease if this launcher still holds it."""
        self._replace(self._holder, None)

    def _replace(self, expected: str | None, new: str | None) -> bool:
        """Replace the holder if it is the expected one, and return whether it was."""
        with self._engine.begin() as connection:
            return self._replaced(connection, expected, new)

    def _replaced(self, connection: Connection, expected: str | None, new: str | None) -> bool:
        values = {"expected": expected, "new": new, "now": self._now()}
        return connection.execute(self._change, values).rowcount == 1
