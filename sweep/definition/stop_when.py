"""The rules that end a study before all of its trials have been proposed."""

from collections.abc import Iterator

from pydantic import PositiveFloat, PositiveInt

from sweep.definition.problem import Problem
from sweep.definition.required_package import RequiredPackage
from sweep.definition.settings import Settings
from sweep.goals import Goals


class StopWhen(Settings):
    """Rules for the end of a study, any of which ends it. Active trials continue to their end."""

    no_better_for: PositiveInt | None = None
    """Number of trials that have ended, complete or pruned, since the best one or, with several objectives,
    since the last one of the Pareto front."""
    reached: float | None = None
    """Value of the objective that a complete trial has reached."""
    regret_below: PositiveFloat | None = None
    """Difference from the optimum, in units of the objective, below which the result is good enough. Optuna's
    terminator estimates an upper bound of the difference with a Gaussian process, from 20 complete trials on.
    It needs PyTorch."""

    def check_packages(self, study: str) -> None:
        """Check that the packages that the rules need are installed.

        Args:
            study: The name of the study, for the message.

        Raises:
            MissingPackageError: If a package is not installed.
        """
        if self.regret_below is not None:
            RequiredPackage("torch", "PyTorch", "gp").check(f"study {study}: stop_when.regret_below")

    def problems(self, goals: Goals) -> Iterator[Problem]:
        """Find the rules that need a single objective although there are several."""
        if goals.is_single:
            return
        for key in ("reached", "regret_below"):
            if getattr(self, key) is not None:
                yield Problem(
                    ("stop_when", key), "is possible with a single objective only; use no_better_for instead"
                )
