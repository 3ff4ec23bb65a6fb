"""Pairs of metrics that measure the same on training and on validation data, recognized by their names."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_TRAIN = re.compile(r"(?:train|training)[_/](.+)")
_VALIDATION = re.compile(r"(?:val|valid|validation)[_/](.+)")


class MetricPair(NamedTuple):
    """A metric on both splits.

    Attributes:
        base: Its name without the split.
        train: Its name on training data.
        validation: Its name on validation data.
    """

    base: str
    train: str
    validation: str


def metric_pairs(metrics: Iterable[str]) -> list[MetricPair]:
    """Return the pairs among metrics in the order in which one metric of each pair occurs first.

    The prefixes `train`, `training`, `val`, `valid` and `validation` are recognized before `_` and `/`. As in
    Keras, a metric without a prefix belongs to the training data if there is no other one.
    """
    names = list(dict.fromkeys(metrics))
    train = {match[1]: name for name in reversed(names) if (match := _TRAIN.fullmatch(name))}
    validation = {match[1]: name for name in reversed(names) if (match := _VALIDATION.fullmatch(name))}
    pairs = [
        MetricPair(base, train.get(base, base), name)
        for base, name in validation.items()
        if base in train or base in names
    ]
    return sorted(pairs, key=lambda pair: min(names.index(pair.train), names.index(pair.validation)))


def without_split(metric: str) -> str:
    """Return the name of a metric without the prefix of its split."""
    match = _TRAIN.fullmatch(metric) or _VALIDATION.fullmatch(metric)
    return match[1] if match else metric
