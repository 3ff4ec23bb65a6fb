"""What a launcher announces about its study, each event at most once."""

import logging
from datetime import datetime

from sweep.definition.study import Study
from sweep.launcher.proposals import Proposals
from sweep.notification.delivery import deliver
from sweep.notification.events import Event, Progress, due_events, end_of_study, is_announced
from sweep.storage.study_records import StudyRecords

logger = logging.getLogger(__name__)


class Notifier:
    """Announces the events of one study.

    An event is recorded in the database before it is sent. If the launcher is killed in between, the event is
    lost, and no other launcher announces it again.

    Args:
        study: The study.
        records: The study's rows.
        proposals: The study in Optuna, which contains what has been announced.
    """

    def __init__(self, study: Study, records: StudyRecords, proposals: Proposals) -> None:
        self._study = study
        self._records = records
        self._proposals = proposals
        self._progressed_at: datetime | None = None
        self._has_failed = False

    @property
    def is_active(self) -> bool:
        """Whether the study notifies anybody."""
        return self._study.notify.is_set

    def progressed_at(self, now: datetime, has_progressed: bool) -> datetime:
        """Return when a trial last started, reported an epoch, or ended.

        Args:
            now: The time.
            has_progressed: Whether that was in the current poll cycle.
        """
        if has_progressed:
            self._progressed_at = now
        elif self._progressed_at is None:
            recorded = self._records.progressed_at()
            self._progressed_at = now if recorded is None else min(recorded, now)
        return self._progressed_at

    def announce_due(self, progress: Progress) -> None:
        """Announce the events that are due at the end of a poll cycle."""
        for event in due_events(self._study, progress, self._proposals.announced()):
            self._announce(event, progress.now)

    def announce_end(self, failure: str | None, stopped: bool, now: datetime) -> None:
        """Announce the end of the study.

        Args:
            failure: Why it has no result; None if it has ended well.
            stopped: Whether a user has stopped it.
            now: The time.
        """
        if not self.is_active:
            return
        counts = ", ".join(f"{count} {state}" for state, count in self._proposals.counts().items() if count)
        summary = f"{counts or 'no trials'}{'; a user has requested a stop' if stopped else ''}"
        num_attempts = self._records.num_attempts()
        self._announce(end_of_study(self._study.name, num_attempts, failure, summary), now)

    def _announce(self, event: Event, now: datetime) -> None:
        """Announce an event unless it has been announced. A failure is logged once."""
        announced = self._proposals.announced()
        if is_announced(event, announced):
            return
        self._proposals.record_announced({**announced, event.kind.value: event.mark})
        problems = deliver(self._study.notify, self._study.name, event, now)
        for problem in problems if not self._has_failed else ():
            logger.warning("study %s: %s; the study is not affected", self._study.name, problem)
        self._has_failed = self._has_failed or bool(problems)
