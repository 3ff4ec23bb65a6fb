"""Pruner: when a trial that does badly is stopped before its last epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, assert_never

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from sweep.definition.settings import Settings

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class NoPruning(Settings):
    """Every trial trains to its last epoch."""

    name: Literal["none"]


class Median(Settings):
    """Stop a trial whose best value so far is worse than the median of the others at that epoch."""

    name: Literal["median"]
    startup_trials: NonNegativeInt = 5
    """Stop none before this many trials are complete."""
    warmup_epochs: NonNegativeInt = 0
    """Stop none before the epoch of this number."""
    every_epochs: PositiveInt = 1
    """Compare only every so many epochs."""


class SuccessiveHalving(Settings):
    """At epochs that grow by a factor, let the best fraction of the trials go on (ASHA)."""

    name: Literal["successive_halving"]
    min_epochs: PositiveInt | None = None
    """Epoch of the first comparison; by default a hundredth of the first complete trial's epochs."""
    reduction_factor: int = Field(default=4, ge=2)
    """Let one in so many go on; the epochs to the next comparison grow by the same factor."""


class Hyperband(Settings):
    """Successive halving from several first epochs at once, for studies of some hundred trials."""

    name: Literal["hyperband"]
    min_epochs: PositiveInt = 1
    """Epoch of the earliest comparison."""
    max_epochs: PositiveInt | None = None
    """Epochs of a whole trial; by default those of the first complete one, until when none is stopped."""
    reduction_factor: int = Field(default=3, ge=2)
    """Let one in so many go on; the epochs to the next comparison grow by the same factor."""

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
    """Make Optuna's pruner; its steps are the epochs that a trial reports."""
    # Imported here: Optuna takes 0.35 s, and `sweep status` needs none of it.
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
