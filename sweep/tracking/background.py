"""The threads in which a launcher's trackers catch up with the database."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from sqlalchemy import URL

from sweep.definition.study import Study
from sweep.redaction import hide_in_address, hide_passwords, hide_secrets
from sweep.storage.database import connect
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.tables import StudyRow
from sweep.tracking.kinds import TrackerKind, trackers_of
from sweep.tracking.tracker import Tracker, TrialRejectedError, TrialVersion
from sweep.tracking.trial_reader import TrialReader

logger = logging.getLogger(__name__)

MIN_PAUSE_S = 2.0
"""How many seconds pass at least between two times that a tracker catches up."""
FINAL_TIMEOUT_S = 30.0
"""How long a launcher that ends waits for its trackers."""
DETACH_TIMEOUT_S = 3.0
"""How long a launcher waits for them that is interrupted or has failed."""


@contextmanager
def tracking(
    study: Study, row: StudyRow, url: URL, poll_seconds: float, *, only_at_end: bool = False
) -> Iterator[None]:
    """Record the study's trials in its trackers while the context lasts, and once more at its end.

    The trackers read the database in threads of their own. Their failures are logged and affect nothing else.

    Args:
        study: The study.
        row: The study's row.
        url: The database.
        poll_seconds: How many seconds pass between two poll cycles of the launcher.
        only_at_end: Whether to record the trials only at the end of the context, because trials are forked
            from this process, which must have no other threads then.
    """
    study_key = f"{study.name} {row.created_at.isoformat()}"
    threads = [
        _TrackerThread(kind, address, study, row.id, study_key, url, max(poll_seconds, MIN_PAUSE_S))
        for kind, address in trackers_of(study)
    ]
    if not only_at_end:
        for thread in threads:
            thread.start()
    timeout_s = DETACH_TIMEOUT_S
    try:
        yield
        timeout_s = FINAL_TIMEOUT_S
    finally:
        for thread in threads:
            thread.request_end()
            if only_at_end:
                thread.start()
        for thread in threads:
            thread.join(timeout_s)
            if thread.is_alive():
                logger.warning(
                    "study %s: %s does not have all trials yet; the next launch of the study adds them",
                    study.name,
                    thread.name,
                )


class CatchingUp:
    """Brings one tracker up to date. A tracker that has failed is replaced by a new one at the next call.

    Args:
        trials: The trials in the database.
        open_tracker: Creates the tracker.
    """

    def __init__(self, trials: TrialReader, open_tracker: Callable[[], Tracker]) -> None:
        self._trials = trials
        self._open_tracker = open_tracker
        self._tracker: Tracker | None = None
        self._complete: Mapping[int, str] = {}
        self._seen: dict[int, TrialVersion] = {}

    def catch_up(self) -> list[str]:
        """Record what is new in the database, and return why trials were rejected.

        Raises:
            Exception: If the tracker or the database fails.
        """
        rejections = []
        try:
            if self._tracker is None:
                self._trials.forget_ended(1)
                self._tracker = self._open_tracker()
                self._complete = self._tracker.complete_marks()
            first_active = self._trials.first_active_id()
            for version in self._trials.versions():
                if version.has_ended and self._complete.get(version.number) == version.mark:
                    continue
                if self._seen.get(version.number) == version:
                    continue
                try:
                    self._tracker.write(self._trials.read(version))
                except TrialRejectedError as error:
                    rejections.append(f"trial {version.number}: {error}")
                self._seen[version.number] = version
            self._trials.forget_ended(first_active)
        except BaseException:
            self.close()
            raise
        return rejections

    def close(self) -> None:
        """Close the tracker."""
        tracker, self._tracker, self._seen = self._tracker, None, {}
        if tracker is not None:
            with suppress(Exception):
                tracker.close()


class _TrackerThread(threading.Thread):
    """Catches up with the database repeatedly, until its end is requested and it has caught up once more."""

    def __init__(
        self,
        kind: TrackerKind,
        address: str,
        study: Study,
        study_id: int,
        study_key: str,
        url: URL,
        pause_s: float,
    ) -> None:
        super().__init__(name=kind.name, daemon=True)
        self._kind = kind
        self._address = address
        self._study = study
        self._study_id = study_id
        self._study_key = study_key
        self._url = url
        self._pause_s = pause_s
        self._end_requested = threading.Event()
        self._has_failed = False
        self._has_rejected = False

    def request_end(self) -> None:
        """Request the thread to catch up once more and to end."""
        self._end_requested.set()

    def run(self) -> None:
        """Catch up until the end is requested."""
        while not self._open_and_catch_up():
            self._end_requested.wait(self._pause_s)

    def _open_and_catch_up(self) -> bool:
        """Open the database, catch up until the end or a failure, and return whether it is the end."""
        is_last = self._end_requested.is_set()
        try:
            with ExitStack() as stack:
                engine = connect(self._url)
                stack.callback(engine.dispose)
                storage = stack.enter_context(optuna_storage(self._url))
                study = self._study
                trials = TrialReader(engine, storage, self._study_id, study.goals, study.fixed)
                catching_up = CatchingUp(trials, self._open_tracker)
                stack.callback(catching_up.close)
                while True:
                    is_last = self._end_requested.is_set()
                    self._log_rejections(catching_up.catch_up())
                    if self._has_failed:
                        self._has_failed = False
                        logger.info("study %s: %s has all trials again", study.name, self.name)
                    if is_last:
                        return True
                    self._end_requested.wait(self._pause_s)
        except Exception as error:
            self._log_failure(error)
            return is_last

    def _open_tracker(self) -> Tracker:
        return self._kind.open(self._address, self._study.name, self._study_key)

    def _log_failure(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            logger.warning(
                "study %s: %s fails, which does not affect the study; what it misses is added later: %s",
                self._study.name,
                self.name,
                self._shown(f"{type(error).__name__}: {error}"),
            )

    def _log_rejections(self, rejections: list[str]) -> None:
        if rejections and not self._has_rejected:
            self._has_rejected = True
            logger.warning(
                "study %s: %s rejects a trial: %s", self._study.name, self.name, self._shown(rejections[0])
            )

    def _shown(self, text: str) -> str:
        """Return a message without the password of the tracker's address, in one line of limited length."""
        shown = hide_passwords(hide_secrets(text, {self._address})).splitlines() or [""]
        return f"{shown[0][:300]} ({hide_in_address(self._address)})"
