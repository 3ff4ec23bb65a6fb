"""Search space: one entry per hyperparameter, each an Optuna distribution."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sweep.definition.problem import shown
from sweep.definition.settings import Scalar, Settings

if TYPE_CHECKING:
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

# Optuna is imported where it is used: it takes 0.35 s, and `sweep status` needs none of it.


class IntEntry(Settings):
    """A whole number between two bounds, both included."""

    type: Literal["int"]
    low: int
    """Smallest value."""
    high: int
    """Largest value."""
    step: PositiveInt = 1
    """Distance between neighbouring values."""
    log: bool = False
    """Sample the logarithm evenly instead of the value."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bounds(self.low, self.high, self.log)
        if self.step != 1:
            _check_step(self.low, self.high, self.step, self.log)
        return self

    def distribution(self) -> IntDistribution:
        """Make Optuna's form of this entry."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def contains(self, value: Scalar) -> bool:
        """Whether a trial could get this value."""
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and _on_grid(value, self.low, self.step)
        )

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step != 1 else ""
        return f"a whole number from {self.low} to {self.high}{steps}"


class FloatEntry(Settings):
    """A number between two bounds, both included."""

    type: Literal["float"]
    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    step: PositiveFloat | None = None
    """Distance between neighbouring values; without it, every value between the bounds."""
    log: bool = False
    """Sample the logarithm evenly instead of the value."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bounds(self.low, self.high, self.log)
        if self.step is not None:
            _check_step(self.low, self.high, self.step, self.log)
        return self

    def distribution(self) -> FloatDistribution:
        """Make Optuna's form of this entry."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def contains(self, value: Scalar) -> bool:
        """Whether a trial could get this value; a whole number counts as a number."""
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (self.step is None or _on_grid(value, self.low, self.step))
        )

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step is not None else ""
        return f"a number from {self.low} to {self.high}{steps}"


class CategoricalEntry(Settings):
    """One of a list of values."""

    type: Literal["categorical"]
    choices: tuple[Scalar, ...] = Field(min_length=1, strict=False)
    """The values, each given once."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # By Python's equality, where 1, 1.0 and true are one value: Optuna tells choices apart by it.
        for index, choice in enumerate(self.choices):
            if choice in self.choices[:index]:
                twin = self.choices[self.choices.index(choice)]
                raise ValueError(f"choices must differ, but {shown(twin)} and {shown(choice)} are equal")
        return self

    def distribution(self) -> CategoricalDistribution:
        """Make Optuna's form of this entry."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.choices)

    def contains(self, value: Scalar) -> bool:
        """Whether a trial could get this value; 1, 1.0 and true are three values here."""
        return any(type(choice) is type(value) and choice == value for choice in self.choices)

    def __str__(self) -> str:
        return f"one of {', '.join(map(shown, self.choices))}"


Entry = Annotated[IntEntry | FloatEntry | CategoricalEntry, Field(discriminator="type")]


def distributions(space: Mapping[str, Entry]) -> dict[str, BaseDistribution]:
    """Make the distributions that `optuna.Study.ask` takes."""
    return {name: entry.distribution() for name, entry in space.items()}


def _check_bounds(low: float, high: float, log: bool) -> None:
    if low > high:
        raise ValueError(f'"low <= high" must hold, but got low={low}, high={high}')
    if log and low <= 0:
        raise ValueError(f'"low > 0" must hold with log: true, but got low={low}')


def _check_step(low: float, high: float, step: float, log: bool) -> None:
    if log:
        raise ValueError(f"step and log: true exclude each other, but got step={step}")
    if not _on_grid(high, low, step):
        raise ValueError(f"high must be whole steps above low, but got low={low}, high={high}, step={step}")


def _on_grid(value: float, low: float, step: float) -> bool:
    """Whether a value is whole steps above low, with 0.1 taken for a tenth, not for its nearest float."""
    return (Fraction(str(value)) - Fraction(str(low))) % Fraction(str(step)) == 0
