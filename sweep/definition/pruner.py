"""Pruners, which stop unpromising trials before their last epoch.

Each pruner of a study file is one class: its keys are the fields, and `make` returns Optuna's pruner, whose
steps are the epochs that a trial reports.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from sweep.definition.required_package import RequiredPackage
from sweep.definition.settings import Settings

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

# Pruners are imported where they are made: importing Optuna takes 0.35 s, and `sweep status` does not need
# them.


class OtherMetric(NamedTuple):
    """A metric other than the objective by which trials are judged, and its direction."""

    name: str
    direction: Literal["maximize", "minimize"]


class PrunerSettings(Settings, ABC):
    """Base class of the settings of pruners."""

    required_packages: ClassVar[tuple[RequiredPackage, ...]] = ()

    name: Any

    def make(self) -> BasePruner:
        """Return Optuna's pruner."""
        from optuna.exceptions import ExperimentalWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self._make()

    @abstractmethod
    def _make(self) -> BasePruner: ...

    def judged_metric(self, objective: str) -> str | None:
        """Return the metric by which trials are judged, None if no trial is judged."""
        return None

    def other_metric(self) -> OtherMetric | None:
        """Return the metric by which trials are judged if it is not the objective."""
        return None

    def check_packages(self, study: str) -> None:
        """Check that the packages that the pruner needs are installed.

        Args:
            study: The name of the study, for the message.

        Raises:
            MissingPackageError: If a package is not installed.
        """
        for package in self.required_packages:
            package.check(f"study {study}: the comparisons of the pruner {self.name}")


class NoPruning(PrunerSettings):
    """No trial is pruned."""

    name: Literal["none"]

    def _make(self) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()


class JudgingPruner(PrunerSettings):
    """Base class of the pruners that judge trials by a metric."""

    metric: str | None = Field(default=None, min_length=1)
    """Reported metric by which trials are judged. The default is the objective."""
    direction: Literal["maximize", "minimize"] | None = None
    """Direction in which that metric is better."""

    @model_validator(mode="after")
    def _check_direction(self) -> Self:
        if (self.metric is None) != (self.direction is None):
            raise ValueError("metric and direction must be given together")
        return self

    def judged_metric(self, objective: str) -> str | None:
        """Return the metric by which trials are judged."""
        return self.metric or objective

    def other_metric(self) -> OtherMetric | None:
        """Return the metric by which trials are judged if it is not the objective."""
        if self.metric is None or self.direction is None:
            return None
        return OtherMetric(self.metric, self.direction)


class Percentile(JudgingPruner):
    """Prune a trial if its best value so far is not in a percentile of earlier trials at the same epoch."""

    name: Literal["percentile"]
    percentile: float = Field(ge=0, le=100)
    """Percentage of the trials that are kept: 25 keeps the best quarter."""
    startup_trials: NonNegativeInt = 5
    """Number of complete trials before the first trial is pruned."""
    warmup_epochs: NonNegativeInt = 0
    """First epoch at which a trial may be pruned."""
    every_epochs: PositiveInt = 1
    """Number of epochs between two comparisons."""
    min_trials: PositiveInt = 1
    """Number of complete trials that must have reported the epoch of a comparison."""

    def _make(self) -> BasePruner:
        from optuna.pruners import PercentilePruner

        return PercentilePruner(
            self.percentile,
            n_startup_trials=self.startup_trials,
            n_warmup_steps=self.warmup_epochs,
            interval_steps=self.every_epochs,
            n_min_trials=self.min_trials,
        )


class Median(JudgingPruner):
    """Prune a trial if its best value so far is worse than the median of earlier trials at the same epoch."""

    name: Literal["median"]
    startup_trials: NonNegativeInt = 5
    """Number of complete trials before the first trial is pruned."""
    warmup_epochs: NonNegativeInt = 0
    """First epoch at which a trial may be pruned."""
    every_epochs: PositiveInt = 1
    """Number of epochs between two comparisons."""
    min_trials: PositiveInt = 1
    """Number of complete trials that must have reported the epoch of a comparison."""

    def _make(self) -> BasePruner:
        from optuna.pruners import MedianPruner

        return MedianPruner(
            n_startup_trials=self.startup_trials,
            n_warmup_steps=self.warmup_epochs,
            interval_steps=self.every_epochs,
            n_min_trials=self.min_trials,
        )


