"""What a tracker records about a trial, and the interface of trackers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sweep.states import ACTIVE_STATES, AttemptState
from sweep.worker.attempt_folder import AttemptFolder


class TrialRejectedError(Exception):
    """Raised if a tracker that works does not accept a trial."""


class MetricValue(NamedTuple):
    """The value of one metric in one epoch; NaN if it was not finite."""

    epoch: int
    metric: str
    value: float
    reported_at: datetime


@dataclass(frozen=True)
class TrialVersion:
    """What of a trial has to be recorded, as far as it can be told without reading the trial.

    Attributes:
        number: The number of the trial.
        attempt: The number of its newest attempt.
        state: The state of that attempt.
        num_values: How many values of metrics the database contains.
    """

    number: int
    attempt: int
    state: AttemptState
    num_values: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether the trial has ended, unless a user requests another attempt."""
        return self.state not in ACTIVE_STATES

    @property
    def mark(self) -> str:
        """What a tracker keeps beside a trial that it has recorded completely."""
        return f"{self.attempt} {self.state.value}"


@dataclass(frozen=True)
class TrialRecord:
    """Everything that a tracker records about a trial.

    Attributes:
        version: The number and the state of the trial.
        params: All of its hyperparameters.
        facts: Other values for its description, such as its seed and its host, by name.
        values: The metrics of its epochs, in the order of the epochs.
        final_metrics: What the train function returned; empty until the trial is complete.
        started_at: When its first attempt was submitted.
        ended_at: When its newest attempt ended; None if it has not.
        folder: The folder of its newest attempt.
    """

    version: TrialVersion
    params: Mapping[str, Any]
    facts: Mapping[str, str]
    values: Sequence[MetricValue]
    final_metrics: Mapping[str, float]
    started_at: datetime
    ended_at: datetime | None
    folder: AttemptFolder


class Tracker(Protocol):
    """Records trials in a tool outside this package. It finds what it has recorded before.

    If a method raises an error, the tracker is replaced by a new one. Any method may be interrupted anywhere.
    """

    def complete_marks(self) -> Mapping[int, str]:
        """Return the marks of the trials that are recorded completely, by their numbers."""
        ...

    def write(self, trial: TrialRecord) -> None:
        """Record what is new about a trial, and its mark at last if it has ended.

        Raises:
            TrialRejectedError: If the tool does not accept this trial, but may accept others.
        """
        ...

    def close(self) -> None:
        """Close open files."""
        ...
