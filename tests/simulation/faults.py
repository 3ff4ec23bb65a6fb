"""What goes wrong in one schedule: the kinds of faults, and how likely each is, drawn from the seed."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from random import Random

JOB_FAULTS = (
    "preempted",
    "timeout",
    "out_of_memory",
    "failed",
    "cancelled",
    "node_failure",
    "gone",
    "requeued",
    "vanished",
    "error",
)
"""What may end a running job: a state of the scheduler, a process that vanishes, or an error in training."""


@dataclass(frozen=True)
class Faults:
    """The faults of one schedule. Each schedule has some kinds of faults often, and others never.

    Attributes:
        lasts_s: How many simulated seconds faults occur; afterwards everything works.
        job: The probability that a job ends before its trial.
        pending: The probability that a job ends before it starts.
        zombie: The probability that a process continues after its node was given up.
        hidden: The probability, per job and poll, that the scheduler omits the job for a while.
        no_answer: The probability that the scheduler does not answer a poll.
        slow_answer: The probability that an answer takes up to a minute and a half.
        rejected_for_now: The probability that a submission is rejected for the moment.
        received: The probability that a rejected submission was received nevertheless.
        rejected_for_good: The probability that a submission is rejected for good.
        submit_limit: The probability that a submission exceeds a submit limit.
        cancel_lost: The probability that a request to cancel has no effect.
        late_files: The longest time that a file takes to become visible, as a part of the settle time.
        skew_s: The largest difference between a node's clock and the launcher's.
        lingers: The probability that a job stays for a while after its trials have ended.
        crash: The probability that a launcher crashes.
        pause: The probability that a launcher is suspended until another one has taken over.
        outage: The probability, per call of the database, that an outage begins.
        commit: The probability that a single commit fails.
        file_error: The probability that the launcher cannot write a file.
        foreign_result: The probability that the result of another attempt lies in an attempt's folder.
        stop: The probability that a user stops the study and cancels its jobs.
        retry: The probability that a user retries the failed trials at the end.
    """

    lasts_s: float
    job: float
    pending: float
    zombie: float
    hidden: float
    no_answer: float
    slow_answer: float
    rejected_for_now: float
    received: float
    rejected_for_good: float
    submit_limit: float
    cancel_lost: float
    late_files: float
    skew_s: float
    lingers: float
    crash: float
    pause: float
    outage: float
    commit: float
    file_error: float
    foreign_result: float
    stop: float
    retry: float


LARGEST = Faults(
    lasts_s=3000,
    job=0.8,
    pending=0.3,
    zombie=0.8,
    hidden=0.15,
    no_answer=0.3,
    slow_answer=0.3,
    rejected_for_now=0.4,
    received=0.7,
    rejected_for_good=0.1,
    submit_limit=0.2,
    cancel_lost=0.4,
    late_files=0.8,
    skew_s=600,
    lingers=0.5,
    crash=1.0,
    pause=0.8,
    outage=0.002,
    commit=0.03,
    file_error=0.1,
    foreign_result=0.3,
    stop=0.3,
    retry=0.7,
)


def draw_faults(random: Random, certain: Collection[str] = ()) -> Faults:
    """Return the faults of a schedule: each kind is absent from half of the schedules.

    Args:
        random: The source of randomness.
        certain: The kinds that are present in any case, as often as possible.
    """
    drawn = {
        field.name: getattr(LARGEST, field.name) * random.uniform(0.3, 1.0) * (random.random() < 0.5)
        for field in fields(Faults)
    }
    drawn |= {name: getattr(LARGEST, name) for name in certain}
    return Faults(**{**drawn, "lasts_s": random.uniform(300, LARGEST.lasts_s)})
