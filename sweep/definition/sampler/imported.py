"""Samplers of other packages: a class of an installed package, or a package of OptunaHub."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from sweep.definition.required_package import RequiredPackage
from sweep.definition.sampler.sampler_settings import SamplerSettings
from sweep.definition.settings import HUB_PATH, DottedPath

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class _ImportedSampler(SamplerSettings):
    """A sampler class that is imported."""

    keeps_state: ClassVar[bool] = True

    arguments: dict[str, Any] = Field(default={})
    """Arguments of the class. The seed is added if the class has an argument `seed`."""

    def _instance(self, module: object, name: str, number: int) -> BaseSampler:
        """Return an instance of a class of a module.

        Raises:
            TypeError: If the class is missing or is not a sampler, or if the arguments are wrong.
        """
        from optuna.samplers import BaseSampler

        found = getattr(module, name, None)
        if not (isinstance(found, type) and issubclass(found, BaseSampler)):
            raise TypeError(f"{name} is not a class that derives from optuna.samplers.BaseSampler")
        arguments = dict(self.arguments)
        if "seed" in inspect.signature(found).parameters:
            arguments.setdefault("seed", self.seed_of(number))
        return found(**arguments)


class CustomSampler(_ImportedSampler):
    """Sampler class of an installed package."""

    name: Literal["custom"]
    path: DottedPath
    """The class, as package.module:Class. It derives from optuna.samplers.BaseSampler."""

    def _make(self, number: int) -> BaseSampler:
        module, _, name = self.path.partition(":")
        return self._instance(import_module(module), name, number)


class OptunaHub(_ImportedSampler):
    """Sampler of OptunaHub."""

    required_packages: ClassVar = (RequiredPackage("optunahub", "OptunaHub", "optunahub"),)

    name: Literal["optunahub"]
    path: Annotated[str, Field(pattern=HUB_PATH)]
    """The class, as samplers/PACKAGE:Class."""
    registry: str | None = Field(default=None, min_length=1)
    """Folder of a local registry, whose packages are in folders such as samplers/PACKAGE. Without it,
    OptunaHub loads the package from GitHub unless it has loaded it before."""

    def _make(self, number: int) -> BaseSampler:
        optunahub = import_module("optunahub")
        package, _, name = self.path.partition(":")
        if self.registry is None:
            module = optunahub.load_module(package)
        else:
            module = optunahub.load_local_module(package, registry_root=self.registry)
        return self._instance(module, name, number)
