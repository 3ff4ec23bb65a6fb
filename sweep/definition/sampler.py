"""Sampler: how the next trial's hyperparameters are proposed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

from pydantic import Field, NonNegativeInt

from sweep.definition.settings import Settings

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class TPE(Settings):
    """Tree-structured Parzen estimator: learns from finished trials where the good values lie."""

    name: Literal["tpe"]
    seed: Seed = 0
    """Seed of the proposals."""
    startup_trials: NonNegativeInt = 10
    """Propose this many trials at random before learning from them."""
    multivariate: bool = True
    """Learn the hyperparameters together instead of one by one."""
    constant_liar: bool = True
    """Count running trials as bad ones, so that parallel trials spread out."""


class Random(Settings):
    """Independent random values."""

    name: Literal["random"]
    seed: Seed = 0
    """Seed of the proposals."""


class QMC(Settings):
    """Scrambled Sobol points: random values that cover the space evenly."""

    name: Literal["qmc"]
    seed: Seed = 0
    """Seed of the proposals."""


Sampler = Annotated[TPE | Random | QMC, Field(discriminator="name")]


def make_sampler(sampler: Sampler, num_asked: int = 0) -> BaseSampler:
    """Make Optuna's sampler; `num_asked` is how many trials the study has already.

    A study that goes on after its launcher ended draws from another seed, because the same one would
    propose the first trials once more.
    """
    # Imported here: Optuna takes 0.35 s, and `sweep status` needs none of it.
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
            # The study's own seed: Optuna keeps the place in the sequence in the database. It fills the
            # categorical parameters and the first trial from a random sampler, which may differ.
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
