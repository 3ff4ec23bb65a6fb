"""What a failure is worth: another attempt, the end of the trial, or the end of the study."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sweep.scheduler.job import ResourceOverride
from sweep.states import Cause


def may_retry(cause: Cause, earlier_causes: Sequence[Cause], retries: Mapping[Cause, int]) -> bool:
    """Whether a trial gets another attempt after one that failed of `cause`.

    `earlier_causes` are the causes its earlier attempts failed of; each cause has its own allowance. What a
    person cancelled stays cancelled.
    """
    if cause is Cause.CANCELLED:
        return False
    return earlier_causes.count(cause) < retries[cause]


class Failure(NamedTuple):
    """What an attempt failed of, and where."""

    cause: Cause
    host: str | None


def demand_after(failures: Sequence[Failure], memory_factor: float) -> ResourceOverride:
    """What a trial's next attempt asks for: more memory for each time that it had too little, and another
    node than the one that has just died under it."""
    too_little = [failure.cause for failure in failures].count(Cause.OUT_OF_MEMORY)
    node_died = bool(failures) and failures[-1].cause is Cause.NODE_FAILURE
    return ResourceOverride(memory_factor**too_little, failures[-1].host if node_died else None)


class Streak:
    """What the last trials in a row failed of: a study whose trials all fail alike is to be stopped."""

    def __init__(self, newest_first: Iterable[Cause | None] = ()) -> None:
        self._causes: list[Cause] = []
        for cause in reversed(list(newest_first)):
            self.note(cause)

    def note(self, cause: Cause | None) -> None:
        """A trial has ended; None says that it did not fail. What a person cancelled says nothing."""
        if cause is Cause.CANCELLED:
            return
        if cause is None or (self._causes and self._causes[-1] is not cause):
            self._causes.clear()
        if cause is not None:
            self._causes.append(cause)

    def reason_to_stop(self, limit: int) -> str | None:
        """In words, when `limit` trials in a row have failed alike."""
        if len(self._causes) < limit:
            return None
        return f"{len(self._causes)} in a row failed alike ({self._causes[-1]})"
