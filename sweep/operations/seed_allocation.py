"""Which configurations of an evaluation get more seeds, as a function of the results so far."""

from collections.abc import Sequence
from typing import NamedTuple

from sweep.operations.selection import select

IN_CONTENTION = 0.1
"""The probability of being the best from which a configuration gets further seeds."""


class Evaluated(NamedTuple):
    """A configuration and its trials so far, all of which have ended.

    Attributes:
        num_trials: The number of its trials, one per seed.
        values: The results of the trials that are complete.
    """

    num_trials: int
    values: Sequence[float]


class Allocation(NamedTuple):
    """What an evaluation does next.

    Attributes:
        chosen: The indices of the configurations that get one more seed; empty at the end.
        reason: Why, as a clause.
    """

    chosen: list[int]
    reason: str


def allocate(configurations: Sequence[Evaluated], direction: str, level: float, max_seeds: int) -> Allocation:
    """Choose the configurations that get one more seed.

    These are the two that are most probably the best, as in top-two sampling [1], and all others whose
    probability of being the best is at least `IN_CONTENTION`. A configuration below it gets no seed unless
    later results of the others raise its probability again. A configuration without results is not compared.

    [1] Russo (2020), Simple Bayesian algorithms for best-arm identification. Operations Research 68(6).

    Args:
        configurations: The configurations.
        direction: The direction of the results, "maximize" or "minimize".
        level: The probability at which the evaluation ends.
        max_seeds: The largest number of seeds of a configuration.
    """
    compared = [index for index, each in enumerate(configurations) if each.values]
    if len(compared) < 2:
        return Allocation([], "fewer than two configurations have results, so they cannot be compared")
    selection = select([configurations[index].values for index in compared], direction)
    if selection is None:
        candidates, state = compared, "the variation between seeds is not known yet"
    else:
        state = f"the probability that the best configuration is known is {100 * selection.probability:.1f} %"
        if selection.probability >= level:
            return Allocation([], f"{state}, which reaches {level:g}")
        candidates = [
            index
            for rank, index in enumerate(compared)
            if rank in selection.contenders or selection.probabilities[rank] >= IN_CONTENTION
        ]
    chosen = [index for index in candidates if configurations[index].num_trials < max_seeds]
    if not chosen:
        return Allocation([], f"{state}, and those in contention have {max_seeds} seeds, which is the limit")
    return Allocation(chosen, state)
