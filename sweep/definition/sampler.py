"""Samplers, which propose the hyperparameters of the next trial."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

from pydantic import Field, NonNegativeInt

from sweep.definition.settings import Settings

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class TPE(Settings):
    """Tree-structured Parzen estimator, which models the values of good and bad trials."""

    name: Literal["tpe"]
    seed: Seed = 0
    """Seed of the random number generator."""
    startup_trials: NonNegativeInt = 10
    """Number of trials with random values before the model is used."""
    multivariate: bool = True
    """Whether to model the hyperparameters jointly instead of independently."""
    constant_liar: bool = True
    """Whether to treat running trials as bad ones, so that parallel trials differ more."""


class Random(Settings):
    """Independent random values."""

    name: Literal["random"]
    seed: Seed = 0
    """Seed of the random number generator."""


class QMC(Settings):
    """Scrambled Sobol points, which are random and cover the space evenly."""

    name: Literal["qmc"]
    seed: Seed = 0
    """Seed of the random number generator."""


Sampler = Annotated[TPE | Random | QMC, Field(discriminator="name")]

SINGLE_OBJECTIVE = frozenset({"cmaes"})
"""The names of the samplers that raise an error if a study has several objectives."""
WITHOUT_CONSTRAINTS = frozenset({"cmaes"})
"""The names of the samplers that model the objective and ignore constraints."""


def make_sampler(sampler: Sampler, num_asked: int = 0) -> BaseSampler:
    """Return Optuna's sampler.

    The seed depends on the number of trials, because a relaunched study would otherwise propose its first
    trials again.

    Args:
        sampler: The settings.
        num_asked: The number of trials that the study already has.
    """
    # Imported here because importing Optuna takes 0.35 s, and `sweep status` does not need its samplers.
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import QMCSampler, RandomSampler, TPESampler

    seed = sampler.seed + num_asked
    match sampler:
        case TPE():
            return TPESampler(
                seed=seed,
                n_startup_trials=sampler.startup_trials,
                multivariate=sampler.multivariate,
                constant_liar=sampler.constant_liar,
            )
        case Random():
            return RandomSampler(seed=seed)
        case QMC():
            # The seed of the sequence must not change, because Optuna stores the position in the sequence.
            # The independent sampler proposes categorical hyperparameters and the first trial.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                return QMCSampler(
                    scramble=True,
                    seed=sampler.seed,
                    independent_sampler=RandomSampler(seed=seed),
                    warn_independent_sampling=False,
                )
        case _:
            assert_never(sampler)
