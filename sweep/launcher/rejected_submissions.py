"""When the launcher submits jobs again after the scheduler has rejected some."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sweep.scheduler.executor import Rejection

FIRST_PAUSE, MAX_PAUSE = timedelta(seconds=10), timedelta(minutes=5)
"""The first pause, which each further rejection doubles, and the longest one."""


@dataclass(frozen=True)
class RejectedSubmissions:
    """The consecutive submissions that the scheduler has rejected.

    Attributes:
        count: Their number.
        next_at: When the next submission is tried.
        queue_limit: How many jobs the study had when a submit limit rejected another one; None if the last
            rejection had another reason.
        unknown_since: When the first of them was rejected for an unknown reason.
    """

    count: int = 0
    next_at: datetime | None = None
    queue_limit: int | None = None
    unknown_since: datetime | None = None

    def after(self, rejection: Rejection, num_busy: int, now: datetime) -> "RejectedSubmissions":
        """Return the rejected submissions after another one.

        Args:
            rejection: Why it was rejected.
            num_busy: The number of jobs that the study had at that time.
            now: The time.
        """
        pause = min(FIRST_PAUSE * 2 ** min(self.count, 10), MAX_PAUSE)
        unknown_since = self.unknown_since or (now if rejection is Rejection.UNKNOWN else None)
        queue_limit = num_busy if rejection is Rejection.SUBMIT_LIMIT else None
        return replace(
            self,
            count=self.count + 1,
            next_at=now + pause,
            queue_limit=queue_limit,
            unknown_since=unknown_since,
        )

    def after_acceptance(self, num_busy: int) -> "RejectedSubmissions":
        """Return the rejected submissions after an accepted one, which leave a known submit limit in place.

        Args:
            num_busy: The number of jobs that the study has with the accepted ones.
        """
        if self.queue_limit is not None and num_busy <= self.queue_limit:
            return self
        return RejectedSubmissions()

    def num_allowed(self, num_jobs: int, num_busy: int, now: datetime) -> int:
        """Return how many jobs may be submitted now.

        During a pause none may be, except to replace jobs that have ended since a submit limit was reached.
        After it one job is tried, and the others follow once it is accepted.

        Args:
            num_jobs: The number of jobs that are ready.
            num_busy: The number of jobs that the study has.
            now: The time.
        """
        if self.next_at is None:
            return num_jobs
        num_replaced = 0 if self.queue_limit is None else max(self.queue_limit - num_busy, 0)
        num_tried = 1 if now >= self.next_at else 0
        return min(num_jobs, max(num_replaced, num_tried))

    def is_patience_spent(self, patience: timedelta, now: datetime) -> bool:
        """Return whether submissions have been rejected for an unknown reason for too long."""
        return self.unknown_since is not None and now - self.unknown_since >= patience
