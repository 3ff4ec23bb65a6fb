"""Samplers that evolve a population of trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from sweep.definition.required_package import RequiredPackage
from sweep.definition.sampler.sampler_settings import SamplerSettings, Share
from sweep.definition.space import CategoricalEntry, Entry

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

CROSSOVERS = {
    "uniform": "UniformCrossover",
    "blxalpha": "BLXAlphaCrossover",
    "spx": "SPXCrossover",
    "sbx": "SBXCrossover",
    "vsbx": "VSBXCrossover",
    "undx": "UNDXCrossover",
}
"""Optuna's class of each crossover, by its name in study files."""
CROSSOVERS_OF_THREE = {"spx", "undx"}
"""The crossovers that combine three parents instead of two."""


class CMAES(SamplerSettings):
    """Covariance matrix adaptation evolution strategy, for numbers; categorical values are random."""

    required_packages: ClassVar = (RequiredPackage("cmaes", "the package cmaes", "cmaes"),)
    supports_several_objectives: ClassVar = False
    considers_constraints: ClassVar = False

    name: Literal["cmaes"]
    startup_trials: NonNegativeInt = 1
    """Number of trials with random values before the strategy begins."""
    population_size: int | None = Field(default=None, ge=2)
    """Number of trials of a generation. The default depends on the number of hyperparameters."""
    consider_pruned_trials: bool = False
    """Whether pruned trials count, with the objective of their last epoch."""
    use_separable_cma: bool = False
    """Whether the covariance matrix is diagonal, which suits many hyperparameters."""
    with_margin: bool = False
    """Whether to keep a probability for each neighbouring value of integers and of numbers with a step."""
    lr_adapt: bool = False
    """Whether to adapt the learning rate, which suits objectives with noise or several optima."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        variants = [key for key in ("use_separable_cma", "with_margin", "lr_adapt") if getattr(self, key)]
        if len(variants) > 1:
            raise ValueError(f"{' and '.join(variants)} exclude each other: set one of them")
        return self

    def problems(self, space: Mapping[str, Entry]) -> Iterator[str]:
        """Find the reasons why the sampler is not suitable for a search space."""
        if space and all(isinstance(entry, CategoricalEntry) for entry in space.values()):
            yield (
                "cmaes optimizes numbers, but all hyperparameters of space are categorical; use tpe, or grid "
                "to evaluate all combinations"
            )

    def _make(self, number: int) -> BaseSampler:
        from optuna.samplers import CmaEsSampler

        return CmaEsSampler(
            seed=self.seed_of(number),
            n_startup_trials=self.startup_trials,
            popsize=self.population_size,
            consider_pruned_trials=self.consider_pruned_trials,
            use_separable_cma=self.use_separable_cma,
            with_margin=self.with_margin,
            lr_adapt=self.lr_adapt,
            warn_independent_sampling=False,
        )


class _Genetic(SamplerSettings):
    """The keys that both genetic algorithms have."""

    population_size: int = Field(default=50, ge=2)
    """Number of trials of a generation. The trials of the first generation are random."""
    mutation_prob: Share | None = None
    """Probability that a hyperparameter mutates. The default is one divided by their number."""
    crossover: Literal["uniform", "blxalpha", "spx", "sbx", "vsbx", "undx"] = "uniform"
    """How the numbers of the parents are combined. Categorical values are always combined uniformly."""
    crossover_prob: Share = 0.9
    """Probability that a trial has several parents."""
    swapping_prob: Share = 0.5
    """Probability that the uniform crossover swaps a hyperparameter of the parents."""

    @model_validator(mode="after")
    def _check_population(self) -> Self:
        if self.crossover in CROSSOVERS_OF_THREE and self.population_size < 3:
            raise ValueError(f"the crossover {self.crossover} needs a population_size of at least 3")
        return self

    def _arguments(self, number: int) -> dict[str, Any]:
        """Return the arguments that both of Optuna's samplers have."""
        from optuna.samplers import nsgaii

        if self.crossover == "uniform":
            crossover = nsgaii.UniformCrossover(self.swapping_prob)
        else:
            crossover = getattr(nsgaii, CROSSOVERS[self.crossover])()
        return {
            "seed": self.seed_of(number),
            "population_size": self.population_size,
            "mutation_prob": self.mutation_prob,
            "crossover": crossover,
            "crossover_prob": self.crossover_prob,
            "swapping_prob": self.swapping_prob,
        }


class NSGAII(_Genetic):
    """Genetic algorithm NSGA-II, for two or three objectives and several hundred trials."""

    name: Literal["nsgaii"]

    def _make(self, number: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(**self._arguments(number))


class NSGAIII(_Genetic):
    """Genetic algorithm NSGA-III, for four or more objectives and several hundred trials."""

    name: Literal["nsgaiii"]
    dividing_parameter: PositiveInt = 3
    """Number of parts into which each objective is divided to determine the reference points."""

    def _make(self, number: int) -> BaseSampler:
        from optuna.samplers import NSGAIIISampler

        return NSGAIIISampler(**self._arguments(number), dividing_parameter=self.dividing_parameter)
