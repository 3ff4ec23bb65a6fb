"""Samplers that do not learn from the results of trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sweep.definition.required_package import RequiredPackage
from sweep.definition.sampler.sampler_settings import SamplerSettings
from sweep.definition.space import Entry

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Random(SamplerSettings):
    """Independent random values."""

    name: Literal["random"]

    def _make(self, number: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=self.seed_of(number))


class QMC(SamplerSettings):
    """Scrambled Sobol points, which are random and cover the space evenly."""

    required_packages: ClassVar = (RequiredPackage("scipy", "SciPy", "statistics"),)

    name: Literal["qmc"]

    def _make(self, number: int) -> BaseSampler:
        """Return a sampler that proposes the point of the sequence that the trial's number determines.

        Optuna would store the position in the sequence before the proposal, so that an interruption between
        the two would skip a point.
        """
        from optuna.samplers import QMCSampler, RandomSampler

        class NumberedQMCSampler(QMCSampler):
            def _find_sample_id(self, study: Any, search_space: Any) -> int:
                return max(number - 1, 0)  # the first trial is proposed by the independent sampler

        return NumberedQMCSampler(
            scramble=True,
            seed=self.seed,
            independent_sampler=RandomSampler(seed=self.seed_of(number)),
            warn_independent_sampling=False,
        )


class Grid(SamplerSettings):
    """Every combination of the values once, in random order. The default of `trials` is their number."""

    name: Literal["grid"]

    def problems(self, space: Mapping[str, Entry]) -> Iterator[str]:
        """Find the reasons why the sampler is not suitable for a search space."""
        for name, entry in space.items():
            if entry.num_values() is None:
                yield (
                    f"grid needs a finite number of values, but {name} is {entry}; give it a step or make it "
                    "categorical, or use qmc, which covers the space evenly"
                )

    def _make(self, number: int) -> BaseSampler:
        """Return a sampler that proposes a point that no trial has, including failed and running trials."""
        from optuna.samplers import BruteForceSampler

        return BruteForceSampler(seed=self.seed_of(number))
