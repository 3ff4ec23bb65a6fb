"""The trial that an objective function of Optuna receives, without Optuna on the node.

The launcher has asked Optuna for the hyperparameters before. `suggest_float` and its siblings return them,
after they have compared the ranges of the objective function with those of the study file.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

from sweep.states import Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import TrialSpec
from sweep.worker.epoch_numbering import EpochNumbering
from sweep.worker.trial import StopRequested, Trial

PRUNED = "TrialPruned"
"""The name of the exception by which an objective function ends a trial that should be pruned."""


class SpaceMismatchError(ValueError):
    """Raised if an objective function suggests a hyperparameter differently than the study file does."""


class OptunaTrial:
    """The part of `optuna.Trial` that objective functions use.

    Attributes:
        number: The trial's number, counted from 0.
        params: The hyperparameters, including the study's fixed values.
        user_attrs: What `set_user_attr` has stored.
        system_attrs: Always empty.
        datetime_start: When this object was created.
    """

    def __init__(
        self,
        spec: TrialSpec,
        space: Mapping[str, Mapping[str, Any]],
        trial: Trial,
        folder: AttemptFolder,
        earlier_attempts: Sequence[AttemptFolder] = (),
    ) -> None:
        self.number = spec.number
        self.params: dict[str, Any] = dict(spec.params)
        self.user_attrs: dict[str, Any] = {}
        self.system_attrs: dict[str, Any] = {}
        self.datetime_start = datetime.datetime.fromtimestamp(time.time())
        self._objectives = spec.objectives
        self._space = space
        self._trial = trial
        self._folder = folder
        self._numbering = EpochNumbering(folder, earlier_attempts)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the trial's value of a hyperparameter of type float.

        Raises:
            SpaceMismatchError: If the study file has another range for it, or does not have it.
        """
        given = {"type": "float", "low": low, "high": _on_grid(low, high, step), "step": step, "log": log}
        return float(self._value(name, given))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Return the trial's value of a hyperparameter of type int.

        Raises:
            SpaceMismatchError: If the study file has another range for it, or does not have it.
        """
        given = {"type": "int", "low": low, "high": _on_grid(low, high, step), "step": step, "log": log}
        return int(self._value(name, given))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the trial's value of a categorical hyperparameter.

        If the choices of the study file have labels, the function may suggest labels or values.

        Raises:
            SpaceMismatchError: If the study file has other choices for it, or does not have it.
        """
        value = self._value(name, {"type": "categorical", "choices": list(choices)})
        labelled = self._space.get(name, {}).get("choices")
        if isinstance(labelled, Mapping) and _same_choices(list(labelled), choices):
            return next(label for label in labelled if labelled[label] == value)
        return value

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Return `suggest_float(name, low, high)`."""
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Return `suggest_float(name, low, high, log=True)`."""
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Return `suggest_float(name, low, high, step=q)`."""
        return self.suggest_float(name, low, high, step=q)

    def report(self, value: float, step: int) -> None:
        """Report the objective at a step, which is recorded as an epoch.

        Steps may be counted from 0: if there is a step 0, epoch 1 is step 0.

        Raises:
            ValueError: If the step is not an integer from 0.
            TypeError: If the value is not a number.
            NotImplementedError: If the study has several objectives, as in Optuna.
        """
        if len(self._objectives) != 1:
            raise NotImplementedError("Trial.report is not supported for multi-objective optimization.")
        epoch = self._numbering.number("report", step)
        if epoch is None or epoch < 1:
            raise ValueError(f"a step must be an integer counted from 0 or 1, but report got step={step!r}")
        with suppress(StopRequested):  # the objective function asks with should_prune
            self._trial.report(epoch, {self._objectives[0]: value})

    def should_prune(self) -> bool:
        """Return whether the trial is to end, by raising `optuna.TrialPruned`."""
        return self._folder.read_stop() is not None

    def set_user_attr(self, key: str, value: Any) -> None:
        """Store a fact with the trial."""
        self.user_attrs[key] = value
        self._trial.note(key, value if isinstance(value, str) else _text(value))

    def _value(self, name: str, given: Mapping[str, Any]) -> Any:
        if name not in self._space:
            if name in self.params:  # a fixed value may lie outside the range, as in a dry run
                return self.params[name]
            known = ", ".join(self.params) or "none"
            raise SpaceMismatchError(
                f"the objective function suggests {name!r}, but the study file has no hyperparameter of this "
                f"name; it has: {known}\nadd it to `space`:  {name}: {_entry_text(given)}"
            )
        entry = {**{"step": None, "log": False}, **self._space[name]}
        if difference := _difference(entry, given):
            raise SpaceMismatchError(
                f"the objective function and the study file differ in {name!r}: {difference}\n"
                f"the objective function corresponds to:  {name}: {_entry_text(given)}"
            )
        if name not in self.params:
            raise SpaceMismatchError(
                f"the objective function suggests {name!r}, but this trial does not have it, because the "
                f"condition of the study file does not hold: when: {_text(entry.get('when'))}\n"
                "suggest it only if the condition holds, or change the condition"
            )
        return self.params[name]


def call_objective(
    objective: Callable[[OptunaTrial], Any],
    spec: TrialSpec,
    space: Mapping[str, Mapping[str, Any]],
    trial: Trial,
    folder: AttemptFolder,
    earlier_attempts: Sequence[AttemptFolder] = (),
) -> Any:
    """Call an objective function of Optuna, and return what it returns.

    Args:
        objective: The function.
        spec: The specification of the attempt.
        space: The entries of the study's search space.
        trial: The trial.
        folder: The folder of the attempt.
        earlier_attempts: The folders of the trial's earlier attempts.

    Raises:
        StopRequested: If the function has raised `optuna.TrialPruned`.
    """
    try:
        return objective(OptunaTrial(spec, space, trial, folder, earlier_attempts))
    except Exception as error:
        if PRUNED not in {kind.__name__ for kind in type(error).__mro__}:
            raise
        raise StopRequested(folder.read_stop() or Outcome.PRUNED) from error


def _difference(entry: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """Return how two entries of a search space differ, as a clause; None if they do not."""
    if entry["type"] != given["type"]:
        return f"type is {given['type']} in the function, and {entry['type']} in the file"
    if given["type"] == "categorical":
        choices = entry["choices"]
        if any(_same_choices(each, given["choices"]) for each in _forms(choices)):
            return None
        shown = dict(choices) if isinstance(choices, Mapping) else list(choices)
        return f"choices are {given['choices']!r} in the function, and {shown!r} in the file"
    different = [key for key in ("low", "high", "step", "log") if entry[key] != given[key]]
    if not different:
        return None
    return ", ".join(
        f"{key} is {given[key]!r} in the function, and {entry[key]!r} in the file" for key in different
    )


def _forms(choices: Sequence[Any] | Mapping[str, Any]) -> list[list[Any]]:
    """Return the lists by which a function may suggest the choices: the values, and their labels if any."""
    return [list(choices), list(choices.values())] if isinstance(choices, Mapping) else [list(choices)]


def _same_choices(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Return whether the choices are the same in any order; 1, 1.0 and True are different ones."""
    typed = [[(type(choice), choice) for choice in choices] for choices in (first, second)]
    return all(choice in typed[1] for choice in typed[0]) and all(choice in typed[0] for choice in typed[1])


def _on_grid(low: float, high: float, step: float | None) -> float:
    """Return the largest value up to high that is a whole number of steps above low, as Optuna does."""
    if step is None or step <= 0:
        return high
    exact_low, exact_step = Fraction(str(low)), Fraction(str(step))
    largest = exact_low + (Fraction(str(high)) - exact_low) // exact_step * exact_step
    return int(largest) if isinstance(high, int) and isinstance(low, int) else float(largest)


def _entry_text(given: Mapping[str, Any]) -> str:
    """Return an entry of a search space as a study file writes it."""
    shown = {key: value for key, value in given.items() if value not in (None, False)}
    if given["type"] == "int" and given["step"] == 1:
        del shown["step"]
    return (
        "{"
        + ", ".join(f"{key}: {value if key == 'type' else _text(value)}" for key, value in shown.items())
        + "}"
    )


def _text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
