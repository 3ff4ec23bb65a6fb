"""The interface of a trial that the train and evaluate functions use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Trial(Protocol):
    """The training of one configuration.

    The trials of a sweep and StandaloneTrial implement this protocol.

    Attributes:
        folder: The folder for files of the trial other than its metrics. It exists.
        checkpoint_dir: The folder for checkpoints. It exists, and its files are still there when the
            trial is resumed.
        seed: The seed of all random numbers.
        dataset: The name of the data set; see `capsmodel.data.fetch`.
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

        The method may raise an exception, which ends the trial.
        """

    def note(self, key: str, value: str) -> None:
        """Record a fact about the origin of the metrics."""
