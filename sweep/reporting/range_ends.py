"""Ends of search ranges at which the best trials lie, with a wider range to search next."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import pandas as pd

from sweep.definition.space import CategoricalEntry, FloatEntry, IntEntry
from sweep.reporting.formatting import format_param, heading
from sweep.reporting.params import PREFIX, param_names
from sweep.storage.study_data import StudyData

MIN_TRIALS = 8  # complete trials below which the ends of the ranges say nothing
MIN_CHOICES = 3  # numbers below which a categorical hyperparameter has no order
END = 0.1  # share of a range that counts as its end
EXTENSION = 0.5  # by which a range is extended, as a share of its width
Entry = IntEntry | FloatEntry | CategoricalEntry


class RangeEnd(NamedTuple):
    """An end of a search range at which the best trials lie.

    Attributes:
        name: The name of the hyperparameter.
        text: The end and the suggested range, as a clause.
        suggestion: The entry of the search space with the suggested range.
    """

    name: str
    text: str
    suggestion: Entry


def range_ends(data: StudyData) -> list[RangeEnd]:
    """Return the ends at which the best tenth of the complete trials lie, at least three trials.

    A hyperparameter counts only if the complete trials that have it are enough, and cover at least half of
    its range. A natural bound is not an end; see `_extended`.
    """
    return list(_range_ends(data)) if data.goals.is_single else []


def _range_ends(data: StudyData) -> Iterator[RangeEnd]:
    best = data.complete_trials
    for name in param_names(data):
        entry = data.study.space.get(name)
        if entry is None:
            continue
        is_categorical = isinstance(entry, CategoricalEntry)
        positions = (
            _choices(entry, best[PREFIX + name])
            if isinstance(entry, CategoricalEntry)
            else (_positions(entry, best[PREFIX + name]))
        )
        if len(positions) < MIN_TRIALS or max(positions) - min(positions) < 0.5:
            continue
        top = positions[: max(3, -(-len(positions) // 10))]
        is_upper = min(top) >= (1.0 if is_categorical else 1 - END)
        if not is_upper and max(top) > (0.0 if is_categorical else END):
            continue
        suggestion = (
            _with_choice(entry, is_upper=is_upper)
            if isinstance(entry, CategoricalEntry)
            else _extended(entry, is_upper=is_upper)
        )
        if suggestion is not None:
            yield RangeEnd(name, f"{heading(name)} {_text(entry, suggestion, is_upper=is_upper)}", suggestion)


def _positions(entry: IntEntry | FloatEntry, column: "pd.Series[float]") -> list[float]:
    """Return where the values lie in the range, from 0 to 1, on the scale on which it is sampled."""
    if entry.low == entry.high:
        return []
    scale = math.log if entry.log else float
    values = pd.to_numeric(column, errors="coerce").dropna().tolist()
    low, high = scale(entry.low), scale(entry.high)
    return [(scale(value) - low) / (high - low) for value in values if entry.low <= value <= entry.high]


def _choices(entry: CategoricalEntry, column: "pd.Series[float]") -> list[float]:
    """Return the ranks of the values among the choices, from 0 to 1; none if the choices are not numbers."""
    numbers = _numbers(entry)
    if len(numbers) < MIN_CHOICES:
        return []
    ranks = {number: rank / (len(numbers) - 1) for rank, number in enumerate(numbers)}
    return [ranks[value] for value in column.dropna().tolist() if value in ranks]


def _numbers(entry: CategoricalEntry) -> list[float]:
    """Return the choices in ascending order if all are numbers without labels."""
    choices = entry.choices
    if not isinstance(choices, tuple):
        return []
    numbers = [each for each in choices if isinstance(each, int | float) and not isinstance(each, bool)]
    return sorted(numbers) if len(numbers) == len(choices) else []


def _extended(entry: IntEntry | FloatEntry, *, is_upper: bool) -> IntEntry | FloatEntry | None:
    """Return a range that is half as wide again in one direction; None if it ends at a natural bound.

    A range without negative numbers is not extended below 0, and one of positive integers not below 1. A
    range of floating-point numbers between 0 and 1, such as a probability or a momentum, is not extended to 1
    unless it is logarithmic.
    """
    low, high = entry.low, entry.high
    if entry.log:
        factor = (high / low) ** EXTENSION
        bound = high * factor if is_upper else low / factor
    else:
        width = EXTENSION * (high - low)
        bound = high + width if is_upper else low - width
    if isinstance(entry, IntEntry):
        bound = _integer_bound(entry, bound, is_upper=is_upper)
    else:
        bound = _float_bound(entry, bound, is_upper=is_upper)
    if bound == (high if is_upper else low) or not math.isfinite(bound):
        return None
    fields = {"high": bound} if is_upper else {"low": bound}
    return type(entry).model_validate({**dict(entry), **fields})


def _integer_bound(entry: IntEntry, bound: float, *, is_upper: bool) -> int:
    """Return the value of the grid near a bound, one step beyond the range at least."""
    end, step = (entry.high, entry.step) if is_upper else (entry.low, -entry.step)
    whole = end + max(round(abs(bound - end) / entry.step), 1) * step
    while not is_upper and whole < (1 if entry.low >= 1 else 0) <= entry.low:
        whole += entry.step
    return whole


def _float_bound(entry: FloatEntry, bound: float, *, is_upper: bool) -> float:
    """Return a bound that is rounded or on the grid of the range, and within its natural bounds."""
    if entry.log:
        return float(f"{bound:.3g}")
    if is_upper and entry.low >= 0 and entry.high <= 1 <= bound:
        bound = (entry.high + 1) / 2
    if not is_upper and bound < 0 <= entry.low:
        bound = 0.0
    return float(f"{bound:.4g}") if entry.step is None else _on_step(entry, bound, is_upper=is_upper)


def _on_step(entry: FloatEntry, bound: float, *, is_upper: bool) -> float:
    """Return the last value of the grid of a range before a bound."""
    step, end = Fraction(str(entry.step)), Fraction(str(entry.high if is_upper else entry.low))
    num_steps = abs(Fraction(str(bound)) - end) // step
    return float(end + num_steps * step if is_upper else end - num_steps * step)


def _with_choice(entry: CategoricalEntry, *, is_upper: bool) -> CategoricalEntry | None:
    """Return the choices with the number that continues their series; None if that is no sensible number.

    A series with equal differences is continued by the difference, and any other one by the ratio of its last
    two numbers.
    """
    numbers = _numbers(entry)
    end, other = (numbers[-1], numbers[-2]) if is_upper else (numbers[0], numbers[1])
    differences = {Fraction(str(b)) - Fraction(str(a)) for a, b in pairwise(numbers)}
    if len(differences) == 1:
        number = float(2 * Fraction(str(end)) - Fraction(str(other)))
    elif numbers[0] > 0:
        number = float(f"{end * end / other:.3g}")
    else:
        return None
    is_whole = all(isinstance(each, int) for each in numbers)
    number = round(number) if is_whole else number
    is_share = numbers[0] >= 0 and numbers[-1] <= 1 and not is_whole
    if number in numbers or (number <= 0 <= numbers[0]) or (is_share and number >= 1):
        return None
    assert isinstance(entry.choices, tuple)
    choices = (*entry.choices, number) if is_upper else (number, *entry.choices)
    return CategoricalEntry.model_validate({**dict(entry), "choices": choices})


def _text(entry: Entry, suggestion: Entry, *, is_upper: bool) -> str:
    if isinstance(entry, CategoricalEntry):
        assert isinstance(suggestion, CategoricalEntry)
        numbers: Sequence[float] = _numbers(suggestion)
        end, number = (numbers[-2], numbers[-1]) if is_upper else (numbers[1], numbers[0])
        return f"at {format_param(end)}: add {format_param(number)}"
    assert not isinstance(suggestion, CategoricalEntry)
    side, end = ("high", entry.high) if is_upper else ("low", entry.low)
    return (
        f"near its {side} end {format_param(end)}: search {format_param(suggestion.low)} to "
        f"{format_param(suggestion.high)}"
    )
