"""The clock of the simulation: time passes only while a launcher waits, and brings due events with it."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedClock:
    """A clock with a queue of future events, such as the end of an epoch or of a job."""

    def __init__(self) -> None:
        self._now = BEGIN
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._num_events = 0

    def now(self) -> datetime:
        return self._now

    def seconds(self) -> float:
        """Return the seconds since the simulation began."""
        return (self._now - BEGIN).total_seconds()

    def call_in(self, seconds: float, event: Callable[[], None]) -> None:
        """Call a function after some simulated seconds. Events of the same time keep their order."""
        self._num_events += 1
        heapq.heappush(self._events, (self._now + timedelta(seconds=seconds), self._num_events, event))

    def sleep(self, seconds: float) -> None:
        """Let time pass, and call what is due."""
        end = self._now + timedelta(seconds=seconds)
        while self._events and self._events[0][0] <= end:
            self._now, _, event = heapq.heappop(self._events)
            event()
        self._now = end
