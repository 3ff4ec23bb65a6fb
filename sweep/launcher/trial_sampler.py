"""The sampler of a study, whose proposals do not depend on interruptions of the launcher."""

from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweep.definition.sampler import Sampler


class TrialSampler(BaseSampler):
    """Proposes each trial with a sampler that is made for it, with a seed derived from the trial's number.

    A sampler that proposed several trials would continue its sequence of random numbers, which is lost when
    the launcher is interrupted. Samplers that keep what they have learnt in memory are made once.

    Args:
        settings: The sampler of the study file.
    """

    def __init__(self, settings: Sampler) -> None:
        self._settings = settings
        self._sampler: BaseSampler | None = None

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Make the sampler of a new trial, or of one whose proposal was interrupted."""
        if not self._settings.keeps_state:
            self._sampler = None
        self._of(trial).before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the hyperparameters that are sampled jointly."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values of the hyperparameters that are sampled jointly."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of one hyperparameter."""
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Show the result to a sampler that learns in memory; the others read the recorded trials."""
        if self._settings.keeps_state:
            self._of(trial).after_trial(study, trial, state, values)

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if self._sampler is None:
            self._sampler = self._settings.make(trial.number)
        return self._sampler
