"""The study in Optuna: proposals of trials, reports of epochs, results, and the pruner."""

import copy
import math
import warnings
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from optuna.samplers import RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.definition.conditions import holds, suggestion_order
from sweep.definition.sampler import Grid
from sweep.definition.start_from import StartFrom
from sweep.definition.stop_when import StopWhen
from sweep.definition.study import Study
from sweep.launcher.early_stop import reason_to_stop_early
from sweep.launcher.reconciliation import TrialEnd
from sweep.launcher.trial_sampler import TrialSampler
from sweep.states import Outcome
from sweep.storage.judged_storage import JudgedStorage
from sweep.storage.optuna_storage import (
    STATES,
    PolledStorage,
    best_trials,
    optuna_study_id,
    optuna_trial_id,
    record_violations,
)

MAX_RESAMPLED = 1000
"""How many random configurations are tried in place of one that an earlier trial has."""
ENQUEUED = "enqueued"
"""The user attribute with the origin of a trial's point: its index in the study file's `enqueue`, or the name
of an earlier study and the number of a trial of it."""
ANNOUNCED = "announced_events"
"""The system attribute of a study that contains the mark of the last announced event of each kind."""
START_FROM = "start_from"
"""The user attribute of a study that says which earlier study's points have been enqueued."""

OPTUNA_STATES = {
    Outcome.COMPLETE: TrialState.COMPLETE,
    Outcome.PRUNED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}


class Proposal(NamedTuple):
    """A trial that Optuna has proposed: its number, and its id in Optuna's tables."""

    number: int
    optuna_trial_id: int


def has_started_from(storage: PolledStorage, study: str, source: StartFrom) -> bool:
    """Return whether the points of an earlier study have been enqueued in the study of that name."""
    attributes = storage.get_study_user_attrs(storage.get_study_id_from_name(study))
    return bool(attributes.get(START_FROM) == source.model_dump())


