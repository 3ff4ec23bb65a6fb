"""What has really happened on the nodes, which the invariants compare with what the launcher recorded."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from sweep.states import Cause, Outcome


class Line(NamedTuple):
    """One epoch that an attempt's `metrics.jsonl` has contained since a time."""

    token: str
    epoch: int
    value: float
    visible_s: float


class Ending(NamedTuple):
    """A result that a process has written.

    Attributes:
        token: The attempt.
        outcome: How it ended.
        cause: Why it failed.
        value: The value of the objective.
        earliest_s: The earliest end that a launcher which reads the result records.
        was_given_up: Whether the scheduler had stated before that the job has ended.
    """

    token: str
    outcome: Outcome
    cause: Cause | None
    value: float | None
    earliest_s: float
    was_given_up: bool


@dataclass
class Training:
    """A process that trains an attempt.

    Attributes:
        trial: The number of the trial.
        token: The attempt.
        began_s: When it began.
        given_up_s: When the scheduler stated that its job has ended; None if it did not.
        ended_s: When it ended; None while it trains.
    """

    trial: int
    token: str
    began_s: float
    given_up_s: float | None = None
    ended_s: float | None = None


@dataclass
class History:
    """What has happened on the nodes.

    Attributes:
        claims: How many processes have claimed each attempt, by its token.
        lines: The epochs in the files, in the order in which they became visible.
        endings: The results of processes.
        trainings: The processes that have trained.
        violations: What was found to be wrong while the simulation ran.
    """

    claims: Counter[str] = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    endings: dict[str, Ending] = field(default_factory=dict)
    trainings: list[Training] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
