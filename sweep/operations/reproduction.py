"""The reproduction of a recorded trial. The study's records and folders are only read."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from sweep.definition.objective_value import objective_value
from sweep.definition.study import Study
from sweep.errors import InputError, StudyFailedError
from sweep.launcher.attempts import folder_of
from sweep.launcher.trial_spec import build_spec
from sweep.operations.code_snapshot import Differences, differences_between, read_project
from sweep.operations.environment_differences import Difference, differences, imported_first, packages_of
from sweep.operations.metric_agreement import Metrics
from sweep.operations.preflight import preflight
from sweep.operations.private_folder import make_private
from sweep.operations.provenance import provenance
from sweep.operations.study_project import study_project
from sweep.states import AttemptState, Outcome
from sweep.storage.attempts import newest_attempt
from sweep.storage.optuna_storage import optuna_storage, recorded_proposal
from sweep.storage.repeated_trials import REPEATS
from sweep.storage.snapshots import find_snapshot
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import AttemptRow, SnapshotRow, StudyRow
from sweep.storage.trial_records import recorded_environment, recorded_epochs, recorded_final_metrics
from sweep.worker.attempt_folder import AttemptFolder, snapshot_folder
from sweep.worker.documents import EpochReport, TrialSpec
from sweep.worker.environment import installed_packages

POLL_S = 0.2
COMPARED_KEYS = ("data_sha256", "capsweep", "python")
CODE_KEYS = ("git_commit", "git_dirty")
"""What is compared in addition if the trial has no snapshot of the code."""


@dataclass(frozen=True)
class RecordedTrial:
    """A trial as it is recorded.

    Attributes:
        study: The trial's study.
        number: The trial's number.
        proposed: The proposed hyperparameters, without the study's fixed values.
        seed: The trial's seed.
        threads: The number of CPU threads; None if the attempt's folder no longer exists, or
            none was set.
        state: The state of the newest attempt.
        host: The node that the attempt ran on.
        gpu: The names of its GPUs.
        environment: The commit of the code, the checksum of the data, and the versions of capsweep
            and Python.
        packages: The versions of the installed packages.
        epochs: The metrics of each epoch.
        result: The metrics of the result without those that are measured, which are never reproduced exactly;
            empty unless the trial is complete.
        snapshot: The snapshot of the code that the trial ran, with the list of its files; None if it ran the
            project's own files.
        snapshot_folder: The folder of that snapshot.
    """

    study: Study
    number: int
    proposed: Mapping[str, Any]
    seed: int
    threads: int | None
    state: AttemptState
    host: str | None
    gpu: str | None
    environment: Mapping[str, object]
    packages: Mapping[str, str]
    epochs: Mapping[int, Metrics]
    result: Metrics
    snapshot: SnapshotRow | None = None
    snapshot_folder: Path | None = None

    @property
    def params(self) -> Mapping[str, Any]:
        """The hyperparameters that the trial received."""
        return self.study.params(self.proposed)

    @property
    def is_complete(self) -> bool:
        """Whether the trial is complete."""
        return self.state is AttemptState.COMPLETE


def recorded_trial(engine: Engine, row: StudyRow, number: int) -> RecordedTrial:
    """Return a trial as it is recorded.

    Args:
        engine: The database.
        row: The trial's study.
        number: The trial's number.

    Raises:
        InputError: If the study has no trial of that number, or the trial has not started.
    """
    attempt = newest_attempt(engine, row, number)
    if (original := attempt.notes.get(REPEATS)) is not None:
        raise InputError(
            f"trial {number} of study {row.name} was not trained: it has the result of trial {original}, "
            f"which has the same hyperparameters\nreproduce that one: --trial {original}"
        )
    environment = recorded_environment(engine, attempt)
    if environment is None:
        raise InputError(
            f"trial {number} of study {row.name} has not started, so there is nothing to reproduce"
        )
    study = recorded_definition(row)
    with optuna_storage(engine.url) as storage:
        proposal = recorded_proposal(storage, attempt.trial.optuna_trial_id)
    result = recorded_final_metrics(engine, attempt.trial_id)
    if attempt.state is AttemptState.COMPLETE:
        names = [objective.metric for objective in study.goals.objectives]
        result |= zip(names, proposal.values, strict=True)
    result = {name: value for name, value in result.items() if name not in study.goals.measured}
    return RecordedTrial(
        study=study,
        number=number,
        proposed=proposal.params,
        seed=attempt.trial.seed,
        threads=_threads(attempt),
        state=attempt.state,
        host=attempt.host,
        gpu=attempt.gpu,
        environment={**row.provenance, "python": environment["python"]},
        packages=environment["packages"],
        epochs=recorded_epochs(engine, attempt.trial_id),
        result=result,
        snapshot=find_snapshot(engine, row.id, attempt.snapshot) if attempt.snapshot else None,
        snapshot_folder=(
            snapshot_folder(Path(attempt.trial.folder).parent, attempt.snapshot) if attempt.snapshot else None
        ),
    )


def code_to_reproduce(trial: RecordedTrial, project_dir: Path) -> Path:
    """Return the folder of the snapshot that a trial ran, or the project's folder if it ran none.

    Raises:
        InputError: If the folder of the snapshot is missing.
    """
    if trial.snapshot_folder is None:
        return project_dir
    if not trial.snapshot_folder.is_dir():
        raise InputError(
            f"the folder of the code that trial {trial.number} of study {trial.study.name} ran is missing: "
            f"{trial.snapshot_folder}\n"
            "restore it, or train the trial with the project's code as it is now: --current-code"
        )
    return trial.snapshot_folder


def code_changes(engine: Engine, trial: RecordedTrial, project_dir: Path) -> Differences | None:
    """Return how the project's code differs from the trial's snapshot; None if the trial has none.

    Raises:
        InputError: If the project's code cannot be read.
    """
    if trial.snapshot is None or trial.snapshot_folder is None:
        return None
    workdir = trial.snapshot_folder.parents[2]
    now = read_project(study_project(engine, trial.study, project_dir, workdir))
    return differences_between(trial.snapshot.files, now.files)


def _threads(attempt: AttemptRow) -> int | None:
    """Return the attempt's number of threads, which affects sums, if its folder still exists."""
    try:
        return folder_of(attempt).read_spec().threads
    except FileNotFoundError:
        return None


