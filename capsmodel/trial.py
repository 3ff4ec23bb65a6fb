"""The interface of a trial, as far as the train function uses it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Trial(Protocol):
    """One configuration to train. The trials of a sweep implement this protocol, and so does StandaloneTrial.

    Attributes:
        folder: The folder for files of the trial other than its metrics. It exists.
        checkpoint_dir: The folder for checkpoints. It exists, and its files are still there when the
            trial is resumed.
        seed: The seed of all random numbers.
        dataset: The name of the data set.
        data_dir: The folder with the data; None for the default.
    """

    @property
    def folder(self) -> Path: ...

    @property
    def checkpoint_dir(self) -> Path: ...

    @property
    def seed(self) -> int: ...

    @property
    def dataset(self) -> str | None: ...

    @property
    def data_dir(self) -> Path | None: ...

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Report the metrics of an epoch, counted from 1.

        The call may raise an exception, which ends the trial.
        """

    def note(self, key: str, value: str) -> None:
        """Record a fact about the origin of the metrics."""
