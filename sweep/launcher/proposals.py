"""The study in Optuna: proposals of trials, reports of epochs, results, and the pruner."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.definition.conditions import holds, suggestion_order
from sweep.definition.pruner import make_pruner
from sweep.definition.sampler import make_sampler
from sweep.definition.study import Study
from sweep.states import Outcome
from sweep.storage.optuna_storage import STATES, PolledStorage, optuna_study_id, optuna_trial_id

ENQUEUED = "enqueued"
"""The user attribute with the index of a trial's point in the study file's `enqueue`."""

OPTUNA_STATES = {
    Outcome.COMPLETE: TrialState.COMPLETE,
    Outcome.PRUNED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}


class Proposal(NamedTuple):
    """A trial that Optuna has proposed: its number, and its id in Optuna's tables."""

    number: int
    optuna_trial_id: int


class Proposals:
    """The Optuna study. Every call may be repeated after a crash.

    Args:
        study: The study's definition.
        storage: Optuna's storage.
    """

    def __init__(self, study: Study, storage: PolledStorage) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = study.space
        self._storage = storage
        self._study = optuna.create_study(
            study_name=study.name,
            storage=self._storage,
            direction=study.direction,
            load_if_exists=True,
            pruner=make_pruner(study.pruner),
        )
        trials = self._study.get_trials(deepcopy=False)
        self._study.sampler = make_sampler(study.sampler, num_asked=len(trials))
        enqueued = {trial.user_attrs.get(ENQUEUED) for trial in trials}
        for index, point in enumerate(study.enqueue):
            if index not in enqueued:
                self._study.enqueue_trial(dict(point), user_attrs={ENQUEUED: index})

    def reread(self) -> None:
        """Discard what was read, because Optuna's storage does not read a trial again once it has ended."""
        self._storage = self._storage.without_cache()
        self._study = optuna.load_study(
            study_name=self._study.study_name,
            storage=self._storage,
            sampler=self._study.sampler,
            pruner=self._study.pruner,
        )

    def num_proposed(self) -> int:
        """Return the number of trials, without enqueued points that have not been proposed."""
        return self._storage.num_proposed(optuna_study_id(self._study))

    def propose(self) -> Proposal:
        """Propose a new trial with values of all hyperparameters whose conditions hold."""
        return self._with_params(self._study.ask())

    def unrecorded(self, recorded: Collection[int]) -> list[Proposal]:
        """Return the proposed trials whose numbers are not recorded, with all hyperparameters.

        There are such trials if a launcher was killed after it had proposed them.
        """
        running = self._storage.ids_by_number(optuna_study_id(self._study), TrialState.RUNNING)
        lost = [trial_id for number, trial_id in running.items() if number not in recorded]
        if lost:
            self._study.get_trials(deepcopy=False)  # Optuna's storage suggests for trials that it has read
        return [self._with_params(optuna.trial.Trial(self._study, trial_id)) for trial_id in lost]

    def failed_numbers(self) -> set[int]:
        """Return the numbers of the trials that have failed."""
        return set(self._storage.ids_by_number(optuna_study_id(self._study), TrialState.FAIL))

    def params(self, trial_id: int) -> dict[str, Any]:
        """Return the proposed hyperparameters of a trial."""
        return dict(self._storage.get_trial(trial_id).params)

    def report(self, trial_id: int, epoch: int, value: float) -> None:
        """Record the objective of an epoch; a trial that has ended has all of its epochs already."""
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            self._storage.set_trial_intermediate_value(trial_id, epoch, value)

    def should_prune(self, trial_ids: Collection[int]) -> set[int]:
        """Return which of these trials the pruner would stop, given what all trials have reported."""
        with self._storage.reading_once():
            return {trial_id for trial_id in trial_ids if self._should_prune(trial_id)}

    def _should_prune(self, trial_id: int) -> bool:
        trials = self._study.get_trials(deepcopy=False)
        trial = next(trial for trial in reversed(trials) if optuna_trial_id(trial) == trial_id)
        return self._study.pruner.prune(self._study, trial)

    def tell(self, number: int, outcome: Outcome, value: float | None = None) -> None:
        """Record how a trial ended. Nothing happens if its end is recorded already.

        Args:
            number: The trial's number.
            outcome: How it ended.
            value: The value of the objective if the trial is complete.
        """
        self._study.tell(number, values=value, state=OPTUNA_STATES[outcome], skip_if_finished=True)

    def would_be_best(self, value: float) -> bool:
        """Return whether a trial that ends with this value would be the best so far."""
        best = self.best()
        if best is None or best.value is None:
            return True
        return value > best.value if self._study.direction is StudyDirection.MAXIMIZE else value < best.value

    def annotate(self, trial_id: int, attributes: Mapping[str, Any], note: str | None) -> None:
        """Store what the dashboard shows beside a trial's hyperparameters.

        The attributes of a trial that has ended cannot be changed; they stay as they are.

        Args:
            trial_id: Optuna's id of the trial.
            attributes: Values by name.
            note: Markdown text; None leaves the trial without a note.
        """
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            for name, value in attributes.items():
                self._storage.set_trial_user_attr(trial_id, name, value)
        if note is not None:  # as optuna_dashboard stores it; importing that package takes seconds
            for key, part in (("note_ver", 1), ("note_str:0", note)):
                self._storage.set_study_system_attr(
                    optuna_study_id(self._study), f"dashboard:{trial_id}:{key}", part
                )

    def attach(self, trial_id: int, files: Iterable[Path], store: Path) -> None:
        """Copy files into a folder as artifacts of a trial, in place of artifacts of the same names.

        Args:
            trial_id: Optuna's id of the trial.
            files: The files.
            store: The folder of the artifacts.
        """
        artifacts = FileSystemArtifactStore(store)
        trial = self._storage.get_trial(trial_id)
        attached = {
            meta.filename: meta.artifact_id for meta in get_all_artifact_meta(trial, storage=self._storage)
        }
        for file in files:
            if (known := attached.get(file.name)) is not None:
                with file.open("rb") as content:
                    artifacts.write(known, content)
            elif not trial.state.is_finished():
                upload_artifact(
                    artifact_store=artifacts, file_path=str(file), study_or_trial=trial, storage=self._storage
                )

    def best(self) -> FrozenTrial | None:
        """Return the best complete trial so far, None if no trial is complete."""
        try:
            return self._study.best_trial
        except ValueError:
            return None

    def best_number(self) -> int | None:
        """Return the number of the best complete trial so far."""
        best = self.best()
        return None if best is None else best.number

    def counts(self) -> dict[str, int]:
        """Return the number of trials in each state, by the names that reports use."""
        states = [trial.state for trial in self._study.get_trials(deepcopy=False)]
        return {word: states.count(state) for state, word in STATES.items()}

    def _with_params(self, trial: optuna.trial.Trial) -> Proposal:
        """Suggest the hyperparameters that the trial has; one suggested before a crash keeps its value."""
        params: dict[str, Any] = {}
        for name in suggestion_order(self._space):
            if holds(self._space[name].when, params):
                params[name] = self._space[name].suggest(trial, name)
        return Proposal(trial.number, optuna_trial_id(trial))