class Proposals:
    """The Optuna study. Every call may be repeated after a crash.

    Args:
        study: The study's definition.
        storage: Optuna's storage.
        judged_epochs: The recorded values of the metric that the pruner judges by Optuna's id of the trial
            and by epoch; none if it is the objective.

    Attributes:
        goals: The objectives and constraints of the study.
    """

    def __init__(
        self,
        study: Study,
        storage: PolledStorage,
        judged_epochs: Mapping[int, Mapping[int, float]] = MappingProxyType({}),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = study.space
        self._resamples = study.repeats == "resample"
        self.goals = study.goals
        # Optuna stores no epochs of a study with several objectives.
        self._metric = study.goals.objectives[0].metric if study.goals.is_single else None
        self._other_metric = study.pruner.other_metric()
        self._judged_epochs = {trial_id: dict(epochs) for trial_id, epochs in judged_epochs.items()}
        self._storage = storage
        self._study = optuna.create_study(
            study_name=study.name,
            storage=self._storage,
            directions=[objective.direction for objective in study.goals.objectives],
            load_if_exists=True,
            sampler=TrialSampler(study.sampler),
            pruner=study.pruner.make(),
        )
        self._judged_study = self._study_of_pruner()
        points: dict[int | str, Mapping[str, Any]] = dict(enumerate(study.enqueue))
        if isinstance(study.sampler, Grid):
            # Points that are enqueued later must not repeat a point of the grid.
            done = [trial.params for trial in self._study.get_trials(deepcopy=False)]
            points = {origin: point for origin, point in points.items() if point not in done}
        self._enqueue(points)

    def start_from(self, source: StartFrom, points: Mapping[int, Mapping[str, Any]]) -> None:
        """Enqueue points of an earlier study, unless that has been done.

        Args:
            source: The earlier study.
            points: The points by the numbers of the trials that they are from.
        """
        self._enqueue({f"{source.study}:{number}": point for number, point in points.items()})
        self._study.set_user_attr(START_FROM, source.model_dump())

    def announced(self) -> dict[str, str]:
        """Return the mark of the last announced event of each kind."""
        attributes = self._storage.get_study_system_attrs(optuna_study_id(self._study))
        return dict(attributes.get(ANNOUNCED, {}))

    def record_announced(self, marks: Mapping[str, str]) -> None:
        """Record the mark of the last announced event of each kind."""
        self._storage.set_study_system_attr(optuna_study_id(self._study), ANNOUNCED, dict(marks))

    def _enqueue(self, points: Mapping[int | str, Mapping[str, Any]]) -> None:
        """Enqueue points by their origins, unless those of the same origins are enqueued already."""
        trials = self._study.get_trials(deepcopy=False)
        enqueued = {trial.user_attrs.get(ENQUEUED) for trial in trials}
        for origin, point in points.items():
            if origin not in enqueued:
                self._study.enqueue_trial(dict(point), user_attrs={ENQUEUED: origin})

    def reread(self) -> None:
        """Discard what was read, because Optuna's storage does not read a trial again once it has ended."""
        self._storage = self._storage.without_cache()
        self._study = optuna.load_study(
            study_name=self._study.study_name,
            storage=self._storage,
            sampler=self._study.sampler,
            pruner=self._study.pruner,
        )
        self._judged_study = self._study_of_pruner()

    def _study_of_pruner(self) -> optuna.Study:
        """Return the study as the pruner reads it, which may judge another metric than the objective."""
        if self._other_metric is None:
            return self._study
        direction = StudyDirection[self._other_metric.direction.upper()]
        return optuna.load_study(
            study_name=self._study.study_name,
            storage=JudgedStorage(self._storage, direction, self._judged_epochs),
            pruner=self._study.pruner,
        )

    def num_proposed(self) -> int:
        """Return the number of trials, without enqueued points that have not been proposed."""
        return self._storage.num_proposed(optuna_study_id(self._study))

    def propose(self) -> Proposal:
        """Propose a new trial with values of all hyperparameters whose conditions hold."""
        return self._with_params(self._study.ask())

    def same_configurations(self, numbers: Iterable[int]) -> dict[int, list[FrozenTrial]]:
        """Return the earlier trials with the same hyperparameters that have not failed, for each trial."""
        trials = self._study.get_trials(deepcopy=False)
        return {
            number: [
                trial
                for trial in trials[:number]
                if trial.params == trials[number].params
                and trial.state not in {TrialState.FAIL, TrialState.WAITING}
            ]
            for number in numbers
        }

    def unrecorded(self, recorded: Collection[int]) -> list[Proposal]:
        """Return the proposed trials whose numbers are not recorded, with all hyperparameters.

        There are such trials if a launcher was killed after it had proposed them. Their hyperparameters are
        proposed again, because some may be missing; they have the same values as before.
        """
        running = self._storage.ids_by_number(optuna_study_id(self._study), TrialState.RUNNING)
        lost = [trial_id for number, trial_id in running.items() if number not in recorded]
        if lost:
            self._storage.discard_proposals(lost)
            self._study.get_trials(deepcopy=False)  # Optuna's storage suggests for trials that it has read
        return [self._with_params(optuna.trial.Trial(self._study, trial_id)) for trial_id in lost]

    def failed_numbers(self) -> set[int]:
        """Return the numbers of the trials that have failed."""
        return set(self._storage.ids_by_number(optuna_study_id(self._study), TrialState.FAIL))

    def params(self, trial_id: int) -> dict[str, Any]:
        """Return the proposed hyperparameters of a trial."""
        return dict(self._storage.get_trial(trial_id).params)

    def report(self, trial_id: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the objective of an epoch and the metric that the pruner judges, unless they are missing.

        A trial that has ended has all of its epochs already.
        """
        if self._other_metric is not None and self._other_metric.name in metrics:
            value = metrics[self._other_metric.name]
            # Only finite values are read again after an interruption.
            self._judged_epochs.setdefault(trial_id, {})[epoch] = value if math.isfinite(value) else math.nan
        if self._metric is not None and self._metric in metrics:
            with suppress(optuna.exceptions.UpdateFinishedTrialError):
                self._storage.set_trial_intermediate_value(trial_id, epoch, metrics[self._metric])

    def should_prune(self, epochs: Mapping[int, Collection[int]]) -> set[int]:
        """Return which trials the pruner would stop, given what all trials have reported.

        Like in Optuna's own loop, the pruner judges a trial after each epoch.

        Args:
            epochs: The new epochs of each trial by Optuna's id of the trial.
        """
        with self._storage.reading_once(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pruners warn of values that are not comparable
            return {trial_id for trial_id in epochs if self._should_prune(trial_id, epochs[trial_id])}

    def _should_prune(self, trial_id: int, epochs: Collection[int]) -> bool:
        for epoch in sorted(epochs):
            trials = self._judged_study.get_trials(deepcopy=False)
            trial = copy.copy(next(each for each in reversed(trials) if optuna_trial_id(each) == trial_id))
            values = trial.intermediate_values
            trial.intermediate_values = {step: value for step, value in values.items() if step <= epoch}
            if epoch in values and self._judged_study.pruner.prune(self._judged_study, trial):
                return True
        return False

    def tell(self, number: int, end: TrialEnd) -> None:
        """Record how a trial ended. Nothing happens if its end is recorded already.

        Args:
            number: The trial's number.
            end: How it ended.
        """
        if end.violations:
            record_violations(self._study, number, end.violations)
        values = list(end.values) or None
        self._study.tell(number, values=values, state=OPTUNA_STATES[end.outcome], skip_if_finished=True)

    def would_be_best(self, end: TrialEnd) -> bool:
        """Return whether a trial that ends like this would be the best so far, or one of the Pareto front."""
        if end.outcome is not Outcome.COMPLETE or any(excess > 0 for excess in end.violations):
            return False
        losses = self.goals.losses(end.values)
        others = [self.goals.losses(tuple(trial.values)) for trial in self.best()]
        return not any(all(one <= this for one, this in zip(other, losses, strict=True)) for other in others)

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

    def best(self) -> list[FrozenTrial]:
        """Return the best trial so far or, with several objectives, the Pareto front by number.

        The list is empty if no complete trial satisfies the constraints.
        """
        return best_trials(self._study)

    def reason_to_stop_early(self, rules: StopWhen) -> str | None:
        """Return which of the rules for an early end of the study holds, or None."""
        if rules == StopWhen():
            return None
        trials = self._study.get_trials(deepcopy=False)
        return reason_to_stop_early(rules, trials, self.best(), self.goals.objectives[0])

    def best_numbers(self) -> set[int]:
        """Return the numbers of the trials that `best` returns."""
        return {trial.number for trial in self.best()}

    def counts(self) -> dict[str, int]:
        """Return the number of trials in each state, by the names that reports use."""
        states = [trial.state for trial in self._study.get_trials(deepcopy=False)]
        return {word: states.count(state) for state, word in STATES.items()}

    def _with_params(self, trial: optuna.trial.Trial) -> Proposal:
        """Suggest the hyperparameters that the trial has."""
        self._suggest(trial)
        proposal = Proposal(trial.number, optuna_trial_id(trial))
        if self._resamples and self.same_configurations([trial.number])[trial.number]:
            self._resample(proposal)
        return proposal

    def _suggest(self, trial: optuna.trial.Trial) -> None:
        params: dict[str, Any] = {}
        for name in suggestion_order(self._space):
            if holds(self._space[name].when, params):
                params[name] = self._space[name].suggest(trial, name)

    def _resample(self, proposal: Proposal) -> None:
        """Give a trial random hyperparameters that no earlier trial has, unless none are found."""
        trials = self._study.get_trials(deepcopy=False)[: proposal.number]
        known = [trial.params for trial in trials if trial.state is not TrialState.WAITING]
        random = optuna.create_study(sampler=RandomSampler(seed=proposal.number))
        for _ in range(MAX_RESAMPLED):
            trial = random.ask()
            self._suggest(trial)
            if trial.params not in known:
                self._storage.replace_params(proposal.optuna_trial_id, trial.distributions, trial.params)
                return
