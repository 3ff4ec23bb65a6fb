"""What all samplers of a study file have in common."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from sweep.definition.required_package import RequiredPackage
from sweep.definition.settings import Settings
from sweep.definition.space import Entry

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

# Samplers are imported where they are made: importing Optuna takes 0.35 s, and `sweep status` does not need
# them.

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Share = Annotated[float, Field(ge=0, le=1)]
"""A probability."""


class SamplerSettings(Settings, ABC):
    """Base class of the settings of samplers."""

    required_packages: ClassVar[tuple[RequiredPackage, ...]] = ()
    keeps_state: ClassVar[bool] = False
    """Whether one sampler proposes all trials of a launch because it may keep what it has learnt in memory.

    The other samplers are made again for each trial. Their proposals depend on the recorded trials only, and
    thus are the same whether the launcher was interrupted before or not.
    """

    supports_several_objectives: ClassVar[bool] = True
    considers_constraints: ClassVar[bool] = True
    """Whether constraints are respected, or the points are chosen beforehand."""

    name: Any
    seed: Seed = 0
    """Seed of the random number generator."""

    def make(self, number: int) -> BaseSampler:
        """Return Optuna's sampler for the trial of this number.

        A sampler that keeps its state proposes this trial and all later ones.
        """
        from optuna.exceptions import ExperimentalWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self._make(number)

    @abstractmethod
    def _make(self, number: int) -> BaseSampler:
        """Return Optuna's sampler for the trial of this number."""

    def problems(self, space: Mapping[str, Entry]) -> Iterator[str]:
        """Find the reasons why the sampler is not suitable for a search space."""
        yield from ()

    def check_packages(self, study: str) -> None:
        """Check that the packages that the sampler needs are installed.

        Args:
            study: The name of the study, for the message.

        Raises:
            MissingPackageError: If a package is not installed.
        """
        for package in self.required_packages:
            package.check(f"study {study}: the proposals of the sampler {self.name}")

    def seed_of(self, number: int) -> int:
        """Return a seed for the trial of this number, which is derived from the sampler's seed."""
        import numpy as np

        return int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
