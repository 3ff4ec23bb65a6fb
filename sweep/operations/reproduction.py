"""A trial run again from what is recorded of it, beside the study: its records are read and never written."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sweep.definition.study import Study
from sweep.errors import InputError, StudyFailedError
from sweep.launcher.attempts import folder_of
from sweep.launcher.provenance import provenance
from sweep.operations.environment_differences import Difference, differences
from sweep.operations.metric_agreement import Metrics
from sweep.states import AttemptState, Outcome
from sweep.storage.attempts import newest_attempt
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.study_definition import recorded_definition
from sweep.storage.tables import AttemptRow, StudyRow
from sweep.storage.trial_records import recorded_environment, recorded_epochs, recorded_final_metrics
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import EpochReport, TrialSpec
from sweep.worker.environment import installed_packages

LOOK_S = 0.2
COMPARED = ("git_commit", "git_dirty", "data_sha256", "capsweep", "python")


@dataclass(frozen=True)
class RecordedTrial:
    """What it takes to run a trial again, and what came of it."""

    study: Study
    number: int
    params: Mapping[str, Any]
    seed: int
    threads: int | None
    state: str
    host: str | None
    gpu: str | None
    environment: Mapping[str, object]  # commit, checksum, versions
    packages: Mapping[str, str]
    epochs: Mapping[int, Metrics]
    result: Metrics  # empty unless it completed

    @property
    def is_complete(self) -> bool:
        return self.state == AttemptState.COMPLETE


def recorded_trial(engine: Engine, row: StudyRow, number: int) -> RecordedTrial:
    """A trial as it is recorded.

    Raises
    ------
    InputError
        When there is no trial of that number, or it has not begun.
    """
    attempt = newest_attempt(engine, row, number)
    study = recorded_definition(row)
    with optuna_storage(engine.url) as storage:
        proposal = storage.get_trial(attempt.trial.optuna_trial_id)
    content = recorded_environment(engine, attempt)
    if content is None:
        raise InputError(f"trial {number} of study {row.name} has not begun: there is nothing to reproduce")
    result = recorded_final_metrics(engine, attempt.trial_id)
    if attempt.state == AttemptState.COMPLETE:
        result[study.metric] = proposal.value
    return RecordedTrial(
        study=study,
        number=number,
        params={**study.fixed, **proposal.params},
        seed=attempt.trial.seed,
        threads=_threads(attempt),
        state=attempt.state,
        host=attempt.host,
        gpu=attempt.gpu,
        environment={**row.provenance, "python": content["python"]},
        packages=content["packages"],
        epochs=recorded_epochs(engine, attempt.trial_id),
        result=result,
    )


def _threads(attempt: AttemptRow) -> int | None:
    """How many the attempt had, if its folder is still there to say so: sums depend on it."""
    try:
        return folder_of(attempt).read_spec().threads
    except FileNotFoundError:
        return None


def changes(trial: RecordedTrial, code_dir: Path, data_sha256: str | None) -> list[Difference]:
    """Where this environment is another than the one the trial ran in."""
    now = provenance(code_dir, data_sha256)
    of_origin = differences(
        {key: trial.environment.get(key) for key in COMPARED}, {key: now.get(key) for key in COMPARED}
    )
    return [*of_origin, *differences(trial.packages, installed_packages())]


class Reproduction:
    """The trial's second run, in a folder of its own: epochs as they come, then a result."""

    def __init__(self, trial: RecordedTrial, folder: Path, code_dir: Path) -> None:
        self._trial = trial
        self._code_dir = code_dir
        self._token = "reproduced"
        self.folder = AttemptFolder(folder)

    def run(self) -> Iterator[EpochReport]:
        """Train; a trial that did not complete is asked to stop after the last epoch that is recorded."""
        self.folder.create(self._spec())
        last_epoch = max(self._trial.epochs, default=0)
        command = [sys.executable, "-m", "sweep.worker", str(self.folder.path)]
        process = subprocess.Popen(command, cwd=self._code_dir, stdin=subprocess.DEVNULL)
        offset = 0
        try:
            while True:
                has_ended = process.poll() is not None  # before the last look
                reports, offset = self.folder.read_epochs(offset)
                for report in reports:
                    if self._trial.is_complete or report.epoch <= last_epoch:
                        yield report
                if reports and not self._trial.is_complete and reports[-1].epoch >= last_epoch:
                    self.folder.request_stop(Outcome.PRUNED)
                if has_ended:
                    return
                time.sleep(LOOK_S)
        finally:
            process.kill()
            process.wait()

    def epochs(self) -> dict[int, Metrics]:
        return {report.epoch: report.metrics for report in self.folder.read_epochs()[0]}

    def metrics(self) -> Metrics:
        """What the train function returned, when the recorded trial has a result too.

        Raises
        ------
        StudyFailedError
            When it failed.
        """
        result = self.folder.read_result(self._token)
        if result is None or result.outcome is Outcome.FAILED:
            error = result.error if result is not None and result.error else "its process left no result"
            raise StudyFailedError(
                f"trained again, trial {self._trial.number} failed: {error.strip().splitlines()[-1]}\n"
                f"its log says more: {self.folder.log}"
            )
        return result.metrics if self._trial.is_complete else {}

    def _spec(self) -> TrialSpec:
        trial = self._trial
        return TrialSpec(
            study=trial.study.name, number=trial.number, attempt=1, token=self._token,
            train=trial.study.train, metric=trial.study.metric, params=trial.params, seed=trial.seed,
            dataset=trial.study.dataset, data_dir=trial.study.data_dir, code_dir=str(self._code_dir),
            threads=trial.threads,
        )  # fmt: skip


def new_folder(place: Path, trial: RecordedTrial) -> Path:
    """The first folder of NUMBER-1, NUMBER-2, ... under the study's name that is not there."""
    study = place / trial.study.name
    number = 1
    while (folder := study / f"{trial.number:05d}-{number}").exists():
        number += 1
    return folder
