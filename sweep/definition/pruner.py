"""Pruners, which stop unpromising trials before their last epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, assert_never

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from sweep.definition.settings import Settings

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class NoPruning(Settings):
    """No trial is pruned."""

    name: Literal["none"]


class Median(Settings):
    """Prune a trial if its best value so far is worse than the median of earlier trials at the same epoch."""

    name: Literal["median"]
    startup_trials: NonNegativeInt = 5
    """Number of complete trials before the first trial is pruned."""
    warmup_epochs: NonNegativeInt = 0
    """First epoch at which a trial may be pruned."""
    every_epochs: PositiveInt = 1
    """Number of epochs between two comparisons."""


class SuccessiveHalving(Settings):
    """Asynchronous successive halving (ASHA): at epochs that grow by a factor, keep the best trials."""

    name: Literal["successive_halving"]
    min_epochs: PositiveInt | None = None
    """Epoch of the first comparison. The default is a hundredth of the epochs of the first complete trial."""
    reduction_factor: int = Field(default=4, ge=2)
    """One in this number of trials continues; the epochs between comparisons grow by the same factor."""


class Hyperband(Settings):
    """Successive halving with several values of the first epoch, for studies of several hundred trials."""

    name: Literal["hyperband"]
    min_epochs: PositiveInt = 1
    """Epoch of the earliest comparison."""
    max_epochs: PositiveInt | None = None
    """Number of epochs of a trial. By default, the first complete trial determines it."""
    reduction_factor: int = Field(default=3, ge=2)
    """One in this number of trials continues; the epochs between comparisons grow by the same factor."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_epochs is not None and self.min_epochs > self.max_epochs:
            raise ValueError(
                '"min_epochs <= max_epochs" must hold, '
                f"but got min_epochs={self.min_epochs}, max_epochs={self.max_epochs}"
            )
        return self


Pruner = Annotated[NoPruning | Median | SuccessiveHalving | Hyperband, Field(discriminator="name")]


def make_pruner(pruner: Pruner) -> BasePruner:
    """Return Optuna's pruner, whose steps are the epochs that a trial reports."""
    # Imported here because importing Optuna takes 0.35 s, and `sweep status` does not need its pruners.
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

    match pruner:
        case NoPruning():
            return NopPruner()
        case Median():
            return MedianPruner(
                n_startup_trials=pruner.startup_trials,
                n_warmup_steps=pruner.warmup_epochs,
                interval_steps=pruner.every_epochs,
            )
        case SuccessiveHalving():
            return SuccessiveHalvingPruner(
                min_resource=pruner.min_epochs or "auto", reduction_factor=pruner.reduction_factor
            )
        case Hyperband():
            return HyperbandPruner(
                min_resource=pruner.min_epochs,
                max_resource=pruner.max_epochs or "auto",
                reduction_factor=pruner.reduction_factor,
            )
        case _:
            assert_never(pruner)