class SuccessiveHalving(JudgingPruner):
    """Asynchronous successive halving (ASHA): at epochs that grow by a factor, keep the best trials."""

    name: Literal["successive_halving"]
    min_epochs: PositiveInt | None = None
    """Epoch of the first comparison. The default is a hundredth of the epochs of the first complete trial."""
    reduction_factor: int = Field(default=4, ge=2)
    """One in this number of trials continues; the epochs between comparisons grow by the same factor."""

    def _make(self) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner

        return SuccessiveHalvingPruner(
            min_resource=self.min_epochs or "auto", reduction_factor=self.reduction_factor
        )


class Hyperband(JudgingPruner):
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

    def _make(self) -> BasePruner:
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(
            min_resource=self.min_epochs,
            max_resource=self.max_epochs or "auto",
            reduction_factor=self.reduction_factor,
        )


class Threshold(JudgingPruner):
    """Prune a trial as soon as its value is not a number or is outside of bounds."""

    name: Literal["threshold"]
    lower: float | None = None
    """Smallest value at which a trial continues."""
    upper: float | None = None
    """Largest value at which a trial continues."""
    warmup_epochs: NonNegativeInt = 0
    """First epoch at which a trial may be pruned."""
    every_epochs: PositiveInt = 1
    """Number of epochs between two comparisons."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.lower is None and self.upper is None:
            raise ValueError(
                "lower or upper is required: the bounds of the values at which a trial continues"
            )
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(
                f'"lower <= upper" must hold, but got lower={self.lower:g}, upper={self.upper:g}'
            )
        return self

    def _make(self) -> BasePruner:
        from optuna.pruners import ThresholdPruner

        return ThresholdPruner(
            lower=self.lower,
            upper=self.upper,
            n_warmup_steps=self.warmup_epochs,
            interval_steps=self.every_epochs,
        )


class Wilcoxon(JudgingPruner):
    """Prune a trial if a signed-rank test finds its values worse than those of the best trial.

    It suits objectives that are the mean of the values, such as the folds of a cross-validation.
    """

    required_packages: ClassVar = (RequiredPackage("scipy", "SciPy", "statistics"),)

    name: Literal["wilcoxon"]
    p_threshold: float = Field(default=0.1, ge=0, le=1)
    """Probability of error below which a trial is pruned. More trials are pruned with a larger one."""
    startup_epochs: NonNegativeInt = 2
    """Number of epochs before the first comparison."""

    def _make(self) -> BasePruner:
        from optuna.pruners import WilcoxonPruner

        return WilcoxonPruner(p_threshold=self.p_threshold, n_startup_steps=self.startup_epochs)


Judge = Annotated[
    Median | Percentile | SuccessiveHalving | Hyperband | Threshold | Wilcoxon, Field(discriminator="name")
]
"""A pruner that judges the values of trials."""


class Patient(JudgingPruner):
    """Prune a trial only if its value has not improved for a number of epochs."""

    name: Literal["patient"]
    patience: NonNegativeInt
    """Number of epochs without an improvement after which a trial may be pruned."""
    min_delta: NonNegativeFloat = 0.0
    """Change of the value that does not count as a deterioration."""
    pruner: Judge | None = None
    """Pruner that judges these trials. Without it, all of them are pruned."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pruner is not None and self.pruner.metric is not None:
            raise ValueError("pruner.metric and pruner.direction belong beside patience")
        return self

    def _make(self) -> BasePruner:
        from optuna.pruners import PatientPruner

        wrapped = None if self.pruner is None else self.pruner.make()
        return PatientPruner(wrapped, patience=self.patience, min_delta=self.min_delta)

    def check_packages(self, study: str) -> None:
        """Check that the packages of the other pruner are installed."""
        if self.pruner is not None:
            self.pruner.check_packages(study)


Pruner = Annotated[
    NoPruning | Median | Percentile | SuccessiveHalving | Hyperband | Threshold | Wilcoxon | Patient,
    Field(discriminator="name"),
]
