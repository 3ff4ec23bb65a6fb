"""The hyperparameters that trials of a study can be expected to have, before the first is proposed."""

from collections.abc import Iterator, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from sweep.definition.conditions import present_params, requirements
from sweep.definition.space import CategoricalEntry, Entry
from sweep.definition.study import Study

NUM_SAMPLED = 30
SEED = 0


def foreseeable_params(study: Study) -> Iterator[dict[str, Any]]:
    """Yield sets of hyperparameters, each with the study's fixed values.

    They are the enqueued points, the corners at which all hyperparameters are lowest or highest, also with
    the condition of each conditional hyperparameter met, each choice of a categorical hyperparameter, and
    random points of the space.
    """
    for point in _points(study):
        yield study.params(present_params(study.space, point))


def _points(study: Study) -> Iterator[Mapping[str, Any]]:
    """Yield values of all hyperparameters, including those whose conditions do not hold."""
    space = study.space
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions: dict[str, BaseDistribution] = {name: entry.distribution() for name, entry in space.items()}
    sampled = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
    random_points = [sampled.ask(distributions).params for _ in range(NUM_SAMPLED if distributions else 1)]
    optuna.logging.set_verbosity(verbosity)
    for point in study.enqueue:
        yield {**random_points[0], **point}
    lowest, highest = ({name: _bounds(entry)[side] for name, entry in space.items()} for side in (0, 1))
    yield from (lowest, highest)
    for name, entry in space.items():
        met = {parent: values[0] for parent, values in requirements(space, name).items()}
        if met:
            yield from ({**lowest, **met}, {**highest, **met})
        if isinstance(entry, CategoricalEntry):
            yield from ({**random_points[0], **met, name: choice} for choice in entry.names)
    yield from random_points


def _bounds(entry: Entry) -> tuple[Any, Any]:
    if isinstance(entry, CategoricalEntry):
        return entry.names[0], entry.names[-1]
    return entry.low, entry.high
