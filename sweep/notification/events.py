"""The events of a study that are announced, and which of them are due."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sweep.definition.study import Study
from sweep.states import StringEnum

BUDGET_FRACTION = 0.8
"""The part of a limit whose use is announced."""


class EventKind(StringEnum):
    """The kind of an event."""

    ENDED = "ended"
    """All trials have ended."""
    FAILED = "failed"
    """The study has ended without a result."""
    STALLED = "stalled"
    """The study has made no progress for a number of hours."""
    BUDGET = "budget"
    """80 % of a limit of the study are used."""
    TEST = "test"
    """A user has requested a notification to test it."""


class Event(NamedTuple):
    """An event of a study.

    Attributes:
        kind: Its kind.
        mark: What the event refers to, such as a limit. An event of the same kind is announced again only if
            its mark is another one.
        text: One sentence that describes it.
    """

    kind: EventKind
    mark: str
    text: str


@dataclass(frozen=True)
class Progress:
    """How far a study is at the end of a poll cycle.

    Attributes:
        now: The time.
        progressed_at: When a trial last started, reported an epoch, or ended.
        hours: Hours since the study was first launched.
        gpu_hours: The GPU hours that its attempts have used; 0 if the study does not limit them.
        num_ended: How many of its trials have ended.
        num_active: How many of its trials are active.
    """

    now: datetime
    progressed_at: datetime
    hours: float
    gpu_hours: float
    num_ended: int
    num_active: int


class Use(NamedTuple):
    """How much of one limit is used: an amount, the limit, and the unit of both."""

    used: float
    limit: float
    unit: str


def due_events(study: Study, progress: Progress, announced: Mapping[str, str]) -> list[Event]:
    """Return the events that are due while a study runs: a stall, and the use of its budget.

    Args:
        study: The study.
        progress: How far it is.
        announced: The mark of the last announced event of each kind.
    """
    if progress.num_active == 0:  # the end of the study is announced instead
        return []
    return [
        event
        for event in (*_stall(study, progress), *_budget(study, progress))
        if not is_announced(event, announced)
    ]


def is_announced(event: Event, announced: Mapping[str, str]) -> bool:
    """Return whether an event of the same kind and mark has been announced.

    Args:
        event: The event.
        announced: The mark of the last announced event of each kind.
    """
    return announced.get(event.kind.value) == event.mark


def end_of_study(study: str, num_attempts: int, failure: str | None, summary: str) -> Event:
    """Return the event of the end of a study.

    Args:
        study: The name of the study.
        num_attempts: How many attempts its trials have had. Another attempt makes the next end another event.
        failure: Why it has no result; None if it has ended well.
        summary: A clause that says how its trials have ended.
    """
    if failure is not None:
        return Event(EventKind.FAILED, str(num_attempts), f"Study {study} has failed: {failure} ({summary}).")
    return Event(EventKind.ENDED, str(num_attempts), f"Study {study} has ended: {summary}.")


def _stall(study: Study, progress: Progress) -> Iterator[Event]:
    hours = study.notify.stalled_hours
    if hours is None:
        return
    idle_hours = (progress.now - progress.progressed_at).total_seconds() / 3600
    if idle_hours >= hours:
        yield Event(
            EventKind.STALLED,
            f"{hours:g}",
            f"Study {study.name} has made no progress for {idle_hours:.1f} hours: no trial has started, "
            f"reported an epoch, or ended. {progress.num_active} trials are active.",
        )


def _budget(study: Study, progress: Progress) -> Iterator[Event]:
    limits = [
        Use(used, limit, unit)
        for used, limit, unit in (
            (progress.gpu_hours, study.budget.gpu_hours, "GPU hours"),
            (progress.hours, study.budget.hours, "hours"),
            (progress.num_ended, study.trials, "trials"),
        )
        if limit is not None
    ]
    most = max(limits, key=lambda use: use.used / use.limit)
    if most.used >= BUDGET_FRACTION * most.limit:
        yield Event(
            EventKind.BUDGET,
            "; ".join(f"{use.limit:g} {use.unit}" for use in limits),
            f"Study {study.name} has used {most.used / most.limit:.0%} of its budget: {most.used:.4g} of "
            f"{most.limit:g} {most.unit}.",
        )
