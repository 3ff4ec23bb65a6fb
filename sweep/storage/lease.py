"""One launcher a study: a lease in the database, so that it holds across login nodes too."""

import os
import platform
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psutil
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from sweep.errors import InputError, SweepError
from sweep.storage.tables import StudyRow

STALE_AFTER = timedelta(minutes=5)


class LeaseHeldError(InputError):
    """Raised when another launcher has the study and may be alive."""


class LeaseLostError(SweepError):
    """Raised when another launcher has taken the study over, because this one was silent for too long."""


class Holder(NamedTuple):
    """A launcher that has a study."""

    host: str
    pid: int
    seen_at: datetime

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def holder(study: StudyRow, now: datetime) -> Holder | None:
    """The launcher at work on a study, if there is one that may be alive.

    A process on this host is looked up; one on another host is believed until it has been silent for long.
    """
    if study.launcher is None or study.launcher_seen_at is None:
        return None
    host, pid, _ = study.launcher.split()
    is_dead = host == platform.node() and not psutil.pid_exists(int(pid))
    is_silent = now - study.launcher_seen_at >= STALE_AFTER
    return None if is_dead or is_silent else Holder(host, int(pid), study.launcher_seen_at)


def is_launched(engine: Engine, study_id: int) -> bool:
    """Whether a launcher is at work on a study just now."""
    with Session(engine) as session:
        return holder(session.get_one(StudyRow, study_id), datetime.now(UTC)) is not None


class Lease:
    """The right to launch one study. Taken with `acquire`, kept with `renew`, given back with `release`."""

    def __init__(
        self, engine: Engine, study_id: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ):
        self._engine = engine
        self._study_id = study_id
        self._now = now
        self._holder = f"{platform.node()} {os.getpid()} {secrets.token_hex(4)}"

    def acquire(self) -> None:
        """Take the lease, from a launcher that has died too.

        Raises
        ------
        LeaseHeldError
            When another launcher has it and may be alive.
        """
        with Session(self._engine) as session:
            study = session.get_one(StudyRow, self._study_id)
            name, found, other = study.name, study.launcher, holder(study, self._now())
        if other is not None:
            age_s = (self._now() - other.seen_at).total_seconds()
            raise LeaseHeldError(
                f"study {name} is being launched already: {other}, "
                f"last sign of life {age_s:.0f} s ago\n"
                f"stop that one first, or wait until it is silent for {STALE_AFTER.seconds // 60} minutes"
            )
        if not self._replace(found, self._holder):
            raise LeaseHeldError(f"study {name} was taken by another launcher just now")

    def renew(self) -> None:
        """Say that this launcher is alive.

        Raises
        ------
        LeaseLostError
            When another launcher has the lease by now.
        """
        if not self._replace(self._holder, self._holder):
            raise LeaseLostError("another launcher has taken this study over; this one stops, its jobs go on")

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        self._replace(self._holder, None)

    def _replace(self, expected: str | None, new: str | None) -> bool:
        change = (
            update(StudyRow)
            .where(StudyRow.id == self._study_id, StudyRow.launcher.is_not_distinct_from(expected))
            .values(launcher=new, launcher_seen_at=self._now())
        )
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1
