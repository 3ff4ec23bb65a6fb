"""A trial that can be trained without a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class StandaloneTrial:
    """A trial that belongs to no study, for notebooks and benchmarks.

    Attributes:
        folder: The folder for the trial's files. It must exist.
        dataset: The name of the data set; see `capsmodel.data.fetch`.
        seed: The seed of all random numbers.
        data_dir: The folder with the data; None for the default.
        epochs: The reported metrics of each epoch.
        notes: The recorded facts about the origin of the metrics, by key.
    """

    folder: Path
    dataset: str = "digits"
    seed: int = 0
    data_dir: Path | None = None
    epochs: list[dict[str, float]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def checkpoint_dir(self) -> Path:
        """The folder for checkpoints, created on first use."""
        path = self.folder / "checkpoints"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def report(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Append the metrics of an epoch to `epochs`."""
        self.epochs.append(dict(metrics))

    def note(self, key: str, value: str) -> None:
        """Store a note in `notes`."""
        self.notes[key] = value
