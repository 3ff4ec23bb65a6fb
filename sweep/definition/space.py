"""The search space: one entry for each hyperparameter."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, PositiveFloat, PositiveInt, Tag, model_validator

from sweep.definition.problem import format_value
from sweep.definition.settings import ParamName, Scalar, Settings, Value

if TYPE_CHECKING:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.trial import BaseTrial

# The distributions are imported where they are used: importing Optuna takes 0.35 s, and `sweep status` does
# not need them.


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _check_choice(value: object) -> object:
    if isinstance(value, list | tuple | Mapping):
        raise ValueError(  # noqa: TRY004 - for pydantic
            "must be a single value or have a label as in choices: {small: [64, 64]}"
        )
    return value


def _form_of_choices(choices: object) -> str:
    return "labelled" if isinstance(choices, Mapping) else "plain"


Accepted = Annotated[
    tuple[Scalar, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=Scalar | list[Scalar]),
    Field(min_length=1, strict=False),
]
Condition = dict[ParamName, Accepted]
"""For each of some other hyperparameters, the values with which a condition holds."""
Choice = Annotated[Scalar, BeforeValidator(_check_choice)]
Label = Annotated[str, Field(min_length=1)]
Choices = Annotated[
    Annotated[tuple[Choice, ...], Field(min_length=1, strict=False), Tag("plain")]
    | Annotated[dict[Label, Value], Field(min_length=1), Tag("labelled")],
    Discriminator(_form_of_choices),
]


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
    when: Condition = Field(default={})
    """Values of other hyperparameters, one or a list for each, with which a trial has this hyperparameter."""

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
    when: Condition = Field(default={})
    """Values of other hyperparameters, one or a list for each, with which a trial has this hyperparameter."""

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
    """One value from a list, or one of several values of any form that have labels.

    A label represents its value in Optuna, in points, conditions and reports. Trials receive the value.
    """

    type: Literal["categorical"]
    choices: Choices
    """The values without duplicates, as a list, or as a mapping of labels to lists, mappings or single
    values."""
    when: Condition = Field(default={})
    """Values of other hyperparameters, one or a list for each, with which a trial has this hyperparameter."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Optuna compares choices with ==, by which 1, 1.0 and true are the same value.
        names, values = list(self.names), [self.value(name) for name in self.names]
        for index, value in enumerate(values):
            if value in values[:index]:
                equal, name = names[values.index(value)], names[index]
                raise ValueError(
                    f"choices must differ, but {format_value(equal)} and {format_value(name)} are equal"
                )
        return self

    @property
    def names(self) -> tuple[Scalar, ...]:
        """The choices as points and reports name them: their labels, or the values themselves."""
        return tuple(self.choices)

    def value(self, name: Scalar) -> Any:
        """Return the value that trials receive for a choice; one that is not among the choices as it is."""
        if isinstance(self.choices, tuple) or not isinstance(name, str):
            return name
        return self.choices.get(name, name)

    @property
    def _in_optuna(self) -> tuple[Scalar, ...]:
        """The choices in an order that does not change: a database may store a mapping in another order."""
        return self.choices if isinstance(self.choices, tuple) else tuple(sorted(self.choices))

    def distribution(self) -> CategoricalDistribution:
        """Return Optuna's distribution of the hyperparameter."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self._in_optuna)

    def suggest(self, trial: BaseTrial, name: str) -> Scalar:
        """Suggest a value for the hyperparameter of this name."""
        return trial.suggest_categorical(name, self._in_optuna)

    def contains(self, value: Scalar) -> bool:
        """Return whether the value can be suggested. Unlike with ==, 1, 1.0 and true are different values."""
        return any(type(choice) is type(value) and choice == value for choice in self.names)

    def num_values(self) -> int:
        """Return the number of values."""
        return len(self.choices)

    def __str__(self) -> str:
        return f"one of {', '.join(map(format_value, self.names))}"


Entry = Annotated[IntEntry | FloatEntry | CategoricalEntry, Field(discriminator="type")]


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
