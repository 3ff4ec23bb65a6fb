"""How much the objective of a trial varies from epoch to epoch, and whether it still improves at its end."""

import math
from collections.abc import Sequence
from statistics import linear_regression
from typing import NamedTuple

MIN_EPOCHS = 8  # epochs of a trial below which its noise cannot be estimated
CLEAR_TREND = 4  # in standard deviations of the noise: noise alone stays below 2 of them 39 times in 40


class Tail(NamedTuple):
    """The last quarter of a learning curve, at least four epochs, and a straight line through it.

    Attributes:
        noise: The standard deviation around the line, so that continued improvement does not count as noise.
        gain: By how much the line rises over these epochs.
    """

    noise: float
    gain: float


def tail_of(values: Sequence[float]) -> Tail | None:
    """Describe the end of a learning curve; None if it has fewer than `MIN_EPOCHS` epochs."""
    if len(values) < MIN_EPOCHS or not all(map(math.isfinite, values)):
        return None
    last = values[-max(len(values) // 4, 4) :]
    slope, intercept = linear_regression(range(len(last)), last)
    squares = ((value - intercept - slope * epoch) ** 2 for epoch, value in enumerate(last))
    return Tail(math.sqrt(math.fsum(squares) / (len(last) - 2)), slope * (len(last) - 1))


def still_improves(values: Sequence[float], *, maximizes: bool) -> bool:
    """Return whether the trend at the end of a learning curve clearly exceeds its noise."""
    tail = tail_of(values)
    return tail is not None and (tail.gain if maximizes else -tail.gain) > CLEAR_TREND * tail.noise > 0


def pooled_noise(curves: Sequence[Sequence[float]]) -> float | None:
    """Return the root mean square of the noise of several curves.

    None if all are too short or without any noise: a metric that stays the same over its last epochs, such as
    the accuracy on few samples, does not show how much it may vary.
    """
    tails = [tail for curve in curves if (tail := tail_of(curve)) is not None]
    squares = math.fsum(tail.noise**2 for tail in tails)
    return math.sqrt(squares / len(tails)) if squares > 0 else None
