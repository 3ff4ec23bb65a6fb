"""The trial object that a train function receives."""

from __future__ import annotations

import operator
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.states import Outcome
from sweep.worker import callbacks
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import MAX_EPOCH, EpochReport, TrialSpec
from sweep.worker.metrics import plain_numbers


class StopRequested(Exception):  # noqa: N818 - a request to end the trial, not an error
    """Raised by `Trial.report` when the launcher has requested the attempt to stop."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class Trial:
    """The trial object that a train function receives besides its hyperparameters.

    Attributes:
        study: The study's name.
        number: The trial's number, counted from 0.
        attempt: The number of this attempt of the trial, counted from 1.
        params: The hyperparameters.
        folder: A folder for the files that the trial produces.
        checkpoint_dir: A folder for checkpoints. The next attempt of the trial receives a copy of it.
        seed: The trial's seed, the same in each of its attempts.
        dataset: The study's `dataset`.
        data_dir: The study's `data_dir`.
        notes: The facts that `note` has stored, by key.
    """

    def __init__(self, spec: TrialSpec, folder: AttemptFolder) -> None:
        self.study: str = spec.study
        self.number: int = spec.number
        self.attempt: int = spec.attempt
        self.params: Mapping[str, Any] = spec.params
        self.folder: Path = folder.artifacts
        self.checkpoint_dir: Path = folder.checkpoints
        self.seed: int = spec.seed
        self.dataset: str | None = spec.dataset
        self.data_dir: Path | None = Path(spec.data_dir) if spec.data_dir else None
        self.notes: dict[str, str] = {}
        self._folder = folder
        self._reported_epochs = {report.epoch for report in folder.read_all_epochs()}

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a finished epoch.

        An epoch that an earlier attempt of the trial has reported is not recorded again.

        Args:
            epoch: The epoch's number, counted from 1, as any type of integer.
            metrics: The epoch's metrics by name, one number each.

        Raises:
            StopRequested: If the trial is pruned or given up. The train function must not catch it.
            ValueError: If the epoch is not a positive integer, or the name of a metric cannot be stored.
            TypeError: If a metric is not a number.
        """
        number = _epoch_number(epoch)
        plain = plain_numbers(metrics)
        if number not in self._reported_epochs:
            self._folder.append_epoch(EpochReport(number, time.time(), plain))
            self._reported_epochs.add(number)
        reason = self._folder.read_stop()
        if reason is not None:
            raise StopRequested(reason)

    def keras_callback(self) -> Any:
        """Return a callback for Keras's `Model.fit` that reports the metrics of each epoch."""
        return callbacks.keras_callback(self.report)

    def lightning_callback(self) -> Any:
        """Return a callback for PyTorch Lightning's `Trainer` that reports each epoch's logged metrics."""
        return callbacks.lightning_callback(self.report)

    def xgboost_callback(self) -> Any:
        """Return a callback for XGBoost that reports the evaluations of each boosting round as an epoch.

        Their names are those of the data set and of the metric, such as `validation_0_logloss`.
        """
        return callbacks.xgboost_callback(self.report)

    def lightgbm_callback(self) -> Any:
        """Return a callback for LightGBM that reports the evaluations of each boosting round as an epoch.

        Their names are those of the data set and of the metric, such as `valid_0_binary_logloss`.
        """
        return callbacks.lightgbm_callback(self.report)

    def note(self, key: str, value: str) -> None:
        """Store a fact with the trial, such as the checksum of its data."""
        self.notes[key] = str(value)


def _epoch_number(epoch: Any) -> int:
    """Return the number of an epoch as a plain integer; NumPy's integers are accepted as well."""
    try:
        number = operator.index(epoch)
    except TypeError:
        number = 0
    if isinstance(epoch, bool) or not 1 <= number <= MAX_EPOCH:
        raise ValueError(f"an epoch must be an integer counted from 1, but report got epoch={epoch!r}")
    return number
