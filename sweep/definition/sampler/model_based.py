"""Samplers that model the objective as a function of the hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import NonNegativeInt, PositiveInt, model_validator

from sweep.definition.required_package import RequiredPackage
from sweep.definition.sampler.sampler_settings import SamplerSettings

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class TPE(SamplerSettings):
    """Tree-structured Parzen estimator, which models the values of good and bad trials."""

    name: Literal["tpe"]
    startup_trials: NonNegativeInt = 10
    """Number of trials with random values before the model is used."""
    multivariate: bool = True
    """Whether to model the hyperparameters jointly instead of independently."""
    group: bool = False
    """Whether to model the hyperparameters in groups that occur in the same trials."""
    constant_liar: bool = True
    """Whether to treat running trials as bad ones, so that parallel trials differ more."""
    ei_candidates: PositiveInt = 24
    """Number of candidates, of which the one with the highest expected improvement is proposed."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.group and not self.multivariate:
            raise ValueError("group: true needs multivariate: true")
        return self

    def _make(self, number: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(
            seed=self.seed_of(number),
            n_startup_trials=self.startup_trials,
            multivariate=self.multivariate,
            group=self.group,
            constant_liar=self.constant_liar,
            n_ei_candidates=self.ei_candidates,
        )


class GP(SamplerSettings):
    """Gaussian process, which needs few trials but several seconds for a proposal after some hundreds."""

    required_packages: ClassVar = (
        RequiredPackage("torch", "PyTorch", "gp"),
        RequiredPackage("scipy", "SciPy", "gp"),
    )

    name: Literal["gp"]
    startup_trials: NonNegativeInt = 10
    """Number of trials with random values before the model is used."""
    deterministic_objective: bool = False
    """Whether the objective has no noise."""

    def _make(self, number: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(
            seed=self.seed_of(number),
            n_startup_trials=self.startup_trials,
            deterministic_objective=self.deterministic_objective,
            warn_independent_sampling=False,
        )
