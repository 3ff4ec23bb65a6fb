"""The search space: one entry for each hyperparameter."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sweep.definition.problem import format_value
from sweep.definition.settings import Scalar, Settings

if TYPE_CHECKING:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.trial import BaseTrial

# The distributions are imported where they are used: importing Optuna takes 0.35 s, and `sweep status` does
# not need them.


class IntEntry(Settings):
    """An integer between two bounds, which are included."""

    type: Literal["int"]
    low: int
    """The smallest value."""
    high: int
    """The largest value."""
    step: PositiveInt = 1
    """The distance between neighbouring values."""
    log: bool = False
    """Whether to sample from the logarithmic domain."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bounds(self.low, self.high, self.log)
        if self.step != 1:
            _check_step(self.low, self.high, self.step, self.log)
        return self

    def distribution(self) -> IntDistribution:
        """Return Optuna's distribution of the hyperparameter."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: BaseTrial, name: str) -> int:
        """Suggest a value for the hyperparameter of this name."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def contains(self, value: Scalar) -> bool:
        """Return whether the value can be suggested."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and _on_grid(value, self.low, self.step)
        )

    def num_values(self) -> int:
        """Return the number of values."""
        return (self.high - self.low) // self.step + 1

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step != 1 else ""
        return f"an integer from {self.low} to {self.high}{steps}"


class FloatEntry(Settings):
    """A floating-point number between two bounds, which are included."""

    type: Literal["float"]
    low: float
    """The smallest value."""
    high: float
    """The largest value."""
    step: PositiveFloat | None = None
    """The distance between neighbouring values. By default, every number between the bounds is allowed."""
    log: bool = False
    """Whether to sample from the logarithmic domain."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bounds(self.low, self.high, self.log)
        if self.step is not None:
            _check_step(self.low, self.high, self.step, self.log)
        return self

    def distribution(self) -> FloatDistribution:
        """Return Optuna's distribution of the hyperparameter."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def suggest(self, trial: BaseTrial, name: str) -> float:
        """Suggest a value for the hyperparameter of this name."""
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def contains(self, value: Scalar) -> bool:
        """Return whether the value can be suggested; integers are accepted as well."""
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (self.step is None or _on_grid(value, self.low, self.step))
        )

    def num_values(self) -> int | None:
        """Return the number of values; None if every number between different bounds is allowed."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return int((Fraction(str(self.high)) - Fraction(str(self.low))) / Fraction(str(self.step))) + 1

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step is not None else ""
        return f"a number from {self.low} to {self.high}{steps}"


class CategoricalEntry(Settings):
    """One value from a list."""

    type: Literal["categorical"]
    choices: tuple[Scalar, ...] = Field(min_length=1, strict=False)
    """The values, without duplicates."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Optuna compares choices with ==, by which 1, 1.0 and true are the same value.
        for index, choice in enumerate(self.choices):
            if choice in self.choices[:index]:
                equal = self.choices[self.choices.index(choice)]
                raise ValueError(
                    f"choices must differ, but {format_value(equal)} and {format_value(choice)} are equal"
                )
        return self

    def distribution(self) -> CategoricalDistribution:
        """Return Optuna's distribution of the hyperparameter."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.choices)

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        """Suggest a value for the hyperparameter of this name."""
        return trial.suggest_categorical(name, self.choices)

    def contains(self, value: Scalar) -> bool:
        """Return whether the value can be suggested. Unlike with ==, 1, 1.0 and true are different values."""
        return any(type(choice) is type(value) and choice == value for choice in self.choices)

    def num_values(self) -> int:
        """Return the number of values."""
        return len(self.choices)

    def __str__(self) -> str:
        return f"one of {', '.join(map(format_value, self.choices))}"


Entry = Annotated[IntEntry | FloatEntry | CategoricalEntry, Field(discriminator="type")]


def num_points(space: Mapping[str, Entry]) -> int | None:
    """Return the number of points of a search space; None if it is not finite."""
    numbers = [entry.num_values() for entry in space.values()]
    return None if None in numbers else prod(number or 0 for number in numbers)


def _check_bounds(low: float, high: float, log: bool) -> None:
    if low > high:
        raise ValueError(f'"low <= high" must hold, but got low={low}, high={high}')
    if log and low <= 0:
        raise ValueError(f'"low > 0" must hold with log: true, but got low={low}')


def _check_step(low: float, high: float, step: float, log: bool) -> None:
    if log:
        raise ValueError(f"step and log: true exclude each other, but got step={step}")
    if not _on_grid(high, low, step):
        raise ValueError(
            f"high must be a whole number of steps above low, but got low={low}, high={high}, step={step}"
        )


def _on_grid(value: float, low: float, step: float) -> bool:
    """Return whether the value is a whole number of steps above low, computed with decimal numbers."""
    return (Fraction(str(value)) - Fraction(str(low))) % Fraction(str(step)) == 0