class EnvironmentChanges(NamedTuple):
    """How this environment differs from the one that a trial ran in.

    Attributes:
        origin: Differences of the code, the data and Python.
        packages: Differences of the packages, those that the train function imports first.
    """

    origin: Sequence[Difference]
    packages: Sequence[Difference]


def environment_changes(trial: RecordedTrial, code_dir: Path, project_dir: Path) -> EnvironmentChanges:
    """Return how this environment differs from the one that the trial ran in.

    The study's train function is imported and its data is made available, as before a launch.

    Args:
        trial: The recorded trial.
        code_dir: The folder of the code that is going to be trained.
        project_dir: The project's folder.

    Raises:
        InputError: If the function cannot be imported, or the data is not available.
    """
    study = trial.study.model_copy(update={"baselines": None})  # which a reproduction does not need
    found = preflight(study, code_dir, import_train=True, project_dir=project_dir)
    now = provenance(project_dir, found.data_sha256)
    keys = COMPARED_KEYS if trial.snapshot is not None else (*CODE_KEYS, *COMPARED_KEYS)
    return EnvironmentChanges(
        origin=differences(
            {key: trial.environment.get(key) for key in keys}, {key: now.get(key) for key in keys}
        ),
        packages=imported_first(
            differences(trial.packages, installed_packages()), packages_of(found.imported)
        ),
    )


class Reproduction:
    """A trial that is trained again in a folder of its own.

    Attributes:
        folder: The folder of the new attempt.
    """

    def __init__(self, trial: RecordedTrial, folder: Path, code_dir: Path, project_dir: Path) -> None:
        self._trial = trial
        self._code_dir = code_dir
        self._project_dir = project_dir
        self._token = "reproduced"
        self.folder = AttemptFolder(folder)

    def run(self) -> Iterator[EpochReport]:
        """Train, and yield each epoch as it is reported.

        If the recorded trial is not complete, the training is stopped after the last recorded epoch.
        """
        self.folder.path.parent.parent.mkdir(parents=True, exist_ok=True)
        make_private(self.folder.path.parent)
        self.folder.create(self._spec())
        last_epoch = max(self._trial.epochs, default=0)
        command = [sys.executable, "-P", "-m", "sweep.worker", str(self.folder.path)]
        process = subprocess.Popen(command, cwd=self._project_dir, stdin=subprocess.DEVNULL)
        offset = 0
        try:
            while True:
                has_ended = process.poll() is not None  # checked before the epochs are read for the last time
                reports, offset = self.folder.read_epochs(offset)
                for report in reports:
                    if self._trial.is_complete or report.epoch <= last_epoch:
                        yield report
                if reports and not self._trial.is_complete and reports[-1].epoch >= last_epoch:
                    self.folder.request_stop(Outcome.PRUNED)
                if has_ended:
                    return
                time.sleep(POLL_S)
        finally:
            process.terminate()  # the worker ends its descendants
            process.wait()

    def epochs(self) -> dict[int, Metrics]:
        """Return the metrics of each epoch that was reported."""
        return {report.epoch: report.metrics for report in self.folder.read_epochs()[0]}

    def metrics(self) -> Metrics:
        """Return what the train function returned; empty if the recorded trial has no result to compare with.

        Raises:
            StudyFailedError: If the train function failed.
        """
        result = self.folder.read_result(self._token)
        if result is None or result.outcome is Outcome.FAILED:
            error = result.error if result is not None and result.error else "its process left no result"
            raise StudyFailedError(
                f"trial {self._trial.number} failed when it was trained again: "
                f"{error.strip().splitlines()[-1]}\nsee its log: {self.folder.log}"
            )
        if not self._trial.is_complete:
            return {}
        study = self._trial.study
        if study.objective_of == "last":
            return dict(result.metrics)
        metric, direction = study.goals.objectives[0]
        values = {
            epoch: value
            for epoch, metrics in self.epochs().items()
            if (value := metrics.get(metric)) is not None
        }
        try:
            value = objective_value(study.objective_of, direction, result.metrics[metric], values)
        except ValueError as error:
            raise StudyFailedError(f"trial {self._trial.number} was trained again: {error}") from None
        return {**result.metrics, metric: value}

    def _spec(self) -> TrialSpec:
        trial = self._trial
        return build_spec(
            trial.study,
            number=trial.number,
            params=trial.proposed,
            seed=trial.seed,
            token=self._token,
            code_dir=self._code_dir,
            project_dir=None if trial.snapshot is None else self._project_dir,
            threads=trial.threads,
        )


def new_folder(parent: Path, trial: RecordedTrial) -> Path:
    """Return the first of STUDY/NUMBER-1, STUDY/NUMBER-2, ... in a folder that does not exist yet."""
    number = 1
    while (folder := parent / trial.study.name / f"{trial.number:05d}-{number}").exists():
        number += 1
    return folder
