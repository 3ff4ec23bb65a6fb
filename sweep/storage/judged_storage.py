"""Optuna's storage as a pruner reads it that judges trials by another metric than the objective."""

import copy
import math
from collections.abc import Container, Mapping
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.optuna_storage import PolledStorage, optuna_trial_id


class JudgedStorage(PolledStorage):
    """The trials of a study as if another metric were its objective.

    Args:
        storage: The storage of the trials, in which the pruner stores its intermediate results.
        direction: The direction of the metric.
        epochs: The values of the metric by Optuna's id of the trial and by epoch. The trials have these
            values at any time.
    """

    def __init__(
        self, storage: PolledStorage, direction: StudyDirection, epochs: Mapping[int, Mapping[int, float]]
    ) -> None:
        super().__init__(storage.backend)
        self._storage, self._direction, self._epochs = storage, direction, epochs
        self._ended: dict[int, FrozenTrial] = {}

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the direction of the metric."""
        return [self._direction]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study with the values of the metric."""
        trials = [
            self._judged(trial)
            for trial in self._storage.get_all_trials(study_id, deepcopy=False, states=states)
        ]
        return copy.deepcopy(trials) if deepcopy else trials

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the complete trial with the best last value of the metric.

        Raises:
            ValueError: If no complete trial has a value of the metric.
        """
        complete = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        measured = {trial.value: trial for trial in reversed(complete) if trial.value is not None}
        if not measured:
            raise ValueError("No trials are completed yet.")
        return measured[max(measured) if self._direction is StudyDirection.MAXIMIZE else min(measured)]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store an attribute of a trial, such as a pruner's intermediate result."""
        self._storage.set_trial_system_attr(trial_id, key, value)

    def _judged(self, trial: FrozenTrial) -> FrozenTrial:
        trial_id = optuna_trial_id(trial)
        if trial_id in self._ended:
            return self._ended[trial_id]
        values = dict(self._epochs.get(trial_id, {}))
        judged = copy.copy(trial)
        judged.intermediate_values = values
        if trial.state is TrialState.COMPLETE:
            last = values[max(values)] if values else math.nan
            judged.values = None if math.isnan(last) else [last]
        if trial.state.is_finished():
            self._ended[trial_id] = judged
        return judged
