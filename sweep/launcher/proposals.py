"""Optuna's side of a study: what to try next, what became of it, what to stop."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.definition.pruner import make_pruner
from sweep.definition.sampler import make_sampler
from sweep.definition.study import Study
from sweep.storage.optuna_storage import PolledStorage, optuna_study_id, optuna_trial_id

ENQUEUED = "enqueued"  # user attribute: which point of the study file's list a trial is


class Proposals:
    """The Optuna study, asked and told. Every call may be repeated after a crash without harm."""

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
        """Forget what was read: Optuna's storage never looks again at a trial that it has seen ended."""
        self._storage = self._storage.without_cache()
        self._study = optuna.load_study(
            study_name=self._study.study_name,
            storage=self._storage,
            sampler=self._study.sampler,
            pruner=self._study.pruner,
        )

    def num_proposed(self) -> int:
        """How many trials there are, without those that still wait to be proposed."""
        return sum(trial.state is not TrialState.WAITING for trial in self._study.get_trials(deepcopy=False))

    def propose(self) -> FrozenTrial:
        """A new trial with its params."""
        return self._with_params(self._study.ask())

    def unrecorded(self, recorded: set[int]) -> list[FrozenTrial]:
        """Trials proposed by a launcher that died before it recorded them, their params completed."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        lost = [trial for trial in running if trial.number not in recorded]
        return [self._with_params(optuna.trial.Trial(self._study, optuna_trial_id(trial))) for trial in lost]

    def params(self, trial_id: int) -> dict[str, Any]:
        return dict(self._storage.get_trial(trial_id).params)

    def report(self, trial_id: int, epoch: int, value: float) -> None:
        """Record an epoch's objective; a trial that was told to have ended has all of its epochs."""
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            self._storage.set_trial_intermediate_value(trial_id, epoch, value)

    def hopeless(self, trial_ids: Collection[int]) -> set[int]:
        """Which of these trials the pruner would stop, by what has been reported of all."""
        with self._storage.reading_once():
            return {trial_id for trial_id in trial_ids if self._is_hopeless(trial_id)}

    def _is_hopeless(self, trial_id: int) -> bool:
        trials = self._study.get_trials(deepcopy=False)
        trial = next(trial for trial in reversed(trials) if optuna_trial_id(trial) == trial_id)
        return self._study.pruner.prune(self._study, trial)

    def tell(self, number: int, state: TrialState, value: float | None = None) -> None:
        """Say how a trial ended; told before, by a launcher that died right after, it stays as told."""
        self._study.tell(number, values=value, state=state, skip_if_finished=True)

    def would_be_best(self, value: float) -> bool:
        """Whether a trial that ends with this value would be the best so far."""
        best = self.best()
        if best is None or best.value is None:
            return True
        return value > best.value if self._study.direction is StudyDirection.MAXIMIZE else value < best.value

    def annotate(self, trial_id: int, attributes: Mapping[str, Any], note: str | None) -> None:
        """Give a trial what the dashboard shows beside its params; one that has ended keeps what it has."""
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            for name, value in attributes.items():
                self._storage.set_trial_user_attr(trial_id, name, value)
        if note is not None:  # in the form of optuna_dashboard, which takes seconds to import
            for key, part in (("note_ver", 1), ("note_str:0", note)):
                self._storage.set_study_system_attr(
                    optuna_study_id(self._study), f"dashboard:{trial_id}:{key}", part
                )

    def attach(self, trial_id: int, files: Iterable[Path], store: Path) -> None:
        """Copy files into the store as artifacts of a trial, in place of those of the same names."""
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
        """The best complete trial so far."""
        try:
            return self._study.best_trial
        except ValueError:  # none is complete
            return None

    def counts(self) -> Mapping[TrialState, int]:
        """How many trials are in each state."""
        states = [trial.state for trial in self._study.get_trials(deepcopy=False)]
        return {state: states.count(state) for state in TrialState}

    def _with_params(self, trial: optuna.trial.Trial) -> FrozenTrial:
        """Suggest every parameter; one suggested before a crash keeps its value."""
        for name, entry in self._space.items():
            entry.suggest(trial, name)
        return self._storage.get_trial(optuna_trial_id(trial))
