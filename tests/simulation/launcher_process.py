"""A launcher as a process, which may die or be suspended at each of its external actions."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from tests.simulation.world import World

T = TypeVar("T")

MEAN_ACTIONS = 60
"""After how many external actions a launcher crashes or is suspended on average."""


class Crash(BaseException):
    """Raised in a launcher that dies. No `except` clause of the launcher catches it."""


class TooManyCycles(BaseException):
    """Raised in a launcher that has run for too many poll cycles after the last fault."""


class LauncherProcess:
    """A process that runs a launcher.

    Each external action, such as a commit or a call of the scheduler, calls `before` and `after`. The seed
    decides at which of them the process dies or is suspended.

    Args:
        world: The simulation.
        max_cycles: For how many waits the launcher may continue after the last fault.
        take_over: Runs another launcher while this one is suspended.
    """

    def __init__(self, world: World, max_cycles: int, take_over: Callable[["LauncherProcess"], None]) -> None:
        self.world = world
        self.number = len(world.launchers) + 1
        self.is_dead = False
        self.was_suspended = False
        self.has_ended = False
        self.polled_s = 0.0
        self.connections: list[sqlite3.Connection] = []
        self._take_over = take_over
        self._cycles_left = max_cycles
        self._moment = 0
        self._crash_at = self._draw_moment(world.faults.crash)
        self._pause_at = self._draw_moment(world.faults.pause)
        world.launchers.append(self)

    def end(self) -> None:
        """Roll back open transactions, as a database does if the connections of a process are gone."""
        for connection in self.connections:
            with suppress(sqlite3.ProgrammingError):  # it is closed
                connection.rollback()

    def _draw_moment(self, probability: float) -> int | None:
        moment = int(self.world.random.expovariate(1 / MEAN_ACTIONS)) + 1
        return moment if self.world.happens(probability) else None

    def act(self, name: str, action: Callable[[], T]) -> T:
        """Carry out an external action."""
        self.before(name)
        result = action()
        self.after(name)
        return result

    def before(self, name: str) -> None:
        """Die or be suspended before an action, if the time has come."""
        if self.is_dead:
            raise Crash
        self._pass_moment(f"before {name}", can_pause="commit" not in name)  # its transaction has a lock

    def after(self, name: str) -> None:
        """Die or be suspended after an action, if the time has come."""
        self.world.note(name, f"action: {name}")
        if name == "poll":
            self.polled_s = self.world.clock.seconds()
        self._pass_moment(f"after {name}", can_pause=True)

    def _pass_moment(self, where: str, can_pause: bool) -> None:
        self._moment += 1
        if self._crash_at is not None and self._moment >= self._crash_at and self.world.is_faulty:
            self.is_dead = True
            self.world.note(f"CRASHES {where}", f"crash {where}")
            raise Crash
        is_due = self._pause_at is not None and self._moment >= self._pause_at and can_pause
        if is_due and self.world.is_faulty:
            self._pause_at = None
            self.was_suspended = True
            self.world.note(f"IS SUSPENDED {where}", f"suspended {where}")
            self._take_over(self)
            self.world.launcher = self
            self.world.note("CONTINUES")

    # the clock of the launcher

    def now(self) -> datetime:
        return self.world.clock.now()

    def sleep(self, seconds: float) -> None:
        if not self.world.is_faulty:
            self._cycles_left -= 1
            if self._cycles_left < 0:
                raise TooManyCycles
        self.act("wait", lambda: self.world.clock.sleep(seconds))
